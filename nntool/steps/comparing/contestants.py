"""A run as a contestant: what it was asked, what it came to, what is wrong with it.

Nothing is written and no lock is taken. Of a run that a writer is changing, all files are of one
moment: those that its manifest names.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nntool.errors import StaleError
from nntool.run import freshness, names
from nntool.run.directory import Run
from nntool.run.manifest import Entry
from nntool.settings import spelling
from nntool.settings.train import TrainSettings
from nntool.steps import history
from nntool.steps.comparing import files
from nntool.steps.comparing.names import distinct, letters_for

ATTEMPTS = 5
"""How often a run is read again that changes while it is read."""


class Want(NamedTuple):
    """Something that is missing or stale: why, and what to type."""

    why: str
    hint: str


@dataclass(frozen=True)
class Scores:
    """What ``evaluate`` found."""

    rows: str
    """Which rows: a part, or a file."""
    n_rows: int
    of: tuple[Any, ...]
    """What tells these rows from others."""
    metrics: dict[str, float | None]
    intervals: dict[str, list[float] | None]
    level: float | None
    """The level of the intervals; None where there are none."""


@dataclass(frozen=True)
class Contestant:
    """One training, as it is shown beside others."""

    mark: str
    name: str
    path: str
    task: str
    target: str
    settings: dict[str, dict[str, Any]]
    """By step, as resolved: nothing in them is 'auto' that training put a value for."""
    data: dict[str, Any]
    """What it learned from: sources, rows, features."""
    held: tuple[Any, ...]
    """What tells its validation rows from others."""
    versions: dict[str, str]
    trained: files.Trained
    losses: dict[str, list[float | None]]
    """Epoch by epoch, ``train_loss`` and ``validation_loss``; empty where history.csv is gone."""
    counts: dict[str, int]
    """What history.csv counts in each epoch, over all epochs: the work of full-batch methods."""
    seconds: float | None
    status: str
    """How training ended: finished, interrupted or diverged."""
    stale: Want | None
    """Why the model is not what its run would give now; None where it is."""
    scores: Scores | None
    unscored: Want | None = None
    """Why there are no scores; None where there are."""
    take_over: str = ""
    """The command that trains the run itself as this try of it; empty for a run's own training."""
    notes: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """Mark and name."""
        return f"{self.mark} {self.name}"

    @property
    def word(self) -> str:
        """What is to be known of it at a glance: fresh, or what it is not."""
        words = [] if self.status == "finished" else [self.status]
        return ", ".join([*words, *(["stale"] if self.stale else [])]) or "fresh"

    def setting(self, step: str, name: str) -> Any:
        """One setting, or None."""
        return self.settings.get(step, {}).get(name)


def of_runs(roots: Sequence[str]) -> list[Contestant]:
    """The runs that were named, in their order; raises ``StaleError`` for one without a model."""
    letters, called = letters_for(len(roots)), distinct(roots)
    return [
        contestant
        for root, letter, name in zip(roots, letters, called, strict=True)
        for contestant in _at_one_moment(root, lambda run: ["train"], letter, [name])
    ]


def of_tries(root: str, only: Sequence[str] | None = None) -> list[Contestant]:
    """A run, where it is trained, and trainings that were tried beside it: some, or all of them.

    Raises ``StaleError`` where there is neither.
    """
    asked = None if only is None else [f"{names.TRY}/{name}" for name in only]

    def steps(run: Run) -> list[str]:
        tries = run.tries()
        tries = tries if asked is None else [one for one in asked if one in tries]
        return [*(["train"] if run.entry("train") or not tries else []), *tries]

    run = Run.existing(root)
    there = steps(run)
    own = distinct([root])[0]
    called = [one.rpartition("/")[2] for one in there]
    called = there if own in called else called
    named = [own if one == "train" else name for one, name in zip(there, called, strict=True)]
    return _at_one_moment(root, steps, letters_for(len(there)), named)


def _at_one_moment(
    root: str, steps: Callable[[Run], list[str]], letters: str, called: Sequence[str]
) -> list[Contestant]:
    """Trainings of a run as its manifest has them; it is read again where a writer changes it."""
    for attempt in range(ATTEMPTS):
        run = Run.existing(root)
        there = steps(run)
        if "train" in there and run.entry("train") is None:
            freshness.require_fresh(run, "train", files=False)
        try:
            found = zip(there, letters, called, strict=True)
            return [_read(run, step, letter, name) for step, letter, name in found]
        except StaleError:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable: the loop returns or raises")


def _read(run: Run, step: str, letter: str, name: str) -> Contestant:
    """The training of this step: of train, or of a try, which has the same files."""
    model = files.model_words(run, step)
    entry = _entry(run, step)
    scores, unscored = _scores(run, "evaluate" if step == "train" else step)
    text, notes = files.history_text(run, step)
    asked = {s: run.manifest.steps[s].settings for s in names.ORDER if run.entry(s)}
    return Contestant(
        mark=letter,
        name=name,
        path=str(run.root if step == "train" else run.root / step),
        task=model.task,
        target=model.target,
        settings=asked | {"train": entry.settings},
        data=files.data(run),
        held=files.rows(run),
        versions=entry.versions,
        trained=model.trained,
        losses=history.losses_in(text),
        counts=files.counts(text),
        seconds=files.seconds(files.content(run, names.beside(step, names.TRAIN_TIMING))),
        status=entry.status,
        stale=_want(run, step),
        scores=scores,
        unscored=unscored,
        take_over="" if step == "train" else _command(run, entry),
        notes=notes,
    )


def _command(run: Run, entry: Entry) -> str:
    """What trains the run itself as a try was trained."""
    return shlex.join(
        ["nntool", "train", str(run.root), *spelling.options(TrainSettings, entry.asked)]
    )


def _entry(run: Run, step: str) -> Entry:
    entry = run.entry(step)
    if entry is None:
        raise StaleError(f"{step} has not run in {run.root}", run.command(step))
    return entry


def _want(run: Run, step: str) -> Want | None:
    """Why a step is not fresh, by the manifest alone: a model may have been copied without data."""
    try:
        freshness.require_fresh(run, step, files=False)
    except StaleError as error:
        return Want(error.message, error.hint or "")
    return None


def _scores(run: Run, step: str) -> tuple[Scores | None, Want | None]:
    """What ``evaluate`` found, or of a try the same; or why that cannot be shown."""
    if (want := _want(run, step)) is not None:
        return None, want
    artifact = names.beside(step, names.EVALUATE_METRICS)
    text, entry = files.content(run, artifact), _entry(run, step)
    if text is None:
        changed = f"{run.root / artifact} is missing or was changed"
        return None, Want(changed, run.command(step))
    report = files.decoded(text)
    confidence = report.get("confidence") or {}
    return Scores(
        rows=report["rows"],
        n_rows=report["network"]["rows"],
        of=(entry.facts.get("data") or files.rows(run), report["network"]["rows"]),
        metrics=report["network"]["metrics"],
        intervals=confidence.get("metrics", {}),
        level=confidence.get("level"),
    ), None
