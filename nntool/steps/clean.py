"""``clean``: typed columns, the target and its task, and the rows that are left out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nntool.errors import UsageError
from nntool.run import freshness, names
from nntool.run.session import Session
from nntool.settings.clean import CleanSettings
from nntool.settings.collect import CollectSettings
from nntool.steps import choices, guarding, rows
from nntool.steps.collect import collect_in
from nntool.steps.job import Job, Outcome, TableView
from nntool.steps.performing import Done, enter, file_name, is_fresh, perform, write_json

if TYPE_CHECKING:
    from nntool.tables.rules.rule import Judgement
    from nntool.tables.typing_pass import TextFile, Typed


def clean(
    root: str,
    settings: CleanSettings,
    job: Job,
    source: CollectSettings | None = None,
    recipe_folder: Path | None = None,
) -> Outcome:
    """Collect the source, if one is given and new, then type and check its columns."""
    _check(settings)
    outcome = Outcome("clean", root)
    with Session(root, create=source is not None) as session:
        if source is not None and not collect_in(session, source, job, outcome, recipe_folder):
            session.touch(["collect"])
        clean_in(session, settings, job, outcome)
        session.commit()
    return outcome


def clean_in(session: Session, settings: CleanSettings, job: Job, outcome: Outcome) -> bool:
    """Stage the clean table unless it is fresh; returns whether it was made."""
    _check(settings)
    freshness.require(session.run, "clean")
    if is_fresh(session, "clean", settings) and not job.force:
        return perform(session, "clean", settings, job, outcome, lambda folder: Done())
    target = target_of(session, settings)
    settings = _with_names(session, settings, target["name"])
    _refuse_another_target(session, target["name"], target["task"])
    is_made = perform(
        session,
        "clean",
        settings,
        job,
        outcome,
        lambda folder: _work(session, settings, target, folder, outcome, job.cores),
        _inputs(session, target["name"], target["task"]),
    )
    if is_made:
        guarding.look_again(session, outcome)
    return is_made


def _check(settings: CleanSettings) -> None:
    """Refuse rules that have no meaning before anything is read."""
    from nntool.tables.rules import following

    choices.check(settings)
    following.check(settings)


def _with_names(session: Session, settings: CleanSettings, target: str) -> CleanSettings:
    """A position is the name that stands there."""
    import msgspec

    from nntool.tables import columns, parquet
    from nntool.tables.rules.derive import parse_derivation

    every = parquet.names(session.run.checked(names.COLLECT_TABLE))
    key = columns.resolve_listed(every, settings.duplicates_by, "--duplicates-by")
    known = [*every, *(parse_derivation(text).column for text in settings.derive)]
    required = columns.resolve_listed(known, settings.require_columns, "--require-columns")
    return msgspec.structs.replace(
        settings, target=target, duplicates_by=tuple(key), require_columns=tuple(required)
    )


def refit(session: Session, settings: CleanSettings, job: Job, outcome: Outcome) -> None:
    """Stage the step again on the rows that stand now."""
    enter(
        session,
        "clean",
        settings,
        lambda folder: _work(
            session, settings, target_of(session, settings), folder, outcome, job.cores
        ),
    )


def target_of(session: Session, settings: CleanSettings) -> dict[str, Any]:
    """The target's state (its name, task, classes), decided from all collected rows.

    Where its cells leave their decimal mark in doubt, other columns say it: by training rows, once
    there is a split.
    """
    from nntool.tables import column_types, columns, parquet
    from nntool.tables import target as targets

    table = session.run.checked(names.COLLECT_TABLE)
    known = parquet.names(table)
    name = columns.resolve(known, settings.target, "the target")
    missing = column_types.missing_by_column(known, settings)
    text = parquet.read(table, [name])
    targets.refuse_one_value(text.column(name), missing[name])
    if not targets.is_unclear(text.column(name), missing[name]):
        return column_types.learn_target(text, name, settings, missing)
    parts = rows.parts_where_split(session.run)
    train = None if parts is None else parts == rows.PARTS["train"]
    return column_types.learn_target(parquet.read(table), name, settings, missing, train)


def _refuse_another_target(session: Session, target: str, task: str) -> None:
    """A split that was told its target holds clean to it; one that took clean's becomes stale."""
    split = session.run.entry("split")
    if split is None or freshness.split_is_for(session.run, target, task):
        return
    if "target" in split.asked:
        had = split.facts
        raise UsageError(
            f"split was made for {had['target']!r} ({had['task']}), not for {target!r} ({task})",
            f"nntool split {session.root} --target {target!r} --task {task}",
        )


def _inputs(session: Session, target: str, task: str) -> dict[str, str]:
    """What clean reads: the split only where it is for this target."""
    found = freshness.inputs(session.run, "clean")
    if not freshness.split_is_for(session.run, target, task):
        found.pop(names.SPLIT_ROWS, None)
    return found


def _work(
    session: Session,
    settings: CleanSettings,
    target: dict[str, Any],
    folder: Path,
    outcome: Outcome,
    threads: int,
) -> Done:
    from nntool.tables.typing_pass import TextFile

    with TextFile(session.run.checked(names.COLLECT_TABLE)) as text:
        return _work_on(text, session, settings, target, folder, outcome, threads)


def _work_on(
    text: TextFile,
    session: Session,
    settings: CleanSettings,
    target: dict[str, Any],
    folder: Path,
    outcome: Outcome,
    threads: int,
) -> Done:
    from nntool.tables import arrays, cleaning, cleaning_report, columns, marking, typing_pass
    from nntool.tables.rules import following, noise_report

    wanted = columns.resolve_all(text.column_names, list(settings.roles), "--roles")
    roles = dict(zip(wanted, settings.roles.values(), strict=True))
    uses_split = names.SPLIT_ROWS in _inputs(session, target["name"], target["task"])
    parts = rows.parts(session.run) if uses_split else None
    mask, seen = rows.learned_by_clean(text.num_rows, parts)
    judged: list[Judgement] = []
    learned = mask if uses_split else None
    typed = typing_pass.type_table(text, settings, learned, target, threads)
    state = cleaning.fit(text, settings, learned, target, judged, typed)
    repeats = marking.find_repeats(text, settings, parts, typed.hashes)
    written = _write_clean(typed, state, parts, folder)
    for judgement in judged:
        following.object_to(judgement, written.objections)
    missing = written.target_is_missing
    marks = marking.mark(repeats, missing, settings, written.objections, parts)
    arrays.save(folder / file_name(names.CLEAN_LEFT_OUT), marks)
    write_json(folder / file_name(names.CLEAN_STATE), state)
    report = cleaning_report.report(
        state, written.counts, repeats, marks, settings, written.missing
    )
    report["notes"] += noise_report.notes(state["rules"], judged)
    report |= noise_report.facts(state["rules"], judged)
    write_json(folder / file_name(names.CLEAN_REPORT), report)
    outcome.notes += report["notes"]
    if target["positive"]:
        outcome.notes.append(
            f"the positive class is {target['positive']!r} (--positive to choose the other)"
        )
    outcome.tables += [_roles_table(state, report), *_rules_tables(report)]
    outcome.tables += [TableView(*table) for table in noise_report.tables(state["rules"], judged)]
    return Done(
        resolved={
            "target": target["name"],
            "task": target["task"],
            **({"roles": roles} if roles else {}),
            **({"positive": target["positive"]} if target["positive"] else {}),
        },
        rows=seen,
    )


class _Written(NamedTuple):
    """What was met while the clean table was written."""

    counts: dict[str, Any]
    """What happened to cells, by column and kind."""
    missing: dict[str, int]
    """Cells without a value, by column, as they were written."""
    target_is_missing: Any
    objections: Any
    """For each row the reason that a rule has to leave it out, or 0."""


def _write_clean(typed: Typed, state: dict[str, Any], parts: Any, folder: Path) -> _Written:
    """Write the clean table, batch by batch."""
    import numpy as np

    from nntool.tables import casting, cleaning, cleaning_rows, parquet

    counts: dict[str, Any] = typed.counts
    schema = cleaning.schema(state)
    missing = dict.fromkeys(schema.names, 0)
    without_target, objections = [], []
    with parquet.TableWriter(folder / file_name(names.CLEAN_TABLE), schema) as writer:
        table = cleaning.as_typed(typed, state)
        for batch, found, objected in cleaning_rows.of_table(table, state, parts):
            casting.merge_counts(counts, found)
            casting.merge_counts(missing, {n: batch.column(n).null_count for n in schema.names})
            writer.append(batch)
            without_target.append(batch.column(state["target"]["name"]).is_null().to_numpy(False))
            objections.append(objected)
    return _Written(counts, missing, np.concatenate(without_target), np.concatenate(objections))


def _roles_table(state: dict[str, Any], report: dict[str, Any]) -> TableView:
    """What each column is taken for, and why."""
    target = state["target"]
    body = [[target["name"], "target", f"{target['task']}: {target['reason']}", ""]]
    for column in state["columns"]:
        missing = report["columns"][column["name"]].get("missing", 0)
        body.append([column["name"], column["role"], column["reason"], f"{missing:,}"])
    return TableView("columns", ["column", "role", "because", "missing"], body)


def _rules_tables(report: dict[str, Any]) -> list[TableView]:
    """What the rules did to the cells of each column, where they did something."""
    from nntool.tables.cleaning_report import rule_table

    body = rule_table(report["rules"])
    return [TableView("cells", ["option", "column", "cells"], body)] if body else []
