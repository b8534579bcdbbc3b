# ruff: noqa: D102  (the base class says what the methods mean)
"""Optimizers on mini-batches: rules that change a vector of parameters by its gradient.

They never print, clip, decay or stop. Symbols: θ parameters, g gradient, η learning rate, t the
number of the update from 1.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import numpy as np

from nntool.nn.arrays import Array, in_blocks, scalars, scratch_for
from nntool.nn.setting import setting

State: TypeAlias = dict[str, Array]


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """The form of a rule; ``learning_rate`` is its own default for η.

    ``state_names`` are the vectors that it keeps beside θ; with the counter ``t`` they are all that
    a checkpoint needs. ``wants`` says what else it must be given.
    """

    kind: ClassVar[str] = "optimizer"
    learning_rate: ClassVar[float] = 0.001
    state_names: ClassVar[tuple[str, ...]] = ()
    wants: ClassVar[Literal["look-ahead", "curvature", "loss"] | None] = None

    def init(self, theta: Array) -> State:
        """Make the state before the first update: zeros, a counter and a buffer."""
        state = {name: np.zeros_like(theta) for name in self.state_names}
        return {**state, "t": np.zeros((), np.int64), "scratch": scratch_for(theta)}

    def step(self, theta: Array, g: Array, state: State, lr: float) -> None:
        """Change ``theta`` and ``state`` in place by one update; ``g`` is left as it is."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class SGD(Optimizer):
    """Gradient descent.

    θ ← θ − ηg. Robbins & Monro 1951, Annals of Mathematical Statistics 22.
    """

    learning_rate: ClassVar[float] = 0.01

    def step(self, theta: Array, g: Array, state: State, lr: float) -> None:
        state["t"] += 1
        for w, dw in in_blocks(theta, g):
            s = state["scratch"][: len(w)]
            np.multiply(dw, lr, out=s)
            w -= s


@dataclass(frozen=True, kw_only=True)
class Momentum(Optimizer):
    """Gradient descent with inertia.

    v ← μv − ηg; θ ← θ + v. Under a constant g, v → −ηg/(1 − μ). Polyak 1964.
    """

    learning_rate: ClassVar[float] = 0.01
    state_names: ClassVar[tuple[str, ...]] = ("v",)

    mu: float = setting(0.9, "share of the velocity that is kept", ge=0, lt=1)

    def step(self, theta: Array, g: Array, state: State, lr: float) -> None:
        state["t"] += 1
        for w, dw, v in in_blocks(theta, g, state["v"]):
            s = state["scratch"][: len(w)]
            np.multiply(dw, lr, out=s)
            v *= self.mu
            v -= s
            w += v


@dataclass(frozen=True, kw_only=True)
class Adam(Optimizer):
    """Steps scaled by running moments of the gradient.

    m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²; θ ← θ − η·m̂/(√v̂ + ε), m̂ = m/(1 − β₁ᵗ),
    v̂ = v/(1 − β₂ᵗ). Kingma & Ba 2015, arXiv 1412.6980, Algorithm 1.
    """

    state_names: ClassVar[tuple[str, ...]] = ("m", "v")

    beta1: float = setting(0.9, "memory of the gradient's mean", ge=0, lt=1)
    beta2: float = setting(0.999, "memory of its square", ge=0, lt=1)
    epsilon: float = setting(1e-8, "keeps the divisor away from 0", ge=0)
    epsilon_inside: bool = setting(False, "√(v̂ + ε) in place of √v̂ + ε")

    def step(self, theta: Array, g: Array, state: State, lr: float) -> None:
        """State m and v are kept as m/(1 − β₁) and v/(1 − β₂): two passes the fewer."""
        t = int(state["t"]) + 1
        state["t"][()] = t
        root = math.sqrt((1 - self.beta2**t) / (1 - self.beta2))  # √v̂ = √v/root: one division less
        rate = lr * root * (1 - self.beta1) / (1 - self.beta1**t)
        beta1, beta2, eta = scalars(theta.dtype, self.beta1, self.beta2, rate)
        inside, outside = scalars(theta.dtype, self.epsilon * root**2, self.epsilon * root)
        for w, dw, m, v in in_blocks(theta, g, state["m"], state["v"]):
            s = state["scratch"][: len(w)]
            m *= beta1
            m += dw
            np.multiply(dw, dw, out=s)
            v *= beta2
            v += s
            if self.epsilon_inside:
                np.add(v, inside, out=s)
                np.sqrt(s, out=s)
            else:
                np.sqrt(v, out=s)
                s += outside
            np.divide(m, s, out=s)
            s *= eta
            w -= s


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "adam": Adam,
    "momentum": Momentum,
    "sgd": SGD,
}
