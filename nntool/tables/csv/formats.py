"""Files that are no CSV, whatever they are called: refused by what they are."""

import json
import re

from nntool.errors import DataError

OTHER_FORMATS = (
    (b"PK\x03\x04", "a zip archive, as an Excel workbook is"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"PAR1", "Parquet"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "packed by gzip: its name must end in .gz"),
    (b"\x28\xb5\x2f\xfd", "packed by zstd: its name must end in .zst"),
    (b"BZh", "packed by bzip2: its name must end in .bz2"),
    (b"\xfd7zXZ\0", "packed by xz: its name must end in .xz"),
)


def refuse_other_formats(head: bytes, name: str) -> None:
    """Raise for what the first bytes tell: archives, workbooks, databases, web pages, ARFF."""
    for magic, what in OTHER_FORMATS:
        if head.startswith(magic):
            raise DataError(f"{name} is no CSV: it is {what}", "give a text file of rows")
    if re.match(rb"\s*<(!doctype|html|\?xml)", head[:200].lower()):
        raise DataError(f"{name} is no CSV: it is a web page or XML", "give a text file of rows")
    arff = re.search(rb"\A(?:[ \t]*(?:%[^\n]*)?\r?\n)*[ \t]*@relation\b", head, re.I)
    if arff:
        lines = re.split(rb"@data[^\n]*", head, maxsplit=1, flags=re.I)[0].count(b"\n") + 1
        raise DataError(
            f"{name} is no plain CSV: it is ARFF, with a description of its columns above the rows",
            f"--skip-rows {lines} --no-header",
        )


def refuse_json(text: str, name: str) -> None:
    """Raise for JSON, of which each line or the whole is an object or a list."""
    text = text.lstrip()
    if not text.startswith(("{", "[")):
        return
    first = text.split("\n", 1)[0].strip()
    for candidate, what in ((first, "JSON lines"), (text, "JSON")):
        try:
            value = json.loads(candidate)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict | list):
            raise DataError(
                f"{name} is no CSV: it is {what}, beginning with {first[:40]!r}",
                "name it .jsonl, if each line is an object",
            )
    if text.startswith(("{\n", "[\n", "[{")):
        raise DataError(
            f"{name} is no CSV: it begins as JSON does, with {first[:40]!r}",
            "give a text file of rows",
        )
