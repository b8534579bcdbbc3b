"""``evaluate --cv``: the whole chain fitted anew for each of some folds, several at a time.

Each fold is a small run directory in the staging folder of evaluate, in which the functions of the
steps themselves clean, transform, select and train; so whatever a run learns, a fold learns from
its own rows only. joblib runs the folds: in processes of this machine, or wherever its backend is.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nntool.errors import DataError, MachineError, StoppedError, TrainingError, UsageError
from nntool.run import names
from nntool.run.directory import Run
from nntool.settings.building import build
from nntool.settings.evaluate import EvaluateSettings
from nntool.settings.split import SplitSettings
from nntool.settings.wording import counted, listed
from nntool.steps import choices, processes, rows
from nntool.steps.evaluating import folds
from nntool.steps.job import Job
from nntool.steps.performing import read_json, recorded

if TYPE_CHECKING:
    from nntool.steps.one_fold import Result, Task

FITTED = (*names.FITTED_ON_ROWS, "train")
"""The steps that each fold does anew."""


def refuse(run: Run, settings: EvaluateSettings) -> None:
    """Raise an error for folds that cannot be, or that no score of the run could stand beside."""
    if settings.cv is None:
        return
    if _method(run).in_order and settings.cv_repeats > 1:
        raise UsageError(
            f"--cv-repeats {settings.cv_repeats}: the split is by time, whose folds can be dealt"
            " in one way only",
            f"--cv {settings.cv} alone",
        )
    if settings.part == "test" and not rows.of_part(run, "test").any():
        raise DataError(
            "the split has no test rows with a target to score beside the folds",
            f"nntool evaluate {shlex.quote(str(run.root))} --cv {settings.cv} --part validation",
        )


def scores(run: Run, settings: EvaluateSettings, job: Job, folder: Path) -> dict[str, Any]:
    """What metrics.json says of the folds; ``folder`` holds their runs for as long as they work.

    Raises the error of a fold with the fold named, ``TrainingError`` where all diverged.
    """
    folder = folder.resolve()
    try:
        tasks, notes = _prepared(run, settings, folder)
        results = _computed(tasks, _at_a_time(run, len(tasks), job), job)
    finally:
        for left in folder.glob(f"{names.FOLD}*"):
            shutil.rmtree(left, ignore_errors=True)
    return folds.report(settings, results, notes)


def _prepared(run: Run, settings: EvaluateSettings, folder: Path) -> tuple[list[Task], list[str]]:
    """The folds as runs to be computed, and what is to be said of them."""
    from nntool.steps import one_fold  # it brings every step, which evaluate alone does not need

    tasks: list[Task] = []
    notes: list[str] = []
    target = read_json(run.checked(names.CLEAN_STATE))["target"]
    asked = {step: dict(run.manifest.steps[step].asked) for step in FITTED}
    asked["clean"] |= _decided(target)
    unlearned: dict[str, int] = {}
    n_folds = settings.cv or 0
    for repeat, crossing in enumerate(_crossings(run, settings, target), 1):
        notes += crossing.notes if repeat == 1 else ()
        for number in range(1, n_folds + 1):
            parts = crossing.parts(number)
            for name in crossing.unlearned(parts):
                unlearned[name] = unlearned.get(name, 0) + 1
            place = f"fold {number} of {n_folds}"
            if settings.cv_repeats > 1:
                place += f" in repeat {repeat} of {settings.cv_repeats}"
            own = folder / f"{names.FOLD}{repeat}-{number}"
            one_fold.prepare(run, own, parts)
            tasks.append(
                one_fold.Task(str(own), place, str(run.root), asked, settings, target, os.getpid())
            )
    if unlearned:
        said = listed(f"{name!r} in {counted(n, 'fold')}" for name, n in unlearned.items())
        notes.append(f"no row to learn from of class {said} (a smaller --cv)")
    return tasks, notes


def _decided(target: dict[str, Any]) -> dict[str, Any]:
    """What clean has decided of the target, so that no fold does it anew."""
    found = {"target": target["name"], "task": target["task"]}
    return found | ({"positive": target["positive"]} if target["positive"] else {})


def _method(run: Run) -> Any:
    """The way in which the run was split, 'auto' resolved."""
    dealt: Any = build(SplitSettings, run.manifest.steps["split"].settings)
    return choices.built("SPLITTERS", dealt.method)


def _crossings(run: Run, settings: EvaluateSettings, target: dict[str, Any]) -> Iterator[Any]:
    """The rows of training and validation dealt to folds, once for each repeat."""
    from nntool.tables import parquet
    from nntool.tables.hashing import row_hashes
    from nntool.tables.splitting.crossing import cross

    method = _method(run)
    parts = rows.parts(run)
    n_train, n_validation = (int((parts == code).sum()) for code in (0, 1))
    table = parquet.read(run.checked(names.COLLECT_TABLE))
    hashes = row_hashes(table)
    column = getattr(method, "column", None)
    for repeat in range(settings.cv_repeats):
        yield cross(
            table.column(target["name"]),
            hashes,
            (parts == 0) | (parts == 1),
            method,
            target["task"],
            settings.cv or 0,
            n_validation / (n_train + n_validation),
            (settings.seed, repeat),
            column=table.column(column) if column else None,
        )


def _at_a_time(run: Run, n_tasks: int, job: Job) -> int:
    """How many folds are computed at a time; one: in this very process."""
    return processes.at_a_time(n_tasks, n_tasks * _updates(run), job.cores)


def _updates(run: Run) -> float:
    """How many updates the run's own training made, large ones counted for more."""
    entry, trained = run.manifest.steps["train"], recorded(run, "train")
    n_rows = entry.rows.count if entry.rows is not None else 0
    size, n_networks = entry.settings["batch_size"], trained.get("networks", 1)
    each = processes.updates(n_rows, size, trained["epochs"], trained["parameters"])
    return float(n_networks * each)


def _computed(tasks: list[Task], at_a_time: int, job: Job) -> list[Result]:
    """All folds, in order, whatever their number at a time."""
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    from nntool.steps import one_fold

    parallel = Parallel(at_a_time, return_as="generator", prefer="processes", max_nbytes=None)
    found: list[Result] = []
    try:
        with processes.stopped_at_the_end(
            parallel(delayed(one_fold.compute)(t) for t in tasks)
        ) as results:
            for result in results:
                _refuse_stopped(job)
                if result.error is not None and not isinstance(result.error, TrainingError):
                    raise result.error
                found.append(result)
                job.listener.progress("cross-validation", len(found), len(tasks), "folds")
    except TerminatedWorkerError:
        _refuse_stopped(job)
        raise MachineError(
            "a process that computed a fold was ended from outside, perhaps for want of memory"
            f" ({at_a_time} folds at a time)",
            "--threads 1: one fold at a time, in this process",
        ) from None
    return found


def _refuse_stopped(job: Job) -> None:
    if job.listener.stop_requested():
        raise StoppedError(
            "interrupted between folds; nothing was written", "the same command again"
        )
