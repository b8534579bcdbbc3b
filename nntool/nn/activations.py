# ruff: noqa: D102  (the base class of each family says what its methods mean)
"""Activations: what a hidden unit makes of the sum of its inputs; here those that saturate."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from nntool.nn.arrays import Array
from nntool.nn.setting import setting
from nntool.nn.smooth_activations import Elu, Gelu, Mish, Selu, Silu, Softplus, write_sigmoid
from nntool.nn.threshold_activations import (
    Activation,
    Identity,
    LeakyRelu,
    Relu,
    Sign,
    Step,
    flat_blocks,
)


@dataclass(frozen=True, kw_only=True)
class Sigmoid(Activation):
    """Logistic unit with slope a.

    f(z) = 1/(1 + e^(−az)) = ½(1 + tanh(az/2)); f′ = a·f·(1 − f).
    Rumelhart, Hinton & Williams 1986, Nature 323.
    Use: in small networks whose units shall say yes or no; tanh learns faster, relu in deep ones.
    """

    n_scratch: ClassVar[int] = 1
    a: float = setting(1.0, "slope at the origin is a/4", gt=0)

    def forward(
        self, z: Array, slope: Array, scratch: Array, rng: np.random.Generator | None
    ) -> None:
        for y, _ in flat_blocks(z, scratch=scratch):
            y *= 0.5 * self.a  # through tanh: e^(−az) would overflow
            np.tanh(y, out=y)
            y += 1
            y *= 0.5

    def backward(self, kept: Array, gradient: Array, scratch: Array) -> None:
        for y, g, s in flat_blocks(kept, gradient, scratch=scratch):
            np.subtract(1, y, out=s)
            s *= y
            if self.a != 1:
                s *= self.a
            g *= s

    def bends(self, z: Array) -> Array:
        y = np.tanh(0.5 * self.a * z)  # 2f − 1
        return np.asarray(0.25 * self.a**2 * y * (y * y - 1))


@dataclass(frozen=True, kw_only=True)
class Tanh(Activation):
    """Hyperbolic tangent.

    f(z) = tanh z; f′ = 1 − f².
    LeCun, Bottou, Orr & Müller 1998, Efficient BackProp.
    Use: in networks of one or two hidden layers and for smooth functions of few inputs.
    """

    n_scratch: ClassVar[int] = 1

    def forward(
        self, z: Array, slope: Array, scratch: Array, rng: np.random.Generator | None
    ) -> None:
        np.tanh(z, out=z)

    def backward(self, kept: Array, gradient: Array, scratch: Array) -> None:
        for y, g, s in flat_blocks(kept, gradient, scratch=scratch):
            np.multiply(y, y, out=s)
            np.subtract(1, s, out=s)
            g *= s

    def bends(self, z: Array) -> Array:
        return tanh_bends(z)


@dataclass(frozen=True, kw_only=True)
class LecunTanh(Activation):
    """Hyperbolic tangent, stretched so that f(±1) = ±1 lies where it bends most.

    f(z) = 1.7159·tanh(2z/3); f′ = (2/3)(1.7159 − f²/1.7159).
    LeCun, Bottou, Orr & Müller 1998, Efficient BackProp.
    Use: instead of tanh on standardized inputs, with lecun-normal weights (the default behind it).
    """

    n_scratch: ClassVar[int] = 1
    amplitude: ClassVar[float] = 1.7159

    def forward(
        self, z: Array, slope: Array, scratch: Array, rng: np.random.Generator | None
    ) -> None:
        for y, _ in flat_blocks(z, scratch=scratch):
            y *= 2 / 3
            np.tanh(y, out=y)
            y *= self.amplitude

    def backward(self, kept: Array, gradient: Array, scratch: Array) -> None:
        for y, g, s in flat_blocks(kept, gradient, scratch=scratch):
            np.multiply(y, y, out=s)
            s *= -2 / 3 / self.amplitude
            s += 2 / 3 * self.amplitude
            g *= s

    def bends(self, z: Array) -> Array:
        return self.amplitude * 4 / 9 * tanh_bends(2 / 3 * z)


@dataclass(frozen=True, kw_only=True)
class TanhLinear(Activation):
    """Hyperbolic tangent with a linear term, so that it never saturates altogether.

    f(z) = tanh z + a·z; f′ = 1 − tanh² z + a.
    LeCun, Bottou, Orr & Müller 1998, Efficient BackProp ("twisting term").
    Use: where units behind tanh saturate and stop learning.
    """

    keeps: ClassVar[Literal["output", "slope"]] = "slope"
    n_scratch: ClassVar[int] = 1
    a: float = setting(0.01, "slope of the linear term", ge=0)

    def forward(
        self, z: Array, slope: Array, scratch: Array, rng: np.random.Generator | None
    ) -> None:
        for y, d, s in flat_blocks(z, slope, scratch=scratch):
            np.tanh(y, out=s)
            np.multiply(s, s, out=d)
            np.subtract(1 + self.a, d, out=d)
            y *= self.a
            y += s

    def bends(self, z: Array) -> Array:
        return tanh_bends(z)


@dataclass(frozen=True, kw_only=True)
class StochasticBinary(Activation):
    """A unit that fires at random, the more often the larger its input.

    While training f(z) = 1 with probability p = σ(z) = 1/(1 + e^(−z)), else 0, and the gradient
    passes as if f were σ: f′ = p(1 − p); a prediction takes p itself.
    Bengio, Léonard & Courville 2013, arXiv 1308.3432 (straight-through estimator).
    Use: as a strong noise against overfitting, in networks with many units; slow to train.
    """

    keeps: ClassVar[Literal["output", "slope"]] = "slope"
    n_scratch: ClassVar[int] = 2
    is_random: ClassVar[bool] = True

    def forward(
        self, z: Array, slope: Array, scratch: Array, rng: np.random.Generator | None
    ) -> None:
        for y, d, s, drawn in flat_blocks(z, slope, scratch=scratch):
            write_sigmoid(y, s)
            np.subtract(1, s, out=d)
            d *= s
            if rng is None:
                np.copyto(y, s)
            else:
                rng.random(out=drawn, dtype=drawn.dtype.type)
                np.less(drawn, s, out=y)

    def bends(self, z: Array) -> Array:
        return Sigmoid().bends(z)


def tanh_bends(z: Array) -> Array:
    """Return the second derivative of tanh: −2y(1 − y²).

    >>> tanh_bends(np.array([0.0, 1.0])).round(3).tolist()
    [-0.0, -0.64]
    """
    y = np.tanh(z)
    return np.asarray(-2 * y * (1 - y * y))


ACTIVATIONS: dict[str, type[Activation]] = {
    "elu": Elu,
    "gelu": Gelu,
    "identity": Identity,
    "leaky-relu": LeakyRelu,
    "lecun-tanh": LecunTanh,
    "mish": Mish,
    "relu": Relu,
    "selu": Selu,
    "sigmoid": Sigmoid,
    "sign": Sign,
    "silu": Silu,
    "softplus": Softplus,
    "step": Step,
    "stochastic-binary": StochasticBinary,
    "tanh": Tanh,
    "tanh-linear": TanhLinear,
}
