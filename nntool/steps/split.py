"""``split``: which rows train, validate and test; then what was fitted is fitted again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nntool.errors import StaleError, UsageError
from nntool.run import freshness, names
from nntool.run.session import Session
from nntool.settings.building import build
from nntool.settings.choices import name_and_settings
from nntool.settings.clean import CleanSettings
from nntool.settings.split import SplitSettings
from nntool.settings.steps import STEPS
from nntool.steps import choices, clean, guarding, select_features, transform
from nntool.steps.job import Job, Outcome, TableView
from nntool.steps.performing import Done, file_name, perform, read_json, recorded, write_json

REFITS = {
    "clean": clean.refit,
    "transform": transform.refit,
    "select-features": select_features.refit,
}


def split(root: str, settings: SplitSettings, job: Job) -> Outcome:
    """Deal the rows, then fit the steps before it again on the training rows only."""
    outcome = Outcome("split", root)
    with Session(root) as session:
        if split_in(session, settings, job, outcome):
            refit_earlier_steps(session, job, outcome)
        else:
            for step in names.FITTED_ON_ROWS:
                if freshness.state(session.run, step).is_fresh:
                    outcome.report[step] = recorded(session.run, step)
        session.commit()
    return outcome


def split_in(
    session: Session,
    settings: SplitSettings,
    job: Job,
    outcome: Outcome,
    announced: CleanSettings | None = None,
) -> bool:
    """Stage the parts unless they are fresh; returns whether they were dealt.

    ``announced`` are the settings of a clean that is about to run; its target is taken as clean's.
    """
    choices.check(settings)
    freshness.require(session.run, "split")
    target, task = _target_and_task(session, settings, announced)
    return perform(
        session,
        "split",
        settings,
        job,
        outcome,
        lambda folder: _work(session, settings, target, task, announced, folder, outcome),
    )


def refit_earlier_steps(session: Session, job: Job, outcome: Outcome) -> None:
    """Fit again, in order, each step that has run, with its recorded settings."""
    done = []
    for step in names.FITTED_ON_ROWS:
        entry = session.run.entry(step)
        if entry is None:
            continue
        quiet = Outcome(step, outcome.run)
        REFITS[step](session, build(STEPS[step], entry.asked), job, quiet)  # type: ignore[operator] # each takes its own model
        outcome.report[step] = recorded(session.run, step)
        seen = session.run.manifest.steps[step].rows
        done.append(f"{step} ({seen.count:,} rows)" if seen else step)
    if done:
        outcome.notes.append("fitted again on training rows only: " + ", ".join(done))


def _target_and_task(
    session: Session, settings: SplitSettings, announced: CleanSettings | None
) -> tuple[str, str]:
    """The target and task: clean's, or where clean has not run what the options say."""
    entry = session.run.entry("clean")
    if announced is not None:
        asked = announced
    elif entry is not None:
        target, task = str(entry.settings["target"]), str(entry.settings["task"])
        _refuse_other_words(session, settings, target, task)
        return target, task
    elif settings.target is None:
        raise UsageError(
            "split needs --target: clean has not run", f"nntool split {session.root} --target NAME"
        )
    else:
        asked = build(CleanSettings, {"target": settings.target, "task": settings.task})
    state = clean.target_of(session, asked)
    return state["name"], state["task"]


def _refuse_other_words(session: Session, settings: SplitSettings, target: str, task: str) -> None:
    """Where clean has run, --target and --task may only repeat what it decided."""
    from nntool.tables import columns, parquet

    if settings.target is not None:
        known = parquet.names(session.run.checked(names.COLLECT_TABLE))
        named = columns.resolve(known, settings.target, "the target")
        if named != target:
            raise UsageError(
                f"clean has the target {target!r}, not {named!r}",
                f"nntool clean {session.root} --target {named!r}",
            )
    if settings.task not in ("auto", task):
        raise UsageError(
            f"clean has the task {task}, not {settings.task}",
            f"nntool clean {session.root} --target {target!r} --task {settings.task}",
        )


def _work(
    session: Session,
    settings: SplitSettings,
    target: str,
    task: str,
    cleaning: CleanSettings | None,
    folder: Path,
    outcome: Outcome,
) -> Done:
    import numpy as np

    from nntool.tables import arrays, parquet, splitting
    from nntool.tables.hashing import row_hashes

    table = parquet.read(session.run.checked(names.COLLECT_TABLE))
    hashes = row_hashes(table)
    method, given = _method(table.column_names, settings, target)
    column = getattr(method, "column", None)
    shares = (settings.train, settings.validation, settings.test)
    parts, folds, report = splitting.split(
        table.column(target),
        hashes,
        shares,
        method,
        task,
        np.random.default_rng(settings.seed),
        column=table.column(column) if column else None,
        sources=_sources(session, table.num_rows),
        n_folds=settings.folds,
    )
    splitting.refuse_useless(report, shares, table.num_rows)
    if settings.method == "auto":
        given = {"method": report["method"]}
    said = guarding.said_to_clean(session, cleaning, target, task)
    used = {report["method"]: column} if column else {}
    report["leakage"], notes = guarding.leaks(session, settings, table, hashes, parts, said, used)
    report["notes"] += notes
    arrays.save(folder / file_name(names.SPLIT_ROWS), parts)
    if folds is not None:
        arrays.save(folder / file_name(names.SPLIT_FOLDS), folds)
    write_json(folder / file_name(names.SPLIT_REPORT), report)
    _tell(session, report, table.num_rows, outcome)
    facts = {"target": target, "task": task, "columns": guarding.heard(said)}
    return Done(resolved=given, facts=facts)


def _method(known: list[str], settings: SplitSettings, target: str) -> tuple[Any, dict[str, Any]]:
    """The method with the column that it names, and the setting where a position became a name."""
    import dataclasses

    from nntool.tables import columns

    if settings.method == "auto":
        return "auto", {}
    method = choices.built("SPLITTERS", settings.method)
    wanted = getattr(method, "column", None)
    if wanted is None:
        return method, {}
    name = name_and_settings(settings.method)[0]
    column = columns.resolve(known, wanted, f"--method {name}")
    if column == target:
        raise UsageError(f"--method {name}: {column!r} is the target", "name another column")
    asked = settings.method if isinstance(settings.method, dict) else {"name": name}
    return dataclasses.replace(method, column=column), {"method": {**asked, "column": column}}


def _sources(session: Session, n_rows: int) -> list[Any]:
    """The sources in order, each with the rows that are kept of it."""
    from nntool.tables.splitting import Source

    collected = read_json(session.run.checked(names.COLLECT_SOURCES))
    found = [Source(s["source"], s.get("rows_kept", s["rows"])) for s in collected["sources"]]
    if sum(source.n_rows for source in found) != n_rows:
        raise StaleError(
            f"{names.COLLECT_SOURCES} and {names.COLLECT_TABLE} have other numbers of rows",
            f"{session.run.command('collect')} --force",
        )
    return found


def _tell(session: Session, report: dict[str, Any], n_rows: int, outcome: Outcome) -> None:
    """Put into notes and tables what came out."""
    outcome.notes += report["notes"]
    body = [[part, f"{n:,}", f"{n / n_rows:.1%}"] for part, n in report["sizes"].items() if n]
    outcome.tables.append(TableView("parts", ["part", "rows", "share"], body))
    guarding.tell(session, report["leakage"], outcome)
