"""Members of an ensemble to train: one, or several at once, here or in a process of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nntool.errors import NntoolError
from nntool.run.directory import Run
from nntool.settings.train import TrainSettings
from nntool.steps import fitting, learning, processes, sources, trainers
from nntool.steps.fitting import Fitted
from nntool.steps.job import Job, Listener, Outcome
from nntool.steps.listening import WorkerListener

if TYPE_CHECKING:
    from nntool.nn.training import Trainer


@dataclass(frozen=True)
class Wanted:
    """What all members have in common."""

    run: Run
    home: Path
    """Where checkpoints lie."""
    settings: TrainSettings
    """Those of the command, whose seed decides on rows; a member's seed decides on the rest."""
    words: dict[str, Any]
    resolved: dict[str, Any]
    of: str
    """The key of their checkpoints."""


@dataclass(frozen=True)
class Task:
    """Members to train at once: one, or several whose updates are made together."""

    wanted: Wanted
    numbers: range
    """Of the members, from 1."""
    force: bool
    checkpoint_every: int | None
    folder: Path
    """Where processes tell how far they are, and look whether they are to stop."""
    parent: int

    def job(self, listener: Listener) -> Job:
        """The circumstances of the training: one thread, wherever it happens."""
        return Job(listener, self.force, 1, self.checkpoint_every)


class Result(NamedTuple):
    """What a member came to: the network, or the error that ended it."""

    fitted: Fitted | None
    error: NntoolError | None = None
    anew: str = ""
    """Why it did not go on from a checkpoint that there was."""


def member_seed(seed: int, number: int) -> int:
    """The seed of a member: the first has that of the command, so that it is the plain training.

    It stays below 2⁵², which every reader of JSON takes as it is.

    >>> member_seed(7, 1), member_seed(7, 2) == member_seed(7, 3)
    (7, False)
    """
    import numpy as np

    if number == 1:
        return seed
    sequence = np.random.SeedSequence((seed, number))
    words = sequence.generate_state(2)
    return int(words[0]) << 20 | int(words[1]) >> 12


def in_process(task: Task) -> list[Result]:
    """Train members in a process of their own, which reads the rows itself."""
    wanted, words = task.wanted, dict(task.wanted.words)
    job = task.job(WorkerListener(task.folder, task.numbers, task.parent))
    with (
        processes.alone(task.parent),
        sources.row_sources(wanted.run, words, wanted.settings, Outcome("train", "")) as rows_of,
    ):
        return trained(task, trainers.grown(wanted.settings, words, rows_of), job)


def trained(task: Task, rows_of: sources.Sources, job: Job) -> list[Result]:
    """Train members, from their checkpoints where there are any.

    Where one diverges those behind it are left out.
    """
    wanted = task.wanted
    made = [_trainer(wanted, number, rows_of) for number in task.numbers]
    with learning.numerics(job, made[0]):
        logs = [
            learning.Log(wanted.home, wanted.of, trainer, job, number)
            for number, trainer in zip(task.numbers, made, strict=True)
        ]
        said = [log.resume() for log in logs]
        errors = learning.learn_together(made, logs, job)
        results = []
        for log, told, error in zip(logs, said, errors, strict=True):
            seed = member_seed(wanted.settings.seed, log.member)
            anew = told if "anew" in told else ""
            try:
                fitted = fitting.described(log.trainer, log, seed, wanted.words, error)
                results.append(Result(fitted, anew=anew))
            except NntoolError as refused:
                results.append(Result(None, refused, anew))
            if error is not None:
                break
    return results


def _trainer(wanted: Wanted, number: int, rows_of: sources.Sources) -> Trainer:
    import msgspec

    seed = member_seed(wanted.settings.seed, number)
    settings = msgspec.structs.replace(wanted.settings, seed=seed)
    own = sources.bootstrapped(rows_of, seed) if settings.bagging else rows_of
    return trainers.make_trainer(dict(wanted.words), wanted.resolved, settings, own)


def dealt(n_members: int, at_once: int) -> Sequence[range]:
    """The numbers of the members of each task.

    >>> dealt(5, 2)
    [range(1, 3), range(3, 5), range(5, 6)]
    """
    starts = range(1, n_members + 1, at_once)
    return [range(start, min(start + at_once, n_members + 1)) for start in starts]
