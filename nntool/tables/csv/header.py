"""The header of a CSV stream: the first record, checked against the records below."""

import csv
from collections.abc import Iterator, Sequence
from itertools import chain, count
from typing import NamedTuple

import numpy as np

from nntool.errors import DataError
from nntool.settings.wording import counted
from nntool.tables.csv.cutter import Block
from nntool.tables.csv.defects import excerpt
from nntool.tables.csv.dialect import Dialect
from nntool.tables.csv.records import cell_counts, count_lines, record_ends, starts_of, unpadded

RECORDS_JUDGED = 1000


class Header(NamedTuple):
    """The names as they stand in the file (empty ones without a header), and what was found."""

    cells: list[str]
    notes: list[str]
    n_blank: int
    first_blank: int


def split_header(
    blocks: Iterator[Block],
    dialect: Dialect,
    name: str,
    *,
    show_cells: bool = True,
    keep_bad: bool = False,
) -> tuple[Header, Block]:
    """The names in the first record that is not blank, and the block that follows it.

    Raises ``DataError`` where all rows have a cell more or less; with ``keep_bad`` they are bad.
    """
    n_blank = first_blank = 0
    for block in blocks:
        ends = record_ends(block.data, dialect.signs)
        starts = starts_of(ends)
        blank = np.isin(np.frombuffer(block.data, np.uint8)[starts], (10, 13))
        passed = int(np.argmin(blank)) if not blank.all() else blank.size
        if passed:
            # What was made blank may stand first: then the first blank line is not known.
            if not n_blank and not block.n_blanked:
                first_blank = block.line
            n_blank += passed
        if passed == blank.size:
            n_blank -= block.n_blanked
            continue
        start, stop = int(starts[passed]), int(ends[passed]) + 1
        line = block.line + passed
        cells = _cells(block.data[start:stop], line, dialect, name)
        if not dialect.header:
            rest = Block(block.data[start:], line, block.n_records - passed, block.n_blanked)
            return Header([""] * len(cells), [], n_blank, first_blank), rest
        below = line + count_lines(block.data[start:stop])
        n_records = block.n_records - passed - 1
        rest = Block(block.data[stop:], below, n_records, block.n_blanked)
        notes: list[str] = []
        if dialect.skip_below:
            rest, notes = _without_first(rest, dialect, show_cells)
        is_quoted = bool(dialect.quote) and block.data[start:stop].lstrip(b" ").startswith(
            dialect.quote.encode()
        )
        more: list[str] = []
        try:
            cells, more = _fitted(cells, rest, dialect, name, is_quoted)
        except DataError:
            if not keep_bad:
                raise
        return Header(cells, notes + more, n_blank, first_blank), rest
    raise _nothing(dialect, name)


def _nothing(dialect: Dialect, name: str) -> DataError:
    if dialect.skip_rows:
        return DataError(
            f"{name} has nothing after the {dialect.skip_rows:,} lines that --skip-rows"
            " passes over",
            "give a smaller --skip-rows",
        )
    return DataError(f"{name} is empty", "give a file with a header and rows")


def _without_first(block: Block, dialect: Dialect, show_cells: bool) -> tuple[Block, list[str]]:
    """The block without the records under the header that are to be passed over."""
    counts = cell_counts(block.data, dialect.signs)
    filled = np.flatnonzero(counts)[: dialect.skip_below]
    if not filled.size:
        return block, []
    ends = record_ends(block.data, dialect.signs)
    last = int(filled[-1])
    stop = int(ends[last]) + 1
    note = f"{counted(filled.size, 'record')} below the header passed over (--skip-below)"
    if show_cells:
        note += f": {excerpt(block.data[:stop])}"
    line = block.line + count_lines(block.data[:stop])
    n_blank = last + 1 - filled.size
    rest = Block(block.data[stop:], line, block.n_records - last - 1, block.n_blanked - n_blank)
    return rest, [note]


def _fitted(
    cells: list[str], rest: Block, dialect: Dialect, name: str, is_quoted: bool
) -> tuple[list[str], list[str]]:
    """The names where all rows have one empty cell more or less at their end, or names of rows.

    ``is_quoted``: the header begins with a quote.
    """
    if not rest.data:
        return cells, []
    data = unpadded(rest.data, dialect.signs) if dialect.skip_blanks else rest.data
    counts = cell_counts(data, dialect.signs)
    judged = np.flatnonzero(counts)[:RECORDS_JUDGED]
    if not judged.size or len(cells) < 2:
        return cells, []
    widths = np.unique(counts[judged])
    if widths.size != 1 or abs(int(widths[0]) - len(cells)) != 1:
        return cells, []
    if widths[0] < len(cells):
        if cells[-1].strip():
            return cells, []
        return cells[:-1], ["the header has a delimiter more at its end than the rows: no column"]
    ends = record_ends(data, dialect.signs)
    a = np.frombuffer(data, np.uint8)
    last = ends[judged] - 1
    last = last - ((a[last] == 13) & (a[ends[judged]] == 10))
    if (a[last] == ord(dialect.delimiter)).all():
        return [*cells, ""], ["the rows have a delimiter at their end: one more column, empty"]
    starts = starts_of(ends)[judged]
    otherwise = f"--skip-rows {rest.line - 1} --no-header"
    is_quoted &= bool((a[starts] == ord(dialect.quote or "\0")).all())
    records = [data[i : j + 1] for i, j in zip(starts.tolist(), ends[judged].tolist(), strict=True)]
    first = [_cells(record, rest.line, dialect, name)[0] for record in records]
    row_names = row_names_for(first, cells, is_quoted=is_quoted)
    if row_names is None:
        raise DataError(
            f"{name}: the header has {len(cells)} cells and every row {widths[0]}:"
            f" {excerpt(data[: int(ends[judged[0]]) + 1])}",
            f"give the header a name for each cell, or pass over it: {otherwise}",
        )
    note = (
        "the header has a name less than the rows have cells, as R writes row names: the first"
        f" column is called {row_names!r} (another reading: {otherwise})"
    )
    return [row_names, *cells], [note]


def _cells(record: bytes, line: int, dialect: Dialect, name: str) -> list[str]:
    """The cells of one record."""
    if b"\0" in record:
        raise DataError(
            f"{name}, line {line}: a NUL byte in the header",
            "if the file is UTF-16 without a byte order mark: --encoding utf-16-le (or -be)",
        )
    try:
        text = record.decode("utf-8").rstrip("\r\n")
        if dialect.skip_blanks:
            text = unpadded(record, dialect.signs).decode("utf-8").rstrip("\r\n")
        if not dialect.quote:
            return text.split(dialect.delimiter)
        return next(csv.reader([text], delimiter=dialect.delimiter, quotechar=dialect.quote))
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name}, line {line}: the byte 0x{record[error.start]:02X} is not UTF-8, near"
            f" {record[max(0, error.start - 12) : error.start + 8].decode('latin-1')!r}"
            " (shown as latin-1)",
            "name the encoding that the file was written in: --encoding cp1252 (or another)",
        ) from None
    except csv.Error as error:
        raise DataError(
            f"{name}, line {line}: the header cannot be read: {error}",
            "mend this line; or --quote none, if quotes are plain characters",
        ) from error


def row_names_for(first: Sequence[str], names: Sequence[str], *, is_quoted: bool) -> str | None:
    """The name of a column of ``first`` cells beside ``names``; None if they are no row names.

    Row names number the rows, from 1 on, or are texts that all differ; ``is_quoted``: those and
    the names stand in quotes. A few numbers without quotes may be anything.

    >>> row_names_for(["1", "2", "3"], ["a", "b"], is_quoted=False)
    'row'
    """
    are_numbers = list(first) == [str(number) for number in range(1, len(first) + 1)]
    if not (is_quoted and len(set(first)) == len(first)) and not (are_numbers and len(first) > 1):
        return None
    candidates = chain(["row"], (f"row_{number}" for number in count(2)))
    return next(name for name in candidates if name not in names)


def names_notes(header: Header, dialect: Dialect, notes: list[str]) -> list[str]:
    """What is to be said of the names; ``notes`` are those of making them unique."""
    if not dialect.header:
        return [*header.notes, f"no header: the columns are column_1 to column_{len(header.cells)}"]
    return [*header.notes, *notes, *_doubled(header.cells, dialect)]


def _doubled(cells: Sequence[str], dialect: Dialect) -> list[str]:
    """What to do where every other column has no name: the delimiter may be of two signs."""
    names = [bool(cell.strip()) for cell in cells]
    if len(names) < 3 or names != [place % 2 == 0 for place in range(len(names))]:
        return []
    sign = dialect.delimiter.replace("\t", "\\t")
    return [
        f"every other column has no name: if two delimiters stand between cells, make them one:"
        f" sed 's/{sign}{sign}/{sign}/g'"
    ]
