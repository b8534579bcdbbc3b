"""``collect``: every source's rows into one table of text, in source order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nntool.errors import DataError, UsageError
from nntool.run import hashing, names
from nntool.run.directory import Run
from nntool.run.manifest import FileRecord
from nntool.run.session import Session
from nntool.settings.collect import CollectSettings
from nntool.settings.model import plain
from nntool.steps.job import Job, Outcome
from nntool.steps.performing import (
    Done,
    enter,
    file_name,
    is_fresh,
    recorded,
    what_differs,
    write_json,
)

if TYPE_CHECKING:
    from nntool.tables.csv.reader import CsvReader


def collect(
    root: str, settings: CollectSettings, job: Job, recipe_folder: Path | None = None
) -> Outcome:
    """Read the sources into ``collect/table.parquet`` unless that is fresh."""
    outcome = Outcome("collect", root)
    with Session(root, create=True) as session:
        if not collect_in(session, settings, job, outcome, recipe_folder):
            session.touch(["collect"])
            outcome.fresh = True
            outcome.notes.append("these sources are collected already; nothing to do")
        session.commit()
    return outcome


def collect_in(
    session: Session,
    settings: CollectSettings,
    job: Job,
    outcome: Outcome,
    recipe_folder: Path | None = None,
) -> bool:
    """Stage the collected table unless it is fresh; returns whether it was read."""
    if not settings.source:
        raise UsageError("collect needs a source", f"nntool collect {session.root} FILE.csv")
    places = [locate(source, recipe_folder) for source in settings.source]
    fresh = is_fresh(session, "collect", settings)
    if not job.force and fresh and not changed_sources(session.run, places):
        outcome.report["collect"] = recorded(session.run, "collect")
        return False
    words = what_differs(session, "collect", settings)
    records = [hashing.record(place) for place in places]
    reads = {f"source:{s}": r.sha256 for s, r in zip(settings.source, records, strict=True)}
    enter(
        session,
        "collect",
        settings,
        lambda folder: _read_all(folder, settings, places, records, job, outcome),
        reads,
    )
    outcome.report["collect"] = recorded(session.run, "collect")
    outcome.notes += words if outcome.command == "collect" else [f"collect {w}" for w in words]
    return True


def locate(source: str, recipe_folder: Path | None) -> Path:
    """A source as typed: against the recipe's folder, then the current one."""
    from nntool.tables.csv.source import open_source

    if any("\udc80" <= sign <= "\udcff" for sign in source):  # what surrogateescape leaves
        raise UsageError(f"the name {source!r} is not UTF-8", "rename the file")
    bases = [base for base in (recipe_folder, Path()) if base is not None]
    for base in bases:
        place = base / source
        if place.is_file():
            open_source(str(place)).close()  # says why it may not be read
            return place
        if place.exists() and not place.is_dir():  # to open a pipe would wait for its writer
            raise DataError(f"{source} is no regular file", "write it to a file and name that")
    if recipe_folder is not None and not Path(source).exists():
        raise DataError(
            f"{source} is neither in {recipe_folder}, the recipe's folder, nor here",
            "name the file with --data",
        )
    open_source(source).close()  # says why it cannot be read
    raise DataError(f"{source} is no regular file", "write it to a file and name that")


def changed_sources(run: Run, places: list[Path]) -> list[str]:
    """The recorded sources whose content is not what was collected."""
    entry = run.entry("collect")
    if entry is None:
        return [str(place) for place in places]
    known = [FileRecord(**record["file"]) for record in entry.facts["sources"]]
    return [
        str(place)
        for place, record in zip(places, known, strict=True)
        if not hashing.is_same(place, record)
    ]


def _read_all(
    folder: Path,
    settings: CollectSettings,
    places: list[Path],
    records: list[FileRecord],
    job: Job,
    outcome: Outcome,
) -> Done:
    """Write table.parquet and sources.json into the staging folder."""
    from nntool.tables.parquet import TableWriter

    opened = [open_csv(place, settings) for place in places]
    columns = opened[0][0].names
    sources: list[dict[str, Any]] = []
    with TableWriter(folder / file_name(names.COLLECT_TABLE), opened[0][0].schema) as writer:
        for typed, place, known, (reader, dialect, notes) in zip(
            settings.source, places, records, opened, strict=True
        ):
            _require_same_columns(columns, reader.names, settings.source[0], typed)
            for batch in reader:
                writer.append(batch.select(columns))
                job.listener.progress(f"reading {typed}", reader.n_rows, 0, "rows")
            if reader.n_rows == 0:
                raise DataError(
                    f"{typed} has a header and no rows", "give a file with rows under its header"
                )
            if not hashing.has_stat_of(place, known):
                raise DataError(f"{typed} changed while it was read", "collect it again")
            outcome.notes += [*notes, *reader.notes]
            sources.append(
                {
                    "source": typed,
                    "sha256": known.sha256,
                    "rows": reader.n_rows,
                    "dialect": dialect,
                    "notes": reader.notes,
                    "left_out": reader.left_out,
                }
            )
    outcome.notes.append(f"collected {writer.n_rows:,} rows × {len(columns)} columns as text")
    write_json(
        folder / file_name(names.COLLECT_SOURCES),
        {"rows": writer.n_rows, "columns": columns, "sources": sources},
    )
    return Done(resolved=_resolved(settings, sources), facts={"sources": _places(places, records)})


def _require_same_columns(first: list[str], other: list[str], a: str, b: str) -> None:
    """Several sources become one table where they have the same columns, in any order."""
    missing, extra = sorted(set(first) - set(other)), sorted(set(other) - set(first))
    if missing or extra:
        facts = [f"without {', '.join(map(repr, missing))}"] if missing else []
        facts += [f"with {', '.join(map(repr, extra))}"] if extra else []
        raise DataError(
            f"{b} has other columns than {a}: {' and '.join(facts)}",
            "give sources that have the same column names",
        )


def _places(places: list[Path], records: list[FileRecord]) -> list[dict[str, Any]]:
    """Where each source lies and its stat values, so that it need not be hashed again."""
    import msgspec

    return [
        {"path": str(place.resolve()), "file": msgspec.to_builtins(known)}
        for place, known in zip(places, records, strict=True)
    ]


def _resolved(settings: CollectSettings, sources: list[dict[str, Any]]) -> dict[str, Any]:
    """What 'auto' came to, where it came to the same in every source."""
    given = plain(settings)
    found = {}
    skips = {source["dialect"]["skip_blanks"] for source in sources}
    if given["blanks_after_delimiter"] == "auto" and len(skips) == 1:
        found["blanks_after_delimiter"] = "skip" if skips.pop() else "keep"
    for key in ("delimiter", "encoding", "quote", "comment", "skip_rows", "skip_end"):
        values = {source["dialect"][key] for source in sources}
        if given[key] == "auto" and len(values) == 1:
            value = values.pop()
            found[key] = "none" if value == "" else value
    return found


def open_csv(place: Path, settings: CollectSettings) -> tuple[CsvReader, dict[str, Any], list[str]]:
    """Open a CSV: its reader, its dialect as plain data, and what was found."""
    from nntool.tables.csv.detection import detect
    from nntool.tables.csv.encoding import survey
    from nntool.tables.csv.reader import CsvReader
    from nntool.tables.csv.source import open_source, peek, read_bytes

    name = str(place)
    found = survey(lambda: open_source(name), lambda stream, size: read_bytes(stream, size, name))
    head, stream = peek(open_source(name))
    dialect, notes = detect(head, settings, name, found)
    reader = CsvReader(stream, dialect, name, max_bad_rows=settings.max_bad_rows, ahead=True)
    return reader, dialect.to_plain(), list(notes)
