"""What a column is: inferred from the rows given, with a reason that a person can check."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nntool.tables import suspects
from nntool.tables.casting import (
    Counts,
    NumberFormat,
    Reading,
    disguises,
    present_cells,
    read_numbers,
)
from nntool.tables.casting import date_formats as dates
from nntool.tables.casting import number_formats as numbers
from nntool.tables.casting.dates import ORDERED
from nntool.tables.casting.missing import Text, chunks_of
from nntool.tables.roles.of_text import nearly_dates, nearly_numeric, role_of_text
from nntool.tables.roles.role import FEWEST_ROWS_OF_AN_IDENTIFIER, Hints, Role

LARGEST_EXACT_INTEGER = 2**53
# Distinct by chance where nine pairs of equal values are expected: probability e^-9.
PAIRS_EXPECTED = 9
NEARLY = 0.9


def infer(text: Text, missing_values: Sequence[str], hints: Hints = Hints()) -> Role:  # noqa: B008 - immutable
    """The role of a column of text.

    >>> infer(pa.array(["1", "", "2.5"]), []).role
    'numeric'
    >>> infer(pa.array(["00123", "00123"]), []).role
    'categorical'
    """
    return infer_and_read(text, missing_values, hints)[0]


def infer_and_read(
    text: Text, missing_values: Sequence[str], hints: Hints
) -> tuple[Role, tuple[pa.ChunkedArray, Counts] | None]:
    """The role of a column, and its cells as plain numbers with counts where all are such."""
    reading = read_numbers(text, missing_values, table=hints.decimal, asked=hints.asked_decimal)
    if reading.values is not None and reading.are_all and reading.found is None:
        role = _role_of_numbers(text, missing_values, reading.values.drop_null())
        return role, (reading.values, reading.counts)
    cells = present_cells(text, missing_values)
    if not len(cells):
        return Role("ignored", "it holds no value at all"), None
    return _role_of_cells(cells, reading, hints), None


def _role_of_cells(cells: pa.ChunkedArray, reading: Reading, hints: Hints) -> Role:
    """The role of cells that are not all plain numbers, or not to be read plainly."""
    found, values = reading.found or numbers.Finding(), reading.values
    if values is not None and found.written is not None:
        return _role_of_written_numbers(cells, found, found.written, values.drop_null())
    if values is not None and reading.are_all:
        return _role_of_numbers(cells, [], values.drop_null())
    n_unfit = len(cells) if values is None else reading.counts.get("unfit", 0)
    is_date = dates.find_date_formats(cells, hints.day_first)
    if is_date.formats:
        return _role_of_dates(is_date)
    fewest = min(n_unfit, found.n_unfit)
    if not found.is_unclear and not found.note and fewest <= (1 - NEARLY) * len(cells):
        return nearly_numeric(cells, fewest, found.reading if found.n_unfit < n_unfit else None)
    role = role_of_text(cells, is_date.note or found.note)
    if is_date.n_unfit and role.note is None:
        role = role._replace(note=nearly_dates(cells, is_date.n_unfit))
    return role._replace(is_unclear=found.is_unclear or is_date.is_unclear)


def _role_of_numbers(text: Text, missing: Sequence[str], values: pa.ChunkedArray) -> Role:
    """The role of plain numbers; ``values`` are those of the cells that are not missing."""
    n_cells = len(values)
    if _has_leading_zeros(text):
        n_distinct = pc.count_distinct(present_cells(text, missing)).as_py()
        if n_distinct >= 0.5 * n_cells and n_cells >= FEWEST_ROWS_OF_AN_IDENTIFIER:
            return Role("identifier", "numbers with leading zeros, mostly different")
        return Role("categorical", "numbers with leading zeros are codes")
    sentinels = suspects.sentinels(text, values)
    if not _are_whole(values):
        return Role("numeric", "all its values are numbers", suspects=sentinels)
    largest = pc.max(pc.abs(values)).as_py()
    if largest >= LARGEST_EXACT_INTEGER and _has_inexact_integer(text):
        return Role("identifier", "whole numbers beyond 2^53, which a network would round")
    reason = _reason_of_identifier(values)
    if reason:
        return Role("identifier", reason)
    return Role("numeric", "all its values are whole numbers", suspects=sentinels)


def _role_of_written_numbers(
    cells: pa.ChunkedArray, found: numbers.Finding, written: NumberFormat, values: pa.ChunkedArray
) -> Role:
    by = "" if found.decimal else ", the decimal mark by other columns"
    notes = [f"numbers as {written.example!r}{by} (--decimal)"]
    if written.affix == "%":
        notes.append("'12 %' is read as 12")
    elif written.affix in disguises.SAID:
        notes.append(disguises.SAID[written.affix] + " (--roles COLUMN=categorical keeps the text)")
    elif written.affix:
        notes.append(f"the sign {written.affix!r} is passed over")
    if written.negative != "-1":
        notes.append(f"{written.negative!r} is read as -1")
    reason = _reason_of_identifier(values)
    return Role(
        "identifier" if reason else "numeric",
        reason or f"all its values are numbers, as {written.example!r}",
        number_format=written,
        note="; ".join(notes),
        suspects=suspects.sentinels(cells, values),
        decimal=found.decimal,
    )


def _role_of_dates(found: dates.Finding) -> Role:
    shown = ", ".join(
        f"{name} ({n:,})" if len(found.formats) > 1 else name
        for name, n in zip(found.formats, found.cells, strict=True)
    )
    notes = []
    if len(found.formats) > 1:
        notes.append(f"dates in {len(found.formats)} formats: {shown}")
    if any("YYYY" not in name for name in found.formats):
        notes.append("years of two digits: 69 to 99 are of the 1900s, 00 to 68 of the 2000s")
    doubtful = [name for name in found.formats if name in ORDERED]
    if doubtful and found.day_first is None:
        notes.append(f"read as {doubtful[0]} like the other dates (--roles COLUMN=date:FORMAT)")
    return Role(
        "date",
        f"all its values are dates, {shown}",
        date_formats=found.formats,
        note="; ".join(notes) or None,
        day_first=found.day_first,
    )


def _are_whole(values: pa.ChunkedArray) -> bool:
    """Whether all numbers are whole; the first chunk that says no is the last looked at."""
    return all(
        pc.all(pc.equal(pc.floor(chunk), chunk), min_count=0).as_py() for chunk in values.chunks
    )


def _has_leading_zeros(text: Text) -> bool:
    """Whether a whole number begins with 0."""
    return any(
        pc.any(pc.match_substring_regex(some, r"^\s*[+-]?0\d+\s*$")).as_py()
        for some in map(_may_lead_with_zero, chunks_of(text))
    )


def _may_lead_with_zero(text: pa.Array) -> pa.Array:
    """The cells of which the first two bytes do not say no: it spares most cells the search."""
    _, offsets, data = text.buffers()
    if not len(text) or data is None or not data.size:
        return text.slice(0, 0)
    bytes_of_all = np.frombuffer(data, np.uint8)
    start = np.frombuffer(offsets, np.int32)[text.offset : text.offset + len(text)]
    first, second = (bytes_of_all.take(start + place, mode="clip") for place in (0, 1))
    may = (first == ord("0")) & (second >= ord("0")) & (second <= ord("9"))
    may |= ((first == ord("+")) | (first == ord("-"))) & (second == ord("0"))
    may |= first == ord(" ")
    return text.filter(pa.array(may))


def _has_inexact_integer(text: Text) -> bool:
    """True where a large number is written digit by digit (1e300 is a measurement)."""
    cells = pc.utf8_trim_whitespace(text)
    long = pc.filter(cells, pc.match_substring_regex(cells, r"^[+-]?\d{16,}$"))
    return any(abs(int(cell)) > LARGEST_EXACT_INTEGER for cell in long.to_pylist())


def _reason_of_identifier(values: pa.ChunkedArray) -> str | None:
    """Why whole numbers name rows: they rise or fall all the way, or never repeat.

    Never repeating says something only where they are dense enough that chance would repeat
    some: of n draws from a range of m, n(n−1)/2m pairs are equal. So a part of the rows that was
    taken at random is judged as all of them are.
    """
    n = len(values)
    if n < FEWEST_ROWS_OF_AN_IDENTIFIER or pc.count_distinct(values).as_py() < n:
        return None
    if not _are_whole(values):
        return None
    ordered = values.to_numpy()
    steps = ordered[1:] - ordered[:-1]
    if (steps > 0).all() or (steps < 0).all():
        return "whole numbers, all different, that rise or fall from row to row"
    spread = float(ordered.max() - ordered.min()) + 1
    if n * (n - 1) / (2 * spread) >= PAIRS_EXPECTED:
        return f"whole numbers, all different, that number rows from {ordered.min():.0f} to" + (
            f" {ordered.max():.0f}"
        )
    return None
