# ruff: noqa: D102  (the base class says what the methods mean)
"""Averages of the weights along a training: often better than the last ones."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nntool.nn.arrays import Array, in_blocks
from nntool.nn.schedules import Moment
from nntool.nn.setting import setting


@dataclass(frozen=True, kw_only=True)
class Average:
    """The form of an average; where ``needs_total`` holds it depends on the number of epochs."""

    kind: ClassVar[str] = "average"
    needs_total: ClassVar[bool] = False

    def update(self, mean: Array, theta: Array, count: int, at: Moment) -> int:
        """Take θ after the update ``at`` into ``mean``, which holds ``count``, in place.

        Return how many it now holds; with 0 there is no mean yet, and θ itself is judged.
        """
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class EMA(Average):
    """Running mean of the weights after each update; the first is taken as it is.

    θ̄ ← dθ̄ + (1 − d)θ. Polyak & Juditsky 1992, SIAM Journal on Control and Optimization 30, there
    with equal shares.
    Use: nearly always worth a try with many updates; with fewer than some 5/(1 − d) a smaller d.
    """

    decay: float = setting(0.999, "d, share of the mean that is kept", ge=0, lt=1)

    def update(self, mean: Array, theta: Array, count: int, at: Moment) -> int:
        _draw(mean, theta, self.decay if count else 0.0)
        return count + 1


@dataclass(frozen=True, kw_only=True)
class SWA(Average):
    """Plain mean of the weights at the ends of the last epochs.

    θ̄ = Σθ/n over the ends of epochs at or beyond the share ``from`` of the training. Izmailov et
    al. 2018, arXiv 1803.05407; the learning rate is left to the schedule.
    Use: with a constant or gently falling rate, which keeps the weights moving around a minimum.
    """

    needs_total: ClassVar[bool] = True

    from_: float = setting(0.75, "share of the training from which weights are taken", ge=0, le=1)

    def update(self, mean: Array, theta: Array, count: int, at: Moment) -> int:
        if not at.ends_epoch or at.t / (at.per_epoch * at.epochs) < self.from_:
            return count
        _draw(mean, theta, count / (count + 1))
        return count + 1


AVERAGES: dict[str, type[Average]] = {
    "ema": EMA,
    "swa": SWA,
}


def _draw(mean: Array, theta: Array, keep: float) -> None:
    """Write keep·mean + (1 − keep)·θ into ``mean``, as keep·(mean − θ) + θ: no buffer is needed."""
    if keep == 0:
        np.copyto(mean, theta)
        return
    for m, w in in_blocks(mean, theta):
        m -= w
        m *= keep
        m += w
