"""Where collected rows come from, and whether that is as it was when they were collected."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nntool.errors import DataError, NntoolError, UsageError
from nntool.run import hashing
from nntool.run.directory import Run
from nntool.run.manifest import FileRecord
from nntool.settings.collect import CollectSettings

if TYPE_CHECKING:
    import pyarrow as pa

    from nntool.tables.sources.reading import Source


@dataclass
class Origin:
    """One source: what was typed, what kind it is, where it is."""

    typed: str
    kind: str
    place: str
    """The path of a file, or the address of a database."""
    note: str = ""
    """How its kind was found, where its name does not say it."""
    record: FileRecord | None = None
    """A file as it was before it was read."""
    digest: str = ""
    """The hash of the file, or of the rows that a database gave."""
    columns: tuple[str, ...] = ()
    """The columns of a database that were read, by its own names."""

    @property
    def path(self) -> Path:
        """Where a file is."""
        return Path(self.place)

    def facts(self) -> dict[str, Any]:
        """What run.json keeps, so that a change is seen and a file need not be hashed again."""
        import msgspec

        if self.record is None:
            return {"path": self.place, "rows": self.digest, "columns": list(self.columns)}
        return {"path": str(self.path.resolve()), "file": msgspec.to_builtins(self.record)}


def locate_all(settings: CollectSettings, recipe_folder: Path | None) -> list[Origin]:
    """Every source, its kind and its place; raises ``DataError`` for one that is not there."""
    from nntool.tables.sources.opening import refuse_idle_options

    found = [_locate(source, settings.format, recipe_folder) for source in settings.source]
    refuse_idle_options({origin.kind for origin in found}, settings)
    return found


def _locate(source: str, asked: str, recipe_folder: Path | None) -> Origin:
    from nntool.tables.sources import kinds

    named = kinds.by_name(source)
    if named == "sql" and asked in ("auto", "sql"):
        return Origin(source, "sql", _with_place(source, recipe_folder))
    if named == "sql":
        raise UsageError(
            f"--format {asked} is a kind of file, and {source} is an address", "--format auto"
        )
    path = locate(source, recipe_folder)
    if asked == "sql":
        raise UsageError(
            f"--format sql needs an address, and {source} is a file", f"sqlite:///{source}"
        )
    if asked != "auto":
        return Origin(source, asked, str(path))
    kind, note = _kind_of_file(path, source, named)
    return Origin(source, kind, str(path), note)


def kind_of_file(source: str) -> str:
    """The kind of a file, where it is there; else what its name says."""
    from nntool.tables.sources import kinds

    named = kinds.by_name(source)
    path = Path(source)
    return _kind_of_file(path, source, named)[0] if path.is_file() else named or "csv"


def _kind_of_file(path: Path, source: str, named: str | None) -> tuple[str, str]:
    """The kind that a file's name says; its first bytes, where these cannot be text."""
    from nntool.tables.sources import kinds

    try:
        with open(path, "rb") as file:
            content = kinds.by_content(file.read(16))
    except PermissionError:
        raise DataError(f"{source} may not be read", f"ls -l {source}") from None
    if content == "sqlite":
        raise DataError(f"{source} is an SQLite database", f"sqlite:///{source} --table NAME")
    if content == "xls" and named in (None, "excel"):
        raise DataError(
            f"{source} is a workbook of an old Excel (.xls), or has a password",
            "save it as .xlsx, without a password",
        )
    if content is not None and named in (None, "csv", "tsv"):
        return content, f"{source}: {kinds.KINDS[content]}, by its first bytes (--format)"
    kind = named or "csv"
    return kind, "" if kind == "csv" else f"{source}: {kinds.KINDS[kind]}, by its name (--format)"


def locate(source: str, recipe_folder: Path | None) -> Path:
    """A file as typed: against the recipe's folder, then the current one."""
    from nntool.tables.csv.source import open_source

    if any("\udc80" <= sign <= "\udcff" for sign in source):  # what surrogateescape leaves
        raise UsageError(f"the name {source!r} is not UTF-8", "rename the file")
    if source == "-":
        raise DataError(
            "a source is read more than once, which standard input cannot be",
            "write it to a file and name that",
        )
    bases = [base for base in (recipe_folder, Path()) if base is not None]
    for base in bases:
        place = base / source
        if place.is_file():
            open_source(str(place)).close()  # says why it may not be read
            return place
        if place.exists() and not place.is_dir():  # to open a pipe would wait for its writer
            raise DataError(f"{source} is no regular file", "write it to a file and name that")
    if not any((base / source).exists() for base in bases):
        raise _gone(source, recipe_folder)
    open_source(source).close()  # says why it cannot be read
    raise DataError(f"{source} is no regular file", "write it to a file and name that")


def _gone(source: str, recipe_folder: Path | None) -> DataError:
    from nntool.tables.sources.sql import GoneError

    gone = GoneError(source, "", "check the path")
    if recipe_folder is not None:
        gone.message = f"{source} is neither in {recipe_folder}, the recipe's folder, nor here"
        gone.hint = "name the file with --data"
    return gone


def _with_place(url: str, recipe_folder: Path | None) -> str:
    """The address of an SQLite file with its whole path; any other as it is."""
    scheme, _, rest = url.partition(":///")
    if scheme.partition("+")[0] != "sqlite" or not rest:
        return url
    path, mark, words = rest.partition("?")
    return f"{scheme}:///{locate(path, recipe_folder).resolve()}{mark}{words}"


class Digest:
    """The hash of a database's column names and of the rows read, the same whatever the batches."""

    def __init__(self, names: Sequence[str]) -> None:
        self._hash = hashlib.sha256("\0".join(names).encode())

    def add(self, batch: pa.RecordBatch) -> None:
        """Take in the rows of a batch."""
        from nntool.tables.hashing import row_hashes

        self._hash.update(row_hashes(batch).astype("<u8").tobytes())

    @property
    def hexdigest(self) -> str:
        """The hash of what was taken in."""
        return self._hash.hexdigest()


def _digest_now(source: Source, columns: list[str]) -> str:
    """The hash of what a database gives now; empty where it lacks a column."""
    digest = Digest(source.names)
    try:
        if not set(columns) <= set(source.names):
            return ""
        for batch in source.batches(columns):
            digest.add(batch)
    finally:
        source.close()
    return digest.hexdigest


def changed(run: Run, origins: list[Origin], settings: CollectSettings) -> list[str]:
    """The sources whose content is not what was collected; a database is asked again."""
    entry = run.entry("collect")
    known = entry.facts["sources"] if entry else []
    if len(known) != len(origins):
        return [origin.typed for origin in origins]
    return [
        origin.typed
        for origin, fact in zip(origins, known, strict=True)
        if not _is_same(origin.place, fact, settings)
    ]


def _is_same(place: str, fact: dict[str, Any], settings: CollectSettings) -> bool:
    if "file" in fact:
        return hashing.is_same(Path(place), FileRecord(**fact["file"]))
    from nntool.tables.sources.opening import open_database

    now = _digest_now(open_database(place, place, settings), fact["columns"])
    return now == str(fact["rows"])


def states(run: Run) -> list[dict[str, Any]]:
    """Whether each source is where it was, as it was: for ``status``."""
    from nntool.settings.building import build
    from nntool.tables.sources.sql import GoneError

    entry = run.entry("collect")
    if entry is None:
        return []
    settings = build(CollectSettings, entry.asked)
    found = []
    for fact in entry.facts["sources"]:
        place, state, note = fact["path"], "unchanged", ""
        try:
            if "file" in fact and not Path(place).exists():
                raise GoneError(place, "", "")
            if not _is_same(place, fact, settings):
                state = "changed"
                note = f"the source {place} has changed since it was collected"
        except NntoolError as error:  # not there, or not to be asked from here
            state = "gone"
            reason = error.why if isinstance(error, GoneError) else error.message
            why = f" ({reason})" if reason else ""
            note = f"the source {place} is gone{why}; what was collected is still here"
        found.append({"path": place, "state": state, "note": note})
    return found
