# ruff: noqa: D102  (the base class says what the methods mean)
"""Rules with one rate for all parameters: down the gradient, with inertia or without."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nntool.nn.arrays import Array, in_blocks
from nntool.nn.optimizers.base import Optimizer, State
from nntool.nn.setting import setting


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
