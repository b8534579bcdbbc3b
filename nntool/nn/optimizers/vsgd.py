# ruff: noqa: D102  (the base class says what the methods mean)
"""The rule that measures noise and curvature, and needs no learning rate."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nntool.nn.arrays import Array, in_blocks, mask_for, scratch_for
from nntool.nn.optimizers.base import Optimizer, State, Wants
from nntool.nn.setting import setting

NOISE = 0.01
"""Where |ḡ| is a smaller share of √v̄ than this, a step of ḡ measures everything but curvature."""

TINY = 1e-12
"""A way or a curvature of no more than this counts as none."""


@dataclass(frozen=True, kw_only=True)
class VSGD(Optimizer):
    """Rates from running means of gradient, square and curvature: none has to be chosen.

    ḡ, v̄, h̄ ← (1 − 1/τ)(ḡ, v̄, h̄) + (1/τ)(g, g², |g(θ + ḡ) − g(θ)|/|ḡ|), both gradients of the same
    batch; θ ← θ − η·ḡ²/(h̄v̄)·g; τ ← (1 − ḡ²/v̄)τ + 1. Schaul & LeCun 2013, arXiv 1301.3764, without
    its test for outliers; instead h̄ stays where |ḡ| < √v̄/100, too short a way to measure over. Ten
    batches are only averaged; then v̄ and h̄ are enlarged ten times, so that steps begin small. No
    step where no curvature was seen (0/0, as in mae or hinge).
    Use: with small, noisy batches and no wish to tune η; each update costs two gradients. Large
    batches may diverge: there is no noise left that would keep the rates small.
    """

    learning_rate: ClassVar[float] = 1.0
    state_names: ClassVar[tuple[str, ...]] = ("g_mean", "v_mean", "h_mean", "tau")
    wants: ClassVar[Wants] = "curvature"
    finds_rates: ClassVar[bool] = True

    start: int = setting(10, "batches that are only averaged", ge=1)
    slow: float = setting(10.0, "factor on the first v̄ and h̄", ge=1)

    def init(self, theta: Array) -> State:
        buffers = {"spare": scratch_for(theta), "mask": mask_for(theta), "new": mask_for(theta)}
        return {**super().init(theta), **buffers}

    def probe(self, theta: Array, g: Array, state: State, out: Array) -> None:
        np.add(theta, g if state["t"] == 0 else state["g_mean"], out=out)

    def step(self, theta: Array, g: Array, state: State, lr: float) -> None:
        state["t"] += 1
        t = int(state["t"])
        vectors = (*(state[name] for name in self.state_names), state["probed"])
        for w, dw, g_mean, v_mean, h_mean, tau, probed in in_blocks(theta, g, *vectors):
            s, spare = state["scratch"][: len(w)], state["spare"][: len(w)]
            mask, new = state["mask"][: len(w)], state["new"][: len(w)]
            if t <= self.start:
                tau.fill(t)  # plain means
            np.copyto(spare, dw if t == 1 else g_mean)
            _measure(probed, spare, dw, v_mean, s, mask, new)
            np.copyto(s, tau)
            np.equal(h_mean, 0, out=new)
            np.copyto(s, 1, where=new)  # the first that is known is taken as it is
            _draw(h_mean, probed, s, where=mask)
            np.copyto(s, dw)
            _draw(g_mean, s, tau)
            np.multiply(dw, dw, out=s)
            _draw(v_mean, s, tau)
            if t == self.start:
                v_mean *= self.slow
                h_mean *= self.slow
            if t <= self.start:
                continue
            ratio = spare
            np.multiply(g_mean, g_mean, out=ratio)
            np.greater(v_mean, 0, out=mask)
            np.divide(ratio, v_mean, out=ratio, where=mask)
            np.minimum(ratio, 1, out=ratio)  # it is, but for rounding
            np.subtract(1, ratio, out=s)
            tau *= s
            tau += 1
            np.greater(h_mean, TINY, out=mask)
            np.multiply(ratio, dw, out=s)
            np.divide(s, h_mean, out=s, where=mask)
            s *= lr
            np.subtract(w, s, out=w, where=mask)


def _measure(
    probed: Array,
    shift: Array,
    dw: Array,
    v_mean: Array,
    s: Array,
    mask: Array,
    is_number: Array,
) -> None:
    """Turn ``probed`` into |g(θ + shift) − g|/|shift|, where ``mask`` will say that it is known.

    It is not known over too short a way, nor where the way led out of what is finite.
    """
    np.abs(shift, out=shift)
    np.sqrt(v_mean, out=s)
    s *= NOISE
    s += TINY
    np.greater(shift, s, out=mask)
    np.isfinite(probed, out=is_number)
    mask &= is_number
    probed -= dw
    np.abs(probed, out=probed)
    np.divide(probed, shift, out=probed, where=mask)


def _draw(mean: Array, value: Array, tau: Array, where: Array | bool = True) -> None:
    """Mean ← mean + (value − mean)/τ; ``value`` is used up."""
    value -= mean
    value /= tau
    np.add(mean, value, out=mean, where=where)
