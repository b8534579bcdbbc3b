"""What a step is told about its surroundings, and what it hands back to be shown."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, Protocol


class Listener(Protocol):
    """Who is told what happens while a step works; the command line prints it."""

    def say(self, text: str) -> None:
        """Take a sentence for the person at the terminal."""

    def progress(self, label: str, done: float, total: float, detail: str = "") -> None:
        """Take how far the work is; ``detail`` is what else is worth a glance."""

    def stop_requested(self) -> bool:
        """Whether Ctrl-C was pressed and the step is to end with what it has."""


class Silence:
    """A listener that nobody listens to."""

    def say(self, text: str) -> None:
        """Drop it."""

    def progress(self, label: str, done: float, total: float, detail: str = "") -> None:
        """Drop it."""

    def stop_requested(self) -> bool:
        """Nobody asks to stop."""
        return False


def usable_cores() -> int:
    """The cores that this process may use; where no system call says so, all of them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True)
class Job:
    """The circumstances of one call: none of them is a setting or shapes a result."""

    listener: Listener = field(default_factory=Silence)
    force: bool = False
    threads: int | None = None
    checkpoint_every: int | None = None
    """Epochs from one checkpoint of a training to the next; None: by the clock."""

    @property
    def cores(self) -> int:
        """How many threads may be used: --threads, or the cores that this process may use."""
        return self.threads or usable_cores()


@dataclass
class TableView:
    """A small table for a person."""

    title: str
    header: list[str]
    rows: list[list[str]]


@dataclass
class LearningCurve:
    """The losses of a training by epoch, to be drawn; None where an epoch has none."""

    train: list[float | None]
    validation: list[float | None]
    best: int
    """The epoch that was kept, from 1; 0 for none."""


@dataclass
class LearningCurves:
    """One loss of several trainings by epoch, to be drawn in one picture."""

    loss: str
    names: list[str]
    """Each begins with the letters that its curve is drawn with, and a blank."""
    curves: list[list[float | None]]
    best: list[int]
    """The epochs that were kept, from 1; 0 for none."""


@dataclass
class ConfusionMatrix:
    """How many rows of each class (down) were answered as each (across), to be drawn."""

    classes: list[str]
    counts: list[list[int]]
    title: str = ""
    """Which rows these are, where nothing above says so."""


View = TableView | LearningCurve | LearningCurves | ConfusionMatrix


@dataclass
class Outcome:
    """What a command did: ``report`` for ``--json``, tables and results for a person."""

    command: str
    run: str
    fresh: bool = False
    report: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    tables: list[View] = field(default_factory=list)
    """Shown on stderr."""
    results: list[View] = field(default_factory=list)
    """Shown on stdout: what the command was asked for."""

    def as_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        return {
            "command": self.command,
            "run": self.run,
            "fresh": self.fresh,
            "notes": self.notes,
            **self.report,
        }
