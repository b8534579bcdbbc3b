"""Cells as numbers, in the one order in which nntool tries: plainly, else as they are written."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nntool.tables.casting.missing import Counts, Text, chunks_of, merge_counts, present_cells
from nntool.tables.casting.number_formats import Finding, find_number_format, spread_out
from nntool.tables.casting.numbers import NumberFormat, to_numbers


class Reading(NamedTuple):
    """Cells that were read as numbers."""

    values: pa.ChunkedArray | None
    """Null where a cell is missing or no number; None for what is clearly text, which is not read.
    """
    counts: Counts
    """By cause, as ``to_numbers`` counts."""
    found: Finding | None = None
    """What the cells say of how they are written; None where plain numbers need not be doubted."""

    @property
    def are_all(self) -> bool:
        """Whether every cell that is not missing is a number, and there is one."""
        if self.values is None or self.counts.get("unfit"):
            return False
        return bool(self.values.null_count < len(self.values))

    @property
    def written(self) -> NumberFormat | None:
        """How the numbers are written, where that is not plainly."""
        return self.found.written if self.found else None

    def to_numpy(self, n: int) -> NDArray[np.float64]:
        """The values `(n,)`, NaN for null."""
        if self.values is None:
            return np.full(n, np.nan)
        chunks = (chunk.to_numpy(zero_copy_only=False) for chunk in self.values.chunks)
        return np.concatenate([np.empty(0), *chunks])


def read_numbers(
    text: Text,
    missing_values: Sequence[str],
    *,
    table: str | None = None,
    asked: str | None = None,
) -> Reading:
    """Cells as plain numbers where all are such, else as all of them show that they are written.

    ``table`` is the decimal mark of other columns, ``asked`` the one that a person has named.

    >>> read_numbers(pa.array(["1.5", "?"]), ["?"]).values.to_pylist()
    [1.5, None]
    >>> read_numbers(pa.array(["1.234,5", "99"]), []).values.to_pylist()
    [1234.5, 99.0]
    """
    plain = _read_plainly(text, missing_values)
    if plain.are_all and not _points_separate_thousands(text, asked or table):
        return plain
    cells = present_cells(text, missing_values)
    if not len(cells):
        return plain
    found = find_number_format(cells, table, asked)
    if found.written is None:
        return plain._replace(found=found)
    return Reading(*_cast(text, missing_values, found.written), found)


def _read_plainly(text: Text, missing_values: Sequence[str]) -> Reading:
    first = spread_out(text)
    counts = _cast(first, missing_values)[1]
    if counts.get("unfit", 0) > len(first) / 2:
        return Reading(None, counts)
    return Reading(*_cast(text, missing_values))


def _cast(
    text: Text, missing_values: Sequence[str], written: NumberFormat | None = None
) -> tuple[pa.ChunkedArray, Counts]:
    total: Counts = {}
    read = []
    for chunk in chunks_of(text):
        values, counts = to_numbers(chunk, missing_values, written)
        merge_counts(total, counts)
        read.append(values)
    return pa.chunked_array(read, pa.float64()), total


def _points_separate_thousands(text: Text, decimal: str | None) -> bool:
    """Whether plain numbers may mean others: with a decimal comma, 1.234 is more than thousand."""
    return decimal == "," and bool(pc.any(pc.match_substring(text, ".")).as_py())
