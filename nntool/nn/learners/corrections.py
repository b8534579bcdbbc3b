# ruff: noqa: D102  (the base class says what the methods mean)
"""Learning by corrections: the perceptron, which changes its weights by wrong rows alone."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nntool.nn.arrays import Array
from nntool.nn.batches import Batch
from nntool.nn.judging import METRIC_ROWS, Collector, target_of
from nntool.nn.learners.base import Assignment, Learner, Sweep
from nntool.nn.losses import PerceptronLoss
from nntool.nn.registry import InvalidChoice
from nntool.nn.reports import Diverged

BLOCK_ROWS = 1024
LEAST_AHEAD = 16
"""Rows that are looked at together, at least: fewer take as long."""


class Corrections(Learner):
    """A perceptron: the rows one after another, in an order that is drawn anew in each epoch.

    Between two corrections the weights stay as they are, so the sums of all rows up to the next
    wrong one are a single product; what comes of it is what going row by row would come to.
    """

    def __init__(self, given: Assignment) -> None:
        super().__init__(given)
        net = given.net
        if net.spec.hidden:
            raise InvalidChoice("a perceptron has no hidden units (--hidden none)")
        if net.spec.levels:
            raise InvalidChoice(
                "a perceptron takes numbers, and some columns are codes"
                " (transform --encode one-hot)"
            )
        if not isinstance(given.output.loss, PerceptronLoss):
            raise InvalidChoice("a perceptron learns by the loss 'perceptron' and no other")
        self.theta = net.initial(given.streams["init"], given.dtype)
        self.stats = net.initial_stats(given.dtype)
        self._views = net.bind(self.theta, self.stats).parameters[-1]
        self._n_weights = net.size // given.output.n_outputs
        self._corrections = 0
        self._ahead = [LEAST_AHEAD] * given.output.n_outputs

    def run_epoch(self, epoch: int, should_stop: Callable[[], bool]) -> Sweep | None:
        """Correct the weights row by row.

        Loss and metrics are of the weights that the epoch ends with: those of the rows as they were
        met say little where each wrong row changes all answers. ``gradient_norm`` is the length of
        the mean correction.
        """
        before, seen, made = self._units(), self.rows_seen, self._corrections
        units = before.copy()
        batches = self.given.rows.batches(self.given.streams["shuffle"], BLOCK_ROWS)
        for number, batch in enumerate(batches, start=1):
            self._correct(units, batch)
            if not np.isfinite(units).all():
                raise Diverged(epoch, number, "output", self._rate)
            self.rows_seen += batch.n_rows
            if should_stop():
                return None
        self._put(units)
        n_rows = self.rows_seen - seen
        corrections = self._corrections - made
        if not corrections:
            plural = "" if self._corrections == 1 else "s"
            self.finished = (
                f"separable: all {n_rows:,} training rows are right after"
                f" {self._corrections:,} correction{plural}"
            )
        change = float(np.linalg.norm(units - before)) / (self._rate * n_rows)
        loss, metrics = self._settled(units)
        return Sweep(loss, metrics, self._rate, change, (), {"corrections": corrections})

    def arrays(self) -> dict[str, Array]:
        return {"theta": self.theta, "stats": self.stats}

    def plain(self) -> dict[str, Any]:
        return {
            "rows_seen": self.rows_seen,
            "corrections": self._corrections,
            "finished": self.finished,
            "ahead": list(self._ahead),
        }

    def restore(self, plain: Mapping[str, Any]) -> None:
        self.rows_seen = plain["rows_seen"]
        self._corrections = plain["corrections"]
        self.finished = plain["finished"]
        self._ahead = list(plain["ahead"])

    @property
    def _rate(self) -> float:
        return self.given.plan.base_rate

    def _units(self) -> Array:
        """Return the weights of each unit side by side, its bias last: `(n_outputs, n_in + 1)`."""
        weight, *bias = self._views
        last = bias[0][:, np.newaxis] if bias else np.zeros((weight.shape[1], 0), weight.dtype)
        return np.ascontiguousarray(np.hstack([weight.T, last]))

    def _put(self, units: Array) -> None:
        weight, *bias = self._views
        weight[...] = units[:, : len(weight)].T
        if bias:
            bias[0][...] = units[:, -1]

    def _correct(self, units: Array, batch: Batch) -> None:
        """Let every unit go through the rows."""
        x, is_one = self._with_ones(batch), self._wanted(batch)
        weight = np.ones(batch.n_rows) if batch.weight is None else batch.weight
        for unit, w in enumerate(units):
            push = np.where(is_one[:, unit], self._rate, -self._rate) * weight
            wrong, self._ahead[unit] = correct(
                w, x, is_one[:, unit], weight > 0, push.astype(x.dtype), self._ahead[unit]
            )
            self._corrections += wrong

    def _with_ones(self, batch: Batch) -> Array:
        """Return the rows with a constant input of 1 behind them: the bias is the weight on it."""
        x = np.ones((batch.n_rows, self._n_weights), self.theta.dtype)
        x[:, : batch.numeric.shape[1]] = batch.numeric
        return x

    def _wanted(self, batch: Batch) -> Array:
        """Return whether each unit is to answer 1, `(n, n_outputs)`."""
        y = np.empty((batch.n_rows, self.given.output.n_outputs))
        self.given.output.head.code_targets(target_of(batch), y)
        return y > 0

    def _settled(self, units: Array) -> tuple[float, dict[str, float] | None]:
        """Return loss and metrics of these weights on all training rows."""
        output, rows = self.given.output, self.given.rows
        total, outputs = 0.0, Collector(self.given.metrics, METRIC_ROWS)
        for batch in rows.batches(None, BLOCK_ROWS):
            z = self._with_ones(batch) @ units.T
            tape = output.tape(batch.n_rows, z.dtype)
            total += output.value(z, target_of(batch), batch.weight, tape) * batch.n_rows
            outputs.take(z, batch)
        return total / rows.n_rows, outputs.metrics()


def correct(
    w: Array, x: Array, is_one: Array, counts: Array, push: Array, ahead: int
) -> tuple[int, int]:
    """Correct one unit's weights ``w`` in place by the rows ``x`` `(n, d)`, from first to last.

    A row is wrong where x·w ≥ 0 is not what ``is_one`` says and it ``counts``; it adds ``push``·x.
    ``ahead`` is how many rows to look at together; with the number of corrections the number for
    next time is returned.

    >>> w, x = np.zeros(2), np.array([[1.0, 1.0], [2.0, 1.0]])
    >>> correct(w, x, np.array([True, False]), np.ones(2, bool), np.array([1, -1]), 2)
    (1, 16)
    >>> w
    array([-2., -1.])
    """
    corrections, at = 0, 0
    while at < len(x):
        here = slice(at, at + ahead)
        wrong = (x[here] @ w >= 0) != is_one[here]
        wrong &= counts[here]
        first = int(wrong.argmax())
        if not wrong[first]:
            at += len(wrong)
            ahead = min(2 * ahead, BLOCK_ROWS)
            continue
        w += push[at + first] * x[at + first]
        corrections += 1
        at += first + 1
        ahead = max(LEAST_AHEAD, 2 * (first + 1))
    return corrections, ahead
