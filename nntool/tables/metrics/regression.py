"""Metrics of predicted numbers, in the target's own unit."""

import numpy as np

from nntool.tables.metrics.rows import Numbers, Samples, Undefined, share


def mae(s: Samples) -> Numbers:
    """The mean of |y − ŷ|.

    Use: errors in the target's own unit; large ones count by their size.
    """
    return s.mean(np.abs(s.rows.errors))


def mse(s: Samples) -> Numbers:
    """The mean of (y − ŷ)².

    Use: large errors are much worse than small ones; in the square of the unit.
    """
    return s.mean(np.square(s.rows.errors))


def rmse(s: Samples) -> Numbers:
    """The root of the mean of (y − ŷ)².

    Use: as mse, in the target's own unit.
    """
    return np.sqrt(mse(s))


def mape(s: Samples) -> Numbers:
    """100·mean |(y − ŷ) / y|, in percent.

    Use: errors matter by their share of the target; not for targets near 0.
    """
    if n_zeros := np.count_nonzero(s.rows.target == 0):
        raise Undefined(f"the target is 0 in {n_zeros} rows")
    return 100 * s.mean(np.abs(s.rows.errors / s.rows.target))


def median_ae(s: Samples) -> Numbers:
    """The median of |y − ŷ|; with an even number of rows the mean of the middle two.

    Use: the error of a usual row; half of all rows may be as wrong as they like.
    """
    order, sizes = s.rows.by_size_of_error
    n = len(order)
    passed = np.cumsum(s.counts_in(order), axis=1)
    middle = ((n - 1) // 2, n // 2)  # places from 0; the same one where n is odd
    lower, upper = (sizes[np.argmax(passed > place, axis=1)] for place in middle)
    return np.asarray((lower + upper) / 2)


def r2(s: Samples) -> Numbers:
    """1 − Σ (y − ŷ)² / Σ (y − mean y)².

    Source: Wright 1921, Correlation and causation (coefficient of determination).
    Use: the share of the spread that is explained; 0 is no better than the mean.
    """
    y = s.rows.target - s.rows.target.mean()
    squares = s.mean(np.square(y))
    spread = squares - np.square(s.mean(y))
    # of a resample of one value rounding leaves a little; of squares too small to be held, 0
    spread[spread <= 1e-12 * squares] = 0
    return 1 - share(mse(s), spread, "the target is the same in all rows")


def pinball(s: Samples) -> Numbers:
    """The mean of τ·e where e = y − ŷ ≥ 0, else (τ − 1)·e; τ of the quantile loss, else ½.

    Source: Koenker & Bassett 1978, Regression quantiles, Econometrica 46.
    Use: a model of a quantile; with τ = ½ it is half of mae.
    """
    e = s.rows.errors
    return s.mean(np.maximum(s.rows.tau * e, (s.rows.tau - 1) * e))
