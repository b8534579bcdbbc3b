# ruff: noqa: D102  (the base class says what the methods mean)
"""Rules with one rate for all parameters: down the gradient, with inertia or without."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nntool.nn.arrays import Array, in_blocks
from nntool.nn.optimizers.base import Optimizer, State, Wants
from nntool.nn.setting import setting


@dataclass(frozen=True, kw_only=True)
class SGD(Optimizer):
    """Gradient descent.

    θ ← θ − ηg. Robbins & Monro 1951, Annals of Mathematical Statistics 22.
    Use: as the plain yardstick, and to see the effect of a learning rate; else momentum or adam.
    """

    learning_rate: ClassVar[float] = 0.01

    def step(self, theta: Array, g: Array, state: State, lr: float) -> None:
        state["t"] += 1
        for w, dw in in_blocks(theta, g):
            s = state["scratch"][: len(w)]
            np.multiply(dw, lr, out=s)
            w -= s


@dataclass(frozen=True, kw_only=True)
class _Inertia(Optimizer):
    """What the rules with a velocity share: a share μ of it is kept, and that may grow."""

    learning_rate: ClassVar[float] = 0.01
    state_names: ClassVar[tuple[str, ...]] = ("v",)

    mu: float = setting(0.9, "μ, share of the velocity that is kept", ge=0, lt=1)
    start: float | None = setting(None, "μ at first, if it is to grow (0.5)", ge=0, lt=1)
    over: float = setting(10.0, "epochs in which μ goes evenly from start to mu", gt=0)

    def _mu(self, state: State) -> float:
        """Return μ of the update that comes next."""
        if self.start is None:
            return self.mu
        grown = min(1.0, float(state["epoch"]) / self.over)
        return self.start + (self.mu - self.start) * grown


@dataclass(frozen=True, kw_only=True)
class Momentum(_Inertia):
    """Gradient descent with inertia.

    v ← μv − ηg; θ ← θ + v. Under a constant g, v → −ηg/(1 − μ). Polyak 1964, USSR Computational
    Mathematics 4(5); a μ that grows: Sutskever et al. 2013, ICML.
    Use: with well scaled inputs and time to tune η, where it often generalizes better than adam.
    """

    def step(self, theta: Array, g: Array, state: State, lr: float) -> None:
        mu = self._mu(state)
        state["t"] += 1
        for w, dw, v in in_blocks(theta, g, state["v"]):
            s = state["scratch"][: len(w)]
            np.multiply(dw, lr, out=s)
            v *= mu
            v -= s
            w += v


@dataclass(frozen=True, kw_only=True)
class Nesterov(Momentum):
    """Momentum that takes the gradient where its velocity is about to carry it.

    v ← μv − ηg(θ + μv); θ ← θ + v, with the same μ, that of the coming update, in both places.
    Nesterov 1983, Soviet Mathematics Doklady 27; in this form Sutskever et al. 2013, ICML.
    Use: as momentum; it brakes earlier in narrow valleys, which lets μ be larger.
    """

    wants: ClassVar[Wants] = "look-ahead"

    def look_ahead(self, theta: Array, state: State, out: Array) -> None:
        np.multiply(state["v"], self._mu(state), out=out)
        out += theta


@dataclass(frozen=True, kw_only=True)
class NesterovSimplified(_Inertia):
    """Nesterov's momentum in terms of the look-ahead point itself, which then stands for θ.

    v ← μv − ηg(θ); θ ← θ + μv − ηg. Bengio, Boulanger-Lewandowski & Pascanu 2013, arXiv 1212.0901;
    torch's ``nesterov=True``. With a growing μ both lines take that of this update, where the
    paper's second line takes the next one's.
    Use: in place of nesterov: the same path but for the last look ahead.
    """

    def step(self, theta: Array, g: Array, state: State, lr: float) -> None:
        mu = self._mu(state)
        state["t"] += 1
        for w, dw, v in in_blocks(theta, g, state["v"]):
            s = state["scratch"][: len(w)]
            np.multiply(dw, lr, out=s)
            v *= mu
            v -= s
            w -= s
            np.multiply(v, mu, out=s)
            w += s


@dataclass(frozen=True, kw_only=True)
class Normalized(Optimizer):
    """Gradient descent with steps of the length η, however steep it is.

    θ ← θ − ηg/‖g‖; no step where g = 0. Shor 1985, Minimization Methods for Non-differentiable
    Functions, chapter 2. The norm is that of all parameters; the steps do not shrink by themselves.
    Use: where gradients vanish or explode along the way, with a schedule that ends near 0.
    """

    learning_rate: ClassVar[float] = 0.01
    elementwise: ClassVar[bool] = False

    def step(self, theta: Array, g: Array, state: State, lr: float) -> None:
        state["t"] += 1
        # squares of a vector divided by its largest element neither vanish nor overflow
        largest = max(float(g.max()), -float(g.min()))
        if largest == 0:
            return
        squares = 0.0
        for (dw,) in in_blocks(g):
            s = state["scratch"][: len(dw)]
            np.divide(dw, largest, out=s)
            squares += float(np.dot(s, s))
        length = math.sqrt(squares)
        for w, dw in in_blocks(theta, g):
            s = state["scratch"][: len(w)]
            np.divide(dw, largest, out=s)
            s *= lr / length
            w -= s
