"""Files that are no CSV, whatever they are called: refused by what they are."""

import json
import re
import shlex
from collections.abc import Sequence

from nntool.errors import DataError
from nntool.tables.csv.dialect import shown
from nntool.tables.csv.layout import Record, cells_in_cells, start_of

OTHER_FORMATS = (
    (b"PK\x03\x04", "a zip archive, as an Excel workbook is", "give a text file of rows"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save it as .xlsx or .csv"),
    (b"PAR1", "Parquet", "--format parquet"),
    (b"SQLite format 3\0", "an SQLite database", "nntool collect RUN sqlite:///FILE --table NAME"),
    (b"%PDF", "a PDF", "give a text file of rows"),
    (b"\x1f\x8b", "packed by gzip", "give it a name that ends in .gz"),
    (b"\x28\xb5\x2f\xfd", "packed by zstd", "give it a name that ends in .zst"),
    (b"BZh", "packed by bzip2", "give it a name that ends in .bz2"),
    (b"\xfd7zXZ\0", "packed by xz", "give it a name that ends in .xz"),
)


def refuse_other_formats(head: bytes, name: str) -> None:
    """Raise for what the first bytes tell: archives, workbooks, databases, web pages, ARFF."""
    refuse_by_first_bytes(head, name)
    if re.match(rb"\s*<(!doctype|html|\?xml|table)", head[:200].lower()):
        raise DataError(
            f"{name} is no CSV: it is a web page or XML",
            "open it in a spreadsheet program and save it as .csv or .xlsx",
        )
    arff = re.search(rb"\A(?:[ \t]*(?:%[^\n]*)?\r?\n)*[ \t]*@relation\b", head, re.I)
    if arff:
        lines = re.split(rb"@data[^\n]*", head, maxsplit=1, flags=re.I)[0].count(b"\n") + 1
        raise DataError(
            f"{name} is no plain CSV: it is ARFF, with a description of its columns above the rows",
            f"--skip-rows {lines} --no-header",
        )


def refuse_by_first_bytes(head: bytes, name: str) -> None:
    """Raise for what begins as no text does: archives, workbooks, databases."""
    for magic, what, hint in OTHER_FORMATS:
        if head.startswith(magic):
            raise DataError(f"{name} is no CSV: it is {what}", hint)


def refuse_json(text: str, name: str) -> None:
    """Raise for JSON, of which each line or the whole is an object or a list."""
    text = text.lstrip()
    if not text.startswith(("{", "[")):
        return
    first = text.split("\n", 1)[0].strip()
    lines = "JSON lines" if first.startswith("{") else "JSON"
    for candidate, what in ((first, lines), (text, "JSON")):
        try:
            value = json.loads(candidate)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict | list):
            raise DataError(
                f"{name} is no CSV: it is {what}, beginning with {first[:40]!r}",
                "--format json-lines, if each line is an object"
                if what == "JSON lines"
                else "write each object on a line of its own, and name the file .jsonl",
            )
    if text.startswith(("{\n", "[\n", "[{")):
        raise DataError(
            f"{name} is no CSV: it begins as JSON does, with {first[:40]!r}",
            "give a text file of rows",
        )


def refuse_quoted_lines(records: Sequence[Record], signs: Sequence[str], name: str) -> None:
    """Raise where whole lines were quoted, so that each record is one cell with cells in it."""
    for sign in signs:
        n = cells_in_cells(records, sign)
        if n > 2:
            raise DataError(
                f"{name}: each line is one quoted cell, in which {shown(sign)} separates {n}"
                f" ({start_of(records[0])})",
                f"""sed 's/^"//; s/"\\r*$//; s/""/"/g' {shlex.quote(name)} > NEW.csv, which takes"""
                " the outer quotes away; --delimiter ',', if it is one column",
            )
