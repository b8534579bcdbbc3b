# ruff: noqa: D102  (the base class says what the methods mean)
"""Rules that try changes and see what they do: they need a loss, but no gradient.

`nntool.nn.perturbing` does for them what backpropagation does for the others.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from nntool.nn.arrays import Array
from nntool.nn.optimizers.base import Optimizer, State, Wants
from nntool.nn.optimizers.descent import SGD
from nntool.nn.setting import setting

SMALLEST_SCALE, LARGEST_SCALE = 1e-3, 1e3
"""What a scale is kept in: on a plateau no change succeeds, and the way off it is no small one."""


@dataclass(frozen=True, kw_only=True)
class WeightPerturbation(Optimizer):
    """All weights are changed at random, and the change is kept if the loss of the batch falls.

    θ' = θ + ηsξ, ξ ~ N(0, 1); θ ← θ' where L(θ') < L(θ), penalties and all, on the same rows. So
    many ``tries``, one after another, are an update. s starts at 1: s ← a·s after a success,
    s ← a^(−1/4)·s after a failure, so that one in five succeeds. Rechenberg 1973,
    Evolutionsstrategie: the (1 + 1) strategy with its 1/5 rule; keeping what lowers the loss is how
    Hinton's lectures (Neural Networks for Machine Learning, 2012, 3) introduce learning, before
    they show why backpropagation does better.
    Small batches mislead it: what helps one of them is kept, whatever it does to the others.
    Use: where there is no gradient (`--activation step`), in small networks: what a change of n
    weights tells is one bit, so the time grows with n.
    """

    learning_rate: ClassVar[float] = 0.1
    state_names: ClassVar[tuple[str, ...]] = ("s",)
    elementwise: ClassVar[bool] = False
    finds_rates: ClassVar[bool] = True
    wants: ClassVar[Wants] = "loss"
    needs_gradient: ClassVar[bool] = False
    dropout: ClassVar[float | Literal["auto"]] = 0.0
    default_batch: ClassVar[int | Literal["auto", "full"]] = "full"

    tries: int = setting(50, "changes that are tried on a batch before the next one", ge=1)
    a: float = setting(1.2, "a, by what a success makes changes larger; 1: never", ge=1)

    def init(self, theta: Array) -> State:
        return {**super().init(theta), "s": np.ones((), np.float64)}

    def size(self, state: State, lr: float) -> float:
        """Return the standard deviation of the next change."""
        return lr * float(state["s"])

    def learn(self, state: State, *, success: bool) -> None:
        """Take note of what a change came to."""
        state["t"] += 1
        s = state["s"] * (self.a if success else self.a**-0.25)
        state["s"][...] = min(max(s, SMALLEST_SCALE), LARGEST_SCALE)


@dataclass(frozen=True, kw_only=True)
class NodePerturbation(SGD):
    """The sums of all units are disturbed, and weights are credited with what that does.

    z' = z + σξ in each layer, row by row; ∂L/∂z is taken to be ξ·(L' − L)/σ, and θ ← θ − ηg with
    the g that follows, g_w = x'·∂L/∂z. The mean of g is the gradient of the mean loss under the
    disturbance, also where units are steps. Widrow & Lehr 1990, Proceedings of the IEEE 78, one
    unit at a time (Madaline rule III); all at once Fiete & Seung 2006, Physical Review Letters 97.
    Use: where there is no gradient (`--activation step`): it has a number for each unit where
    weight-perturbation has one bit for all weights, but the noise of g grows with the units.
    """

    wants: ClassVar[Wants] = "units"
    needs_gradient: ClassVar[bool] = False
    dropout: ClassVar[float | Literal["auto"]] = 0.0

    sigma: float = setting(0.1, "σ, standard deviation of the disturbance", gt=0)


PERTURBATION: dict[str, type[Optimizer]] = {
    "node-perturbation": NodePerturbation,
    "weight-perturbation": WeightPerturbation,
}
