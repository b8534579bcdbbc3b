"""What a column is: inferred from the rows given, with a reason that a person can check."""

from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from nntool.tables.casting import find_date_format, to_numbers, to_text, unfit_cells

FEWEST_ROWS_OF_AN_IDENTIFIER = 20
LARGEST_EXACT_INTEGER = 2**53
# Distinct by chance where nine pairs of equal values are expected: probability e^-9.
PAIRS_EXPECTED = 9


class Role(NamedTuple):
    """A role of ``ROLES``, why, the format of a date, and what a person should look at."""

    role: str
    reason: str
    date_format: str | None = None
    note: str | None = None


def infer(text: pa.ChunkedArray | pa.Array, missing_values: Sequence[str]) -> Role:
    """The role of a column of text.

    >>> infer(pa.array(["1", "", "2.5"]), []).role
    'numeric'
    >>> infer(pa.array(["00123", "00123"]), []).role
    'categorical'
    """
    chunks = text.chunks if isinstance(text, pa.ChunkedArray) else [text]
    cells = pa.chunked_array(
        [to_text(chunk, missing_values)[0].drop_null() for chunk in chunks], pa.string()
    )
    n_cells = len(cells)
    if not n_cells:
        return Role("ignored", "it holds no value at all")
    cast = [to_numbers(chunk, []) for chunk in cells.chunks]
    numbers = pa.chunked_array([values.drop_null() for values, _ in cast], pa.float64())
    n_unfit = sum(counts.get("unfit", 0) for _, counts in cast)
    if not n_unfit and len(numbers):
        return _role_of_numbers(cells, numbers)
    if len(numbers) >= 0.9 * n_cells:
        return _nearly_numeric(cells, n_unfit)
    return _role_of_text(cells)


def _role_of_numbers(cells: pa.ChunkedArray, numbers: pa.ChunkedArray) -> Role:
    n_cells = len(cells)
    if pc.any(pc.match_substring_regex(cells, r"^[+-]?0\d+$")).as_py():
        n_distinct = pc.count_distinct(cells).as_py()
        if n_distinct >= 0.5 * n_cells and n_cells >= FEWEST_ROWS_OF_AN_IDENTIFIER:
            return Role("identifier", "numbers with leading zeros, mostly different")
        return Role("categorical", "numbers with leading zeros are codes")
    largest = pc.max(pc.abs(numbers)).as_py()
    if not pc.all(pc.equal(pc.floor(numbers), numbers)).as_py():
        return Role("numeric", "all its values are numbers")
    if largest >= LARGEST_EXACT_INTEGER and _has_inexact_integer(cells):
        return Role("identifier", "whole numbers beyond 2^53, which a network would round")
    reason = _reason_of_identifier(numbers)
    if reason:
        return Role("identifier", reason)
    return Role("numeric", "all its values are whole numbers")


def _has_inexact_integer(cells: pa.ChunkedArray) -> bool:
    """True where a large number is written digit by digit (1e300 is a measurement)."""
    long = pc.filter(cells, pc.match_substring_regex(cells, r"^[+-]?\d{16,}$"))
    return any(abs(int(cell)) > LARGEST_EXACT_INTEGER for cell in long.to_pylist())


def _reason_of_identifier(numbers: pa.ChunkedArray) -> str | None:
    """Why whole numbers name rows: they rise or fall all the way, or never repeat.

    Never repeating says something only where they are dense enough that chance would repeat
    some: of n draws from a range of m, n(n−1)/2m pairs are equal. So a part of the rows that was
    taken at random is judged as all of them are.
    """
    n = len(numbers)
    if n < FEWEST_ROWS_OF_AN_IDENTIFIER or pc.count_distinct(numbers).as_py() < n:
        return None
    values = numbers.to_numpy()
    steps = values[1:] - values[:-1]
    if (steps > 0).all() or (steps < 0).all():
        return "whole numbers, all different, that rise or fall from row to row"
    spread = float(values.max() - values.min()) + 1
    if n * (n - 1) / (2 * spread) >= PAIRS_EXPECTED:
        return f"whole numbers, all different, that number rows from {values.min():.0f} to" + (
            f" {values.max():.0f}"
        )
    return None


def _nearly_numeric(cells: pa.ChunkedArray, n_unfit: int) -> Role:
    shown = ", ".join(repr(cell) for cell in unfit_cells(cells))
    are = "1 cell is no number" if n_unfit == 1 else f"{n_unfit} cells are no numbers"
    return Role(
        "categorical",
        f"{are} of {len(cells)}",
        note=f"nearly all its cells are numbers, but {are} ({shown}): categorical;"
        " if they mean missing: --missing-values; to make them missing: --roles COLUMN=numeric",
    )


def _role_of_text(cells: pa.ChunkedArray) -> Role:
    n_cells = len(cells)
    date_format, note = find_date_format(cells, [])
    if date_format:
        return Role("date", f"all its values are dates, {date_format}", date_format)
    n_distinct = pc.count_distinct(cells).as_py()
    if n_distinct >= 0.95 * n_cells and n_cells >= FEWEST_ROWS_OF_AN_IDENTIFIER:
        return Role("identifier", f"text, {n_distinct} different in {n_cells} values", note=note)
    values = "value" if n_distinct == 1 else "values"
    return Role("categorical", f"text, {n_distinct} different {values}", note=note)
