"""What weights are worth: their loss and metrics on rows that they did not learn from."""

import copy
import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from nntool.nn.arrays import Array
from nntool.nn.batches import Batch, RowSource
from nntool.nn.network import Network
from nntool.nn.outputs import Output
from nntool.nn.registry import InvalidChoice
from nntool.nn.tapes import Tape

BLOCK_ROWS = 1024
"""Rows of one block when a loss is computed without learning."""
METRIC_ROWS = 1 << 16
"""So many rows of an epoch, at most, are kept for the training metrics."""

Metrics = Callable[[Array, Array, Array | None], dict[str, float]]
"""From raw outputs, targets and weights of rows to numbers by name.

One that needs less of each row than its outputs says so by two methods: ``keep`` gives what it
needs of the outputs of a block, and ``of_kept`` takes that in place of the outputs.
"""


class Verdict(NamedTuple):
    """What validation said: None where there is none; ``idle`` is the share of units by layer.

    ``not_finite_in`` names the layer in which a number was first not finite, if any was.
    """

    loss: float | None = None
    metrics: dict[str, float] | None = None
    idle: dict[str, float] = {}  # noqa: RUF012  (nobody changes it)
    not_finite_in: str | None = None


class Collector:
    """Outputs and targets of rows on their way by, at most ``limit`` of them.

    What is kept of the outputs is what the metrics need: for accuracy one number a row, where the
    outputs of 100 classes would be 100.
    """

    def __init__(self, metrics: Metrics | None, limit: int | None = None) -> None:
        self._metrics: Metrics | None = getattr(metrics, "of_kept", metrics)
        self._keep: Callable[[Array], Array] = getattr(metrics, "keep", np.copy)
        self._left = math.inf if limit is None else limit
        self._kept: list[tuple[Array, Array]] = []
        self._weights: list[Array] = []

    def take(self, z: Array, batch: Batch) -> None:
        """Keep the outputs of a batch, if anyone wants them."""
        if self._metrics is None or self._left <= 0 or batch.target is None:
            return
        self._kept.append((self._keep(z), batch.target.copy()))
        if batch.weight is not None:
            self._weights.append(batch.weight.copy())
        self._left -= batch.n_rows

    def metrics(self) -> dict[str, float] | None:
        """Return the metrics of what was kept."""
        if self._metrics is None or not self._kept:
            return None
        kept, target = (np.concatenate(arrays) for arrays in zip(*self._kept, strict=True))
        weight = np.concatenate(self._weights) if self._weights else None
        return self._metrics(kept, target, weight)


class Judge:
    """Validation rows, metrics, and the number that early stopping goes by."""

    def __init__(
        self,
        net: Network,
        output: Output,
        rows: RowSource | None,
        metrics: Metrics | None,
        monitor: str,
    ) -> None:
        self.net = net
        self.output = output
        self.rows = rows
        self.measure = metrics
        self.monitor = monitor
        self._tapes: dict[int, Tape] = {}
        self._some: Batch | None = None

    def validate(self, theta: Array, stats: Array) -> Verdict:
        """Return loss and metrics on the validation rows, and which units are idle on them."""
        if self.rows is None:
            return Verdict()
        views = self.net.bind(theta, stats)
        total, collector = 0.0, Collector(self.measure)
        idle: dict[str, float] = {}
        for batch in self.rows.batches(None, BLOCK_ROWS):
            tape, loss_tape = self._tape(batch.n_rows, theta)
            z = self.net.forward(views, batch, tape, None)
            loss = self.output.value(z, target_of(batch), batch.weight, loss_tape)
            if not math.isfinite(loss):
                layer = self.net.first_not_finite(views, batch, tape)
                return Verdict(loss, not_finite_in=layer or "output")
            if self.rows.n_rows <= BLOCK_ROWS:  # this block is all of them
                idle = self.net.idle(views, tape)
            total += loss * batch.n_rows
            collector.take(z, batch)
        idle = idle or self.idle_on(self.rows, theta, stats)
        return Verdict(total / self.rows.n_rows, collector.metrics(), idle)

    def loss_on(self, rows: RowSource, theta: Array, stats: Array) -> float:
        """Return the mean loss over some rows, as in prediction."""
        views, total = self.net.bind(theta, stats), 0.0
        for batch in rows.batches(None, BLOCK_ROWS):
            tape, loss_tape = self._tape(batch.n_rows, theta)
            z = self.net.forward(views, batch, tape, None)
            loss = self.output.value(z, target_of(batch), batch.weight, loss_tape)
            total += loss * batch.n_rows
        return total / rows.n_rows

    def idle_on(self, rows: RowSource, theta: Array, stats: Array) -> dict[str, float]:
        """Return the share of idle units by layer on some rows of a source, always the same."""
        if self._some is None:
            self._some = some_rows(rows)
        tape, _ = self._tape(self._some.n_rows, theta)
        views = self.net.bind(theta, stats)
        self.net.forward(views, self._some, tape, None)
        return self.net.idle(views, tape)

    def monitored(self, train_loss: float, verdict: Verdict) -> float | None:
        """Return the number that the weights are judged by, None in epochs without it."""
        name = self.monitor
        if name == "auto":
            name = "train-loss" if self.rows is None else "validation-loss"
        known: dict[str, float | None] = {**(verdict.metrics or {}), "train-loss": train_loss}
        if self.rows is not None:
            known["validation-loss"] = verdict.loss
        awaited = self.rows is not None and self.measure is not None and verdict.metrics is None
        if name not in known and not awaited:
            raise InvalidChoice(f"there is no {name!r} to monitor; choose from {', '.join(known)}")
        return known.get(name)

    def _tape(self, n_rows: int, theta: Array) -> Tape:
        if n_rows not in self._tapes:
            tape, loss_tape = (
                self.net.tape(n_rows, theta.dtype),
                self.output.tape(n_rows, theta.dtype),
            )
            self._tapes[n_rows] = (tape, loss_tape)
        return self._tapes[n_rows]


def target_of(batch: Batch) -> Array:
    """Return the target of a batch that must have one."""
    if batch.target is None:
        raise ValueError("training needs rows with a target")
    return batch.target


def some_rows(source: RowSource, n_rows: int = BLOCK_ROWS) -> Batch:
    """Return copies of rows drawn at random, always the same; of all rows if there are no more.

    The first ones would not do where the source is sorted.
    """
    if source.n_rows <= n_rows:
        return copy.deepcopy(first_rows(source, n_rows))
    return copy.deepcopy(_first_batch(source.batches(np.random.default_rng(0), n_rows)))


def first_rows(source: RowSource, n_rows: int = BLOCK_ROWS) -> Batch:
    """Return the first rows of a source, as they stand in it.

    >>> from nntool.nn.batches import ArrayRows
    >>> first_rows(ArrayRows(np.eye(5, dtype=np.float32)), 2).n_rows
    2
    """
    return _first_batch(source.batches(None, min(n_rows, source.n_rows)))


def _first_batch(batches: Iterator[Batch]) -> Batch:
    batch = next(batches)
    close = getattr(batches, "close", None)
    if close is not None:
        close()
    return batch
