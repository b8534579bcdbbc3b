# ruff: noqa: D102  (the base class says what the methods mean)
"""Kin of Adam: other ways to join the running mean of the gradient with a measure of its size."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nntool.nn.arrays import Array, in_blocks, scratch_for
from nntool.nn.optimizers.base import Optimizer, State
from nntool.nn.setting import setting


@dataclass(frozen=True, kw_only=True)
class _Moments(Optimizer):
    """The settings of rules that keep a mean of the gradient and one of its size."""

    beta1: float = setting(0.9, "β₁, memory of the gradient's mean", ge=0, lt=1)
    beta2: float = setting(0.999, "β₂, memory of its size", ge=0, lt=1)
    epsilon: float = setting(1e-8, "ε, keeps the divisor away from 0", gt=0)


@dataclass(frozen=True, kw_only=True)
class AdaMax(_Moments):
    """Adam with a fading maximum of the gradient in place of the root of its mean square.

    m ← β₁m + (1 − β₁)g; u ← max(β₂u, |g| + ε); θ ← θ − η/(1 − β₁ᵗ)·m/u. Kingma & Ba 2015, arXiv
    1412.6980, Algorithm 2; ε as in torch, the default η as in the paper and torch.
    Use: where single large gradients upset adam: no step is longer than about η.
    """

    learning_rate: ClassVar[float] = 0.002
    state_names: ClassVar[tuple[str, ...]] = ("m", "u")

    def step(self, theta: Array, g: Array, state: State, lr: float) -> None:
        state["t"] += 1
        rate = lr / (1 - self.beta1 ** int(state["t"]))
        for w, dw, m, u in in_blocks(theta, g, state["m"], state["u"]):
            s = state["scratch"][: len(w)]
            _mean(m, dw, self.beta1, s)
            np.abs(dw, out=s)
            s += self.epsilon
            u *= self.beta2
            np.maximum(u, s, out=u)
            np.divide(m, u, out=s)
            s *= rate
            w -= s


@dataclass(frozen=True, kw_only=True)
class AMSGrad(_Moments):
    """Adam whose divisor never falls.

    m, v as in adam; v⁺ ← max(v⁺, v); θ ← θ − η·m̂/(√(v⁺/(1 − β₂ᵗ)) + ε), m̂ = m/(1 − β₁ᵗ). Reddi,
    Kale & Kumar 2018, arXiv 1904.09237, with the bias corrected as in torch.
    Use: where adam, late in a training, takes up swinging again.
    """

    state_names: ClassVar[tuple[str, ...]] = ("m", "v", "v_max")

    def step(self, theta: Array, g: Array, state: State, lr: float) -> None:
        state["t"] += 1
        t = int(state["t"])
        root = math.sqrt(1 - self.beta2**t)
        rate = lr * root / (1 - self.beta1**t)
        names = self.state_names
        for w, dw, m, v, v_max in in_blocks(theta, g, *(state[name] for name in names)):
            s = state["scratch"][: len(w)]
            _mean(m, dw, self.beta1, s)
            _mean_square(v, dw, self.beta2, s)
            np.maximum(v_max, v, out=v_max)
            np.sqrt(v_max, out=s)
            s += self.epsilon * root
            np.divide(m, s, out=s)
            s *= rate
            w -= s


@dataclass(frozen=True, kw_only=True)
class NAdam(_Moments):
    """Adam that looks ahead as Nesterov's momentum does.

    m, v as in adam; μₜ = β₁(1 − ½·0.96^(ψt)), Πₜ = μ₁⋯μₜ; θ ← θ − η(μₜ₊₁m/(1 − Πₜ₊₁) +
    (1 − μₜ)g/(1 − Πₜ))/(√v̂ + ε). Dozat 2016, ICLR workshop; η and ψ as in torch.
    Use: in place of adam where the first epochs count.
    """

    learning_rate: ClassVar[float] = 0.002
    state_names: ClassVar[tuple[str, ...]] = ("m", "v", "product")

    psi: float = setting(0.004, "ψ, how fast the inertia reaches β₁", ge=0)

    def init(self, theta: Array) -> State:
        product = np.ones((), np.float64)
        return {**super().init(theta), "product": product, "ahead": scratch_for(theta)}

    def step(self, theta: Array, g: Array, state: State, lr: float) -> None:
        state["t"] += 1
        t = int(state["t"])
        mu, mu_next = self._inertia(t), self._inertia(t + 1)
        state["product"] *= mu
        product = float(state["product"])
        root = math.sqrt(1 - self.beta2**t)  # √v̂ = √v/root
        of_mean = lr * root * mu_next / (1 - product * mu_next)
        of_gradient = lr * root * (1 - mu) / (1 - product)
        for w, dw, m, v in in_blocks(theta, g, state["m"], state["v"]):
            s, ahead = state["scratch"][: len(w)], state["ahead"][: len(w)]
            _mean(m, dw, self.beta1, s)
            _mean_square(v, dw, self.beta2, s)
            np.multiply(m, of_mean, out=ahead)
            np.multiply(dw, of_gradient, out=s)
            ahead += s
            np.sqrt(v, out=s)
            s += self.epsilon * root
            ahead /= s
            w -= ahead

    def _inertia(self, t: int) -> float:
        return self.beta1 * (1 - 0.5 * math.pow(0.96, t * self.psi))


@dataclass(frozen=True, kw_only=True)
class Lion(Optimizer):
    """The sign of a mean of the gradient: every weight moves by η.

    θ ← θ − η·sign(β₁m + (1 − β₁)g); m ← β₂m + (1 − β₂)g. Chen et al. 2023, arXiv 2302.06675,
    Algorithm 2; the decay that goes with it there is `--weight-decay`.
    Use: with large batches, a rate 3 to 10 times smaller than adam's and a decay as much larger;
    it keeps one vector where adam keeps two.
    """

    learning_rate: ClassVar[float] = 0.0001
    state_names: ClassVar[tuple[str, ...]] = ("m",)

    beta1: float = setting(0.9, "β₁, share of the mean in the step", ge=0, lt=1)
    beta2: float = setting(0.99, "β₂, memory of the mean", ge=0, lt=1)

    def step(self, theta: Array, g: Array, state: State, lr: float) -> None:
        state["t"] += 1
        for w, dw, m in in_blocks(theta, g, state["m"]):
            s = state["scratch"][: len(w)]
            np.subtract(m, dw, out=s)
            s *= self.beta1
            s += dw
            np.sign(s, out=s)
            s *= lr
            w -= s
            _mean(m, dw, self.beta2, s)


def _mean(m: Array, dw: Array, beta: float, s: Array) -> None:
    """M ← βm + (1 − β)g."""
    np.multiply(dw, 1 - beta, out=s)
    m *= beta
    m += s


def _mean_square(v: Array, dw: Array, beta: float, s: Array) -> None:
    """V ← βv + (1 − β)g²."""
    np.multiply(dw, dw, out=s)
    s *= 1 - beta
    v *= beta
    v += s
