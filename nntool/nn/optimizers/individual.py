# ruff: noqa: D102  (the base class says what the methods mean)
"""Rules that give each parameter a rate or a step of its own."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from nntool.nn.arrays import Array, in_blocks, mask_for
from nntool.nn.optimizers.base import Optimizer, State
from nntool.nn.setting import setting


@dataclass(frozen=True, kw_only=True)
class Gains(Optimizer):
    """A gain for each parameter that grows while its gradient keeps its sign.

    v ← μv − η·gain·g; θ ← θ + v; before it gain + up where g has the sign of the gradient before
    (``agree=velocity``: of −v), gain·down where it has the other, within [least, most]; a 0 changes
    nothing. μ is 0 unless it is set: Δ = −η·gain·g; with ``agree=velocity`` it is 0.9 unless it is
    set. Jacobs 1988, Neural Networks 1(4); numbers and limits: Hinton 2012, Coursera lecture 6.4.
    Use: with full or large batches where layers want very different rates.
    """

    learning_rate: ClassVar[float] = 0.01
    state_names: ClassVar[tuple[str, ...]] = ("gain", "previous", "v")

    agree: str = setting("gradient", "what g is compared with", choices=("gradient", "velocity"))
    up: float = setting(0.05, "added to a gain", ge=0)
    down: float = setting(0.95, "a gain is multiplied by it", gt=0, le=1)
    least: float = setting(0.1, "smallest gain", gt=0)
    most: float = setting(10.0, "largest gain", gt=0)
    mu: float | None = setting(
        None, "μ, share of the velocity that is kept; unset: 0, or 0.9 by velocity", ge=0, lt=1
    )

    def init(self, theta: Array) -> State:
        state = {**super().init(theta), "mask": mask_for(theta)}
        state["gain"].fill(1)
        return state

    def step(self, theta: Array, g: Array, state: State, lr: float) -> None:
        state["t"] += 1
        mu = (0.9 if self.agree == "velocity" else 0.0) if self.mu is None else self.mu
        vectors = (state["gain"], state["previous"], state["v"])
        for w, dw, gain, previous, v in in_blocks(theta, g, *vectors):
            s, mask = state["scratch"][: len(w)], state["mask"][: len(w)]
            if self.agree == "velocity":
                np.sign(v, out=previous)
                np.negative(previous, out=previous)
            np.sign(dw, out=s)
            previous *= s  # 1 where they agree, −1 where they do not
            np.greater(previous, 0, out=mask)
            np.add(gain, self.up, out=gain, where=mask)
            np.less(previous, 0, out=mask)
            np.multiply(gain, self.down, out=gain, where=mask)
            np.clip(gain, self.least, self.most, out=gain)
            np.copyto(previous, s)
            np.multiply(gain, dw, out=s)
            s *= lr
            v *= mu
            v -= s
            w += v


@dataclass(frozen=True, kw_only=True)
class Rprop(Optimizer):
    """A step for each parameter, by the sign of its gradient alone.

    θ ← θ − step·sign(g); before it step·up where the sign held, step·down where it turned (there g
    counts as 0 for this update), within [least, most]; the first step is η, which then has no part.
    Riedmiller & Braun 1993, IEEE ICNN; this form is iRprop⁻, Igel & Hüsken 2000. With small
    batches many small gradients outvote a large one against them: rmsprop is made for those.
    Use: on small tables, with all rows in a batch, the default here; the learning rate hardly
    matters.
    """

    learning_rate: ClassVar[float] = 0.01
    full_batch: ClassVar[bool] = True
    finds_rates: ClassVar[bool] = True
    only_starts_at_rate: ClassVar[bool] = True
    default_batch: ClassVar[int | Literal["auto", "full"]] = "full"
    state_names: ClassVar[tuple[str, ...]] = ("sizes", "previous")

    up: float = setting(1.2, "factor while the sign holds", ge=1)
    down: float = setting(0.5, "factor when it turns", gt=0, lt=1)
    least: float = setting(1e-6, "smallest step", gt=0)
    most: float = setting(50.0, "largest step", gt=0)

    def init(self, theta: Array) -> State:
        return {**super().init(theta), "mask": mask_for(theta)}

    def step(self, theta: Array, g: Array, state: State, lr: float) -> None:
        state["t"] += 1
        if state["t"] == 1:
            state["sizes"].fill(lr)
        for w, dw, size, previous in in_blocks(theta, g, state["sizes"], state["previous"]):
            s, mask = state["scratch"][: len(w)], state["mask"][: len(w)]
            np.sign(dw, out=s)
            previous *= s
            np.greater(previous, 0, out=mask)
            np.multiply(size, self.up, out=size, where=mask)
            np.less(previous, 0, out=mask)
            np.multiply(size, self.down, out=size, where=mask)
            np.clip(size, self.least, self.most, out=size)
            np.copyto(s, 0, where=mask)
            np.copyto(previous, s)
            s *= size
            w -= s
