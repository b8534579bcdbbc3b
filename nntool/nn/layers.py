# ruff: noqa: D102  (the base class says what the methods mean)
"""Layers: each knows the shapes of its parameters and how to pass activities and gradients on.

A layer keeps nothing between calls: parameters come as views of one vector, buffers as a tape that
the caller owns, random numbers as streams (None while predicting).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from nntool.nn.activations import Activation
from nntool.nn.arrays import Array, DTypeLike
from nntool.nn.initializers import Initializer
from nntool.nn.products import Product
from nntool.nn.randomness import Streams


class Parameter(NamedTuple):
    """One array of a layer; ``exempt`` ones (biases) are spared by penalties and decay."""

    name: str
    shape: tuple[int, ...]
    exempt: bool = False


@dataclass(slots=True)
class LayerTape:
    """Buffers of one layer for one number of rows; unused ones have no elements.

    ``x`` what went in, ``out`` what came out, ``dx`` the gradient with respect to what went in.
    ``products`` keep how they are cut for these buffers.
    """

    x: Array
    out: Array
    dx: Array
    scratch: Array
    products: tuple[Product, ...] = ()


class Layer:
    """The form of a layer; ``n_in`` activities a row go in, ``n_out`` come out."""

    parameters: tuple[Parameter, ...] = ()
    statistics: tuple[Parameter, ...] = ()
    min_rows = 1

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


def empty(dtype: DTypeLike) -> Array:
    """Return the buffer of a layer that needs none."""
    return np.empty((0, 0), dtype)


class Linear(Layer):
    """A weighted sum for each unit.

    z = x·w + b; ∂w = xᵀ·∂z, ∂b = Σ ∂z, ∂x = ∂z·wᵀ
    """

    def __init__(
        self, name: str, n_in: int, n_out: int, initializer: Initializer, *, propagates: bool
    ) -> None:
        """``propagates`` is False where nothing below has parameters: then ∂x is not computed."""
        super().__init__(name, n_in, n_out)
        self.parameters = (
            Parameter("weight", (n_in, n_out)),
            Parameter("bias", (n_out,), exempt=True),
        )
        self.initializer = initializer
        self.propagates = propagates

    def initialize(self, p: Sequence[Array], rng: np.random.Generator) -> None:
        if self.n_in:
            self.initializer.fill(p[0], rng)

    def tape(self, n_rows: int, dtype: DTypeLike) -> LayerTape:
        return LayerTape(
            x=empty(dtype),
            out=np.empty((n_rows, self.n_out), dtype),
            dx=np.empty((n_rows, self.n_in), dtype) if self.propagates else empty(dtype),
            scratch=np.ones(n_rows, dtype),
            products=(
                Product(),
                Product(left_transposed=True),
                Product(right_transposed=True),
            ),
        )

    def forward(
        self, p: Sequence[Array], s: Sequence[Array], x: Array, t: LayerTape, rng: Streams | None
    ) -> Array:
        w, b = p
        t.x = x
        t.products[0](x, w, t.out)
        np.add(t.out, b, out=t.out)
        return t.out

    def backward(self, p: Sequence[Array], g: Sequence[Array], dy: Array, t: LayerTape) -> Array:
        t.products[1](t.x, dy, g[0])
        np.dot(t.scratch, dy, out=g[1])  # a product with ones is four times faster than a sum
        if self.propagates:
            t.products[2](dy, p[0], t.dx)
        return t.dx


class Activate(Layer):
    """An activation, unit by unit; in place where it keeps its output."""

    def __init__(self, name: str, width: int, activation: Activation) -> None:
        super().__init__(name, width, width)
        self.activation = activation

    def tape(self, n_rows: int, dtype: DTypeLike) -> LayerTape:
        shape = (n_rows, self.n_out)
        in_place = self.activation.keeps == "output"
        return LayerTape(
            x=empty(dtype),
            out=empty(dtype) if in_place else np.empty(shape, dtype),
            dx=empty(dtype),
            scratch=np.empty(shape, self.activation.scratch or dtype),
        )

    def forward(
        self, p: Sequence[Array], s: Sequence[Array], x: Array, t: LayerTape, rng: Streams | None
    ) -> Array:
        t.x = x
        out = x if self.activation.keeps == "output" else t.out
        self.activation.forward(x, out, None if rng is None else rng["stochastic-units"])
        return out

    def backward(self, p: Sequence[Array], g: Sequence[Array], dy: Array, t: LayerTape) -> Array:
        self.activation.backward(t.x, dy, t.scratch)
        return dy


class Dropout(Layer):
    """Each activity is set to 0 with probability p while training, the others grow by 1/(1 − p).

    Srivastava et al. 2014, JMLR 15, with inverted scaling: prediction changes nothing. p is taken
    as a multiple of 1/65,536: sixteen random bits decide of each activity, which costs a fifth of
    drawing a float; the scale follows the p that is taken.
    """

    def __init__(self, name: str, width: int, rate: float, stream: str) -> None:
        super().__init__(name, width, width)
        self.cut = min(round(rate * 65_536), 65_535)
        self.stream = stream

    def tape(self, n_rows: int, dtype: DTypeLike) -> LayerTape:
        shape = (n_rows, self.n_out)
        return LayerTape(
            x=empty(dtype),
            out=np.empty(shape, dtype),
            dx=empty(dtype),
            scratch=np.empty(shape, dtype),
        )

    def forward(
        self, p: Sequence[Array], s: Sequence[Array], x: Array, t: LayerTape, rng: Streams | None
    ) -> Array:
        if rng is None:
            t.scratch.fill(1)
            return x
        mask = t.scratch
        words = rng[self.stream].bit_generator.random_raw(-(-mask.size // 4))
        kept = words.view(np.uint16)[: mask.size].reshape(mask.shape) >= self.cut
        np.multiply(kept, 65_536 / (65_536 - self.cut), out=mask, casting="unsafe")
        np.multiply(x, mask, out=t.out)
        return t.out

    def backward(self, p: Sequence[Array], g: Sequence[Array], dy: Array, t: LayerTape) -> Array:
        dy *= t.scratch
        return dy
