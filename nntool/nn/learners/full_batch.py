# ruff: noqa: D102  (the base class says what the methods mean)
"""Learning from all rows at once: an epoch is one iteration of a full-batch method."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nntool.nn.arrays import Array
from nntool.nn.augmentation import LevelMask
from nntool.nn.full_batch import FullBatchMethod, refuse
from nntool.nn.full_batch.base import Point
from nntool.nn.full_batch.problem import Asked, Note, Problem
from nntool.nn.judging import some_rows
from nntool.nn.learners.base import Assignment, Learner, Sweep
from nntool.nn.losses import LOSSES
from nntool.nn.methods import no_gradient
from nntool.nn.registry import InvalidChoice, choice_of
from nntool.nn.reports import Diverged, layer_reports


class FullBatch(Learner):
    """Iterations of a `FullBatchMethod` on loss and penalties of all rows.

    Rows are counted once an iteration, however often it goes through them; ``counts`` tell that.
    Levels that stand for unseen ones are drawn once: each evaluation sees the same rows.
    """

    draws = False

    def __init__(self, given: Assignment) -> None:
        import scipy.linalg  # noqa: F401  (its BLAS is to be there when threads are limited)

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
        self._at = Point(self.theta, 0.0, np.zeros_like(self.theta))
        self._state = method.init(net.size, dtype)
        self._names = {name: f"optimizer.{name}" for name in self._state}
        self._shared = frozenset(method.replaced)
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
            advance = self.method.iterate
            if not self._started:
                self._start(epoch)
                advance = self.method.advance  # these weights may be where to stop already
            before = self._at
            step = advance(problem, before, self._state)
        except Asked:
            return None
        moved, idle = step.point.theta - before.theta, problem.idle(step.point)
        layers = layer_reports(self.given.net, before.gradient, moved, step.point.theta, idle)
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
        return self._here() | {name: self._state[of] for of, name in self._names.items()}

    def copies(self) -> dict[str, Array]:
        """Copy what is written into; the rest (most of it, with lbfgs) is shared."""
        found = self._here()
        found["stats"] = self.stats.copy()
        for of, name in self._names.items():
            array = self._state[of]
            found[name] = array if of in self._shared else array.copy()
        return found

    def put(self, arrays: Mapping[str, Array]) -> None:
        theta, gradient = arrays["theta"].copy(), arrays["gradient"].copy()
        self._at = Point(theta, float(arrays["value"]), gradient)
        self.theta = theta
        np.copyto(self.stats, arrays["stats"])
        self._state = {of: arrays[name].copy() for of, name in self._names.items()}

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
            net.recompute_statistics(net.bind(self.theta, self.stats), self.all_rows)
        point = self.problem.at(self.theta)
        if not math.isfinite(point.value):
            raise Diverged(epoch, *self.problem.first_not_finite(self.theta), math.nan)
        self._take(point)
        self.method.start(point, self._state)
        self._started = True

    def _take(self, point: Point) -> None:
        """Be where a point is; without a note it is where this was before."""
        self._at, self.theta = point, point.theta
        if isinstance(point.note, Note):
            self._loss, self._metrics = point.note.loss, point.note.outputs.metrics()

    def _here(self) -> dict[str, Array]:
        """Return the arrays of the point, which nobody writes into: the next one has its own."""
        theta, value, gradient = self._at[:3]
        return {
            "theta": theta,
            "stats": self.stats,
            "gradient": gradient,
            "value": np.array(value),
        }

    def _passed(self, seen: int) -> Callable[[int], None]:
        """Return what counts rows on their way, up to once through all of them."""
        limit = seen + self.given.rows.n_rows

        def passed(n_rows: int) -> None:
            self.rows_seen = min(self.rows_seen + n_rows, limit)

        return passed


def _refuse(given: Assignment, method: FullBatchMethod) -> None:
    """Raise `InvalidChoice` for what the method cannot make small."""
    net = given.net
    if not net.has_gradient:
        raise no_gradient(net.spec.activation)
    loss = choice_of(LOSSES, given.output.loss)["name"]
    refuse(method, net.size, loss)
    if not given.output.loss.has_gradient:
        raise InvalidChoice(
            f"a full-batch method goes down the gradient of the loss, and {loss} has none: hinge"
        )
    if not all(penalty.has_gradient for penalty in given.plan.rules.penalties):
        raise InvalidChoice(
            "l1 with proximal=true shrinks weights between steps, and a full-batch method makes"
            " one function of them small: l1 with proximal=false"
        )
