"""Which kind of source it is: by its scheme, its name, or its first bytes."""

from __future__ import annotations

import re
from pathlib import PurePath

KINDS = {
    "csv": "CSV",
    "tsv": "TSV",
    "parquet": "Parquet",
    "json-lines": "JSON lines",
    "excel": "Excel",
    "sql": "SQL",
}
"""The kinds of sources as ``--format`` names them, and as a person does."""

SUFFIXES = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "json-lines",
    ".ndjson": "json-lines",
    ".json": "json-lines",
    ".xlsx": "excel",
    ".xlsm": "excel",
}
PACKED = (".gz", ".zst", ".bz2", ".xz")
URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")
MAGIC = {
    b"PAR1": "parquet",
    b"PK\x03\x04": "excel",
    b"SQLite format 3\0": "sqlite",
    b"\xd0\xcf\x11\xe0": "xls",
}
"""How files that are no text begin; `xls` also stands for a workbook with a password."""


def is_url(source: str) -> bool:
    """True for what has a scheme: the address of a database."""
    return URL.match(source) is not None


def by_name(source: str) -> str | None:
    """The kind that a scheme or suffix says, or None.

    >>> by_name("sales.jsonl.gz"), by_name("sqlite:///a.db"), by_name("iris.data")
    ('json-lines', 'sql', None)
    """
    if is_url(source):
        return "sql"
    name = PurePath(source).name.lower()
    for suffix in PACKED:
        name = name.removesuffix(suffix)
    return SUFFIXES.get(PurePath(name).suffix)


def by_content(head: bytes) -> str | None:
    """The kind that the first bytes of a file say, or None where they may be text."""
    return next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), None)
