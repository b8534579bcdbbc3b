# ruff: noqa: D102  (the base class says what the methods mean)
"""Penalties on weights, added to the loss; biases and other exempt parameters are spared."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nntool.nn.arrays import Array, in_blocks
from nntool.nn.setting import setting


@dataclass(frozen=True, kw_only=True)
class Penalty:
    """The form of a penalty; it is given the slice of the vector that holds the weights.

    ``scratch`` is a buffer of one block, or of the whole vector where that is shorter.
    """

    kind: ClassVar[str] = "penalty"

    @property
    def has_gradient(self) -> bool:
        """Whether `add_gradient` tells what `value` does; if not, `shrink` works instead."""
        return True

    def value(self, weights: Array) -> float:
        """Return what is added to the loss."""
        raise NotImplementedError

    def add_gradient(self, weights: Array, gradient: Array, scratch: Array) -> None:
        """Add the penalty's gradient to ``gradient``."""
        raise NotImplementedError

    def bends(self, weights: Array) -> Array | float:
        """Return the second derivative for each weight, one number where all have the same."""
        raise NotImplementedError

    def shrink(self, weights: Array, lr: float | Array, scratch: Array) -> None:
        """Change the weights themselves after a step at rate ``lr``, one or one for each weight."""


@dataclass(frozen=True, kw_only=True)
class L2(Penalty):
    """Half the sum of squares: weights shrink in proportion to their size.

    (λ/2)·Σw²; gradient λw. Hoerl & Kennard 1970, Technometrics 12.
    Use: first of all, against overfitting; for adam, `--weight-decay` shrinks all weights alike.
    """

    rate: float = setting(1e-4, "λ", ge=0)

    def value(self, weights: Array) -> float:
        return 0.5 * self.rate * float(np.dot(weights, weights))

    def add_gradient(self, weights: Array, gradient: Array, scratch: Array) -> None:
        for w, g in in_blocks(weights, gradient):
            s = scratch[: len(w)]
            np.multiply(w, self.rate, out=s)
            g += s

    def bends(self, weights: Array) -> float:
        return self.rate


@dataclass(frozen=True, kw_only=True)
class L1(Penalty):
    """The sum of absolute values: weights shrink by a constant, the useless ones to 0.

    λ·Σ|w|; subgradient λ·sign(w), 0 at 0. Tibshirani 1996, J. Royal Stat. Soc. B 58.
    Proximal: no gradient, but w ← sign(w)·max(|w| − ηλ, 0) after each step, which gives exact
    zeros (Daubechies, Defrise & De Mol 2004, arXiv math/0307152).
    Use: where few inputs matter; `proximal=true`, with sgd or momentum, to have zeros to count.
    """

    rate: float = setting(1e-5, "λ", ge=0)
    proximal: bool = setting(False, "shrink after each step instead of adding a gradient")

    @property
    def has_gradient(self) -> bool:
        return not self.proximal

    def value(self, weights: Array) -> float:
        return self.rate * sum(float(np.abs(w).sum()) for (w,) in in_blocks(weights))

    def add_gradient(self, weights: Array, gradient: Array, scratch: Array) -> None:
        if self.proximal:
            return
        for w, g in in_blocks(weights, gradient):
            s = scratch[: len(w)]
            np.sign(w, out=s)
            s *= self.rate
            g += s

    def bends(self, weights: Array) -> float:
        return 0.0

    def shrink(self, weights: Array, lr: float | Array, scratch: Array) -> None:
        if not self.proximal:
            return
        # what is taken away is w itself within ±ηλ, so what is left of it is exactly 0
        for w, eta, s, limit in _with_scratch(weights, np.broadcast_to(lr, weights.shape), scratch):
            np.multiply(eta, -self.rate, out=limit)
            np.maximum(w, limit, out=s)
            np.negative(limit, out=limit)
            np.minimum(s, limit, out=s)
            w -= s


@dataclass(frozen=True, kw_only=True)
class Lp(Penalty):
    """The sum of absolute values to the power p: between L1 (p = 1) and twice L2 (p = 2).

    λ·Σ|w|ᵖ; gradient λ·p·|w|ᵖ⁻¹·sign(w), 0 at 0. For p < 2 its slope at 0 is infinite: a weight
    near 0 is drawn to it hard and ends swinging about it, at ±(ηλp/2)^(1/(2−p)) with sgd.
    Frank & Friedman 1993, Technometrics 35 (bridge regression).
    Use: to try something between l1 and l2; p > 2 spares small weights and holds down large ones.
    """

    rate: float = setting(1e-5, "λ", ge=0)
    p: float = setting(1.5, "the power", ge=1)

    def value(self, weights: Array) -> float:
        return self.rate * sum(float((np.abs(w) ** self.p).sum()) for (w,) in in_blocks(weights))

    def add_gradient(self, weights: Array, gradient: Array, scratch: Array) -> None:
        for w, g, s, sign in _with_scratch(weights, gradient, scratch):
            np.abs(w, out=s)
            np.power(s, self.p - 1, out=s)
            s *= self.rate * self.p
            np.sign(w, out=sign)  # 0 at 0, where p = 1 makes the power 1
            s *= sign
            g += s

    def bends(self, weights: Array) -> Array:
        """λ·p·(p − 1)·|w|ᵖ⁻²; 0 at 0, like the gradient, where it is infinite for p < 2."""
        size = np.abs(weights)
        if self.p < 2:
            size = np.where(size > 0, size, np.inf)
        return np.asarray(self.rate * self.p * (self.p - 1) * size ** (self.p - 2))


@dataclass(frozen=True, kw_only=True)
class WeightElimination(Penalty):
    """A count of weights, smoothed: small ones are driven to 0, large ones hardly feel it.

    λ·Σ w²/(w₀² + w²); gradient λ·2w·w₀²/(w₀² + w²)². A weight far below w₀ pays (w/w₀)², one far
    above pays 1. Weigend, Rumelhart & Huberman 1991, NIPS 3.
    Use: to thin out a network that has more weights than it needs; w0 is the size of a weight
    that is to stay.
    """

    rate: float = setting(1e-5, "λ", ge=0)
    w0: float = setting(1.0, "the size that divides small from large weights", gt=0)

    def value(self, weights: Array) -> float:
        total = 0.0
        for (w,) in in_blocks(weights):
            u = w / self.w0
            u *= u
            total += float((u / (1 + u)).sum())
        return self.rate * total

    def add_gradient(self, weights: Array, gradient: Array, scratch: Array) -> None:
        # 2λ/w₀ · u/(1 + u²)² with u = w/w₀; divided twice, since a fourth power overflows early
        for w, g, s, t in _with_scratch(weights, gradient, scratch):
            np.divide(w, self.w0, out=s)
            np.multiply(s, s, out=t)
            t += 1
            s /= t
            s /= t
            s *= 2 * self.rate / self.w0
            g += s

    def bends(self, weights: Array) -> Array:
        """2λ/w₀²·(1 − 3u²)/(1 + u²)³ with u = w/w₀: below 0 for weights above w₀/√3."""
        s = 1 / (1 + (weights / self.w0) ** 2)
        return np.asarray(2 * self.rate / self.w0**2 * s * s * (4 * s - 3))


def penalty_of(penalties: Iterable[Penalty], weights: Array) -> float:
    """Return what penalties add to the loss together.

    >>> penalty_of([L2(rate=0.5), L1(rate=1.0)], np.array([1.0, -2.0]))
    4.25
    """
    return sum(penalty.value(weights) for penalty in penalties)


def _with_scratch(
    weights: Array, other: Array, scratch: Array
) -> Iterator[tuple[Array, Array, Array, Array]]:
    """Yield stretches of both vectors beside two buffers as long as they are: halves of scratch."""
    half = len(scratch) // 2
    for start in range(0, len(weights), half):
        w = weights[start : start + half]
        yield w, other[start : start + half], scratch[: len(w)], scratch[half : half + len(w)]


PENALTIES: dict[str, type[Penalty]] = {
    "l1": L1,
    "l2": L2,
    "lp": Lp,
    "weight-elimination": WeightElimination,
}
