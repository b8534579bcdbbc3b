# ruff: noqa: D102  (the base class says what the methods mean)
"""Learning from all rows at once: an epoch is one iteration of a full-batch method."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from nntool.nn.activations import ACTIVATIONS
from nntool.nn.arrays import Array
from nntool.nn.augmentation import LevelMask
from nntool.nn.batches import Batch
from nntool.nn.full_batch import FullBatchMethod, refuse
from nntool.nn.full_batch.base import Point, Step
from nntool.nn.full_batch.problem import Asked, Note, Problem
from nntool.nn.judging import BLOCK_ROWS, some_rows
from nntool.nn.learners.base import Assignment, Learner, Sweep
from nntool.nn.losses import LOSSES
from nntool.nn.registry import InvalidChoice, choice_of
from nntool.nn.reports import Diverged, LayerReport


class FullBatch(Learner):
    """Iterations of a `FullBatchMethod` on loss and penalties of all rows.

    Rows are counted once an iteration, however often it goes through them; ``counts`` tell that.
    Levels that stand for unseen ones are drawn once: each evaluation sees the same rows.
    """

    def __init__(self, given: Assignment) -> None:
        super().__init__(given)
        method = given.plan.rules.optimizer
        if not isinstance(method, FullBatchMethod):
            raise TypeError(f"{type(method).__name__} is no full-batch method")
        self.method = method
        net, dtype = given.net, given.dtype
        _refuse(given, method)
        sample = some_rows(given.rows) if net.wants_sample else None
        self.theta = net.initial(given.streams["init"], dtype, sample)
        self.stats = net.initial_stats(dtype)
        self.problem = Problem(
            net,
            given.output,
            given.rows,
            given.plan.rules.penalties,
            stats=self.stats,
            masks=tuple(a for a in given.plan.augmentations if isinstance(a, LevelMask)),
            streams=given.streams,
            metrics=given.metrics,
        )
        self._gradient = np.zeros_like(self.theta)
        self._value = np.zeros(())
        self._state = method.init(net.size, dtype)
        self._loss = math.nan
        self._metrics: dict[str, float] | None = None
        self._started = False

    @property
    def rows_at_once(self) -> int:
        return min(self.problem.block_rows, self.given.rows.n_rows)

    def run_epoch(self, epoch: int, should_stop: Callable[[], bool]) -> Sweep | None:
        """Make one iteration; the first one sees the weights that it sets out from before."""
        seen, problem = self.rows_seen, self.problem
        problem.should_stop, problem.passed = should_stop, self._passed(seen)
        problem.reset_counts()
        try:
            if not self._started:
                self._start(epoch)
            before = Point(self.theta.copy(), float(self._value), self._gradient.copy())
            step = self.method.advance(problem, before, self._state)
        except Asked:
            return None
        layers = self._layers(before, step)
        self._take(step.point)
        self.finished = step.finished
        self.rows_seen = seen + self.given.rows.n_rows
        return Sweep(
            train_loss=self._loss,
            train_metrics=self._metrics,
            learning_rate=step.length,
            gradient_norm=math.hypot(*(layer.gradient_norm for layer in layers)),
            layers=layers,
            counts=dict(problem.counts),
            objective=step.point.value,
        )

    def arrays(self) -> dict[str, Array]:
        state = {f"optimizer.{name}": array for name, array in self._state.items()}
        here = {"theta": self.theta, "stats": self.stats, "gradient": self._gradient}
        return {**here, "value": self._value, **state}

    def copies(self) -> dict[str, Array]:
        """Copy what is written into; the rest (most of it, with lbfgs) is shared."""
        shared = {f"optimizer.{name}" for name in self.method.replaced}
        found = self.arrays().items()
        return {name: array if name in shared else array.copy() for name, array in found}

    def put(self, arrays: Mapping[str, Array]) -> None:
        for name in self.method.replaced:
            self._state[name] = arrays[f"optimizer.{name}"].copy()
        super().put(arrays)

    def plain(self) -> dict[str, Any]:
        return {
            "rows_seen": self.rows_seen,
            "started": self._started,
            "finished": self.finished,
            "train_loss": self._loss,
            "train_metrics": self._metrics,
        }

    def restore(self, plain: Mapping[str, Any]) -> None:
        self.rows_seen = plain["rows_seen"]
        self._started = plain["started"]
        self.finished = plain["finished"]
        self._loss, self._metrics = plain["train_loss"], plain["train_metrics"]

    def _start(self, epoch: int) -> None:
        """Fix the statistics of batch norm, and see the weights that the first step leaves."""
        net = self.given.net
        if net.n_stats:
            net.recompute_statistics(net.bind(self.theta, self.stats), self._all_rows)
        point = self.problem.at(self.theta)
        if not math.isfinite(point.value):
            raise Diverged(epoch, *self.problem.first_not_finite(self.theta), math.nan)
        self._take(point)
        self.method.start(point, self._state)
        self._started = True

    def _take(self, point: Point) -> None:
        """Be where a point is; without a note it is where this was before."""
        np.copyto(self.theta, point.theta)
        np.copyto(self._gradient, point.gradient)
        self._value[...] = point.value
        if isinstance(point.note, Note):
            self._loss, self._metrics = point.note.loss, point.note.outputs.metrics()

    def _layers(self, before: Point, step: Step) -> tuple[LayerReport, ...]:
        """Report the gradient that the step set out with (penalties and all) and what it did."""
        net = self.given.net
        gradients = net.norms(before.gradient)
        changes, sizes = net.norms(step.point.theta - before.theta), net.norms(step.point.theta)
        hidden, idle = net.hidden_names, self.problem.idle(step.point)
        return tuple(
            LayerReport(n, gradients[n], changes[n], sizes[n], n in hidden, idle.get(n))
            for n in gradients
        )

    def _passed(self, seen: int) -> Callable[[int], None]:
        """Return what counts rows on their way, up to once through all of them."""
        limit = seen + self.given.rows.n_rows

        def passed(n_rows: int) -> None:
            self.rows_seen = min(self.rows_seen + n_rows, limit)

        return passed

    def _all_rows(self) -> Iterator[Batch]:
        return self.given.rows.batches(None, BLOCK_ROWS, self.given.net.min_rows)


def _refuse(given: Assignment, method: FullBatchMethod) -> None:
    """Raise `InvalidChoice` for what the method cannot make small."""
    net = given.net
    if not net.has_gradient:
        able = (name for name, entry in ACTIVATIONS.items() if entry.has_gradient)
        raise InvalidChoice(
            f"activation {net.spec.activation!r} has no gradient to learn from;"
            f" choose from {', '.join(able)}"
        )
    refuse(method, net.size, choice_of(LOSSES, given.output.loss)["name"])
    if not all(penalty.has_gradient for penalty in given.plan.rules.penalties):
        raise InvalidChoice(
            "l1 with proximal=true shrinks weights between steps, and a full-batch method makes"
            " one function of them small: l1 with proximal=false"
        )
