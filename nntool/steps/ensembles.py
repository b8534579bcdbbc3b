"""``train --ensemble``: members that differ in their seed, and in their rows where these are drawn.

Each member is a training of its own, with its own checkpoint; so an ensemble goes on where it was
left, and one of more members begins with those that there are. A member takes one BLAS thread:
whether members are trained one after another or in several processes, their bytes are the same.
"""

from __future__ import annotations

import hashlib
import os
import queue
import shutil
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nntool.errors import MachineError, StoppedError
from nntool.run import names
from nntool.steps import checkpoint, members, planning, processes, sources
from nntool.steps.fitting import Fitted
from nntool.steps.job import Job
from nntool.steps.listening import (
    SECONDS_BETWEEN_GLANCES,
    MemberListener,
    WorkerListener,
    progress_of,
)
from nntool.steps.members import Result, Task, Wanted

if TYPE_CHECKING:
    from nntool.nn.training import Trainer

AT_ONCE = 8
"""Members, at most, whose updates are made together: each keeps all vectors of a training."""


class Ensemble(NamedTuple):
    """The members that there are, in order; ``ended`` is "" where all are and came to an end."""

    members: list[Fitted]
    ended: str


def train(
    wanted: Wanted, pattern: Trainer, rows_of: sources.Sources, job: Job, folder: Path
) -> Ensemble:
    """Train all members; ``pattern`` is a trainer like theirs, ``folder`` a place for a while.

    Raises ``TrainingError``, the member named, where one has nothing to keep, and ``StoppedError``
    where none has an epoch yet.
    """
    n_members = wanted.settings.ensemble
    _refuse_too_many(n_members, pattern)
    at_once = _at_once(n_members, pattern)
    if at_once > 1:
        wanted = replace(wanted, of=_key_of_trained_together(wanted.of))
    tasks = [
        Task(wanted, numbers, job.force, job.checkpoint_every, folder / names.MEMBER, os.getpid())
        for numbers in members.dealt(n_members, at_once)
    ]
    if not job.force:
        _say_what_is_there(wanted, job)
    n = _at_a_time(len(tasks), n_members, pattern, job)
    results = _one_by_one(tasks, rows_of, job) if n == 1 else _side_by_side(tasks, n, job)
    with closing(results):
        return _gathered(wanted, results, job)


def _at_once(n_members: int, pattern: Trainer) -> int:
    """How many members make their updates together, by settings and sizes alone."""
    from nntool.nn.members.choosing import trained_together

    n = min(n_members, AT_ONCE)
    return n if trained_together([pattern] * n) else 1


def _key_of_trained_together(of: str) -> str:
    """Another key: sums of products may be taken in another order, so that last bits differ."""
    return hashlib.sha256(f"{of} together".encode()).hexdigest()


def _say_what_is_there(wanted: Wanted, job: Job) -> None:
    n_members = wanted.settings.ensemble
    n = sum(
        checkpoint.is_there(wanted.home, wanted.of, number) for number in range(1, n_members + 1)
    )
    if n:
        job.listener.say(
            f"nntool train: goes on from the checkpoints of {n} of {n_members} members"
        )


def _at_a_time(n_tasks: int, n_members: int, pattern: Trainer, job: Job) -> int:
    """How many tasks are done at a time: as many as are worth it and fit in memory."""
    net, plan, n_rows = pattern.net, pattern.plan, pattern.train.n_rows
    each = processes.updates(n_rows, plan.batch_size or n_rows, plan.epochs, net.size)
    n = processes.at_a_time(n_tasks, n_members * each, job.cores)
    needed = planning.bytes_to_train(net, plan, str(pattern.theta.dtype))
    needed *= -(-n_members // n_tasks)
    return max(1, min(n, planning.available_memory() // max(1, needed)))


def _refuse_too_many(n_members: int, pattern: Trainer) -> None:
    """Refuse members whose weights alone do not fit in the memory that is there."""
    needed = 2 * n_members * pattern.theta.nbytes
    free = planning.available_memory()
    if needed > free:
        raise MachineError(
            f"{n_members:,} networks of {pattern.net.size:,} weights take about"
            f" {needed / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free",
            "a smaller --ensemble, or a smaller --hidden",
        )


def _gathered(wanted: Wanted, results: Iterator[Result], job: Job) -> Ensemble:
    """The members up to the first that diverged, and whether anyone asked to stop."""
    found: list[Fitted] = []
    reasons: set[str] = set()
    stopped: StoppedError | None = None
    ended = ""
    for number, result in enumerate(results, 1):
        if result.anew and result.anew not in reasons:
            reasons.add(result.anew)
            job.listener.say(f"nntool train: {result.anew}")
        if isinstance(result.error, StoppedError):
            stopped, ended = stopped or result.error, "asked"
        elif result.error is not None:
            place = f"member {number} of {wanted.settings.ensemble}"
            result.error.message = f"{place}: {result.error.message}"
            raise result.error
        if result.fitted is not None:
            found.append(result.fitted)
            if result.fitted.ended in ("asked", "diverged"):
                ended = result.fitted.ended
        if ended == "diverged":
            break
    if not found and stopped is not None:
        raise stopped
    return Ensemble(found, ended)


def _one_by_one(tasks: Sequence[Task], rows_of: sources.Sources, job: Job) -> Generator[Result]:
    """One task after another, in this process."""
    n_members = tasks[0].wanted.settings.ensemble
    for task in tasks:
        listener = MemberListener(job.listener, task.numbers, n_members)
        yield from members.trained(task, rows_of, task.job(listener))
        if task is not tasks[-1] and job.listener.stop_requested():
            yield Result(None, StoppedError("interrupted between two members"))
            return


def _side_by_side(tasks: Sequence[Task], n: int, job: Job) -> Generator[Result]:
    """Several at a time, in processes; this one tells how far they are and when to stop."""
    folder, n_members = tasks[0].folder, tasks[0].wanted.settings.ensemble
    folder.mkdir()
    results: queue.SimpleQueue[list[Result]] = queue.SimpleQueue()
    pool = ThreadPoolExecutor(1)
    waiting = list(tasks)
    try:
        work = pool.submit(_work, tasks, n, results)
        while waiting:
            try:
                found = results.get(timeout=SECONDS_BETWEEN_GLANCES)
            except queue.Empty:
                _raise_if_ended(work, n)
                if job.listener.stop_requested():
                    WorkerListener.ask_to_stop(folder)
                done, detail = progress_of(folder, waiting[0].numbers.start)
                job.listener.progress("training", done, n_members, detail)
            else:
                del waiting[0]
                yield from found
    finally:
        WorkerListener.ask_to_stop(folder)  # whoever still works ends with the next update
        pool.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def _work(tasks: Sequence[Task], n: int, results: queue.SimpleQueue[list[Result]]) -> None:
    from joblib import Parallel, delayed

    parallel = Parallel(n, return_as="generator", prefer="processes", max_nbytes=None)
    with processes.stopped_at_the_end(
        parallel(delayed(members.in_process)(task) for task in tasks)
    ) as found:
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
            f" ({n} at a time)",
            "--threads 1: one after another, in this process, from the checkpoints",
        ) from None
