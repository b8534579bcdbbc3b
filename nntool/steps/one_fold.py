"""One fold of a cross-validation: the whole chain in a small run of its own, then its scores.

This is what the processes of a cross-validation run; it is handed paths and plain values.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nntool.errors import DataError, NntoolError, TrainingError
from nntool.run import hashing, manifest, names
from nntool.run.directory import Run
from nntool.run.session import Session
from nntool.settings.building import build
from nntool.settings.evaluate import EvaluateSettings
from nntool.settings.steps import STEPS
from nntool.steps import processes, scoring, split, train
from nntool.steps.evaluating import deciding
from nntool.steps.job import Job, Outcome
from nntool.steps.performing import read_json

ALONE = Job(threads=1)
"""The circumstances of a fold: nobody listens, and it has one core, so that its bytes do not hang
on how many folds are computed at a time."""


@dataclass(frozen=True)
class Task:
    """A fold to compute: where its run lies, and what every step of it was asked."""

    folder: str
    place: str
    """How it is called, as in "fold 2 of 5"."""
    shown: str
    """The run as the person has typed it, for messages."""
    asked: dict[str, dict[str, Any]]
    scoring: EvaluateSettings
    target: dict[str, Any]
    """What the run's target is: no fold may decide it anew."""
    parent: int
    """The process that has asked for it."""


@dataclass(frozen=True)
class Result:
    """What a fold came to: its scores, or the error that ended it."""

    sizes: dict[str, int]
    trained: dict[str, Any] = field(default_factory=dict)
    scores: dict[str, Any] = field(default_factory=dict)
    error: NntoolError | None = None

    @property
    def has_learned(self) -> bool:
        """Whether its training came to a proper end."""
        return self.error is None


def prepare(run: Run, folder: Path, parts: Any) -> None:
    """Make the run of a fold: what was collected, and the parts of the fold as its split."""
    from nntool.tables import arrays

    collected, dealt = run.manifest.steps["collect"], run.manifest.steps["split"]
    for artifact in collected.writes:
        _link(run.path(artifact), folder / artifact)
    rows = folder / names.SPLIT_ROWS
    rows.parent.mkdir()
    arrays.save(rows, parts)
    collect = manifest.Entry(
        settings=collected.settings,
        asked=collected.asked,
        reads=collected.reads,
        writes=collected.writes,
    )
    fold = manifest.Entry(
        settings=dealt.settings,
        asked=dealt.asked,
        reads=dealt.reads,
        writes={names.SPLIT_ROWS: hashing.record(rows)},
        facts=dealt.facts,
    )
    manifest.save(folder, manifest.Manifest(steps={"collect": collect, "split": fold}))


def _link(file: Path, place: Path) -> None:
    """The same file once more, as a copy only where the file system has no links."""
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file, place)
    except OSError:
        shutil.copy2(file, place)


def compute(task: Task) -> Result:
    """Fit the whole chain on the fold's own rows, score its held-out rows, and leave nothing."""
    outcome = Outcome("evaluate", task.shown)
    folder = Path(task.folder)
    sizes: dict[str, int] = {}
    try:
        with (
            processes.alone(task.parent),
            Session(folder) as session,
        ):  # never committed: all stays in staging
            sizes = _sizes(session.run)
            _fit(session, task, outcome)
            scores = _scores(session.run, task.scoring)
        trained = outcome.report["train"]
        error = None
        if trained["ended"] == "diverged":
            error = TrainingError(trained["diverged"]["message"], trained["try"])
        return Result(sizes, trained, scores, error)
    except NntoolError as error:
        return Result(sizes, error=_as_of_run(error, task))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fit(session: Session, task: Task, outcome: Outcome) -> None:
    """Fit the steps anew, as ``split`` does, and train."""
    step = ""
    try:
        for step in names.FITTED_ON_ROWS:
            settings: Any = build(STEPS[step], task.asked[step])
            split.REFITS[step](session, settings, ALONE, outcome)  # type: ignore[operator] # its own
            if step == "clean":
                _refuse_another_target(session.run, task)
        step = "train"
        train.train_in(session, build(STEPS[step], task.asked[step]), ALONE, outcome)  # type: ignore[arg-type] # its own model
    except NntoolError as error:
        error.message = f"{step}: {error.message}"
        raise


def _refuse_another_target(run: Run, task: Task) -> None:
    found = read_json(run.checked(names.CLEAN_STATE))["target"]
    for what in ("task", "classes", "number_format"):
        if found.get(what) != task.target.get(what):
            raise DataError(
                f"the target is read in another way from these rows: its {what} would be"
                f" {found.get(what)}, and is {task.target.get(what)}",
                "clean with --decimal, so that nothing is left to find out",
            )


def _scores(run: Run, settings: EvaluateSettings) -> dict[str, Any]:
    """The network's metrics on the held-out rows, decided as evaluate decides."""
    parts = scoring.Parts(run)
    threshold = deciding.decide(settings, parts)
    scores = parts.scored("test").scores()
    return scores if threshold is None else scores | {"threshold": threshold["value"]}


def _sizes(run: Run) -> dict[str, int]:
    """How many rows the fold learns from, stops by and is judged by."""
    from nntool.steps import rows

    parts = rows.parts(run)
    return {part: int((parts == code).sum()) for part, code in rows.PARTS.items()}


def _as_of_run(error: NntoolError, task: Task) -> NntoolError:
    """The error as the person can read it: the fold named, the run in place of the fold's own."""
    return type(error)(
        f"{task.place}: {error.message}".replace(task.folder, task.shown),
        error.hint and error.hint.replace(task.folder, task.shown),
    )
