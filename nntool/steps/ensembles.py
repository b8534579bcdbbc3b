"""``train --ensemble``: members that differ in their seed, and in their rows where these are drawn.

Each member is a training of its own, with its own checkpoint; so an ensemble goes on where it was
left, and one of more members begins with those that there are. A member takes one BLAS thread:
whether members are trained one after another or several at a time, their bytes are the same.
"""

from __future__ import annotations

import os
import queue
import shutil
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from nntool.errors import MachineError, NntoolError, StoppedError
from nntool.run import names
from nntool.run.directory import Run
from nntool.settings.train import TrainSettings
from nntool.settings.wording import counted
from nntool.steps import checkpoint, fitting, learning, processes, sources, trainers
from nntool.steps.fitting import Fitted
from nntool.steps.job import Job, Listener, Outcome
from nntool.steps.listening import MemberListener, WorkerListener, progress_of

if TYPE_CHECKING:
    from nntool.nn.training import Trainer

GLANCE = 0.2
"""Seconds between two looks at how far the processes are, and at whether Ctrl-C was pressed."""


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
    """A member to train."""

    wanted: Wanted
    number: int
    """From 1."""
    force: bool
    checkpoint_every: int | None
    folder: Path
    """Where processes tell how far they are, and look whether they are to stop."""
    parent: int

    @property
    def seed(self) -> int:
        """The seed of this member."""
        return member_seed(self.wanted.settings.seed, self.number)

    @property
    def place(self) -> str:
        """How it is called, as in "member 3 of 5"."""
        return f"member {self.number} of {self.wanted.settings.ensemble}"

    def job(self, listener: Listener) -> Job:
        """The circumstances of its training: one thread, wherever it is trained."""
        return Job(listener, self.force, 1, self.checkpoint_every)


class Result(NamedTuple):
    """What a member came to: the network, or the error that ended it; and what it began from."""

    fitted: Fitted | None
    error: NntoolError | None = None
    anew: str = ""
    """Why it did not go on from a checkpoint that there was."""


class Ensemble(NamedTuple):
    """The members that there are, in order; ``ended`` is "" where all are and came to an end."""

    members: list[Fitted]
    ended: str


def member_seed(seed: int, number: int) -> int:
    """The seed of a member: the first has that of the command, so that it is the plain training.

    It stays below 2⁵², which every reader of JSON takes as it is.

    >>> member_seed(7, 1), member_seed(7, 2) == member_seed(7, 3)
    (7, False)
    """
    import numpy as np

    if number == 1:
        return seed
    words = np.random.SeedSequence((seed, number)).generate_state(2)
    return int(words[0]) << 20 | int(words[1]) >> 12


def train(
    wanted: Wanted, pattern: Trainer, rows_of: sources.Sources, job: Job, folder: Path
) -> Ensemble:
    """Train all members; ``pattern`` is a trainer like theirs, ``folder`` a place for a while.

    Raises ``TrainingError``, the member named, where one has nothing to keep, and ``StoppedError``
    where none has an epoch yet.
    """
    n_members, own = wanted.settings.ensemble, folder / names.MEMBER
    tasks = [
        Task(wanted, number, job.force, job.checkpoint_every, own, os.getpid())
        for number in range(1, n_members + 1)
    ]
    if not job.force:
        _say_what_is_there(tasks, job)
    n = _at_a_time(n_members, pattern, job)
    results = _one_by_one(tasks, rows_of, job) if n == 1 else _side_by_side(tasks, n, job)
    with closing(results):
        return _gathered(tasks, results, job)


def _say_what_is_there(tasks: Sequence[Task], job: Job) -> None:
    n = sum(checkpoint.is_there(t.wanted.home, t.wanted.of, t.number) for t in tasks)
    if n:
        job.listener.say(
            f"nntool train: goes on from the checkpoints of {n} of {len(tasks)} members"
        )


def _at_a_time(n_members: int, pattern: Trainer, job: Job) -> int:
    """How many members are trained at a time: by sizes alone."""
    size = pattern.plan.batch_size or pattern.train.n_rows
    each = processes.updates(pattern.train.n_rows, size, pattern.plan.epochs, pattern.net.size)
    return processes.at_a_time(n_members, n_members * each, job.cores)


def _gathered(tasks: Sequence[Task], results: Iterator[Result], job: Job) -> Ensemble:
    """The members up to the first that diverged, and whether anyone asked to stop."""
    members: list[Fitted] = []
    reasons: set[str] = set()
    stopped: StoppedError | None = None
    ended = ""
    for task, result in zip(tasks, results, strict=False):  # no more where one was asked to stop
        if result.anew and result.anew not in reasons:
            reasons.add(result.anew)
            job.listener.say(f"nntool train: {result.anew}")
        if isinstance(result.error, StoppedError):
            stopped, ended = result.error, "asked"
        elif result.error is not None:
            result.error.message = f"{task.place}: {result.error.message}"
            raise result.error
        if result.fitted is not None:
            members.append(result.fitted)
            if result.fitted.ended in ("asked", "diverged"):
                ended = result.fitted.ended
        if ended == "diverged":
            break
    if not members and stopped is not None:
        raise stopped
    return Ensemble(members, ended)


def _one_by_one(tasks: Sequence[Task], rows_of: sources.Sources, job: Job) -> Generator[Result]:
    for task in tasks:
        listener = MemberListener(job.listener, task.number, len(tasks))
        result = _trained(task, rows_of, task.job(listener))
        yield result
        if result.error is None and task is not tasks[-1] and job.listener.stop_requested():
            yield Result(None, StoppedError("interrupted between two members"))
            return


def _trained(task: Task, rows_of: sources.Sources, job: Job) -> Result:
    """Train a member, from its checkpoint where there is one."""
    wanted = task.wanted
    settings = msgspec.structs.replace(wanted.settings, seed=task.seed)
    own = sources.bootstrapped(rows_of, task.seed) if settings.bagging else rows_of
    trainer = trainers.make_trainer(dict(wanted.words), wanted.resolved, settings, own)
    anew = ""
    with learning.numerics(job, trainer):
        log = learning.Log(wanted.home, wanted.of, trainer, job, task.number)
        said = log.resume()
        anew = said if "anew" in said else ""
        try:
            return Result(
                fitting.fit(trainer, log, task.seed, job, wanted.words["classes"]), anew=anew
            )
        except NntoolError as error:
            return Result(None, error, anew)


def in_process(task: Task) -> Result:
    """Train a member in a process of its own, which reads the rows itself."""
    wanted, words = task.wanted, dict(task.wanted.words)
    job = task.job(WorkerListener(task.folder, task.number, task.parent))
    with (
        processes.alone(task.parent),
        sources.row_sources(wanted.run, words, wanted.settings, Outcome("train", "")) as rows_of,
    ):
        return _trained(task, trainers.grown(wanted.settings, words, rows_of), job)


def _side_by_side(tasks: Sequence[Task], n: int, job: Job) -> Generator[Result]:
    """Several members at a time, in processes; this one tells how far they are and when to stop."""
    folder = tasks[0].folder
    folder.mkdir()
    results: queue.SimpleQueue[Result] = queue.SimpleQueue()
    pool = ThreadPoolExecutor(1)
    done = 0
    try:
        work = pool.submit(_work, tasks, n, results)
        while done < len(tasks):
            try:
                yield results.get(timeout=GLANCE)
                done += 1
            except queue.Empty:
                _raise_if_ended(work, n)
                if job.listener.stop_requested():
                    WorkerListener.ask_to_stop(folder)
                shown, detail = progress_of(folder, done)
                job.listener.progress("training", shown, len(tasks), detail)
    finally:
        WorkerListener.ask_to_stop(folder)  # whoever still works ends with the next update
        pool.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def _work(tasks: Sequence[Task], n: int, results: queue.SimpleQueue[Result]) -> None:
    from joblib import Parallel, delayed

    parallel = Parallel(n, return_as="generator", prefer="processes", max_nbytes=None)
    with processes.stopped_at_the_end(parallel(delayed(in_process)(t) for t in tasks)) as found:
        for result in found:
            results.put(result)


def _raise_if_ended(work: Future[None], n: int) -> None:
    """Raise what ended the processes, if anything did."""
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    if not work.done() or work.exception() is None:
        return
    try:
        work.result()
    except TerminatedWorkerError:
        raise MachineError(
            "a process that trained a member was ended from outside, perhaps for want of memory"
            f" ({counted(n, 'member')} at a time)",
            "--threads 1: one member at a time, in this process, from the checkpoints",
        ) from None
