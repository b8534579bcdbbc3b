"""Excel workbooks as text: the cells of one sheet as they are stored, formulas as last computed."""

from __future__ import annotations

import datetime
import re
import shlex
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from nntool.errors import DataError, MachineError
from nntool.settings.wording import counted, quoted
from nntool.tables.columns import unique_names
from nntool.tables.sources.reading import BATCH_ROWS, text_schema
from nntool.tables.sources.text import cell_text, column_text

TIME_CODES = re.compile(r"[hs]", re.IGNORECASE)
QUOTED = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.')
MERGED = re.compile(rb'<mergeCell ref="([A-Z0-9:]+)"')
FORMULA = re.compile(rb"<f[ >]")


class ExcelSource:
    """One sheet of a workbook, read whole: a sheet holds at most 1,048,576 rows.

    The first row with a cell in it is the header; unless ``skip_rows`` says where it stands, rows
    above it with one cell, in a sheet of several columns, are titles. Blank rows are passed over,
    or with ``keep_empty`` those between others kept.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        *,
        sheet: str | None = None,
        skip_rows: int | None = None,
        header: bool = True,
        keep_empty: bool = False,
    ) -> None:
        self.n_rows = 0
        self._name = name
        self.notes: list[str] = []
        self._errors: dict[int, Counter[str]] = {}
        with _workbook(path, name) as book:
            chosen = self._choose(book, sheet)
            rows = self._rows(_cells(chosen), skip_rows or 0, keep_empty=keep_empty)
            self._note_what_is_not_read(path, chosen)
        if not rows:
            raise DataError(f"{name}: the sheet {chosen.title!r} is empty", _sheets(book))
        width = max(len(row) for row in rows)
        rows = self._without_titles(rows, width) if header and skip_rows is None else rows
        first = rows[0] if header else [None] * width
        names = [cell or "" for cell in [*first, *[None] * (width - len(first))]]
        self.given_names = names
        self.names, notes = unique_names(names)
        self.left_out: list[dict[str, Any]] = []
        if not header:
            notes = [f"no header: the columns are column_1 to column_{width}"]
        self.notes += [f"{name}: {note}" for note in notes]
        self._rows_below = rows[1:] if header else rows

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows in some of the columns."""
        places = [self.names.index(column) for column in columns]
        for start in range(0, len(self._rows_below), BATCH_ROWS):
            rows = self._rows_below[start : start + BATCH_ROWS]
            arrays = [
                column_text(
                    [row[place] if place < len(row) else None for row in rows], column, self._name
                )
                for column, place in zip(columns, places, strict=True)
            ]
            self.n_rows += len(rows)
            yield pa.RecordBatch.from_arrays(arrays, schema=text_schema(columns))
        for column, place in zip(columns, places, strict=True):
            if place in self._errors:
                found = ", ".join(f"{n:,} {word}" for word, n in self._errors[place].items())
                self.notes.append(f"{self._name}: {column!r}: {found} taken as missing")

    def _choose(self, book: Any, sheet: str | None) -> Any:
        """The sheet of that name or number; the first one where none was named."""
        sheets = {found.title: found for found in book.worksheets}
        if not sheets:
            raise DataError(f"{self._name} has no sheet with cells", "name another workbook")
        titles = list(sheets)
        if sheet is None:
            if len(titles) > 1:
                self.notes.append(
                    f"{self._name}: the sheet {titles[0]!r}, the first of {len(titles)} (--sheet)"
                )
            return sheets[titles[0]]
        if sheet in sheets:
            return sheets[sheet]
        if sheet.isdecimal() and 1 <= int(sheet) <= len(titles):
            self.notes.append(f"{self._name}: the sheet {titles[int(sheet) - 1]!r}")
            return sheets[titles[int(sheet) - 1]]
        raise DataError(f"{self._name} has no sheet {sheet!r}", _sheets(book))

    def _rows(
        self, cells: Iterator[list[Any]], skip_rows: int, *, keep_empty: bool
    ) -> list[list[str | None]]:
        """The rows from the first with something in it, each without the empty cells at its end."""
        found: list[list[str | None]] = []
        for number, row in enumerate(cells):
            if number < skip_rows:
                continue
            text = [self._text(cell, place) for place, cell in enumerate(row)]
            while text and (text[-1] is None or not text[-1].strip()):
                text.pop()
            if text or found:
                found.append(text)
        while found and not found[-1]:
            found.pop()
        n_blank = sum(not row for row in found)
        if keep_empty or not n_blank:
            return found
        was = "was" if n_blank == 1 else "were"
        self.notes.append(f"{self._name}: {counted(n_blank, 'blank row')} {was} passed over")
        return [row for row in found if row]

    def _text(self, cell: Any, place: int) -> str | None:
        """A cell as text; an error such as #N/A is missing, and counted."""
        value = cell.value
        if value is None:
            return None
        if cell.data_type == "e":
            self._errors.setdefault(place, Counter())[str(value)] += 1
            return None
        if isinstance(value, datetime.datetime) and value.time() == datetime.time():
            return value.date().isoformat()
        if isinstance(value, datetime.datetime) and not _shows_time(cell.number_format):
            return value.date().isoformat()
        if type(value) is int and re.fullmatch("0{2,}", cell.number_format):
            return str(value).zfill(len(cell.number_format))  # as a postal code is shown
        return cell_text(value)

    def _without_titles(self, rows: list[list[str | None]], width: int) -> list[list[str | None]]:
        """The rows from the header on: above it may stand rows with one cell each."""
        n_titles = 0
        while (
            width > 1
            and n_titles < len(rows) - 1
            and sum(cell is not None for cell in rows[n_titles]) <= 1
        ):
            n_titles += 1
        if n_titles == len(rows) - 1:
            return rows
        if n_titles:
            what = (
                "1 row with one cell is" if n_titles == 1 else f"{n_titles} rows with one cell are"
            )
            self.notes.append(
                f"{self._name}: above the header {what} passed over, such as"
                f" {next(cell for cell in rows[0] if cell)[:60]!r} (--skip-rows)"
            )
        return rows[n_titles:]

    def _note_what_is_not_read(self, path: Path, sheet: Any) -> None:
        """Merged cells, whose value stands in the first; formulas that were never computed."""
        with zipfile.ZipFile(path) as packed:
            content = packed.read(sheet._worksheet_path)
        merged = [place.decode() for place in MERGED.findall(content)]
        if merged:
            self.notes.append(
                f"{self._name}: {len(merged):,} merged cells, such as {merged[0]}: their value"
                " stands in the first cell alone"
            )
        if FORMULA.search(content):
            n = _uncomputed(path, self._name, sheet.title)
            if n:
                self.notes.append(
                    f"{self._name}: {n:,} formulas have no stored result and are missing (open the"
                    " workbook in a spreadsheet program and save it)"
                )

    def close(self) -> None:
        """The workbook was closed when it was read."""


@contextmanager
def _workbook(path: Path, name: str, *, formulas: bool = False) -> Iterator[Any]:
    """A workbook while it is open; openpyxl's warnings concern what is not read."""
    try:
        import openpyxl
    except ImportError:
        raise MachineError(
            f"{name}: to read Excel workbooks openpyxl is needed",
            "pip install 'nntool[excel]'",
        ) from None
    # Opened here, as openpyxl judges a name by its suffix.
    with warnings.catch_warnings(), open(path, "rb") as file:
        warnings.simplefilter("ignore")
        try:
            _refuse_other_archives(file, name)
            book = openpyxl.load_workbook(file, read_only=True, data_only=not formulas)
        except (zipfile.BadZipFile, KeyError, ValueError, OSError, SyntaxError) as error:
            raise DataError(
                f"{name} cannot be read as an Excel workbook: {error}",
                "save it as .xlsx, without a password, or as .csv",
            ) from None
        with closing(book):
            yield book


def _refuse_other_archives(file: BinaryIO, name: str) -> None:
    """A ZIP archive without a workbook's list of contents holds files of another kind."""
    with zipfile.ZipFile(file) as packed:
        names = packed.namelist()
    if "[Content_Types].xml" not in names:
        raise DataError(
            f"{name} is a ZIP archive and no workbook; in it: {quoted(names, 3) or 'nothing'}",
            f"unzip {shlex.quote(name)}, and name the file that was in it",
        )


def _cells(sheet: Any) -> Iterator[list[Any]]:
    """The rows of a sheet; what a sheet says of its own size is often wrong."""
    sheet.reset_dimensions()
    for row in sheet.iter_rows():
        yield list(row)


def _uncomputed(path: Path, name: str, title: str) -> int:
    """How many formulas have no stored result."""
    with _workbook(path, name) as values, _workbook(path, name, formulas=True) as formulas:
        pairs = zip(_cells(values[title]), _cells(formulas[title]), strict=False)
        return sum(
            formula.data_type == "f" and value.value is None
            for row, formula_row in pairs
            for value, formula in zip(row, formula_row, strict=False)
        )


def _shows_time(number_format: str) -> bool:
    """Whether a number format shows hours or seconds."""
    return bool(TIME_CODES.search(QUOTED.sub("", number_format)))


def _sheets(book: Any) -> str:
    """What sheets there are, as an option."""
    titles = ", ".join(repr(sheet.title) for sheet in book.worksheets)
    return f"--sheet NAME, one of {titles}"
