"""``evaluate --cv``: the whole chain fitted anew for each of some folds, several at a time.

Each fold is a small run directory in the staging folder of evaluate, in which the functions of the
steps themselves clean, transform, select and train; so whatever a run learns, a fold learns from
its own rows only. joblib runs the folds: in processes of this machine, or wherever its backend is.
"""

from __future__ import annotations

import os
import shlex
import shutil
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nntool.errors import DataError, MachineError, StoppedError, TrainingError, UsageError
from nntool.run import names
from nntool.run.directory import Run
from nntool.settings.building import build
from nntool.settings.evaluate import EvaluateSettings
from nntool.settings.split import SplitSettings
from nntool.settings.wording import counted, listed
from nntool.steps import choices, rows
from nntool.steps.job import Job, Outcome, TableView
from nntool.steps.performing import read_json

if TYPE_CHECKING:
    from nntool.steps.one_fold import Result, Task

FITTED = (*names.FITTED_ON_ROWS, "train")
"""The steps that each fold does anew."""
SCORES = ("threshold", "metrics", "undefined")
"""What metrics.json keeps of the scores of a fold."""
WORTH_PROCESSES = 3.0
"""Seconds of all folds, by those that the run's own steps took, from which on they go to processes
of their own: each takes about a second to begin. The numbers are the same either way."""


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
    return _report(run, settings, results, notes)


def show(report: dict[str, Any], outcome: Outcome) -> None:
    """Each metric over the folds, beside the network's own, on stdout."""
    from nntool.tables.metrics import METRICS

    found, own = report["cross_validation"], report["network"]["metrics"]
    columns = ("mean", "sd", "se", "min", "max")
    n_folds = len(found["folds"])
    title = f"{n_folds - len(found['diverged'])} of {n_folds} folds"
    body = [
        [metric, *(_cell(values[column]) for column in columns), _cell(own.get(metric))]
        for metric, values in found["metrics"].items()
        if not METRICS[report["task"]][metric].is_further
    ]
    outcome.results.append(TableView(title, [title, *columns, "network"], body))
    outcome.notes += found["notes"]


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
    seconds = sum(run.manifest.steps[step].seconds for step in FITTED) * n_tasks
    return min(job.cores, n_tasks) if seconds >= WORTH_PROCESSES else 1


def _computed(tasks: list[Task], at_a_time: int, job: Job) -> list[Result]:
    """All folds, in order, whatever their number at a time."""
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    from nntool.steps import one_fold

    parallel = Parallel(at_a_time, return_as="generator", prefer="processes", max_nbytes=None)
    found: list[Result] = []
    try:
        with _stopped_at_the_end(parallel(delayed(one_fold.compute)(t) for t in tasks)) as results:
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


@contextmanager
def _stopped_at_the_end(results: Generator[Result]) -> Iterator[Iterator[Result]]:
    """The results; joblib's workers are stopped where not all of them were taken."""
    try:
        yield results
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that tasks were cancelled, which is what is wanted
            results.close()


def _refuse_stopped(job: Job) -> None:
    if job.listener.stop_requested():
        raise StoppedError(
            "interrupted between folds; nothing was written", "the same command again"
        )


def _report(
    run: Run, settings: EvaluateSettings, results: list[Result], notes: list[str]
) -> dict[str, Any]:
    """Every fold's numbers, and over those that learned their mean and spread."""
    learned = [result for result in results if result.has_learned]
    diverged = [i for i, result in enumerate(results, 1) if not result.has_learned]
    if not learned:
        first = results[0].error
        assert first is not None  # it did not learn
        raise TrainingError(f"no fold learned; {first.message}", first.hint)
    for place in diverged:
        error = results[place - 1].error
        notes.append(f"{error.message if error else ''}: left out of mean and spread")
    metrics = {
        name: _over_folds([_metric(result, name) for result in learned])
        for name in (learned[0].scores or {})["metrics"]
    }
    notes += _undefined(learned)
    n_folds = settings.cv or 0
    return {
        "cv": n_folds,
        "repeats": settings.cv_repeats,
        "notes": notes,
        "diverged": diverged,
        "metrics": metrics,
        "folds": [_fold(result, i, n_folds) for i, result in enumerate(results)],
    }


def _undefined(learned: list[Result]) -> list[str]:
    """Which metrics some folds leave undefined, those of one reason together."""
    folds: dict[tuple[str, str], int] = {}
    for result in learned:
        for metric, reason in (result.scores or {})["undefined"].items():
            folds[metric, reason] = folds.get((metric, reason), 0) + 1
    metrics: dict[tuple[str, int], list[str]] = {}
    for (metric, reason), n in folds.items():
        metrics.setdefault((reason, n), []).append(metric)
    return [
        f"not defined in {counted(n, 'fold')}, so a mean of the others: {listed(names)} ({reason})"
        for (reason, n), names in metrics.items()
    ]


def _metric(result: Result, name: str) -> float | None:
    value: float | None = (result.scores or {})["metrics"][name]
    return value


def _over_folds(values: list[float | None]) -> dict[str, Any]:
    """Mean, standard deviation (n − 1) and standard error sd/√n over the folds that have a value.

    >>> _over_folds([1.0, 3.0, None])["mean"], round(_over_folds([1.0, 3.0, None])["sd"], 4)
    (2.0, 1.4142)
    """
    import numpy as np

    known = np.array([value for value in values if value is not None], dtype=np.float64)
    n = known.size
    sd = float(known.std(ddof=1)) if n > 1 else None
    return {
        "mean": float(known.mean()) if n else None,
        "sd": sd,
        "se": None if sd is None else sd / n**0.5,
        "min": float(known.min()) if n else None,
        "max": float(known.max()) if n else None,
        "folds": n,
    }


def _fold(result: Result, place: int, n_folds: int) -> dict[str, Any]:
    """One fold as metrics.json has it."""
    found: dict[str, Any] = {
        "repeat": place // n_folds + 1,
        "fold": place % n_folds + 1,
        "rows": result.sizes,
    }
    if result.error is not None:
        found["error"] = result.error.message
    if result.trained is not None:
        found["epochs"] = result.trained["epochs"]
        found["best_epoch"] = result.trained["best_epoch"]
    if result.scores is not None:
        found |= {key: result.scores[key] for key in SCORES if key in result.scores}
    return found


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
