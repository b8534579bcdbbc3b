# ruff: noqa: D102  (the base class says what the methods mean)
"""Batch norm and layer norm: between the weighted sums of a layer and its activation.

Both work in place on the sums, whose buffer no backward pass needs, and in blocks of rows that
stay in the cache.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from nntool.nn.arrays import BLOCK, Array, Arrays, DTypeLike
from nntool.nn.layers import Layer, Parameter, UnitSlopes
from nntool.nn.randomness import Streams
from nntool.nn.tapes import LayerTape, SecondTape

EPSILON = 1e-5
MOMENTUM = 0.1


class BatchNorm(Layer):
    """Each unit's sums get mean 0 and variance 1 over the batch, then a learned spread and mean.

    x̂ = (x − μ)/√(σ² + 10⁻⁵), y = γx̂ + β, with μ and σ² (1/n) of the batch while training, their
    running averages otherwise: running ← 0.9·running + 0.1·batch, the variance with 1/(n − 1).
    ∂x = γ/√(σ² + ε)·(∂y − mean ∂y − x̂·mean(∂y·x̂)). Ioffe & Szegedy 2015, arXiv 1502.03167.
    β takes the place of the bias of the layer below, which the mean would cancel.
    """

    min_rows = 2
    works_in_place = True

    def __init__(self, name: str, width: int) -> None:
        super().__init__(name, width, width)
        self.parameters = _gain_and_shift(width)
        self.statistics = (Parameter("mean", (width,)), Parameter("variance", (width,)))

    def initialize(self, p: Sequence[Array], rng: np.random.Generator) -> None:
        p[0].fill(1)

    def initialize_statistics(self, s: Sequence[Array]) -> None:
        s[1].fill(1)

    def tape(self, n_rows: int, dtype: DTypeLike) -> LayerTape:
        return _tape(n_rows, self.n_out, dtype, np.empty(self.n_out, dtype))

    def forward(
        self, p: Sequence[Array], s: Sequence[Array], x: Array, t: LayerTape, rng: Streams | None
    ) -> Array:
        t.moving = rng is not None
        if t.moving:
            mean, variance = self._moments(x, t)
            _move(s[0], mean)
            _move(s[1], variance * (len(x) / (len(x) - 1)))
        else:
            mean, variance = s
            np.subtract(x, mean, out=t.kept)
        _write_inverse(variance, t.inverse)
        scale = p[0] * t.inverse
        for rows in row_blocks(x):
            np.multiply(t.kept[rows], scale, out=x[rows])
            x[rows] += p[1]
        return x

    def backward(self, p: Sequence[Array], g: Sequence[Array], dy: Array, t: LayerTape) -> Array:
        np.einsum("ij,ij->j", dy, t.kept, out=g[0])
        np.multiply(g[0], t.inverse, out=g[0])
        np.matmul(t.ones, dy, out=g[1])
        scale = p[0] * t.inverse
        if not t.moving:
            dy *= scale
            return dy
        # ∂x = scale·∂y − slope·(x − μ) − shift
        slope = scale * t.inverse * g[0] / len(dy)
        shift = scale * g[1] / len(dy)
        for rows in row_blocks(dy):
            block, part = dy[rows], t.scratch[: len(dy[rows])]
            np.multiply(t.kept[rows], slope, out=part)
            block *= scale
            block -= part
            block -= shift
        return dy

    def tangent(self, p: Arrays, v: Arrays, x_dot: Array | None, r: SecondTape) -> Array:
        t = r.back
        if t.moving:
            raise ValueError("second derivatives of batch norm need its running statistics")
        np.multiply(t.kept, v[0] * t.inverse, out=r.out)
        r.out += v[1]
        if x_dot is not None:
            r.out += x_dot * (p[0] * t.inverse)
        return r.out

    def bend(self, p: Arrays, v: Arrays, g: Arrays, dx: Array, r: SecondTape) -> None:
        inverse, gains = r.back.inverse, g[0]
        if r.x_dot is not None:
            gains += np.einsum("ij,ij->j", r.dy, r.x_dot) * inverse
        dx += r.dy * (v[0] * inverse)

    def write_row_gradients(self, g: Arrays, dy: Array, t: LayerTape) -> None:
        np.multiply(dy, t.kept, out=g[0])
        np.multiply(g[0], t.inverse, out=g[0])
        np.copyto(g[1], dy)

    def add_row_bends(self, p: Arrays, g: Arrays, r: SecondTape) -> None:
        gains = g[0]
        if r.x_dot is not None:
            gains += r.dy * r.x_dot * r.back.inverse

    def slopes_of(self, unit: int, t: LayerTape) -> list[UnitSlopes]:
        return _slopes_of(unit, t.kept[:, [unit]] * t.inverse[unit], t)

    def _moments(self, x: Array, t: LayerTape) -> tuple[Array, Array]:
        """Return mean and variance (1/n) of each unit; write x − μ into ``t.kept``."""
        if len(x) < self.min_rows:
            raise ValueError("batch norm cannot train on a batch of a single row")
        mean = t.ones @ x
        mean /= len(x)
        variance = np.zeros_like(mean)
        for rows in row_blocks(x):
            centred = t.kept[rows]
            np.subtract(x[rows], mean, out=centred)
            squares = t.scratch[: len(centred)]
            np.multiply(centred, centred, out=squares)
            variance += t.ones[rows] @ squares
        variance /= len(x)
        return mean, variance


class LayerNorm(Layer):
    """Each row's sums get mean 0 and variance 1 over the units, then a learned spread and mean.

    x̂ = (x − μ)/√(σ² + 10⁻⁵), y = γx̂ + β, μ and σ² (1/d) of the d units of the row, in training and
    prediction alike; ∂x = (h − mean h − x̂·mean(h·x̂))/√(σ² + ε), h = γ∂y. Ba, Kiros & Hinton 2016,
    arXiv 1607.06450. The layer below keeps its bias: a mean over units does not cancel it.
    """

    works_in_place = True

    def __init__(self, name: str, width: int) -> None:
        super().__init__(name, width, width)
        self.parameters = _gain_and_shift(width)

    def initialize(self, p: Sequence[Array], rng: np.random.Generator) -> None:
        p[0].fill(1)

    def tape(self, n_rows: int, dtype: DTypeLike) -> LayerTape:
        return _tape(n_rows, self.n_out, dtype, np.empty((n_rows, 1), dtype))

    def forward(
        self, p: Sequence[Array], s: Sequence[Array], x: Array, t: LayerTape, rng: Streams | None
    ) -> Array:
        gain, shift = p
        mean = x @ np.full((self.n_out, 1), 1 / self.n_out, x.dtype)
        for rows in row_blocks(x):
            y, kept = x[rows], t.kept[rows]
            np.subtract(y, mean[rows], out=kept)
            np.vecdot(kept, kept, out=t.inverse[rows, 0])
        t.inverse /= self.n_out
        _write_inverse(t.inverse, t.inverse)
        for rows in row_blocks(x):
            y, kept = x[rows], t.kept[rows]
            kept *= t.inverse[rows]
            np.multiply(kept, gain, out=y)
            y += shift
        return x

    def backward(self, p: Sequence[Array], g: Sequence[Array], dy: Array, t: LayerTape) -> Array:
        np.einsum("ij,ij->j", dy, t.kept, out=g[0])
        np.matmul(t.ones, dy, out=g[1])
        share = np.full((self.n_out, 1), 1 / self.n_out, dy.dtype)
        for rows in row_blocks(dy):
            h, kept, part = dy[rows], t.kept[rows], t.scratch[: len(dy[rows])]
            h *= p[0]
            mean = h @ share
            np.multiply(h, kept, out=part)
            np.multiply(kept, part @ share, out=part)
            h -= part
            h -= mean
            h *= t.inverse[rows]
        return dy

    def tangent(self, p: Arrays, v: Arrays, x_dot: Array | None, r: SecondTape) -> Array:
        np.multiply(r.back.kept, v[0], out=r.out)
        r.out += v[1]
        if x_dot is not None:
            r.out += p[0] * self._normed(x_dot, r.back)
        return r.out

    def bend(self, p: Arrays, v: Arrays, g: Arrays, dx: Array, r: SecondTape) -> None:
        # ∂x = q/√(σ² + ε), q = h − mean h − x̂·mean(h·x̂): through h, then through σ, then x̂
        t, gains = r.back, g[0]
        dx += self._normed(v[0] * r.dy, t)
        if r.x_dot is None:
            return
        x_hat, h = t.kept, p[0] * r.dy
        change = self._normed(r.x_dot, t)
        gains += np.einsum("ij,ij->j", r.dy, change)
        dx -= t.inverse * _means(x_hat * r.x_dot) * self._normed(h, t)
        dx -= t.inverse * (change * _means(h * x_hat) + x_hat * _means(h * change))

    def write_row_gradients(self, g: Arrays, dy: Array, t: LayerTape) -> None:
        np.multiply(dy, t.kept, out=g[0])
        np.copyto(g[1], dy)

    def add_row_bends(self, p: Arrays, g: Arrays, r: SecondTape) -> None:
        gains = g[0]
        if r.x_dot is not None:
            gains += r.dy * self._normed(r.x_dot, r.back)

    def slopes_of(self, unit: int, t: LayerTape) -> list[UnitSlopes]:
        return _slopes_of(unit, t.kept[:, [unit]], t)

    def _normed(self, a: Array, t: LayerTape) -> Array:
        """Return (a − mean a − x̂·mean(a·x̂))/√(σ² + ε): the Jacobian of x̂, which is symmetric."""
        x_hat = t.kept
        return np.asarray(t.inverse * (a - _means(a) - x_hat * _means(a * x_hat)))


def row_blocks(x: Array) -> Iterator[slice]:
    """Yield slices of rows, each of about one block of floats.

    >>> list(row_blocks(np.empty((5, BLOCK // 2))))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 6, None)]
    """
    step = max(1, BLOCK // x.shape[1])
    for start in range(0, len(x), step):
        yield slice(start, start + step)


def _means(a: Array) -> Array:
    return np.asarray(a.mean(axis=1, keepdims=True))


def _slopes_of(unit: int, x_hat: Array, t: LayerTape) -> list[UnitSlopes]:
    return [UnitSlopes(0, ([unit],), x_hat), UnitSlopes(1, ([unit],), t.ones[:, np.newaxis])]


def _gain_and_shift(width: int) -> tuple[Parameter, ...]:
    return Parameter("gamma", (width,), exempt=True), Parameter("beta", (width,), exempt=True)


def _tape(n_rows: int, width: int, dtype: DTypeLike, inverse: Array) -> LayerTape:
    return LayerTape(
        scratch=np.empty((min(n_rows, max(1, BLOCK // width)), width), dtype),
        kept=np.empty((n_rows, width), dtype),
        inverse=inverse,
        ones=np.ones(n_rows, dtype),
    )


def _write_inverse(variance: Array, out: Array) -> None:
    np.add(variance, EPSILON, out=out)
    np.sqrt(out, out=out)
    np.reciprocal(out, out=out)


def _move(running: Array, batch: Array) -> None:
    running *= 1 - MOMENTUM
    running += MOMENTUM * batch
