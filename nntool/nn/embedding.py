# ruff: noqa: D102  (the base class says what the methods mean)
"""The first layer: numeric columns beside the learned vectors of categorical codes."""

import math
from collections.abc import Sequence

import numpy as np

from nntool.nn.arrays import Array, Arrays, DTypeLike
from nntool.nn.batches import Batch
from nntool.nn.layers import Layer, Parameter, UnitSlopes
from nntool.nn.randomness import Streams
from nntool.nn.tapes import LayerTape, SecondTape

FEW_LEVELS = 32
"""Up to so many, summing by code is two to four times faster as a product than by sorting."""


def default_width(n_levels: int) -> int:
    """Return how many numbers stand for one of ``n_levels`` categories.

    min(50, round(1.6·n^0.56)), at least 1: fitted on many tables by fastai (Howard & Gugger 2020,
    arXiv 2002.04688), with a lower cap.

    >>> [default_width(n) for n in (2, 10, 100, 10_000)]
    [2, 6, 21, 50]
    """
    return max(1, min(50, round(1.6 * math.pow(n_levels, 0.56))))


class Inputs(Layer):
    """Numeric columns, then one learned vector for each categorical code.

    x = [numeric, E₁[c₁], E₂[c₂], …]; ∂E[c] = Σ over the rows with code c of ∂x.
    Tables start as N(0, 1/width), so that a vector has length 1 on average.
    Guo & Berkhahn 2016, arXiv 1604.06737.
    """

    def __init__(self, n_numeric: int, levels: Sequence[int], widths: Sequence[int]) -> None:
        super().__init__("inputs", n_numeric, n_numeric + sum(widths))
        self.levels = np.array(levels, dtype=np.int64)
        self.parameters = tuple(
            Parameter(f"embedding{j}", shape)
            for j, shape in enumerate(zip(levels, widths, strict=True), start=1)
        )
        ends = np.cumsum([n_numeric, *widths]).tolist()
        self._columns = [slice(*ends[j : j + 2]) for j in range(len(widths))]

    def initialize(self, p: Sequence[Array], rng: np.random.Generator) -> None:
        for table in p:
            table[...] = rng.normal(0, 1 / math.sqrt(table.shape[1]), table.shape)

    def tape(self, n_rows: int, dtype: DTypeLike) -> LayerTape:
        few = max((n for n in self.levels.tolist() if n <= FEW_LEVELS), default=0)
        return LayerTape(
            out=np.empty((n_rows, self.n_out), dtype),
            scratch=np.empty(n_rows * few, dtype),
            kept=np.arange(n_rows),
        )

    def forward(
        self,
        p: Sequence[Array],
        s: Sequence[Array],
        batch: Batch,
        t: LayerTape,
        rng: Streams | None,
    ) -> Array:
        """Return x `(n, n_out)`: the numeric columns themselves where that is all there is."""
        if not p and batch.numeric.dtype == t.out.dtype:
            return batch.numeric
        t.out[:, : self.n_in] = batch.numeric
        if p:
            codes = self.check(batch.codes)
            t.x = codes
            for j, table in enumerate(p):
                t.out[:, self._columns[j]] = table[codes[:, j]]
        return t.out

    def backward(self, p: Sequence[Array], g: Sequence[Array], dy: Array, t: LayerTape) -> Array:
        for j, table in enumerate(g):
            sums = _sum_by_product if len(table) <= FEW_LEVELS else _sum_by_sorting
            sums(t.x[:, j], dy[:, self._columns[j]], table, t)
        return dy

    def tangent(self, p: Arrays, v: Arrays, x_dot: Array | None, r: SecondTape) -> Array | None:
        """Return what a change of the tables adds; the numeric columns are what they are."""
        if not v:
            return None
        r.out[:, : self.n_in] = 0
        for j, table in enumerate(v):
            r.out[:, self._columns[j]] = table[r.back.x[:, j]]
        return r.out

    def write_row_gradients(self, g: Arrays, dy: Array, t: LayerTape) -> None:
        for j, table in enumerate(g):
            table.fill(0)
            table[t.kept, t.x[:, j]] = dy[:, self._columns[j]]

    def slopes_of(self, unit: int, t: LayerTape) -> list[UnitSlopes]:
        for j, columns in enumerate(self._columns):
            if columns.start <= unit < columns.stop:
                one_hot = t.x[:, j, np.newaxis] == np.arange(self.levels[j])
                index = (slice(None), unit - columns.start)
                return [UnitSlopes(j, index, one_hot.astype(t.out.dtype))]
        return []

    def check(self, codes: Array | None) -> Array:
        """Return the codes if every one has its row in a table, else raise IndexError."""
        if codes is None or codes.shape[1] != len(self.levels):
            raise IndexError(f"codes of {len(self.levels)} categorical columns are needed")
        if np.any(codes.max(axis=0) >= self.levels) or codes.min() < 0:
            raise IndexError(f"a code lies outside the levels {self.levels.tolist()}")
        return codes


def _sum_by_product(codes: Array, dy: Array, out: Array, t: LayerTape) -> None:
    """Write the sum of the rows of ``dy`` of each code: ∂E = Hᵀ·∂y, H one-hot `(n, levels)`."""
    one_hot = t.scratch[: len(codes) * len(out)].reshape(len(codes), len(out))
    one_hot.fill(0)
    one_hot[t.kept, codes] = 1
    np.matmul(one_hot.T, dy, out=out)


def _sum_by_sorting(codes: Array, dy: Array, out: Array, t: LayerTape) -> None:
    """Write the same for many levels: summing sorted rows is faster than np.add.at."""
    out.fill(0)
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    out[ordered[starts]] = np.add.reduceat(dy[order], starts, axis=0)
