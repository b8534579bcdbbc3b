# ruff: noqa: D102  (the base class says what the methods mean)
"""Layers: each knows the shapes of its parameters and how to pass activities and gradients on.

A layer keeps nothing between calls: parameters come as views of one vector, buffers as a tape that
the caller owns, random numbers as streams (None while predicting).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nntool.nn.arrays import Array, Arrays, DTypeLike
from nntool.nn.initializers import Initializer
from nntool.nn.products import Product
from nntool.nn.randomness import Streams
from nntool.nn.tapes import LayerTape, SecondTape, nothing
from nntool.nn.threshold_activations import Activation


class Parameter(NamedTuple):
    """One array of a layer; ``exempt`` ones (biases) are spared by penalties and decay."""

    name: str
    shape: tuple[int, ...]
    exempt: bool = False


class UnitSlopes(NamedTuple):
    """The derivative of one unit's output by those parameters that only it has.

    They stand ``at`` that index of the layer's array ``number``; ``slopes`` is `(n, k)`.
    """

    number: int
    at: tuple[Any, ...]
    slopes: Array


class Layer:
    """The form of a layer; ``n_in`` activities a row go in, ``n_out`` come out."""

    parameters: tuple[Parameter, ...] = ()
    statistics: tuple[Parameter, ...] = ()
    min_rows = 1
    works_in_place = False

    def __init__(self, name: str, n_in: int, n_out: int) -> None:
        self.name = name
        self.n_in = n_in
        self.n_out = n_out

    def initialize(self, p: Sequence[Array], rng: np.random.Generator) -> None:
        """Fill the parameters ``p``; without this they start at 0."""

    def initialize_statistics(self, s: Sequence[Array]) -> None:
        """Fill the running statistics ``s``; without this they start at 0."""

    def tape(self, n_rows: int, dtype: DTypeLike) -> LayerTape:
        """Make the buffers for batches of ``n_rows``."""
        raise NotImplementedError

    def forward(
        self, p: Sequence[Array], s: Sequence[Array], x: Any, t: LayerTape, rng: Streams | None
    ) -> Array:
        """Return the activities `(n, n_out)`, from parameters ``p`` and running statistics ``s``.

        ``x`` is what the layer below returned, `(n, n_in)`; the lowest is given the batch.
        With ``rng`` the network is training: random layers draw, running statistics move.
        """
        raise NotImplementedError

    def backward(self, p: Sequence[Array], g: Sequence[Array], dy: Array, t: LayerTape) -> Array:
        """Write the gradients of the parameters into ``g``; return that of the input.

        ``dy`` is the gradient of the output, a buffer that may be overwritten.
        """
        raise NotImplementedError

    def second_tape(self, n_rows: int, dtype: DTypeLike) -> SecondTape:
        """Make the buffers for second-order products of blocks of ``n_rows``."""
        r = SecondTape(back=self.tape(n_rows, dtype), out=np.empty((n_rows, self.n_out), dtype))
        if self.works_in_place:
            r.x, r.dy, r.kept, r.scratch = (np.empty((n_rows, self.n_in), dtype) for _ in range(4))
        return r

    def tangent(self, p: Arrays, v: Arrays, x_dot: Array | None, r: SecondTape) -> Array | None:
        """Return how the output changes as the parameters change by ``v``, the input by ``x_dot``.

        It is the derivative of `forward` along that direction (Pearlmutter 1994, Neural
        Computation 6, who writes R{y}), as it predicts. None is no change at all.
        """
        return x_dot

    def settle(self, p: Arrays, r: SecondTape) -> None:
        """Write down what `bend` needs whatever the direction, after `backward`."""

    def bend(self, p: Arrays, v: Arrays, g: Arrays, dx: Array, r: SecondTape) -> None:
        """Add to ``g`` and ``dx`` how `backward` itself changes along the direction of `tangent`.

        R{backward(∂y)} = backward(R{∂y}) + bend: the second is what a change of parameters and
        activities makes of the same ∂y; it is nothing where a layer is a constant linear map.
        """

    def write_row_gradients(self, g: Arrays, dy: Array, t: LayerTape) -> None:
        """Write the gradient of each row apart into ``g``, arrays `(n, *shape)`."""

    def add_row_bends(self, p: Arrays, g: Arrays, r: SecondTape) -> None:
        """Add what `bend` adds to the gradient, row by row, where no parameter changes."""

    def slopes_of(self, unit: int, t: LayerTape) -> list[UnitSlopes]:
        """Return how the output of one unit depends on its parameters, in each row."""
        return []


class Linear(Layer):
    """A weighted sum for each unit.

    z = x·w + b; ∂w = xᵀ·∂z, ∂b = Σ ∂z, ∂x = ∂z·wᵀ
    """

    def __init__(
        self,
        name: str,
        n_in: int,
        n_out: int,
        initializer: Initializer,
        *,
        propagates: bool,
        bias: bool = True,
    ) -> None:
        """``propagates`` is False where nothing below has parameters: then ∂x is not computed."""
        super().__init__(name, n_in, n_out)
        self.parameters = (Parameter("weight", (n_in, n_out)),)
        if bias:
            self.parameters += (Parameter("bias", (n_out,), exempt=True),)
        self.initializer = initializer
        self.propagates = propagates
        self.bias = bias

    def initialize(self, p: Sequence[Array], rng: np.random.Generator) -> None:
        if self.n_in:
            self.initializer.fill(p[0], rng)

    def tape(self, n_rows: int, dtype: DTypeLike) -> LayerTape:
        t = LayerTape(out=np.empty((n_rows, self.n_out), dtype), scratch=np.ones(n_rows, dtype))
        if self.propagates:
            t.dx = np.empty((n_rows, self.n_in), dtype)
        t.products = Product(), Product(left_transposed=True), Product(right_transposed=True)
        return t

    def forward(
        self, p: Sequence[Array], s: Sequence[Array], x: Array, t: LayerTape, rng: Streams | None
    ) -> Array:
        t.x = x
        t.products[0](x, p[0], t.out)
        if self.bias:
            np.add(t.out, p[1], out=t.out)
        return t.out

    def backward(self, p: Sequence[Array], g: Sequence[Array], dy: Array, t: LayerTape) -> Array:
        t.products[1](t.x, dy, g[0])
        if self.bias:
            np.dot(t.scratch, dy, out=g[1])  # a product with ones: four times faster than a sum
        if self.propagates:
            t.products[2](dy, p[0], t.dx)
        return t.dx

    def second_tape(self, n_rows: int, dtype: DTypeLike) -> SecondTape:
        r = super().second_tape(n_rows, dtype)
        r.kept, r.sums = (
            np.empty((n_rows, self.n_out), dtype),
            np.empty(self.parameters[0].shape, dtype),
        )
        if self.propagates:
            r.scratch = np.empty((n_rows, self.n_in), dtype)
        return r

    def tangent(self, p: Arrays, v: Arrays, x_dot: Array | None, r: SecondTape) -> Array:
        np.dot(r.back.x, v[0], out=r.out)
        if x_dot is not None:
            np.dot(x_dot, p[0], out=r.kept)
            r.out += r.kept
        if self.bias:
            r.out += v[1]
        return r.out

    def bend(self, p: Arrays, v: Arrays, g: Arrays, dx: Array, r: SecondTape) -> None:
        if r.x_dot is not None:
            weights = g[0]
            weights += np.dot(r.x_dot.T, r.dy, out=r.sums)
        if self.propagates:
            dx += np.dot(r.dy, v[0].T, out=r.scratch)

    def write_row_gradients(self, g: Arrays, dy: Array, t: LayerTape) -> None:
        np.multiply(t.x[:, :, np.newaxis], dy[:, np.newaxis, :], out=g[0])
        if self.bias:
            np.copyto(g[1], dy)

    def add_row_bends(self, p: Arrays, g: Arrays, r: SecondTape) -> None:
        if r.x_dot is not None:
            weights = g[0]
            weights += r.x_dot[:, :, np.newaxis] * r.dy[:, np.newaxis, :]

    def slopes_of(self, unit: int, t: LayerTape) -> list[UnitSlopes]:
        found = [UnitSlopes(0, (slice(None), unit), t.x)]
        if self.bias:
            found.append(UnitSlopes(1, ([unit],), t.scratch[:, np.newaxis]))
        return found


class Activate(Layer):
    """An activation, unit by unit, in place: the buffer of the layer below becomes its output."""

    works_in_place = True

    def __init__(self, name: str, width: int, activation: Activation) -> None:
        super().__init__(name, width, width)
        self.activation = activation
        self.keeps_slope = activation.keeps == "slope"

    def tape(self, n_rows: int, dtype: DTypeLike) -> LayerTape:
        shape = (n_rows, self.n_out)
        t = LayerTape(scratch=self.activation.scratch(shape, dtype))
        if self.keeps_slope:
            t.kept = np.empty(shape, dtype)
        return t

    def forward(
        self, p: Sequence[Array], s: Sequence[Array], x: Array, t: LayerTape, rng: Streams | None
    ) -> Array:
        draws = None if rng is None else rng["stochastic-units"]
        self.activation.forward(x, t.kept, t.scratch, draws)
        if not self.keeps_slope:
            t.kept = x
        return x

    def backward(self, p: Sequence[Array], g: Sequence[Array], dy: Array, t: LayerTape) -> Array:
        self.activation.backward(t.kept, dy, t.scratch)
        return dy

    def tangent(self, p: Arrays, v: Arrays, x_dot: Array | None, r: SecondTape) -> Array | None:
        if x_dot is None:
            return None
        np.copyto(r.out, x_dot)
        self.activation.backward(r.back.kept, r.out, r.back.scratch)
        return r.out

    def settle(self, p: Arrays, r: SecondTape) -> None:
        bends = self.activation.bends(r.x)
        r.kept = nothing() if bends is None else np.multiply(bends, r.dy, out=bends)

    def bend(self, p: Arrays, v: Arrays, g: Arrays, dx: Array, r: SecondTape) -> None:
        if r.x_dot is not None and r.kept.size:
            dx += np.multiply(r.kept, r.x_dot, out=r.scratch)

    def idle(self, p: Sequence[Array], t: LayerTape) -> float:
        """Return the share of units that no row, or hardly one, moves any more.

        |f′| lies below 5 % of the steepest slope on at least 99 % of the rows of the last forward:
        such a relu is dead, such a sigmoid saturated.
        """
        slopes = np.ones_like(t.kept)
        self.activation.backward(t.kept, slopes, t.scratch)
        return share_idle(slopes, self.activation)


def share_idle(slopes: Array, activation: Activation) -> float:
    """Return the share of the columns of ``slopes`` `(n, units)` that are almost all flat.

    They are overwritten.
    """
    flat = np.abs(slopes, out=slopes) < 0.05 * activation.steepest
    n_rows, n_units = flat.shape
    counts = np.ones(n_rows, np.float32) @ flat.astype(np.float32)  # faster than a sum of truths
    return float(np.count_nonzero(counts / np.float64(n_rows) >= 0.99) / n_units)
