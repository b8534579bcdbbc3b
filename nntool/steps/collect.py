"""``collect``: every source's rows into one table of text, in source order."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nntool.errors import DataError, UsageError
from nntool.run import hashing, names
from nntool.run.session import Session
from nntool.settings.clean import MISSING_VALUES
from nntool.settings.collect import CollectSettings
from nntool.settings.model import plain
from nntool.steps import keys, origins
from nntool.steps.job import Job, Outcome, TableView
from nntool.steps.origins import Origin
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
    from nntool.tables.sources.reading import Source
    from nntool.tables.sources.shaping import Shaped

ALL_ROWS = ".all.parquet"
"""What was read, in the staging folder, where a sample or other dates are made of it."""


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
    found = origins.locate_all(settings, recipe_folder)
    fresh = is_fresh(session, "collect", settings)
    if not job.force and fresh and not origins.changed(session.run, found, settings):
        outcome.report["collect"] = recorded(session.run, "collect")
        return False
    words = what_differs(session, "collect", settings)
    reads: dict[str, str] = {}
    enter(
        session,
        "collect",
        settings,
        lambda folder: _work(folder, settings, found, recipe_folder, job, outcome, reads),
        reads,
    )
    outcome.report["collect"] = recorded(session.run, "collect")
    outcome.notes += words if outcome.command == "collect" else [f"collect {w}" for w in words]
    return True


def _work(
    folder: Path,
    settings: CollectSettings,
    found: list[Origin],
    recipe_folder: Path | None,
    job: Job,
    outcome: Outcome,
    reads: dict[str, str],
) -> Done:
    """Write table.parquet and sources.json into the staging folder."""
    from nntool.tables.sources import finishing, shaping

    key = keys.key_of(settings, recipe_folder) if settings.pseudonymize else b""
    outcome.notes += keys.cautions(key) if settings.pseudonymize else []
    opened = [_open(origin, settings, outcome) for origin in found]
    try:
        called = [origin.typed for origin in found]
        sources = [source for source, _ in opened]
        shaped = shaping.shape_all(called, sources, keys.shape(settings, key))
        if settings.missing_columns == "error":
            shaping.refuse_differences(called, shaped)
        _read_all(folder / ALL_ROWS, found, shaped, job)
    finally:
        for source, _ in opened:
            source.close()
    for origin, source in zip(found, sources, strict=True):
        outcome.notes += source.notes
        reads[f"source:{origin.typed}"] = origin.digest
    kept, notes = finishing.finish(
        folder / ALL_ROWS,
        folder / file_name(names.COLLECT_TABLE),
        called,
        [source.n_rows for source in sources],
        sample=settings.sample,
        stratify=settings.stratify,
        seed=settings.seed,
        missing_values=MISSING_VALUES,
    )
    outcome.notes += notes
    described = [
        _described(*each, is_personal=bool(settings.drop or settings.pseudonymize))
        for each in zip(found, shaped, opened, kept, shaping.lacking(shaped), strict=True)
    ]
    columns = shaping.all_names(shaped)
    _tell(outcome, described, sum(kept), columns)
    write_json(
        folder / file_name(names.COLLECT_SOURCES),
        {"rows": sum(kept), "columns": columns, "sources": described, "notes": notes},
    )
    return Done(
        resolved=_resolved(settings, described),
        facts={
            "sources": [origin.facts() for origin in found],
            "pseudonymized": list(dict.fromkeys(c for one in shaped for c in one.hashed)),
        },
    )


def _open(
    origin: Origin, settings: CollectSettings, outcome: Outcome
) -> tuple[Source, dict[str, Any] | None]:
    """Open a source, and what is known of how a CSV is written."""
    import msgspec

    from nntool.tables.sources import opening
    from nntool.tables.sources.reading import CsvSource

    if origin.note:
        outcome.notes.append(origin.note)
    if origin.kind == "sql":
        return opening.open_database(origin.place, origin.typed, settings), None
    origin.record = hashing.record(origin.path)
    origin.digest = origin.record.sha256
    if origin.kind not in ("csv", "tsv"):
        return opening.open_file(origin.kind, origin.path, origin.typed, settings), None
    if origin.kind == "tsv" and settings.delimiter == "auto":
        settings = msgspec.structs.replace(settings, delimiter="tab")
    reader, dialect, notes = open_csv(origin.path, settings)
    outcome.notes += notes
    return CsvSource(reader), dialect


def _read_all(path: Path, found: list[Origin], shaped: list[Shaped], job: Job) -> None:
    """Write the rows of all sources into one table."""
    from nntool.tables.parquet import TableWriter
    from nntool.tables.sources import shaping
    from nntool.tables.sources.reading import text_schema

    columns = shaping.all_names(shaped)
    with TableWriter(path, text_schema(columns)) as writer:
        for origin, one in zip(found, shaped, strict=True):
            digest = origins.Digest(one.source.names)
            for raw in one.source.batches(one.taken):
                if origin.kind == "sql":
                    digest.add(raw)
                writer.append(shaping.aligned(one.kept(raw), columns))
                job.listener.progress(f"reading {origin.typed}", one.source.n_rows, 0, "rows")
            if one.source.n_rows == 0:
                raise DataError(
                    f"{origin.typed} has a header and no rows",
                    "give a file with rows under its header",
                )
            if origin.record is None:
                origin.digest, origin.columns = digest.hexdigest, tuple(one.taken)
            elif not hashing.has_stat_of(origin.path, origin.record):
                raise DataError(f"{origin.typed} changed while it was read", "collect it again")


def _described(
    origin: Origin,
    shaped: Shaped,
    opened: tuple[Source, dict[str, Any] | None],
    n_kept: int,
    without: list[str],
    *,
    is_personal: bool,
) -> dict[str, Any]:
    """What sources.json says of a source.

    Notes may quote cells: where columns are personal they are said, not kept.
    """
    source, dialect = opened
    return {
        "source": origin.typed,
        "kind": origin.kind,
        "sha256": origin.digest,
        "rows": source.n_rows,
        "rows_kept": n_kept,
        "columns": len(shaped.names),
        "renamed": shaped.renamed,
        "dropped": shaped.dropped,
        "pseudonymized": shaped.hashed,
        "without": without,
        "dialect": dialect,
        "notes": [] if is_personal else source.notes,
        "left_out": [] if is_personal else getattr(source, "left_out", []),
    }


def _tell(
    outcome: Outcome, described: list[dict[str, Any]], n_rows: int, columns: list[str]
) -> None:
    """What was collected, in sentences; where there are several sources, also as a table."""
    for words, key in (("dropped", "dropped"), ("replaced by keyed hashes", "pseudonymized")):
        found = list(dict.fromkeys(name for source in described for name in source[key]))
        if found:
            outcome.notes.append(f"{words}: {_listed(found)}")
    if len(described) > 1:
        body = [
            [s["source"], s["kind"], f"{s['rows']:,}", f"{s['rows_kept']:,}", _differences(s)]
            for s in described
        ]
        header = ["source", "kind", "rows", "kept", "columns"]
        outcome.tables.append(TableView("sources", header, body))
    elif described[0]["renamed"]:
        outcome.notes.append(f"renamed: {_differences(described[0])}")
    outcome.notes.append(f"collected {n_rows:,} rows × {len(columns)} columns as text")


def _differences(source: dict[str, Any]) -> str:
    """How many columns a source gave, which were renamed, which it lacks."""
    facts = [f"{old!r} is {new!r}" for old, new in source["renamed"].items()]
    if source["without"]:
        facts.append(f"without {_listed(source['without'])}: missing cells")
    return "; ".join([str(source["columns"]), *facts])


def _listed(columns: list[str]) -> str:
    return ", ".join(map(repr, columns))


def _resolved(settings: CollectSettings, sources: list[dict[str, Any]]) -> dict[str, Any]:
    """What 'auto' came to, where it came to the same in every source."""
    if any(source["dialect"] is None for source in sources):
        return {}
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
    if any(source["kind"] == "tsv" for source in sources):
        found.pop("delimiter", None)  # the name of the file says it, not what is to come
    return found


def open_csv(place: Path, settings: CollectSettings) -> tuple[CsvReader, dict[str, Any], list[str]]:
    """Open a CSV: its reader, its dialect as plain data, and what was found."""
    from nntool.tables.csv.arriving import peek
    from nntool.tables.csv.detection import detect
    from nntool.tables.csv.encoding import survey
    from nntool.tables.csv.reader import CsvReader
    from nntool.tables.csv.source import open_source, read_bytes

    name = str(place)
    found = survey(lambda: open_source(name), lambda stream, size: read_bytes(stream, size, name))
    head, stream = peek(open_source(name), name)
    with ExitStack() as stack:
        stack.enter_context(stream)
        dialect, notes = detect(head, settings, name, found)
        reader = CsvReader(
            stream,
            dialect,
            name,
            max_bad_rows=settings.max_bad_rows,
            ahead=1,
            show_cells=not (settings.drop or settings.pseudonymize),  # the run keeps what is said
        )
        stack.pop_all()
    return reader, dialect.to_plain(), list(notes)
