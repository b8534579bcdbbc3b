"""Bring numeric columns to a common scale: (x − shift) / scale, learned from training rows.

A scale of zero becomes 1, so a column that is constant in training stays finite. Rows outside the
range of training are not clipped. What bends a column as well stands in `reshaping`.
"""

# ruff: noqa: D102  (what each method is for is said once, in Operation)

from dataclasses import dataclass

import numpy as np

from nntool.errors import UsageError
from nntool.tables.choices import setting
from nntool.tables.operations.moments import moments
from nntool.tables.operations.operation import Counts, Numbers, Operation, State
from nntool.tables.operations.reshaping import Log1p, Power, QuantileNormal, RobustSmooth


@dataclass(frozen=True)
class Standard(Operation):
    """(x − mean) / standard deviation (population), both of training.

    Use: the default; networks learn best from numbers around 0 with spread 1.
    """

    def fit(self, values: Numbers) -> State:
        known = values[~np.isnan(values)]
        m, s = moments(known) if len(known) else (0.0, 1.0)
        return {"mean": m, "scale": s}

    @staticmethod
    def apply(values: Numbers, state: State, counts: Counts) -> Numbers:
        scaled: Numbers = values - state["mean"]
        scaled /= state["scale"]
        return scaled


@dataclass(frozen=True)
class MinMax(Operation):
    """Low + (high − low)·(x − min) / (max − min): the range of training becomes [low, high].

    Use: numbers with true bounds, such as percentages or pixels; one outlier squeezes the rest.
    """

    low: float = setting(0.0, "What the smallest number of training becomes.")
    high: float = setting(1.0, "What the largest number of training becomes.")

    def __post_init__(self) -> None:
        if self.low >= self.high:
            raise UsageError(
                f"minmax: low must be < high, not {self.low:g} and {self.high:g}",
                "minmax:low=0,high=1",
            )

    def fit(self, values: Numbers) -> State:
        known = values[~np.isnan(values)]
        least, most = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
        return {"min": least, "max": most, "low": self.low, "high": self.high}

    @staticmethod
    def apply(values: Numbers, state: State, counts: Counts) -> Numbers:
        scaled: Numbers = values - state["min"]
        scaled /= (state["max"] - state["min"]) or 1.0
        scaled *= state["high"] - state["low"]
        scaled += state["low"]
        return scaled


@dataclass(frozen=True)
class Robust(Operation):
    """(x − median) / (upper quartile − lower quartile), of training: deaf to outliers.

    Where the quartiles are equal, as in a column of mostly zeros, it divides by 1.

    Use: outliers that should stay far out; `robust-smooth` draws them in as well.
    """

    def fit(self, values: Numbers) -> State:
        known = values[~np.isnan(values)]
        if not len(known):
            return {"median": 0.0, "scale": 1.0}
        lower, middle, upper = (float(q) for q in np.quantile(known, (0.25, 0.5, 0.75)))
        return {"median": middle, "scale": (upper - lower) or 1.0}

    @staticmethod
    def apply(values: Numbers, state: State, counts: Counts) -> Numbers:
        scaled: Numbers = values - state["median"]
        scaled /= state["scale"]
        return scaled


@dataclass(frozen=True)
class MaxAbs(Operation):
    """x / max|x| of training: within ±1, and 0 stays 0.

    Use: mostly zeros, where 0 means none, as in counts.
    """

    def fit(self, values: Numbers) -> State:
        known = values[~np.isnan(values)]
        return {"scale": (float(np.abs(known).max()) if len(known) else 0.0) or 1.0}

    @staticmethod
    def apply(values: Numbers, state: State, counts: Counts) -> Numbers:
        scaled: Numbers = values / state["scale"]
        return scaled


@dataclass(frozen=True)
class Unscaled(Operation):
    """Leave numbers as they are.

    Use: numbers that are scaled already; others make training slow or make it fail.
    """

    def fit(self, values: Numbers) -> State:
        return {}

    @staticmethod
    def apply(values: Numbers, state: State, counts: Counts) -> Numbers:
        return values


SCALERS: dict[str, type[Operation]] = {
    "standard": Standard,
    "minmax": MinMax,
    "robust": Robust,
    "robust-smooth": RobustSmooth,
    "maxabs": MaxAbs,
    "quantile-normal": QuantileNormal,
    "power": Power,
    "log1p": Log1p,
    "none": Unscaled,
}
