"""Change the shape of a numeric column: draw in long tails, or make it like a normal one.

Each learns from training rows and keeps the order of numbers; see `scaling` for the linear ones.
"""

# ruff: noqa: D102  (what each method is for is said once, in Operation)

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nntool.errors import DataError
from nntool.tables.choices import setting
from nntool.tables.operations.levels import count
from nntool.tables.operations.moments import moments
from nntool.tables.operations.normal import normal_quantile
from nntool.tables.operations.operation import Counts, Numbers, Operation, State

FURTHEST = 1e150  # its square is finite
ROUNDING = 1e-9  # numbers that differ by so small a share are taken for equal
OUTERMOST = 1e-7  # scikit-learn's bound: no share of the rows is taken for less


@dataclass(frozen=True)
class RobustSmooth(Operation):
    """z / √(1 + (z/3)²) of z = (x − median) / (upper quartile − lower quartile): within ±3.

    Where the quartiles are equal, z is divided by half of (max − min) instead.

    Source: Holzmüller, Grinsztajn & Steinwart 2024, arXiv:2407.04491.

    Use: outliers and long tails of any kind; nothing has to be known of the column.
    """

    def fit(self, values: Numbers) -> State:
        known = values[~np.isnan(values)]
        if not len(known):
            return {"median": 0.0, "scale": 1.0}
        lower, middle, upper = (float(q) for q in np.quantile(known, (0.25, 0.5, 0.75)))
        spread = (upper - lower) or float(known.max() - known.min()) / 2
        return {"median": middle, "scale": spread or 1.0}

    @staticmethod
    def apply(values: Numbers, state: State, counts: Counts) -> Numbers:
        z: Numbers = np.clip((values - state["median"]) / state["scale"], -FURTHEST, FURTHEST)
        z /= np.sqrt(1 + np.square(z / 3))
        return z


@dataclass(frozen=True)
class Log1p(Operation):
    """ln(1 + x); signed: sign(x)·ln(1 + |x|), which takes every number.

    A number that is not above −1 has no logarithm: it is counted, and takes the place of the
    smallest one of training that has (0 where none has).

    Use: prices, incomes, counts: never negative, with a long upper tail; then `standard`.
    """

    signed: bool = setting(False, "Whether the sign is kept: for numbers on both sides of 0.")

    def fit(self, values: Numbers) -> State:
        usable = values[values > -1]
        return {"signed": self.signed, "least": float(usable.min()) if len(usable) else 0.0}

    @staticmethod
    def apply(values: Numbers, state: State, counts: Counts) -> Numbers:
        if state["signed"]:
            return np.copysign(np.log1p(np.abs(values)), values)
        return np.log1p(_from(values, values <= -1, state["least"], counts))

    @staticmethod
    def label(state: State) -> str:
        return "_log1p"


@dataclass(frozen=True)
class Power(Operation):
    """Yeo-Johnson's or Box-Cox's power of x, its exponent λ by maximum likelihood; then standard.

    Yeo-Johnson, x ≥ 0: ((x + 1)^λ − 1)/λ, and ln(x + 1) for λ = 0; x < 0:
    −((1 − x)^(2−λ) − 1)/(2 − λ), and −ln(1 − x) for λ = 2. Box-Cox, x > 0: (x^λ − 1)/λ, and ln x
    for λ = 0; a later number that is not above 0 is counted and takes the place of the smallest of
    training. Where the best λ would make all numbers equal but for rounding, as in a column of
    mostly equal numbers far from 0, it is 1.

    Source: Yeo & Johnson 2000, Biometrika 87(4); Box & Cox 1964, J. R. Stat. Soc. B 26(2).

    Use: one skewed tail whose form is not known; `log1p` where it is.
    """

    method: str = setting(
        "yeo-johnson", "Which power; box-cox needs numbers > 0.", choices=("yeo-johnson", "box-cox")
    )

    def fit(self, values: Numbers) -> State:
        known = values[~np.isnan(values)]
        least = float(known.min()) if len(known) else 1.0
        if self.method == "box-cox" and least <= 0:
            n = int(np.count_nonzero(known <= 0))
            raise DataError(
                f"power:method=box-cox needs numbers above 0: {n:,} are not, the least {least:g}",
                "power:method=yeo-johnson takes every number",
            )
        state: State = {
            "method": self.method,
            "lambda": 1.0,
            "least": least,
            "mean": 0.0,
            "scale": 1.0,
        }
        if not len(known) or known.max() == least:
            return {**state, "mean": float(_power(known[:1], state).sum())}
        from sklearn.preprocessing import PowerTransformer

        with np.errstate(all="ignore"):
            fitted = PowerTransformer(method=self.method, standardize=False).fit(known[:, None])
            state["lambda"] = float(fitted.lambdas_[0])
            powers = _power(known, state)
            if np.ptp(powers) <= ROUNDING * np.abs(powers).max():
                state["lambda"], powers = 1.0, _power(known, {**state, "lambda": 1.0})
            middle, spread = moments(powers)
        if not np.isfinite([state["lambda"], middle, spread]).all():
            raise DataError(
                "power: no exponent gives this column a finite spread",
                "quantile-normal or robust-smooth take every column",
            )
        return state | {"mean": middle, "scale": spread}

    @staticmethod
    def apply(values: Numbers, state: State, counts: Counts) -> Numbers:
        if state["method"] == "box-cox":
            values = _from(values, values <= 0, state["least"], counts)
        powers = _power(values, state)
        powers -= state["mean"]
        powers /= state["scale"]
        return powers


@dataclass(frozen=True)
class QuantileNormal(Operation):
    """Φ⁻¹ of the share of training rows below x: the column becomes normal, whatever it was.

    The share is interpolated between `quantiles` equally frequent numbers of training; equal
    numbers get the middle of their shares. What lies outside training gets ±5.2, as its ends do;
    a column that is constant in training is 0 there.

    Source: scikit-learn's QuantileTransformer with output_distribution="normal".

    Use: odd shapes with several peaks; distances between numbers are given up for their ranks.
    """

    quantiles: int = setting(1000, "So many numbers of training are kept.", ge=2, le=100_000)

    def fit(self, values: Numbers) -> State:
        known = values[~np.isnan(values)]
        if not len(known):
            return {"quantiles": np.zeros(2)}
        if len(known) == 1:
            return {"quantiles": np.repeat(known, 2)}
        from sklearn.preprocessing import QuantileTransformer

        n = min(self.quantiles, len(known))
        fitted = QuantileTransformer(n_quantiles=n, subsample=None).fit(known[:, None])
        return {"quantiles": fitted.quantiles_[:, 0].copy()}

    @staticmethod
    def apply(values: Numbers, state: State, counts: Counts) -> Numbers:
        quantiles = state["quantiles"]
        shares = np.linspace(0, 1, len(quantiles))
        # where quantiles are equal, one of the two ways gives the first share, one the last
        upward = np.interp(values, quantiles, shares)
        downward = np.interp(-values, -quantiles[::-1], -shares[::-1])
        share: Numbers = (upward - downward) / 2
        below, above = values <= quantiles[0], values >= quantiles[-1]
        share[above] = 1
        share[below] = 0
        share[below & above] = 0.5
        z = normal_quantile(np.clip(share, OUTERMOST, 1 - OUTERMOST))
        return np.where(np.isnan(values), np.nan, z)


def _from(
    values: Numbers, has_none: npt.NDArray[np.bool_], least: float, counts: Counts
) -> Numbers:
    """Put ``least`` where a number has no logarithm or power, and count these."""
    n = int(np.count_nonzero(has_none))
    count(counts, "undefined", n)
    return np.where(has_none, least, values) if n else values


def _power(values: Numbers, state: State) -> Numbers:
    """Give the power of each number, not yet standardized."""
    exponent = state["lambda"]
    if state["method"] == "box-cox":
        return _raised(np.log(values), exponent)
    outcome = np.empty_like(values)
    upper = values >= 0
    outcome[upper] = _raised(np.log1p(values[upper]), exponent)
    outcome[~upper] = -_raised(np.log1p(-values[~upper]), 2 - exponent)
    return outcome


def _raised(logarithm: Numbers, exponent: float) -> Numbers:
    """Give (u^λ − 1)/λ for u = e^logarithm; its limit ln u where λ is 0."""
    if abs(exponent) < np.spacing(1.0):
        return logarithm.copy()
    return np.expm1(exponent * logarithm) / exponent
