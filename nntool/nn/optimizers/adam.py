"""Adam, and Adam with the decay that was named after it."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nntool.nn.arrays import Array, in_blocks, scalars
from nntool.nn.optimizers.base import Optimizer, State
from nntool.nn.setting import setting


@dataclass(frozen=True, kw_only=True)
class Adam(Optimizer):
    """Steps scaled by running moments of the gradient.

    m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²; θ ← θ − η·m̂/(√v̂ + ε), m̂ = m/(1 − β₁ᵗ),
    v̂ = v/(1 − β₂ᵗ). Kingma & Ba 2015, arXiv 1412.6980, Algorithm 1.
    Use: first; it works with little tuning on most networks and tables.
    """

    state_names: ClassVar[tuple[str, ...]] = ("m", "v")

    beta1: float = setting(0.9, "memory of the gradient's mean", ge=0, lt=1)
    beta2: float = setting(0.999, "memory of its square", ge=0, lt=1)
    epsilon: float = setting(1e-8, "keeps the divisor away from 0", gt=0)
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
            np.square(dw, out=s)
            v *= beta2
            v += s
            if self.epsilon_inside:
                np.add(v, inside, out=s)
                np.sqrt(s, out=s)
            else:
                np.sqrt(v, out=s)
                s += outside
            m *= beta1
            m += dw
            np.divide(m, s, out=s)
            s *= eta
            w -= s


@dataclass(frozen=True, kw_only=True)
class AdamW(Adam):
    """Adam with weights that decay by themselves, not through the gradient.

    θ ← (1 − ηλ)θ for the weights, then as adam. Loshchilov & Hutter 2019, arXiv 1711.05101, with
    the decay scaled by η as in torch.
    Use: as adam, where the network is large for its data; the decay then need not fit the loss.
    """

    weight_decay: float = setting(0.01, "λ, decoupled decay of the weights", ge=0)  # type: ignore[misc]  # here it can be set
