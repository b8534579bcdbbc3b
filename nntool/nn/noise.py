# ruff: noqa: D102  (the base class says what the methods mean)
"""Noise on inputs and activities, and dropout: while training only."""

from collections.abc import Sequence

import numpy as np

from nntool.nn.arrays import Array, DTypeLike
from nntool.nn.layers import Layer
from nntool.nn.randomness import Streams
from nntool.nn.tapes import LayerTape


class Noise(Layer):
    """Normal noise is added to each activity while training; prediction adds none.

    y = x + σε, ε ~ N(0, 1); ∂x = ∂y. On the inputs of a linear unit it equals, in expectation, an
    L2 penalty: `mse` grows by Σσ²w². Bishop 1995, Neural Computation 7; on activities: Gulcehre,
    Moczulski, Denil & Bengio 2016, arXiv 1603.00391.
    """

    def __init__(self, name: str, width: int, sigma: float, stream: str) -> None:
        super().__init__(name, width, width)
        self.sigma = sigma
        self.stream = stream

    def tape(self, n_rows: int, dtype: DTypeLike) -> LayerTape:
        return LayerTape(out=np.empty((n_rows, self.n_out), dtype))

    def forward(
        self, p: Sequence[Array], s: Sequence[Array], x: Array, t: LayerTape, rng: Streams | None
    ) -> Array:
        if rng is None:
            return x
        rng[self.stream].standard_normal(out=t.out, dtype=t.out.dtype.type)
        t.out *= self.sigma
        t.out += x  # never in place: x may be what an activation keeps
        return t.out

    def backward(self, p: Sequence[Array], g: Sequence[Array], dy: Array, t: LayerTape) -> Array:
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
        return LayerTape(out=np.empty(shape, dtype), scratch=np.empty(shape, dtype))

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
