"""All columns of a collected table typed in one pass: read once, one after the other.

The whole text is never in memory, and a column that is read as numbers to find its role is not
read again. Columns go through a few threads; what comes out does not depend on how many.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nntool.settings.clean import CleanSettings
from nntool.tables import column_types, parquet
from nntool.tables.casting import Counts, merge_counts
from nntool.tables.column_types import typed_target
from nntool.tables.hashing import Hashes, add_column, column_hashes, no_column
from nntool.tables.roles import Role, infer_and_read


class TextTable(Protocol):
    """Rows of text: a ``pyarrow.Table``, or a file of one."""

    @property
    def column_names(self) -> list[str]:
        """The columns in their order."""

    @property
    def num_rows(self) -> int:
        """How many rows there are."""

    def column(self, name: str) -> pa.ChunkedArray:
        """One column of text."""

    def select(self, names: list[str]) -> pa.Table:
        """Some columns of text."""


class TextFile:
    """A Parquet file of text, of which columns are read when they are asked for.

    The foot of a file with thousands of columns takes longer to read than one of them: each
    thread reads it once. The files are closed at the end of a ``with``.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._own = threading.local()
        self._opened = ExitStack()
        self.column_names = parquet.names(path)
        self.num_rows = parquet.n_rows(path)

    def __enter__(self) -> TextFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def column(self, name: str) -> pa.ChunkedArray:
        """One column of text, a chunk for each row group: what is done to it fits the cache."""
        if not hasattr(self._own, "file"):
            self._own.file = self._opened.enter_context(parquet.opened(self._path))
        chunks = [batch.column(0) for batch in parquet.groups(self._own.file, [name])]
        return pa.chunked_array(chunks, pa.string())

    def select(self, names: list[str]) -> pa.Table:
        """Some columns of text."""
        return parquet.read(self._path, names)


@dataclass(frozen=True)
class Typed:
    """What a pass over all columns has found."""

    columns: list[dict[str, Any]]
    """The entries of the state, without the target."""
    table: pa.Table
    """The typed columns in their order, the target last."""
    counts: Counts
    """Cells of all rows that are missing, by column and cause."""
    hashes: Hashes
    """`(n_rows,)`: equal for rows of equal text."""
    constant: dict[str, str]
    """The text of columns that have the same in every row that was learned from."""


class _Column(NamedTuple):
    """What one column has come to by its own cells."""

    name: str
    hashes: Hashes
    role: Role | None
    """None for the target."""
    typed: pa.ChunkedArray
    counts: Counts
    constant: str | None


def type_table(
    text: TextTable,
    settings: CleanSettings,
    rows: NDArray[np.bool_] | None,
    target: dict[str, Any],
    threads: int = 1,
) -> Typed:
    """Learn the types of columns from ``rows`` `(n_rows,)` (None: all), and type all rows."""
    names = text.column_names
    column_types.check_columns(names, settings, target["name"])
    missing = column_types.missing_by_column(names, settings)
    hashes = no_column(text.num_rows)
    found: dict[str, _Column] = {}
    with ThreadPoolExecutor(threads) as pool:
        one = partial(_one_column, text, settings, rows, target, missing)
        for column in pool.map(one, names):
            hashes = add_column(hashes, column.hashes)
            found[column.name] = column._replace(hashes=no_column(0))
    first = {name: column.role for name, column in found.items() if column.role is not None}
    final = column_types.settle(
        first, lambda name: learned_from(text.column(name), rows), settings, target["name"]
    )
    tokens = settings.missing_values
    entries = [
        column_types.entry(name, role, missing[name], tokens) for name, role in final.items()
    ]
    for entry in entries:
        name = entry["name"]
        if column_types.entry(name, first[name], missing[name], tokens) != entry:
            typed, counts = _typed(text.column(name), entry, tokens)
            found[name] = found[name]._replace(typed=typed, counts=counts)
    order = [*final, target["name"]]
    state = {"columns": entries, "target": target}
    return Typed(
        entries,
        pa.table([found[name].typed for name in order], schema=column_types.schema(state)),
        {name: found[name].counts for name in order if found[name].counts},
        hashes,
        {name: cell for name in first if (cell := found[name].constant) is not None},
    )


def _one_column(
    text: TextTable,
    settings: CleanSettings,
    rows: NDArray[np.bool_] | None,
    target: dict[str, Any],
    missing: Mapping[str, list[str]],
    name: str,
) -> _Column:
    cells = text.column(name)
    hashes = column_hashes(cells)
    if name == target["name"]:
        typed, counts = _chunk_by_chunk(cells, lambda chunk: typed_target(chunk, target))
        return _Column(name, hashes, None, typed, counts, None)
    seen = learned_from(cells, rows)
    role, read = infer_and_read(seen, missing[name], column_types.asked_decimal(settings))
    if rows is None and read is not None and role.role == "numeric":
        typed, counts = read
    else:
        typed, counts = _typed(cells, column_types.entry(name, role, missing[name], ()), ())
    return _Column(name, hashes, role, typed, counts, _constant(seen))


def learned_from(cells: pa.ChunkedArray, rows: NDArray[np.bool_] | None) -> pa.ChunkedArray:
    """The cells of the rows that are learned from."""
    return cells if rows is None else cells.filter(pa.array(rows))


def _typed(
    cells: pa.ChunkedArray, entry: dict[str, Any], missing: Sequence[str]
) -> tuple[pa.ChunkedArray, Counts]:
    return _chunk_by_chunk(cells, lambda chunk: column_types.typed(chunk, entry, missing))


def _chunk_by_chunk(
    cells: pa.ChunkedArray, of_chunk: Callable[[pa.Array], tuple[pa.Array, Counts]]
) -> tuple[pa.ChunkedArray, Counts]:
    total: Counts = {}
    chunks = []
    for chunk in cells.chunks:
        typed, counts = of_chunk(chunk)
        merge_counts(total, counts)
        chunks.append(typed)
    return pa.chunked_array(chunks) if chunks else of_chunk(pa.array([], pa.string()))[0], total


def _constant(cells: pa.ChunkedArray) -> str | None:
    """The text of all cells, where it is the same in all of at least two."""
    if len(cells) < 2 or not (_is_constant(cells.slice(0, 100)) and _is_constant(cells)):
        return None
    return str(pc.utf8_trim_whitespace(cells[0]).as_py())


def _is_constant(cells: pa.ChunkedArray) -> bool:
    return bool(pc.all(pc.equal(cells, cells[0]), skip_nulls=False).as_py())
