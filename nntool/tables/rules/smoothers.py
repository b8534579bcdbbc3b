"""How a column of numbers is smoothed: along an order, or into bins that training rows gave."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from nntool.tables.choices import setting

Numbers = NDArray[np.float64]
"""Numbers `(n,)`, none missing; along an order they stand in it."""

BLOCK = 1 << 20
"""How many numbers of windows are held at a time."""
MOST_IN_WINDOW = 10_000


class Smoother(ABC):
    """One way to smooth; a subclass is a frozen dataclass whose fields are settings."""

    in_order: ClassVar[bool] = True
    """True where the numbers before (and after) in the order are needed."""

    def fit(self, values: Numbers) -> dict[str, Any]:
        """Learn from training rows: plain data."""
        return {}

    @abstractmethod
    def smooth(self, values: Numbers, learned: dict[str, Any]) -> Numbers:
        """Give the smoothed numbers, as many as there are."""


@dataclass(frozen=True)
class Rolling(Smoother):
    """What rolling mean and rolling median share: a window of numbers that are not missing."""

    window: int = setting(
        5, "How many numbers are looked at, the own one among them.", ge=2, le=MOST_IN_WINDOW
    )
    centered: bool = setting(
        False, "Whether the own number stands in the middle: this looks ahead in the order."
    )

    def smooth(self, values: Numbers, learned: dict[str, Any]) -> Numbers:
        """Windows at the ends hold fewer numbers."""
        ahead = (self.window - 1) // 2 if self.centered else 0
        behind = self.window - 1 - ahead
        padded = np.concatenate([np.full(behind, np.nan), values, np.full(ahead, np.nan)])
        smoothed = np.empty(len(values))
        step = max(1, BLOCK // self.window)
        for start in range(0, len(values), step):
            stop = min(start + step, len(values))
            windows = sliding_window_view(padded[start : stop + behind + ahead], self.window)
            smoothed[start:stop] = self.middle(windows)
        return smoothed

    @staticmethod
    @abstractmethod
    def middle(windows: Numbers) -> Numbers:
        """Give the middle of each window `(m, window)`; NaN is beyond the ends."""


@dataclass(frozen=True)
class RollingMean(Rolling):
    """The mean of the last ``window`` numbers in the order.

    Source: Han & Kamber, Data Mining, section 3.2.2 (smoothing of noisy data).
    Use: measurements along time that jitter; the window is shorter than what is to be seen.
    """

    @staticmethod
    def middle(windows: Numbers) -> Numbers:
        """Each divided first: the sum of large numbers could overflow."""
        known = ~np.isnan(windows)
        shares = np.where(known, windows, 0.0) / known.sum(axis=1, keepdims=True)
        means: Numbers = shares.sum(axis=1)
        return means


@dataclass(frozen=True)
class RollingMedian(Rolling):
    """The median of the last ``window`` numbers in the order.

    Source: Tukey 1977, Exploratory Data Analysis.
    Use: single spikes along time, which a mean would smear; edges of steps stay sharp.
    """

    @staticmethod
    def middle(windows: Numbers) -> Numbers:
        """Sort; NaN goes to the end."""
        ordered = np.sort(windows, axis=1)
        n = (~np.isnan(ordered)).sum(axis=1)
        rows = np.arange(len(ordered))
        # halves first: the sum of two large numbers could overflow
        medians: Numbers = ordered[rows, (n - 1) // 2] / 2 + ordered[rows, n // 2] / 2
        return medians


@dataclass(frozen=True)
class Exponential(Smoother):
    """s₁ = x₁, s_t = α·x_t + (1 − α)·s_{t−1}, along the order.

    Source: Brown 1956, Exponential Smoothing for Predicting Demand.
    Use: as rolling-mean, where what is recent counts more; α near 1 smooths little.
    """

    alpha: float = setting(0.3, "The weight of the own number.", gt=0, le=1)

    def smooth(self, values: Numbers, learned: dict[str, Any]) -> Numbers:
        """One number after the other."""
        alpha = self.alpha
        steps = accumulate(values.tolist(), lambda s, x: (1 - alpha) * s + alpha * x)
        return np.fromiter(steps, np.float64, len(values))


@dataclass(frozen=True)
class Bins(Smoother):
    """What smoothing by bins shares: bins of equal depth or width, cut half-way between values."""

    in_order: ClassVar[bool] = False

    bins: int = setting(10, "How many bins, at most.", ge=2, le=10_000)
    equal: str = setting(
        "depth",
        "What bins have in common: as many rows each, or as wide each.",
        choices=("depth", "width"),
    )

    def fit(self, values: Numbers) -> dict[str, Any]:
        """Cuts between bins, and the numbers that each bin's values become."""
        if not len(values):
            return {"cuts": [], "bins": []}
        ordered = np.sort(values)
        cuts = self._cuts(ordered)
        codes = np.searchsorted(cuts, ordered)
        members = [ordered[codes == code] for code in range(len(cuts) + 1)]
        # a bin that nothing fell into takes what its lower neighbour has
        filled: list[list[float]] = []
        for member in members:
            filled.append(self.levels(member) if len(member) else filled[-1])
        return {"cuts": cuts.tolist(), "bins": filled}

    def _cuts(self, ordered: Numbers) -> Numbers:
        if self.equal == "width":
            inner = np.linspace(ordered[0], ordered[-1], self.bins + 1)[1:-1]
            return np.unique(inner)
        parts = [part for part in np.array_split(ordered, self.bins) if len(part)]
        pairs = [(left[-1], right[0]) for left, right in pairwise(parts)]
        # a cut belongs to the bin below it, so equal values go together
        return np.unique([a / 2 + b / 2 for a, b in pairs])

    def smooth(self, values: Numbers, learned: dict[str, Any]) -> Numbers:
        """The bin's number that is nearest; of two as near, the lower."""
        if not learned["bins"]:
            return values
        levels = np.array(learned["bins"])
        own = levels[np.searchsorted(np.array(learned["cuts"]), values)]
        if own.shape[1] == 1:
            return np.asarray(own[:, 0])
        nearer_upper = own[:, 1] - values < values - own[:, 0]
        return np.where(nearer_upper, own[:, 1], own[:, 0])

    @staticmethod
    @abstractmethod
    def levels(member: Numbers) -> list[float]:
        """Give the numbers that a bin's values become, ascending."""


@dataclass(frozen=True)
class BinMeans(Bins):
    """Each number becomes the mean of its bin.

    Source: Han & Kamber, Data Mining, section 3.2.2.
    Use: numbers without an order that are noisy in themselves, such as guesses of an income.
    """

    @staticmethod
    def levels(member: Numbers) -> list[float]:
        """Mean."""
        return [float(member.mean())]


@dataclass(frozen=True)
class BinMedians(Bins):
    """Each number becomes the median of its bin.

    Source: Han & Kamber, Data Mining, section 3.2.2.
    Use: as bin-means, where outliers would pull the means.
    """

    @staticmethod
    def levels(member: Numbers) -> list[float]:
        """Median."""
        return [float(np.median(member))]


@dataclass(frozen=True)
class BinEdges(Bins):
    """Each number becomes the nearer of its bin's smallest and largest number.

    Source: Han & Kamber, Data Mining, section 3.2.2.
    Use: as bin-means, where only values that occur may come out.
    """

    @staticmethod
    def levels(member: Numbers) -> list[float]:
        """Smallest and largest."""
        return [float(member[0]), float(member[-1])]


SMOOTHERS: dict[str, type[Smoother]] = {
    "rolling-mean": RollingMean,
    "rolling-median": RollingMedian,
    "exponential": Exponential,
    "bin-means": BinMeans,
    "bin-medians": BinMedians,
    "bin-edges": BinEdges,
}
