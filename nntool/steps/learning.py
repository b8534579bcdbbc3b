"""The epochs of a training as they go by: progress, history, checkpoints, and how they end."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nntool.steps import checkpoint, diagnosis, history, references, remedies
from nntool.steps.job import Job
from nntool.steps.listening import SECONDS_BETWEEN_GLANCES

if TYPE_CHECKING:
    from nntool.nn.reports import Diverged, EpochReport
    from nntool.nn.training import Trainer

SECONDS_BETWEEN_CHECKPOINTS = 30.0
ALMOST = 0.99
"""The share of an epoch that is shown as done until it is judged."""
LARGE_PRODUCT = 50_000_000
"""Multiplications in one product above which several BLAS threads are taken.

Measured on two cores, a second thread makes a step 1.0 times as fast at 2 million, 1.4 at 17, 1.65
at 67 and 1.85 from 500 million on, on an idle machine; beside other work it can take two to three
times as long, since the threads spin for each other. The choice may not follow the load, or bytes
would. `nntool.nn.products` leaves larger products whole for the threads.
"""


@contextmanager
def numerics(job: Job, trainer: Trainer) -> Iterator[None]:
    """BLAS threads by the size of the products; the engine itself sees what is not finite."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    products = [p for p in trainer.net.places if len(p.shape) == 2 and p.layer != "inputs"]
    largest = trainer.learner.rows_at_once * max(math.prod(place.shape) for place in products)
    threads = job.cores if largest > LARGE_PRODUCT else 1
    with threadpool_limits(threads, user_api="blas"), np.errstate(all="ignore"):
        yield


class Log:
    """The epochs so far, their seconds, and the checkpoint that holds them."""

    def __init__(self, root: Path, of: str, trainer: Trainer, job: Job, member: int = 1) -> None:
        self.root, self.of, self.trainer, self.job = root, of, trainer, job
        self.member = member
        self.epochs: list[dict[str, Any]] = []
        self.timing: list[dict[str, Any]] = []
        self.yardstick = references.yardstick(trainer)
        self._means = remedies.of_method(trainer.plan.rules.optimizer)
        self._saved = time.monotonic()

    def resume(self) -> str:
        """Go on from a checkpoint of this very training, if there is one; returns what to say."""
        found = checkpoint.load(self.root, self.of, self.member)
        plan = self.trainer.plan
        if found is None or self.job.force:
            return ""
        if len(found.history) > plan.epochs:
            return (
                f"starts anew: its checkpoint is after epoch {len(found.history)}, and --epochs is"
                f" {plan.epochs}"
            )
        if plan.needs_total and found.planned != plan.epochs:
            return (
                f"starts anew: what it does depends on --epochs, which was {found.planned} and is"
                f" {plan.epochs}"
            )
        try:
            self.trainer.restore(found.arrays, found.plain)
        except ValueError:
            return "starts anew: its checkpoint is of another version"
        self.epochs = found.history
        return f"goes on after epoch {len(self.epochs)}, from its checkpoint"

    def add(self, report: EpochReport, seconds: float) -> None:
        """Keep an epoch; every so often all that is needed to go on."""
        self.epochs.append(history.row(report))
        self.epochs[-1]["diagnosis"] = diagnosis.of_epoch(self.epochs, self.yardstick, self._means)
        speed = self.trainer.train.n_rows / seconds if seconds else 0.0
        self.timing.append({"epoch": report.epoch, "seconds": seconds, "rows_per_second": speed})
        every = self.job.checkpoint_every
        if every is not None:
            due = report.epoch % every == 0
        else:
            due = time.monotonic() - self._saved > SECONDS_BETWEEN_CHECKPOINTS
        if due:
            self.save()

    def save(self) -> None:
        """Write the checkpoint."""
        arrays, plain = self.trainer.state()
        planned = self.trainer.plan.epochs
        checkpoint.save(self.root, self.of, arrays, plain, self.epochs, planned, self.member)
        self._saved = time.monotonic()


class _Progress:
    """Tells how far trainings are while an epoch goes on; asked after every update."""

    def __init__(self, trainers: Sequence[Trainer], job: Job) -> None:
        self._trainers, self._job = trainers, job
        self._begun = self._last = time.monotonic()
        self._rows_at_start = self._rows_seen()
        self._losses = ""

    def stop_requested(self) -> bool:
        """Whether Ctrl-C was pressed; shows the rows on the way."""
        now = time.monotonic()
        if now - self._last > SECONDS_BETWEEN_GLANCES:
            self._last = now
            self._show(now)
        return self._job.listener.stop_requested()

    def epoch_done(self, report: EpochReport) -> None:
        """Show the losses of an epoch."""
        self._losses = history.losses(report)
        self._last = time.monotonic()
        self._show(self._last)

    def _rows_seen(self) -> int:
        return sum(trainer.rows_seen for trainer in self._trainers)

    def _show(self, now: float) -> None:
        trainers, n_rows = self._trainers, self._trainers[0].train.n_rows
        total = trainers[0].plan.epochs
        done = max(trainer.rows_seen for trainer in trainers) / n_rows
        # one iteration of a full-batch method goes through the rows again and again
        done = min(done, max(trainer.epoch for trainer in trainers) + ALMOST)
        speed = (self._rows_seen() - self._rows_at_start) / max(now - self._begun, 1e-9)
        left = (total - done) * n_rows * len(trainers) / speed if speed else math.inf
        detail = f"{self._losses}{speed:,.0f} rows/s, at most {history.clock(left)} left"
        self._job.listener.progress("training", done, total, detail)


def learn(trainer: Trainer, log: Log, job: Job) -> Diverged | None:
    """Run the epochs, telling how far they are; a checkpoint stands at the end.

    Returns how it diverged, where it did: the trainer then holds the last whole epoch.
    """
    from nntool.nn.reports import Diverged

    progress = _Progress([trainer], job)
    last = time.monotonic()
    try:
        for report in trainer.run(should_stop=progress.stop_requested):
            now = time.monotonic()
            log.add(report, now - last)
            last = now
            progress.epoch_done(report)
    except Diverged as error:
        return error
    if log.epochs:
        log.save()
    return None


def learn_together(
    trainers: Sequence[Trainer], logs: Sequence[Log], job: Job
) -> list[Diverged | None]:
    """The same of trainers that make their updates together; the seconds are dealt out evenly."""
    from nntool.nn.members.learning import MemberDiverged
    from nntool.nn.members.training import MembersTrainer

    if len(trainers) == 1:
        return [learn(trainers[0], logs[0], job)]
    progress = _Progress(trainers, job)
    last = time.monotonic()
    diverged: list[Diverged | None] = [None] * len(trainers)
    try:
        for reports in MembersTrainer(trainers).run(should_stop=progress.stop_requested):
            seconds = time.monotonic() - last
            last += seconds
            for of_member in reports:
                logs[of_member.member].add(of_member.report, seconds / len(reports))
            progress.epoch_done(reports[0].report)
    except MemberDiverged as error:
        diverged[error.member] = error
        return diverged
    for log in logs:
        if log.epochs:
            log.save()
    return diverged
