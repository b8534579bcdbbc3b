# ruff: noqa: D102  (the base class of each family says what its methods mean)
"""Activations: what a hidden unit makes of the sum of its inputs.

`forward` writes f(z) into ``out``; `backward` multiplies the gradient in place by f′(z), computed
from what the activation ``keeps``: its output (then it works in place and z is gone) or its input.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import DTypeLike

from nntool.nn.arrays import Array, in_row_blocks, zeros
from nntool.nn.setting import setting


@dataclass(frozen=True, kw_only=True)
class Activation:
    """The form of an activation; ``scratch`` is the type of the buffer that `backward` is lent."""

    kind: ClassVar[str] = "activation"
    keeps: ClassVar[Literal["output", "input"]] = "output"
    scratch: ClassVar[DTypeLike | None] = None  # None: the type of the activities

    def forward(self, z: Array, out: Array, rng: np.random.Generator | None) -> None:
        """Write f(z) into ``out``, which is ``z`` itself where the output is kept."""
        raise NotImplementedError

    def backward(self, kept: Array, gradient: Array, scratch: Array) -> None:
        """Multiply ``gradient`` by f′, in place."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Identity(Activation):
    """The unit passes its input on.

    f(z) = z
    """

    def forward(self, z: Array, out: Array, rng: np.random.Generator | None) -> None:
        if out is not z:
            np.copyto(out, z)

    def backward(self, kept: Array, gradient: Array, scratch: Array) -> None:
        pass


@dataclass(frozen=True, kw_only=True)
class Relu(Activation):
    """Rectified linear unit: negative inputs become 0.

    f(z) = max(0, z); f′(z) = 1 where z > 0, else 0 (also at 0).
    Nair & Hinton 2010, ICML.
    """

    scratch: ClassVar[DTypeLike | None] = np.bool_

    def forward(self, z: Array, out: Array, rng: np.random.Generator | None) -> None:
        # beside as many zeros: a scalar takes three times as long, one row of zeros twice
        for x, y in in_row_blocks(z, out):
            np.maximum(x, zeros(x.dtype, x.shape), out=y)

    def backward(self, kept: Array, gradient: Array, scratch: Array) -> None:
        np.greater(kept, zeros(kept.dtype, ()), out=scratch)
        np.multiply(gradient, scratch, out=gradient)


@dataclass(frozen=True, kw_only=True)
class Sigmoid(Activation):
    """Logistic unit with slope a.

    f(z) = 1/(1 + e^(−az)) = ½(1 + tanh(az/2)); f′ = a·f·(1 − f).
    Rumelhart, Hinton & Williams 1986, Nature 323.
    """

    a: float = setting(1.0, "slope at the origin is a/4", gt=0)

    def forward(self, z: Array, out: Array, rng: np.random.Generator | None) -> None:
        np.multiply(z, 0.5 * self.a, out=out)  # through tanh: e^(−az) would overflow
        np.tanh(out, out=out)
        out += 1
        out *= 0.5

    def backward(self, kept: Array, gradient: Array, scratch: Array) -> None:
        np.subtract(1, kept, out=scratch)
        np.multiply(scratch, kept, out=scratch)
        if self.a != 1:
            scratch *= self.a
        gradient *= scratch


@dataclass(frozen=True, kw_only=True)
class Tanh(Activation):
    """Hyperbolic tangent.

    f(z) = tanh z; f′ = 1 − f².
    LeCun, Bottou, Orr & Müller 1998, Efficient BackProp.
    """

    def forward(self, z: Array, out: Array, rng: np.random.Generator | None) -> None:
        np.tanh(z, out=out)

    def backward(self, kept: Array, gradient: Array, scratch: Array) -> None:
        np.multiply(kept, kept, out=scratch)
        np.subtract(1, scratch, out=scratch)
        gradient *= scratch


ACTIVATIONS: dict[str, type[Activation]] = {
    "identity": Identity,
    "relu": Relu,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
}
