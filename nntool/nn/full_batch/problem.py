"""The function that full-batch methods make small: loss and penalties of all training rows."""

import copy
import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from nntool.nn.arrays import Array, DTypeLike, scratch_for
from nntool.nn.augmentation import LevelMask
from nntool.nn.batches import Batch, RowSource
from nntool.nn.curvature import Curvature, penalty_bends
from nntool.nn.full_batch.base import Point
from nntool.nn.judging import BLOCK_ROWS, METRIC_ROWS, Collector, Metrics, target_of
from nntool.nn.network import Network
from nntool.nn.outputs import Output
from nntool.nn.penalties import Penalty
from nntool.nn.randomness import Streams
from nntool.nn.tapes import Tape

COUNTS = ("loss_evaluations", "gradient_evaluations", "products")
BLOCK_FLOATS = 1 << 18
JACOBIAN_FLOATS = 1 << 22
LEAST_ROWS, MOST_ROWS = 1024, 8192
KEPT_BYTES = 1 << 26
"""Bytes of rows that are kept from one evaluation to the next, in the type of the parameters."""


class Asked(Exception):  # noqa: N818  (nothing went wrong)
    """The user asked to stop while the rows were gone through."""


class Note(NamedTuple):
    """What is remembered of an evaluation: the loss without penalties, and outputs of rows."""

    loss: float
    outputs: Collector


class Problem:
    """Loss and penalties of all rows as a function of the parameters, block by block.

    Each block has the same rows whenever it comes, and its sums are added in the same order. The
    network is passed as in prediction: nothing is drawn, running statistics stand still. ``counts``
    are evaluations and products so far: of a matrix, as many as would have told it. ``should_stop``
    is asked after each block, and `Asked` is raised if it says so; ``passed`` is told of its rows.
    Rows of no more than KEPT_BYTES are gathered once. Those that make one block are passed forward
    once for several products in a row at the same parameters.
    """

    def __init__(
        self,
        net: Network,
        output: Output,
        rows: RowSource,
        penalties: tuple[Penalty, ...] = (),
        *,
        stats: Array,
        masks: tuple[LevelMask, ...] = (),
        streams: Streams | None = None,
        metrics: Metrics | None = None,
        block_rows: int | None = None,
    ) -> None:
        self.net = net
        self.output = output
        self.rows = rows
        self.penalties = penalties
        self.block_rows = block_rows or rows_of_block(net)
        self.counts = dict.fromkeys(COUNTS, 0)
        self.should_stop: Callable[[], bool] = lambda: False
        self.passed: Callable[[int], None] = lambda n_rows: None
        self._metrics = metrics
        dtype = stats.dtype
        self._theta, self._part = np.zeros(net.size, dtype), np.zeros(net.size, dtype)
        self._views, self._parts = net.bind(self._theta, stats), net.bind(self._part, stats)
        self._scratch = scratch_for(self._theta)
        self._tapes: dict[int, Tape] = {}
        self._curvatures: dict[int, Curvature] = {}
        self._last: Point | None = None
        self._kept: list[Batch] = []
        self._passed_at: Array | None = None
        drawn_by = streams or Streams(0)
        self._masks = [(mask, copy.deepcopy(drawn_by[mask.stream])) for mask in masks]

    def reset_counts(self) -> None:
        """Count from 0 again."""
        self.counts = dict.fromkeys(COUNTS, 0)

    def at(self, theta: Array) -> Point:
        """Evaluate value and gradient; the value is inf where one of them is not finite."""
        self.counts["loss_evaluations"] += 1
        self.counts["gradient_evaluations"] += 1
        np.copyto(self._theta, theta)
        loss, gradient = 0.0, np.zeros_like(self._theta)
        outputs = Collector(self._metrics, METRIC_ROWS)
        with np.errstate(all="ignore"):  # a trial may go where numbers end
            for batch, share in self._blocks():
                tape, loss_tape = self._tape(batch.n_rows)
                z = self.net.forward(self._views, batch, tape, None)
                loss += share * self.output.value(z, target_of(batch), batch.weight, loss_tape)
                if not math.isfinite(loss):
                    break
                outputs.take(z, batch)
                loss_tape.dz *= share
                self.net.backward(self._views, self._parts, loss_tape.dz, tape)
                gradient += self._part
            value = loss + self._penalize(gradient)
            is_finite = math.isfinite(value) and math.isfinite(float(np.dot(gradient, gradient)))
        self._last = Point(theta, value if is_finite else math.inf, gradient, Note(loss, outputs))
        return self._last

    def idle(self, point: Point) -> dict[str, float]:
        """Return the share of idle units by layer, where it is known from evaluating the point.

        It is so for few rows, and if this was the last point; else nothing is returned.
        """
        n_rows = self.rows.n_rows
        if point is not self._last or self._masks or n_rows > min(self.block_rows, BLOCK_ROWS):
            return {}
        return self.net.idle(self._views, self._tape(n_rows)[0])

    def hessian_product(self, theta: Array, v: Array) -> Array:
        """Return H·v, H the second derivatives of the value."""
        product = np.zeros_like(self._theta)
        for block in self._visited(theta):
            block.add_hessian_product(v, product)
        self.counts["products"] += 1
        return self._with_bends(product, v, positive=False)

    def gauss_newton_product(self, theta: Array, v: Array) -> Array:
        """Return G·v, G the Gauss–Newton matrix: H without the curvature of the network."""
        product = np.zeros_like(self._theta)
        for block in self._visited(theta):
            block.add_gauss_newton_product(v, product)
        self.counts["products"] += 1
        return self._with_bends(product, v, positive=True)

    def hessian(self, theta: Array) -> Array:
        """Return H itself, symmetric to the last bit."""
        hessian = self._matrix(theta, Curvature.add_hessian, positive=False)
        hessian += hessian.T.copy()
        hessian *= 0.5
        return hessian

    def gauss_newton(self, theta: Array) -> Array:
        """Return G itself: JᵀJ, scaled as the loss is, with the curvature of the penalties."""
        return self._matrix(theta, Curvature.add_gauss_newton, positive=True)

    def first_not_finite(self, theta: Array) -> tuple[int, str]:
        """Return the number of the first block in which something is not finite, and the layer."""
        np.copyto(self._theta, theta)
        number = 0
        with np.errstate(all="ignore"):
            for number, (batch, _) in enumerate(self._blocks(), start=1):
                tape, loss_tape = self._tape(batch.n_rows)
                layer = self.net.first_not_finite(self._views, batch, tape)
                if layer is not None:
                    return number, layer
                z = tape[-1].out
                if not math.isfinite(
                    self.output.value(z, target_of(batch), batch.weight, loss_tape)
                ):
                    break
        return number, "output"

    def _matrix(
        self, theta: Array, add: Callable[[Curvature, Array], None], *, positive: bool
    ) -> Array:
        """Sum a matrix over blocks so small that what each row has to say of it fits the memory."""
        size = self.net.size
        matrix = np.zeros((size, size), theta.dtype)
        for block in self._visited(theta, min(max(JACOBIAN_FLOATS // size, 1), self.block_rows)):
            add(block, matrix)
        self.counts["products"] += size
        self._add_bends(matrix, positive=positive)
        return matrix

    def _blocks(self, block_rows: int = 0) -> Iterator[tuple[Batch, float]]:
        """Yield the blocks, each with its share of all rows."""
        n_rows = self.rows.n_rows
        for batch in self._batches(block_rows or self.block_rows):
            yield batch, batch.n_rows / n_rows
            self.passed(batch.n_rows)
            if self.should_stop():
                raise Asked

    def _batches(self, block_rows: int) -> Iterable[Batch]:
        """Return the blocks: gathered and converted once where they are small, else each time."""
        spec, rows = self.net.spec, self.rows.n_rows
        numbers = rows * (spec.n_numeric + len(spec.levels))
        if block_rows != self.block_rows or numbers * self._theta.itemsize > KEPT_BYTES:
            return self._read(block_rows)
        if not self._kept:
            self._kept = [copied(batch, self._theta.dtype) for batch in self._read(block_rows)]
        return self._kept

    def _read(self, block_rows: int) -> Iterator[Batch]:
        masks = [(mask, copy.deepcopy(rng)) for mask, rng in self._masks]
        for batch in self.rows.batches(None, block_rows):
            for mask, rng in masks:
                mask.apply(batch, rng)
            yield batch

    def _visited(self, theta: Array, block_rows: int = 0) -> Iterator[Curvature]:
        """Yield each block, passed at these parameters, ready for products."""
        np.copyto(self._theta, theta)
        for batch, share in self._blocks(block_rows):
            n_rows = batch.n_rows
            if n_rows not in self._curvatures:
                dtype = self._theta.dtype
                self._curvatures[n_rows] = Curvature(self.net, self.output, n_rows, dtype)
            is_all = len(self._kept) == 1 and batch is self._kept[0]
            if not (is_all and self._is_passed_at(theta)):
                self._curvatures[n_rows].visit(self._views, batch, share)
                self._passed_at = theta.copy() if is_all else None
            yield self._curvatures[n_rows]

    def _is_passed_at(self, theta: Array) -> bool:
        return self._passed_at is not None and np.array_equal(self._passed_at, theta)

    def _penalize(self, gradient: Array) -> float:
        """Return what the penalties add to the value, and add their gradient."""
        n, total = self.net.n_weights, 0.0
        weights = self._theta[:n]
        for penalty in self.penalties:
            total += penalty.value(weights)
            penalty.add_gradient(weights, gradient[:n], self._scratch)
        return total

    def _bends(self, *, positive: bool) -> Array:
        return penalty_bends(self.penalties, self._theta[: self.net.n_weights], positive=positive)

    def _with_bends(self, product: Array, v: Array, *, positive: bool) -> Array:
        if self.penalties:
            n = self.net.n_weights
            product[:n] += self._bends(positive=positive) * v[:n]
        return product

    def _add_bends(self, matrix: Array, *, positive: bool) -> None:
        if self.penalties:
            diagonal = np.einsum("ii->i", matrix)[: self.net.n_weights]
            diagonal += self._bends(positive=positive)

    def _tape(self, n_rows: int) -> Tape:
        if n_rows not in self._tapes:
            dtype: DTypeLike = self._theta.dtype
            self._tapes[n_rows] = self.net.tape(n_rows, dtype), self.output.tape(n_rows, dtype)
        return self._tapes[n_rows]


def copied(batch: Batch, dtype: DTypeLike) -> Batch:
    """Return a batch with arrays of its own, the numeric columns of this type."""
    own = copy.deepcopy(batch)
    own.numeric = own.numeric.astype(dtype, copy=False)
    return own


def rows_of_block(net: Network) -> int:
    """Return the rows of one block: its activities fit the cache; it follows the widths alone."""
    widths = sum(layer.n_out for layer in net.layers)
    rows = 1 << (max(BLOCK_FLOATS // widths, 1).bit_length() - 1)
    return min(max(rows, LEAST_ROWS), MOST_ROWS)
