"""Finds out how a CSV file is written: on clear evidence only, and said in one line each."""

import codecs
import re
from dataclasses import replace

from nntool.errors import DataError
from nntool.settings.collect import CollectSettings
from nntool.settings.wording import counted
from nntool.tables.csv import encoding
from nntool.tables.csv.delimiter import CANDIDATES, Head, choose
from nntool.tables.csv.dialect import Dialect, shown
from nntool.tables.csv.encoding import Survey
from nntool.tables.csv.ending import end_of, hints
from nntool.tables.csv.formats import refuse_json, refuse_other_formats
from nntool.tables.csv.layout import (
    Layout,
    possible_start,
    records_of,
    start_of,
    without_lines,
)
from nntool.tables.csv.source import HEAD_BYTES

COMMENTS = ("#", "//", "%")


def detect(
    head: bytes, settings: CollectSettings, name: str, found: Survey | None = None
) -> tuple[Dialect, list[str]]:
    r"""The dialect of the file that begins with ``head``, and notes on what was found.

    ``head`` is the first ``HEAD_BYTES`` of the file, or all of it where it is shorter; ``found``
    tells of the whole file, where that could be read. Raises ``DataError`` where something is
    not clear, ``UsageError`` for impossible settings.

    >>> detect(b"a;b\n1,5;2\n", CollectSettings(), "x.csv")[0].delimiter
    ';'
    """
    if settings.skip_rows == "auto":
        refuse_other_formats(head, name)
    notes = []
    dialect = Dialect(
        _named(settings.delimiter) if settings.delimiter != "auto" else ",",
        "utf-8" if settings.encoding == "auto" else settings.encoding,
        {"auto": '"', "none": ""}.get(settings.quote, settings.quote),
        0 if settings.skip_rows == "auto" else settings.skip_rows,
        settings.header,
        "" if settings.comment in ("auto", "none") else settings.comment,
        settings.blanks_after_delimiter == "skip",
        settings.skip_below,
        0 if settings.skip_end == "auto" else settings.skip_end,
        settings.stray_quotes,
    )
    if settings.encoding == "auto":
        known = found or encoding.survey_bytes(head)
        decided, said = encoding.decide(head, known, name)
        dialect = replace(dialect, encoding=decided)
        notes += [f"{said} (--encoding)"] if said else []
    file = _head(head, dialect, name)
    refuse_json(file.text, name)
    if settings.quote == "auto" and _has_single_quotes(file.text):
        dialect = replace(dialect, quote="'")
        notes.append("cells are quoted by ' (--quote)")
    dialect, chosen, said_of = _structure(file, dialect, settings)
    notes += said_of
    if chosen is not None:
        dialect, more = end_of(found, dialect, settings, chosen)
        notes += [*more, *hints(chosen, dialect)]
    return dialect, [f"{name}: {note}" for note in notes]


def _named(delimiter: str) -> str:
    return {"tab": "\t", "\\t": "\t", "blank": " "}.get(delimiter, delimiter)


def _head(head: bytes, dialect: Dialect, name: str) -> Head:
    """The head as text, without the lines to skip and the line that the head may have cut."""
    try:
        text = codecs.getincrementaldecoder(dialect.encoding)(errors="replace").decode(head)
    except UnicodeError as error:  # what no replacement can mend, as a byte order mark not there
        raise DataError(f"{name} is not {dialect.encoding}: {error}", "--encoding auto") from None
    text = text.lstrip("\ufeff").rstrip("\0\x1a").replace("\r\n", "\n").replace("\r", "\n")
    is_cut = len(head) >= HEAD_BYTES
    if is_cut and "\n" in text:
        text = text[: text.rindex("\n")]
    return Head("\n".join(text.split("\n")[dialect.skip_rows :]), is_cut, name)


def _structure(
    file: Head, dialect: Dialect, settings: CollectSettings
) -> tuple[Dialect, Layout | None, list[str]]:
    """The delimiter, the comments, the blanks, the lines above the header."""
    notes = []
    comment = dialect.comment
    if settings.comment == "auto":
        comment = next((sign for sign in COMMENTS if file.text.lstrip("\n").startswith(sign)), "")
    signs = CANDIDATES if settings.delimiter == "auto" else (dialect.delimiter,)
    chosen = choose(file, dialect, settings, comment, signs)
    if comment and settings.comment == "auto":
        header = _commented_header(file, comment, chosen, dialect)
        if header:
            comment = ""
            chosen = choose(file, dialect, settings, "", signs)
        else:
            notes.append(f"lines that begin with {comment} are comments (--comment none)")
    if chosen is None:
        if settings.delimiter == "auto":
            notes.append("one column: no , ; tab or | separates cells (--delimiter)")
        return replace(dialect, comment=comment), None, notes
    dialect = replace(dialect, delimiter=chosen.delimiter, comment=comment)
    if settings.delimiter == "auto":
        notes.append(f"the delimiter is {shown(chosen.delimiter)} (--delimiter)")
    if settings.blanks_after_delimiter == "auto" and _skips_blanks(
        without_lines(file.text, comment), dialect
    ):
        dialect = replace(dialect, skip_blanks=True)
        notes.append("blanks after the delimiter belong to no cell (--blanks-after-delimiter)")
        chosen = choose(file, dialect, settings, comment, (dialect.delimiter,)) or chosen
    if settings.skip_rows == "auto":
        dialect, said = _above(chosen, dialect, file)
        notes += said
    return dialect, chosen, notes


def _above(chosen: Layout, dialect: Dialect, file: Head) -> tuple[Dialect, list[str]]:
    """The lines above the header, as those of a title."""
    if not chosen.is_clear:
        _refuse_unclear_start(chosen, file)
    if not chosen.start:
        return dialect, []
    number = chosen.header_line - 1
    first = "; ".join(repr(cell.strip()[:50]) for cell in chosen.records[0].cells if cell.strip())
    note = (
        f"{counted(number, 'line')} above the header passed over, {first or 'empty'} first"
        " (--skip-rows 0)"
    )
    return replace(dialect, skip_rows=number), [note]


def _refuse_unclear_start(chosen: Layout, file: Head) -> None:
    """Raise where the first records have fewer cells than the rest and may be titles."""
    first = chosen.records[0]
    if len(first.cells) > chosen.width or chosen.agreement >= 0.5:
        return  # its odd records are refused by the reader, by line
    header = possible_start(chosen.records, chosen.width)
    if header is None:
        return
    raise DataError(
        f"{file.name}: where the table begins is not clear: line {first.line} has"
        f" {counted(len(first.cells), 'cell')} ({start_of(first)}), line {header.line} has"
        f" {counted(len(header.cells), 'cell')} ({start_of(header)})",
        f"--skip-rows {header.line - 1}, if the header is on line {header.line};"
        " --skip-rows 0, if it is the first line",
    )


def _commented_header(file: Head, comment: str, chosen: Layout | None, dialect: Dialect) -> bool:
    """True where the last line of comment above the rows names their columns (#id,name)."""
    if chosen is None:
        return False
    first = chosen.records[0]
    above = [line for line in file.text.split("\n")[: first.line - 1] if line.startswith(comment)]
    if not above:
        return False
    records = records_of(
        above[-1], chosen.delimiter, dialect.quote, skip_blanks=False, is_cut=False
    )
    return bool(records) and len(records[0].cells) == chosen.width


def _skips_blanks(text: str, dialect: Dialect) -> bool:
    """True where a quote opens behind a delimiter and blanks, or blanks are the delimiter."""
    if dialect.delimiter == " ":
        return True
    if not dialect.quote:
        return False
    sign, quote = re.escape(dialect.delimiter), re.escape(dialect.quote)
    cell = rf"{sign} +{quote}(?:[^{quote}]|{quote}{quote})*{quote}\s*(?={sign}|\n|\Z)"
    outside = re.sub(
        rf"(?:(?<=\n)|(?<={sign})|\A){quote}(?:[^{quote}]|{quote}{quote})*{quote}", "x", text
    )
    return re.search(cell, outside) is not None


def _has_single_quotes(text: str) -> bool:
    """True where ' quotes cells and " does not."""
    if '"' in text:
        return False
    cells = re.findall(r"(?:^|(?<=[,;\t|]))'(?:[^'\n]|'')*'(?=[,;\t|]|$)", text, re.M)
    opening = re.findall(r"(?:^|(?<=[,;\t|]))'", text, re.M)
    return len(cells) >= 2 and len(cells) == len(opening)
