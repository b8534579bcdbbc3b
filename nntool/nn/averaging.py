# ruff: noqa: D102  (the base class says what the methods mean)
"""Averages of the weights along a training: often better than the last ones."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nntool.nn.arrays import Array, in_blocks
from nntool.nn.batches import Batch
from nntool.nn.network import Network
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


class RunningMean:
    """The mean of the weights along one training, as an average rule takes it; nothing without."""

    def __init__(self, rule: Average | None, theta: Array) -> None:
        self.rule = rule
        self.mean = np.zeros_like(theta) if rule is not None else theta[:0]
        self.count = 0

    def take(self, theta: Array, at: Moment) -> None:
        """Take the weights after the update ``at``."""
        if self.rule is not None:
            self.count = self.rule.update(self.mean, theta, self.count, at)

    def judged(
        self,
        net: Network,
        theta: Array,
        stats: Array,
        batches: Callable[[], Iterable[Batch]],
    ) -> tuple[Array, Array]:
        """Return the weights that are judged and kept, with their running statistics.

        Those are the mean where there is one, and then the statistics are taken anew for it, over
        ``batches`` of all training rows.
        """
        if not self.count:
            return theta, stats
        own = stats.copy()
        if net.n_stats:
            net.recompute_statistics(net.bind(self.mean, own), batches)
        return self.mean, own

    def arrays(self) -> dict[str, Array]:
        """Return what a checkpoint must hold beside ``count``."""
        return {} if self.rule is None else {"average": self.mean}


def _draw(mean: Array, theta: Array, keep: float) -> None:
    """Write keep·mean + (1 − keep)·θ into ``mean``, as keep·(mean − θ) + θ: no buffer is needed."""
    if keep == 0:
        np.copyto(mean, theta)
        return
    for m, w in in_blocks(mean, theta):
        m -= w
        m *= keep
        m += w
