# ruff: noqa: D102  (the base class of each family says what its methods mean)
"""Output links: from raw outputs z to predictions ŷ, and gradients back.

`forward` writes ŷ; `backward` turns ∂L/∂ŷ into ∂L/∂z in place, from ŷ: a product of a vector with
the Jacobian of the link. Rows are `(n, n_outputs)`.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nntool.nn.arrays import Array


@dataclass(frozen=True, kw_only=True)
class Link:
    """The form of an output link; predictions lie in the closed interval ``reaches``."""

    kind: ClassVar[str] = "output link"
    reaches: ClassVar[tuple[float, float]] = (-math.inf, math.inf)

    def forward(self, z: Array, out: Array) -> None:
        """Write ŷ = f(z) into ``out``."""
        raise NotImplementedError

    def backward(self, predicted: Array, gradient: Array) -> None:
        """Replace ∂L/∂ŷ in ``gradient`` by ∂L/∂z.

        Every link here has a symmetric Jacobian: this is also how ŷ changes as z changes.
        """
        raise NotImplementedError

    def bend(self, predicted: Array, gradient: Array, v: Array) -> Array | float:
        """Return how `backward` of the same ``gradient`` changes as z changes by ``v``."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class IdentityLink(Link):
    """The raw output is the prediction.

    ŷ = z. McCullagh & Nelder 1989, ch. 2.
    Use: for a number without bounds, and for scores (hinge).
    """

    def forward(self, z: Array, out: Array) -> None:
        np.copyto(out, z)

    def backward(self, predicted: Array, gradient: Array) -> None:
        pass

    def bend(self, predicted: Array, gradient: Array, v: Array) -> float:
        return 0.0


@dataclass(frozen=True, kw_only=True)
class SigmoidLink(Link):
    """A probability for each output by itself.

    ŷ = 1/(1 + e^(−z)), computed from e^(−|z|) so that small probabilities keep their digits.
    Cox 1958, JRSS B 20.
    Use: for two classes, and for shares between 0 and 1.
    """

    reaches: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def forward(self, z: Array, out: Array) -> None:
        sigmoid(z, out)

    def backward(self, predicted: Array, gradient: Array) -> None:
        gradient *= predicted
        gradient *= 1 - predicted

    def bend(self, predicted: Array, gradient: Array, v: Array) -> Array:
        return np.asarray(gradient * v * predicted * (1 - predicted) * (1 - 2 * predicted))


@dataclass(frozen=True, kw_only=True)
class SoftmaxLink(Link):
    """Probabilities that sum to 1 over the outputs.

    ŷ_c = e^(z_c)/Σ_k e^(z_k); ∂L/∂z = ŷ ⊙ (g − g·ŷ). Bridle 1990.
    Use: for classes of which exactly one is true.
    """

    reaches: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def forward(self, z: Array, out: Array) -> None:
        np.subtract(z, z.max(axis=-1, keepdims=True), out=out)
        np.exp(out, out=out)
        out /= out.sum(axis=-1, keepdims=True)

    def backward(self, predicted: Array, gradient: Array) -> None:
        gradient -= (gradient * predicted).sum(axis=-1, keepdims=True)
        gradient *= predicted

    def bend(self, predicted: Array, gradient: Array, v: Array) -> Array:
        change = v.copy()
        self.backward(predicted, change)
        slope: Array = gradient - (gradient * predicted).sum(axis=-1, keepdims=True)
        slope *= change
        slope -= predicted * (gradient * change).sum(axis=-1, keepdims=True)
        return slope


@dataclass(frozen=True, kw_only=True)
class TanhLink(Link):
    """A prediction between −1 and 1, for targets coded ±1.

    ŷ = tanh z. LeCun, Bottou, Orr & Müller 1998, Efficient BackProp.
    Use: with squared losses and classes coded ±1 (`--target-coding bipolar`).
    """

    reaches: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    def forward(self, z: Array, out: Array) -> None:
        np.tanh(z, out=out)

    def backward(self, predicted: Array, gradient: Array) -> None:
        gradient *= 1 - predicted * predicted

    def bend(self, predicted: Array, gradient: Array, v: Array) -> Array:
        return np.asarray(-2 * gradient * v * predicted * (1 - predicted * predicted))


@dataclass(frozen=True, kw_only=True)
class ExpLink(Link):
    """A positive prediction, for counts and rates.

    ŷ = e^z. McCullagh & Nelder 1989, ch. 6.
    Use: for numbers that are above 0 and grow by factors.
    """

    reaches: ClassVar[tuple[float, float]] = (0.0, math.inf)

    def forward(self, z: Array, out: Array) -> None:
        np.exp(z, out=out)

    def backward(self, predicted: Array, gradient: Array) -> None:
        gradient *= predicted

    def bend(self, predicted: Array, gradient: Array, v: Array) -> Array:
        return np.asarray(gradient * v * predicted)


def sigmoid(z: Array, out: Array) -> None:
    """Write 1/(1 + e^(−z)) into ``out``, without overflow and with full relative precision.

    >>> p = np.empty(3)
    >>> sigmoid(np.array([-1e4, 0.0, 1e4]), p)
    >>> p.tolist()
    [0.0, 0.5, 1.0]
    """
    small = np.exp(-np.abs(z))
    np.copyto(out, small)
    np.copyto(out, 1, where=z >= 0)
    out /= 1 + small


LINKS: dict[str, type[Link]] = {
    "exp": ExpLink,
    "identity": IdentityLink,
    "sigmoid": SigmoidLink,
    "softmax": SoftmaxLink,
    "tanh": TanhLink,
}
