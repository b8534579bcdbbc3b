# ruff: noqa: D102  (the base class says what the methods mean)
"""Schedules by time: the rate of an update follows from when it happens."""

import bisect
import math
from dataclasses import dataclass
from typing import ClassVar

from nntool.nn.schedules.base import Memory, Moment, Schedule
from nntool.nn.setting import setting


@dataclass(frozen=True, kw_only=True)
class ConstantRate(Schedule):
    """The same rate throughout.

    η = η₀. Robbins & Monro 1951 need a falling one for convergence to a point.
    Use: with adam and its kin in short trainings, and while other things are being tried.
    """

    def rate(self, base: float, at: Moment, memory: Memory) -> float:
        return base


@dataclass(frozen=True, kw_only=True)
class InverseTime(Schedule):
    """A rate that falls as one over the number of updates.

    η = η₀/(1 + decay·t). Robbins & Monro 1951, Annals of Mathematical Statistics 22.
    Use: with sgd on very many rows, where it converges; the decay is worth a search.
    """

    decay: float = setting(0.001, "1/decay updates halve the rate", ge=0)

    def rate(self, base: float, at: Moment, memory: Memory) -> float:
        return base / (1 + self.decay * at.t)


@dataclass(frozen=True, kw_only=True)
class Exponential(Schedule):
    """A rate that loses the same share in every epoch.

    η = η₀·factorᵉ. Bengio 2012, arXiv 1206.5533, section 3.1. It falls with every update; at the
    start of an epoch it is that of torch's ExponentialLR.
    Use: where the number of epochs is not known beforehand.
    """

    factor: float = setting(0.98, "factor of each epoch", gt=0, le=1)

    def rate(self, base: float, at: Moment, memory: Memory) -> float:
        return base * math.pow(self.factor, at.done)


@dataclass(frozen=True, kw_only=True)
class Step(Schedule):
    """A rate that drops after every so many epochs.

    η = η₀·factor^⌊e/every⌋. He et al. 2016, arXiv 1512.03385, section 3.4; torch's StepLR.
    Use: to see what a smaller rate does to a training that no longer moves.
    """

    every: int = setting(10, "epochs between two drops", ge=1)
    factor: float = setting(0.5, "factor of each drop", gt=0, le=1)

    def rate(self, base: float, at: Moment, memory: Memory) -> float:
        drops = (at.t - 1) // (at.per_epoch * self.every)  # whole numbers: no drop too late
        return base * math.pow(self.factor, drops)


@dataclass(frozen=True, kw_only=True)
class Polynomial(Schedule):
    """A rate that falls to a floor as a power of the time that is left; evenly at power 1.

    η = η₀·(floor + (1 − floor)·(1 − τ)^power). Chen et al. 2018, arXiv 1606.00915, section 4.1;
    torch's PolynomialLR counted in updates, at floor 0.
    Use: with power 1 as a plain good end to any training of known length.
    """

    needs_total: ClassVar[bool] = True

    power: float = setting(1.0, "exponent", gt=0)
    floor: float = setting(0.0, "share of the rate that is left at the end", ge=0, le=1)

    def rate(self, base: float, at: Moment, memory: Memory) -> float:
        return base * (self.floor + (1 - self.floor) * math.pow(1 - at.share, self.power))


@dataclass(frozen=True, kw_only=True)
class Cosine(Schedule):
    """A rate that falls as half a wave: slowly, fast, slowly; several times over with cycles.

    η = η₀·(floor + (1 − floor)·½(1 + cos πτ)), τ within the cycle. Loshchilov & Hutter 2017, arXiv
    1608.03983, with cycles of the same length that end with an epoch; torch's CosineAnnealingLR
    counted in updates.
    Use: first, where the number of epochs is settled; with cycles, the end of each is a place to
    stop, or a member of an ensemble (`--snapshots`).
    """

    needs_total: ClassVar[bool] = True

    floor: float = setting(0.0, "share of the rate that is left at the end", ge=0, le=1)
    cycles: int = setting(1, "how often the rate falls; it begins anew at η₀", ge=1)

    def rate(self, base: float, at: Moment, memory: Memory) -> float:
        share = at.share if self.cycles == 1 else _share_of_cycle(at, self.cycles)
        wave = 0.5 * (1 + math.cos(math.pi * share))
        return base * (self.floor + (1 - self.floor) * wave)


@dataclass(frozen=True, kw_only=True)
class OneCycle(Schedule):
    """A rate that rises to η₀, which may be large, and falls to nearly nothing.

    Half waves from first·η₀ to η₀ over the share ``rise`` of the updates, then to last·first·η₀.
    Smith & Topin 2019, arXiv 1708.07120; torch's OneCycleLR without its cycle of the momentum.
    Use: for short trainings with a large rate, three to ten times that of a constant one.
    """

    needs_total: ClassVar[bool] = True

    rise: float = setting(0.3, "share of the updates in which the rate rises", ge=0, le=1)
    first: float = setting(0.04, "first rate as a share of η₀", gt=0, le=1)
    last: float = setting(1e-4, "last rate as a share of the first", gt=0, le=1)

    def rate(self, base: float, at: Moment, memory: Memory) -> float:
        end = at.per_epoch * at.epochs - 1
        top = self.rise * (end + 1) - 1  # updates before the largest rate
        behind = at.t - 1
        if behind < top:
            return base * _half_wave(self.first, 1.0, behind / top)
        start = max(top, 0.0)
        way = (behind - start) / (end - start) if end > start else 0.0
        return base * _half_wave(1.0, self.first * self.last, way)


@dataclass(frozen=True, kw_only=True)
class CosLog4(Schedule):
    """Four waves, each about twice as long as the one before.

    η = η₀·½(1 − cos(2π·log₂(1 + 15τ))). Holzmüller, Grinsztajn & Steinwart 2024, arXiv 2407.04491.
    Use: with early stopping on tables: the rate comes near 0 four times, each a good place to stop.
    """

    needs_total: ClassVar[bool] = True

    def rate(self, base: float, at: Moment, memory: Memory) -> float:
        return base * 0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * at.share)))


def cycle_ends(epochs: int, cycles: int) -> tuple[int, ...]:
    """Return the epochs, from 1, with which cycles of the same length end, to the next epoch below.

    >>> cycle_ends(10, 3)
    (3, 6, 10)
    """
    return tuple(number * epochs // cycles for number in range(1, cycles + 1))


def _share_of_cycle(at: Moment, cycles: int) -> float:
    """Return the share of the cycle of an update that is behind it."""
    ends = cycle_ends(at.epochs, cycles)
    epoch = (at.t - 1) // at.per_epoch  # whole numbers: no cycle ends late
    number = min(bisect.bisect_right(ends, epoch), cycles - 1)
    start = ends[number - 1] if number else 0
    updates = (ends[number] - start) * at.per_epoch
    return (at.t - 1 - start * at.per_epoch) / updates


def _half_wave(start: float, end: float, way: float) -> float:
    """Go from ``start`` to ``end`` as a cosine does, for ``way`` from 0 to 1."""
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * way))
