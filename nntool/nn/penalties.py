# ruff: noqa: D102  (the base class says what the methods mean)
"""Penalties on weights, added to the loss; biases and other exempt parameters are spared."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nntool.nn.arrays import Array, in_blocks
from nntool.nn.setting import setting


@dataclass(frozen=True, kw_only=True)
class Penalty:
    """The form of a penalty; it is given the slice of the vector that holds the weights."""

    kind: ClassVar[str] = "penalty"

    def value(self, weights: Array) -> float:
        """Return what is added to the loss."""
        raise NotImplementedError

    def add_gradient(self, weights: Array, gradient: Array, scratch: Array) -> None:
        """Add the penalty's gradient to ``gradient``; ``scratch`` holds one block."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class L2(Penalty):
    """Half the sum of squares: weights shrink in proportion to their size.

    (λ/2)·Σw²; gradient λw. Hoerl & Kennard 1970, Technometrics 12.
    """

    rate: float = setting(1e-4, "λ", ge=0)

    def value(self, weights: Array) -> float:
        return 0.5 * self.rate * float(np.dot(weights, weights))

    def add_gradient(self, weights: Array, gradient: Array, scratch: Array) -> None:
        for w, g in in_blocks(weights, gradient):
            s = scratch[: len(w)]
            np.multiply(w, self.rate, out=s)
            g += s


PENALTIES: dict[str, type[Penalty]] = {
    "l2": L2,
}
