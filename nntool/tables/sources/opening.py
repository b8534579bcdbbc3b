"""Opens a source of each kind but CSV."""

from __future__ import annotations

from pathlib import Path

from nntool.errors import UsageError
from nntool.settings.collect import CollectSettings
from nntool.tables.sources.reading import Source

TYPED_NAMES = ("parquet", "json-lines", "excel")
"""The kinds of files, but CSV."""


def open_file(
    kind: str,
    path: Path,
    name: str,
    settings: CollectSettings,
    *,
    keep_empty: bool = False,
    keep_bad: bool = False,
) -> Source:
    """Open a file of one of ``TYPED_NAMES``; ``name`` is what messages call it.

    With ``keep_empty`` a blank row is a row, and with ``keep_bad`` a line that cannot be read: to
    predict, one line comes out for each line in.
    """
    if kind == "excel":
        return _excel(path, name, settings, keep_empty)
    if kind == "json-lines":
        return _json_lines(path, name, keep_bad=keep_bad)
    return _parquet(path, name)


def open_database(url: str, name: str, settings: CollectSettings) -> Source:
    """Ask a database ``--query``, or for all of ``--table``; its password is in the environment."""
    from nntool.tables.sources.sql import SqlSource, password_of

    default = CollectSettings().password_env
    return SqlSource(
        url,
        name,
        query=settings.query,
        table=settings.table,
        password=password_of(settings.password_env, default),
        password_env=settings.password_env,
    )


def _parquet(path: Path, name: str) -> Source:
    from nntool.tables.sources.parquet_file import ParquetSource

    return ParquetSource(path, name)


def _json_lines(path: Path, name: str, *, keep_bad: bool) -> Source:
    from nntool.tables.sources.json_lines import JsonLinesSource

    return JsonLinesSource(path, name, keep_bad=keep_bad)


def _excel(path: Path, name: str, settings: CollectSettings, keep_empty: bool) -> Source:
    from nntool.tables.sources.excel import ExcelSource

    return ExcelSource(
        path,
        name,
        sheet=settings.sheet,
        skip_rows=None if settings.skip_rows == "auto" else settings.skip_rows,
        header=settings.header,
        keep_empty=keep_empty,
    )


def refuse_idle_options(kinds: set[str], settings: CollectSettings) -> None:
    """An option that says how to read a kind of source, where there is none of that kind."""
    idle = {
        "--sheet": settings.sheet is not None and "excel" not in kinds,
        "--query": settings.query is not None and "sql" not in kinds,
        "--table": settings.table is not None and "sql" not in kinds,
    }
    for option, is_idle in idle.items():
        if is_idle:
            what = "a workbook" if option == "--sheet" else "a database"
            raise UsageError(f"{option} is for {what}, and no source is one", f"without {option}")
