# ruff: noqa: D102  (the base class says what the methods mean)
"""Rules that divide each gradient by the size that its own past had."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nntool.nn.arrays import Array, in_blocks, scratch_for
from nntool.nn.optimizers.base import Optimizer, State
from nntool.nn.setting import setting


@dataclass(frozen=True, kw_only=True)
class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all squared gradients so far.

    G ← G + g²; θ ← θ − ηg/√(G + ε). Duchi, Hazan & Singer 2011, JMLR 12. The root takes ε in; torch
    adds it outside.
    Use: with rare features (many zeros), whose weights keep large steps; long trainings stall.
    """

    learning_rate: ClassVar[float] = 0.01
    state_names: ClassVar[tuple[str, ...]] = ("G",)

    epsilon: float = setting(1e-10, "ε, keeps the divisor away from 0", ge=0)

    def step(self, theta: Array, g: Array, state: State, lr: float) -> None:
        state["t"] += 1
        for w, dw, total in in_blocks(theta, g, state["G"]):
            s = state["scratch"][: len(w)]
            np.multiply(dw, dw, out=s)
            total += s
            _descend(w, dw, total, self.epsilon, lr, s)


@dataclass(frozen=True, kw_only=True)
class RMSprop(Optimizer):
    """Steps divided by the root of a running mean of squared gradients.

    G ← βG + (1 − β)g²; θ ← θ − ηg/√(G + ε). Tieleman & Hinton 2012, Coursera lecture 6.5. The root
    takes ε in; torch adds it outside. The default η is Keras' (torch: 0.01).
    Use: for mini-batches where rprop would do with all rows; adam adds inertia to it.
    """

    state_names: ClassVar[tuple[str, ...]] = ("G",)

    beta: float = setting(0.9, "β, memory of the squares", ge=0, lt=1)
    epsilon: float = setting(1e-8, "ε, keeps the divisor away from 0", ge=0)

    def step(self, theta: Array, g: Array, state: State, lr: float) -> None:
        state["t"] += 1
        for w, dw, mean in in_blocks(theta, g, state["G"]):
            s = state["scratch"][: len(w)]
            np.multiply(dw, dw, out=s)
            s *= 1 - self.beta
            mean *= self.beta
            mean += s
            _descend(w, dw, mean, self.epsilon, lr, s)


@dataclass(frozen=True, kw_only=True)
class Adadelta(Optimizer):
    """Steps whose size is that of the steps before, in the unit of the parameters.

    G ← ρG + (1 − ρ)g²; Δ = −g·√(D + ε)/√(G + ε); D ← ρD + (1 − ρ)Δ²; θ ← θ + ηΔ. Zeiler 2012,
    arXiv 1212.5701, with η = 1.
    Use: where no learning rate is to be chosen; it starts slowly, ε sets how slowly.
    """

    learning_rate: ClassVar[float] = 1.0
    state_names: ClassVar[tuple[str, ...]] = ("G", "D")

    rho: float = setting(0.9, "ρ, memory of both means", ge=0, lt=1)
    epsilon: float = setting(1e-6, "ε, sets the first steps", gt=0)

    def init(self, theta: Array) -> State:
        return {**super().init(theta), "root": scratch_for(theta)}

    def step(self, theta: Array, g: Array, state: State, lr: float) -> None:
        state["t"] += 1
        rho = self.rho
        for w, dw, squares, moves in in_blocks(theta, g, state["G"], state["D"]):
            s, root = state["scratch"][: len(w)], state["root"][: len(w)]
            np.multiply(dw, dw, out=s)
            s *= 1 - rho
            squares *= rho
            squares += s
            np.add(moves, self.epsilon, out=s)
            np.add(squares, self.epsilon, out=root)
            s /= root
            np.sqrt(s, out=s)
            s *= dw
            np.multiply(s, s, out=root)
            root *= 1 - rho
            moves *= rho
            moves += root
            s *= lr
            w -= s


def _descend(w: Array, dw: Array, squares: Array, epsilon: float, lr: float, s: Array) -> None:
    """θ ← θ − ηg/√(G + ε); no step where that is 0/0, which needs ε = 0; ``s`` is a buffer."""
    np.add(squares, epsilon, out=s)
    np.sqrt(s, out=s)
    if epsilon == 0:
        np.copyto(s, 1, where=s == 0)  # there g is 0 too
    np.divide(dw, s, out=s)
    s *= lr
    w -= s
