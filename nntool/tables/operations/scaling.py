"""Bring numeric columns to a common scale: (x − shift) / scale, learned from training rows.

A scale of zero becomes 1, so a column that is constant in training stays finite. Rows outside the
range of training are not clipped.
"""

# ruff: noqa: D102  (what each method is for is said once, in Operation)

from dataclasses import dataclass

import numpy as np

from nntool.errors import UsageError
from nntool.tables.choices import setting
from nntool.tables.operations.operation import Counts, Numbers, Operation, State


@dataclass(frozen=True)
class Standard(Operation):
    """(x − mean) / standard deviation (population), both of training."""

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
    """Low + (high − low)·(x − min) / (max − min): the range of training becomes [low, high]."""

    low: float = setting(0.0, "What the smallest number of training becomes.")
    high: float = setting(1.0, "What the largest number of training becomes.")

    def __post_init__(self) -> None:
        if self.low >= self.high:
            raise UsageError(f"minmax: low must be < high, not {self.low} and {self.high}")

    def fit(self, values: Numbers) -> State:
        known = values[~np.isnan(values)]
        least, most = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
        return {"min": least, "max": most, "low": self.low, "high": self.high}

    @staticmethod
    def apply(values: Numbers, state: State, counts: Counts) -> Numbers:
        scaled: Numbers = values - state["min"]
        scaled *= (state["high"] - state["low"]) / ((state["max"] - state["min"]) or 1.0)
        scaled += state["low"]
        return scaled


@dataclass(frozen=True)
class Robust(Operation):
    """(x − median) / (upper quartile − lower quartile), of training: deaf to outliers."""

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
class Unscaled(Operation):
    """Leave numbers as they are."""

    def fit(self, values: Numbers) -> State:
        return {}

    @staticmethod
    def apply(values: Numbers, state: State, counts: Counts) -> Numbers:
        return values


SCALERS: dict[str, type[Operation]] = {
    "standard": Standard,
    "minmax": MinMax,
    "robust": Robust,
    "none": Unscaled,
}


def moments(known: Numbers) -> tuple[float, float]:
    """Give mean and population standard deviation, 1 where that is no more than rounding.

    What counts as rounding is scikit-learn's bound for ``StandardScaler``: n·ε·var + (n·ε·mean)².

    >>> moments(np.array([1.0, 3.0]))
    (2.0, 1.0)
    >>> moments(np.full(10, 0.1))[1]
    1.0
    """
    m, s = float(known.mean()), float(known.std())
    rounding = len(known) * float(np.finfo(np.float64).eps)
    return m, 1.0 if s * s <= rounding * s * s + (rounding * m) ** 2 else s
