"""Where a table begins and ends in a file: title lines above it, notes below it."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

RECORDS_JUDGED = 200
TITLES_MOST = 40
ROWS_COMPARED = 20
NUMBER = re.compile(r"[-+(]?[$€£]?\s*\d[\d.,'\s\u00a0\u202f]*([eE][-+]?\d+)?\s*[%€$£)]?")
MISSING_WORDS = frozenset(("na", "n/a", "nan", "null", "none", "nil", "missing", "unknown", "inf"))
DATE = re.compile(r"\d{1,4}[-/.]\w{1,9}[-/.]\d{1,4}([ T].*)?")


class Record(NamedTuple):
    """The cells of a record and the line on which it begins."""

    line: int
    cells: list[str]

    @property
    def n_filled(self) -> int:
        """How many cells are more than blanks."""
        return sum(1 for cell in self.cells if cell.strip())


@dataclass(frozen=True)
class Layout:
    """The table that a delimiter gives.

    ``start`` is the index of the header among the records. ``is_clear`` is False where records
    above it may be titles or not.
    """

    delimiter: str
    records: list[Record]
    width: int
    start: int
    is_clear: bool

    @property
    def agreement(self) -> float:
        """The share of the records from the header on that have as many cells as it."""
        counts = [len(record.cells) for record in self.records[self.start :]]
        rows = set(counts[1:])
        if len(counts) > 2 and len(rows) == 1 and abs(rows.pop() - counts[0]) == 1:
            return 0.9  # a delimiter too many, or too few, at the end of the header
        return float(np.mean(np.array(counts) == counts[0])) if counts else 0.0

    @property
    def header_line(self) -> int:
        """The line on which the header begins."""
        return self.records[self.start].line


def records_of(
    text: str, delimiter: str, quote: str, *, skip_blanks: bool, is_cut: bool
) -> list[Record]:
    """The first records that are not blank lines; ``is_cut``: the text ends somewhere."""
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    reader = csv.reader(
        io.StringIO(text.replace("\0", ""), newline=""),
        delimiter=delimiter,
        quotechar=quote or None,
        quoting=quoting,
        skipinitialspace=skip_blanks,
    )
    found: list[Record] = []
    line = 1
    try:
        for cells in reader:
            if cells:
                found.append(Record(line, cells))
            line = reader.line_num + 1
            if len(found) == RECORDS_JUDGED:
                return found
    except csv.Error:  # a cell beyond the module's limit: judged by the records before it
        pass
    # A record that the head has cut inside quotes says nothing of its number of cells.
    if is_cut and len(found) > 1:
        found.pop()
    return found


def layout(records: list[Record], delimiter: str) -> Layout | None:
    """The table that a delimiter gives, or None where it cuts nothing."""
    widths = np.array([len(record.cells) for record in records])
    wide = widths[widths > 1]
    if not wide.size:
        return None
    values, counts = np.unique(wide, return_counts=True)
    tables = []
    for width in values[np.lexsort((-values, -counts))][:3].tolist():
        table = _layout(records, widths, width, delimiter)
        if table.is_clear and table.agreement == 1.0:
            return table
        tables.append(table)
    return tables[0]


def _layout(records: list[Record], widths: NDArray[np.int64], width: int, delimiter: str) -> Layout:
    """The table whose rows have so many cells."""
    if widths[0] == width and records[0].n_filled > _title_cells(width):
        return Layout(delimiter, records, width, 0, is_clear=True)
    start = _after_titles(records, width)
    if start and len(records[start].cells) == width and _is_header(records, start, width):
        return Layout(delimiter, records, width, start, is_clear=True)
    # A first record with few names and as many cells as the rows is a header all the same.
    return Layout(delimiter, records, width, 0, is_clear=start == 0 or widths[0] == width)


def possible_start(records: list[Record], width: int) -> Record | None:
    """The first record that could be the header below titles."""
    start = _after_titles(records, width)
    return records[start] if start else None


def _title_cells(width: int) -> int:
    return max(1, width // 2)


def _after_titles(records: list[Record], width: int) -> int:
    """The index behind the records that could be titles: few cells, the first ones; 0 if none."""
    for index, record in enumerate(records[:TITLES_MOST]):
        filled = [bool(cell.strip()) for cell in record.cells]
        n = sum(filled)
        if n > _title_cells(width) or not all(filled[:n]):
            return index
    return 0


def _is_header(records: list[Record], start: int, width: int) -> bool:
    """True where the record there is clearly the header and those above it are titles."""
    header = [cell.strip() for cell in records[start].cells]
    filled = [cell for cell in header if cell]
    below = [r for r in records[start + 1 : start + 1 + ROWS_COMPARED] if len(r.cells) == width]
    if len(filled) < max(2, 0.6 * width) or len(set(filled)) < len(filled) or not below:
        return False
    above = records[:start]
    has_gap = any(not record.n_filled for record in above) or _has_blank_line(records, start)
    has_number = any(is_number(cell) for cell in filled)
    is_row = has_number and _has_numbers_as_rows(header, [record.cells for record in below])
    if not has_gap and (is_row or (has_number and len(above) < 2)):
        return False
    if has_gap or _names_numbers(header, below):
        return True
    if all(len(record.cells) == width for record in above):
        return " " in records[0].cells[0].strip()
    prose = any(cell.startswith(" ") for record in below for cell in record.cells)
    return width >= 3 and not prose


def _has_blank_line(records: list[Record], start: int) -> bool:
    """True where a blank line stands between the titles and the header."""
    above = records[start - 1]
    lines = sum(cell.count("\n") for cell in above.cells) + 1
    return records[start].line > above.line + lines


def _names_numbers(header: Sequence[str], below: Sequence[Record]) -> bool:
    """True where a column has numbers or dates and its name is none."""
    for position, name in enumerate(header):
        if name and not is_number(name):
            cells = [r.cells[position].strip() for r in below if r.cells[position].strip()]
            if cells and sum(map(is_number, cells)) > 0.5 * len(cells):
                return True
    return False


def is_number(cell: str) -> bool:
    """True for a number or date, however written."""
    cell = cell.strip()
    return bool(NUMBER.fullmatch(cell) or DATE.fullmatch(cell))


def looks_like_row(records: Sequence[Record]) -> bool:
    """True where the header has numbers exactly where the rows have them, so is one of them."""
    header, *below = ([cell.strip("\ufeff \f") for cell in r.cells] for r in records[:50])
    filled = [i for i, cell in enumerate(header) if cell.strip()]
    below = [row for row in below if any(row) and row != header]  # where files were joined
    again = sum(1 for i in filled if any(i < len(row) and row[i] == header[i] for row in below))
    if len(below) > 2 and again > 0.3 * len(filled):
        return True
    return len(below) > 1 and _has_numbers_as_rows(header, below)


def _has_numbers_as_rows(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """True where a header has numbers, exactly where the rows have them; years may be names."""
    numeric = [i for i, cell in enumerate(header) if is_number(cell)]
    if not numeric or all(re.fullmatch(r"(19|20)\d\d", header[i].strip()) for i in numeric):
        return False
    return all(_is_numeric_column(rows, i) for i in numeric) and not any(
        _is_numeric_column(rows, i) for i in range(len(header)) if i not in numeric and header[i]
    )


def _is_numeric_column(rows: Sequence[Sequence[str]], position: int) -> bool:
    cells = [row[position] for row in rows if position < len(row) and row[position].strip()]
    return len(cells) > 0 and sum(map(is_number, cells)) >= 0.9 * len(cells)


def odd_records_below(records: Sequence[Record]) -> int:
    """How many records under the header have text where all that follow have numbers."""
    rows = [record.cells for record in records[1:]]
    if len(rows) < 10:
        return 0
    base = rows[5:]
    numeric = [i for i in range(len(records[0].cells)) if _is_numeric_column(base, i)]
    if not numeric:
        return 0
    odd = 0
    for index, row in enumerate(rows[:5], start=1):
        cells = [row[i].strip() for i in numeric if i < len(row)]
        texts = [cell for cell in cells if _is_word(cell)]
        is_odd = len(texts) > 0.5 * len(cells)
        goes_on = odd and odd == index - 1 and 4 * sum(map(bool, map(str.strip, row))) < len(row)
        if is_odd or goes_on:
            odd = index
    return odd


def _is_word(cell: str) -> bool:
    """True for text that is no number and no usual word for a missing value."""
    has_letter = any(sign.isalpha() for sign in cell)
    return has_letter and not is_number(cell) and cell.casefold() not in MISSING_WORDS


def records_after(records: Sequence[Record], width: int) -> int:
    """How many records at the end of a file are notes below the table.

    Clear are records with one filled cell, the first, under a record or line that is empty.
    """
    if width < 3:
        return 0
    at = len(records)
    while at and (not records[at - 1].n_filled or _is_note(records[at - 1])):
        at -= 1
    while at < len(records) and not records[at].n_filled:
        at += 1
    notes = sum(1 for record in records[at:] if record.n_filled)
    if not notes or not at:
        return 0
    has_gap = not records[at - 1].n_filled or _has_blank_line(list(records), at)
    return notes if has_gap else 0


def _is_note(record: Record) -> bool:
    return record.n_filled == 1 and bool(record.cells[0].strip())


def cells_in_cells(records: Sequence[Record], sign: str) -> int:
    """How many cells a sign cuts out of the one cell of each record; 0 where they differ."""
    if len(records) < 2 or any(len(record.cells) != 1 for record in records):
        return 0
    inner = {len(row) for row in csv.reader([r.cells[0] for r in records], delimiter=sign)}
    return inner.pop() if len(inner) == 1 else 0


def start_of(record: Record) -> str:
    """The first filled cells of a record, to be shown."""
    cells = [cell.strip() for cell in record.cells if cell.strip()][:3]
    return ", ".join(repr(cell[:30]) for cell in cells)


def without_lines(text: str, comment: str) -> str:
    """The text with each line that begins as a comment made blank."""
    if not comment:
        return text
    return "\n".join("" if line.startswith(comment) else line for line in text.split("\n"))
