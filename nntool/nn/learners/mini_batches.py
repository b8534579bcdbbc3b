# ruff: noqa: D102  (the base class says what the methods mean)
"""Learning by mini-batches: one update after another by a rule on the gradient of a few rows."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from nntool.nn.arrays import Array
from nntool.nn.averaging import RunningMean
from nntool.nn.batches import Batch, count_batches
from nntool.nn.judging import METRIC_ROWS, Collector, some_rows
from nntool.nn.learners.base import Assignment, Learner, Sweep
from nntool.nn.reports import Diverged, LayerReport
from nntool.nn.schedules import Moment, warm
from nntool.nn.stepping import Stepper


class MiniBatches(Learner):
    """Updates by an `Optimizer`, with schedule, sampler, augmentations and average of the plan."""

    def __init__(self, given: Assignment) -> None:
        super().__init__(given)
        self.plan = given.plan
        self.undoes = self.plan.schedule.undoes
        self.stepper = Stepper(
            given.net,
            given.output,
            self.plan.rules,
            streams=given.streams,
            dtype=given.dtype,
            weight_noise=self.plan.weight_noise,
            sample=some_rows(given.rows) if given.net.wants_sample else None,
        )
        self.theta = self.stepper.theta
        self.stats = self.stepper.stats
        self._per_epoch = count_batches(given.rows.n_rows, self.batch_size, given.net.min_rows)
        self._updates = 0
        self._memory = self.plan.schedule.start()
        self._mean = RunningMean(self.plan.average, self.theta)

    @property
    def n_averaged(self) -> int:  # type: ignore[override]  # the base has a constant
        return self._mean.count

    def begin(self, loss: float) -> None:
        self._memory = self.plan.schedule.start()
        self.plan.schedule.observe(loss, None, self._memory)

    def run_epoch(self, epoch: int, should_stop: Callable[[], bool]) -> Sweep | None:
        plan, stepper, seen = self.plan, self.stepper, self.rows_seen
        total, lr, gradient_norm = 0.0, plan.base_rate, 0.0
        layers: tuple[LayerReport, ...] = ()
        outputs = Collector(self.given.metrics, METRIC_ROWS)
        for number, batch in enumerate(self.batches(), start=1):
            at, lr = self.next_update()
            stepper.parts.state["epoch"][...] = at.done
            if number == 1:
                loss, gradient_norm, layers = stepper.advance_measured(batch, lr)
            else:
                loss = stepper.advance(batch, lr)
            if not math.isfinite(loss):
                raise Diverged(epoch, number, self.not_finite_in(batch), lr)
            self._note(batch, at)
            outputs.take(stepper.tape(batch.n_rows)[0][-1].out, batch)
            total += loss * batch.n_rows
            self.count_update(batch.n_rows)
            if should_stop():
                return None
        n_rows = self.rows_seen - seen
        return Sweep(total / n_rows, outputs.metrics(), lr, gradient_norm, layers)

    def next_update(self) -> tuple[Moment, float]:
        """Return when the next update happens, and its learning rate."""
        plan = self.plan
        at = Moment(self._updates + 1, self._per_epoch, plan.epochs)
        lr = plan.schedule.rate(plan.base_rate, at, self._memory) * warm(at, plan.warmup)
        return at, lr

    def count_update(self, n_rows: int) -> None:
        """Remember that an update has been made with so many rows."""
        self._updates += 1
        self.rows_seen += n_rows

    def advance(self, batch: Batch, lr: float) -> float:
        """Make one update with this learning rate; return the loss before it.

        A momentum that grows has grown: it is as in the last epoch.
        """
        self.stepper.parts.state["epoch"][...] = self.plan.epochs
        return self.stepper.advance(batch, lr)

    def batches(self) -> Iterator[Batch]:
        """Yield the batches of one epoch as training meets them, augmentation and all."""
        plan, streams = self.plan, self.given.streams
        for batch in self.given.rows.batches(
            streams["shuffle"], self.batch_size, self.given.net.min_rows, plan.sampler
        ):
            for augmentation in plan.augmentations:
                augmentation.apply(batch, streams[augmentation.stream])
            yield batch

    def judged(self) -> tuple[Array, Array]:
        return self._mean.judged(self.given.net, self.theta, self.stats, self.all_rows)

    def observe(self, train_loss: float, watched: float | None) -> bool:
        return self.plan.schedule.observe(train_loss, watched, self._memory)

    def undo(self, arrays: Mapping[str, Array], plain: Mapping[str, Any]) -> None:
        for name, mine in self.arrays().items():
            np.copyto(mine, arrays[name])
        self._mean.count = plain["averaged"]

    def arrays(self) -> dict[str, Array]:
        found = self.stepper.arrays() | self._mean.arrays()
        if self.plan.sampler is not None:
            sampled = self.plan.sampler.arrays()
            found |= {f"sampler.{name}": array for name, array in sampled.items()}
        return found

    def plain(self) -> dict[str, Any]:
        return {
            "rows_seen": self.rows_seen,
            "updates": self._updates,
            "averaged": self._mean.count,
            "schedule": dict(self._memory),
        }

    def restore(self, plain: Mapping[str, Any]) -> None:
        self.rows_seen = plain["rows_seen"]
        self._updates = plain["updates"]
        self._mean.count = plain["averaged"]
        self._memory = dict(plain["schedule"])

    @property
    def batch_size(self) -> int:
        """How many rows an update has, but for the last one of an epoch."""
        return self.plan.batch_size or self.given.rows.n_rows

    def _note(self, batch: Batch, at: Moment) -> None:
        """Let the sampler and the average see what the update came to."""
        if self.plan.sampler is not None and batch.rows is not None:
            losses = self.stepper.tape(batch.n_rows)[1].rows
            if batch.weight is not None:
                losses = losses * batch.weight
            self.plan.sampler.observe(batch.rows, losses)
        self._mean.take(self.theta, at)

    def not_finite_in(self, batch: Batch) -> str:
        """Name the layer in which a number is first not finite for a batch, or the data."""
        tape, _ = self.stepper.tape(batch.n_rows)
        return self.given.net.first_not_finite(self.stepper.views, batch, tape) or "output"
