"""The leakage guard of a split: what it hears of columns, finds, says and refuses."""

from __future__ import annotations

import shlex
import shutil
import time
from typing import TYPE_CHECKING, Any

from nntool.errors import DataError
from nntool.run import freshness, names
from nntool.run.session import Session
from nntool.settings.building import build
from nntool.settings.choices import name_and_settings
from nntool.settings.clean import CleanSettings
from nntool.settings.model import plain
from nntool.settings.split import SplitSettings
from nntool.steps import rows
from nntool.steps.job import Outcome, TableView
from nntool.steps.performing import file_name, read_json, write_json

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from nntool.tables.leakage import Finding

HEARD = ("roles", "missing_values", "missing_values_in", "decimal")
"""The settings of clean that change what columns are for the guard."""


def said_to_clean(
    session: Session, cleaning: CleanSettings | None, target: str, task: str
) -> CleanSettings:
    """What clean was told of columns, or is about to be: for the guard alone."""
    import msgspec

    entry = session.run.entry("clean")
    if cleaning is None:
        cleaning = build(CleanSettings, entry.asked if entry else {"target": target})
    return msgspec.structs.replace(cleaning, target=target, task=task, positive=None)


def heard(said: CleanSettings) -> dict[str, Any]:
    """Of what was said to clean, what the guard hears."""
    asked = plain(said)
    return {name: asked[name] for name in HEARD if name in asked}


def leaks(
    session: Session,
    settings: SplitSettings,
    table: pa.Table,
    hashes: NDArray[np.uint64],
    parts: NDArray[np.int8],
    said: CleanSettings,
    used: dict[str, str],
) -> tuple[list[dict[str, Any]], list[str]]:
    """What the guard finds, as plain data, and its notes; an error where the split is strict."""
    import numpy as np

    from nntool.steps.clean import target_of
    from nntool.tables import leakage

    view = leakage.View(table, hashes, parts, said, target_of(session, said), used)
    findings, notes = leakage.find(view, np.random.default_rng([settings.seed, 1]))
    if findings and settings.strict:
        raise _strict(session, findings)
    return [finding.as_plain() for finding in findings], notes


def look_again(session: Session, outcome: Outcome) -> None:
    """Have the guard of a split that stands look with what clean says of columns since then.

    So what a split reports does not hang on the order of commands. The parts stay as they are.
    """
    run = session.run
    entry = run.entry("split")
    if entry is None or not freshness.state(run, "split").is_fresh:
        return
    said = said_to_clean(session, None, entry.facts["target"], entry.facts["task"])
    facts = {**entry.facts, "columns": heard(said)}
    if entry.facts == facts:
        return
    begun = time.monotonic()
    report = read_json(run.checked(names.SPLIT_REPORT))
    before = report["leakage"]
    report["leakage"] = _found_again(session, build(SplitSettings, entry.settings), report, said)
    if report["leakage"] == before:
        entry.facts = facts
        return
    kept = [run.checked(artifact) for artifact in entry.writes if artifact != names.SPLIT_REPORT]
    folder = session.stage("split")
    for path in kept:
        shutil.copyfile(path, folder / path.name)
    write_json(folder / file_name(names.SPLIT_REPORT), report)
    session.finish(
        "split",
        asked=entry.asked,
        settings=entry.settings,
        reads=entry.reads,
        seconds=entry.seconds + time.monotonic() - begun,
        facts=facts,
    )
    outcome.notes.append("split's leakage guard looked again, with what clean now says of columns")
    tell(session, [leak for leak in report["leakage"] if leak not in before], outcome)


def _found_again(
    session: Session, settings: SplitSettings, report: dict[str, Any], said: CleanSettings
) -> list[dict[str, Any]]:
    """What the guard finds in the parts that stand."""
    from nntool.tables import parquet
    from nntool.tables.hashing import row_hashes

    table = parquet.read(session.run.checked(names.COLLECT_TABLE))
    column = name_and_settings(settings.method)[1].get("column")
    used = {report["method"]: column} if column else {}
    parts = rows.parts(session.run)
    return leaks(session, settings, table, row_hashes(table), parts, said, used)[0]


def _strict(session: Session, findings: list[Finding]) -> DataError:
    """What the guard found, as an error."""
    facts = "; ".join(finding.message for finding in findings)
    hint = _in_run(session, findings[0].hint)
    return DataError(f"--strict: {facts}", f"{hint}; without --strict it is only said")


def _in_run(session: Session, hint: str) -> str:
    """A hint as it is typed for this run."""
    return hint.replace(" RUN ", f" {shlex.quote(str(session.root))} ")


def tell(session: Session, found: list[dict[str, Any]], outcome: Outcome) -> None:
    """Put leaks into notes and a table."""
    for leak in found:
        outcome.notes.append(f"leakage: {leak['message']} ({_in_run(session, leak['hint'])})")
    if found:
        header = ["kind", "columns", "found", "score", "rows such as"]
        outcome.tables.append(TableView("leakage", header, [_row(leak) for leak in found]))


def _row(leak: dict[str, Any]) -> list[str]:
    return [
        leak["kind"],
        ", ".join(leak["columns"]),
        ", ".join(f"{n:,} {what}" for what, n in leak["counts"].items()),
        "" if leak["score"] is None else f"{leak['score']:.3f}",
        ", ".join(map(str, leak["rows"])),
    ]
