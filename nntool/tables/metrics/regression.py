"""Metrics of predicted numbers, in the target's own unit."""

import numpy as np

from nntool.tables.metrics.rows import Numbers, Samples, Scored, Undefined, share


def mae(s: Samples) -> Numbers:
    """The mean of |y − ŷ|.

    Use: errors in the target's own unit; large ones count by their size.
    """
    return s.mean(_sizes)


def mse(s: Samples) -> Numbers:
    """The mean of (y − ŷ)².

    Use: large errors are much worse than small ones; in the square of the unit.
    """
    return s.mean(squares)


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
    return 100 * s.mean(_relative_sizes)


def median_ae(s: Samples) -> Numbers:
    """The median of |y − ŷ|; with an even number of rows the mean of the middle two.

    Use: the error of a usual row; half of all rows may be as wrong as they like.
    """
    order, sizes = s.rows.by_size_of_error
    n = len(order)
    passed = np.cumsum(s.counts_in(order), axis=1)
    middle = [(n - 1) // 2, n // 2]  # places from 0; the same one where n is odd
    places = np.array([np.searchsorted(one, middle, side="right") for one in passed])
    return np.asarray(sizes[places].mean(axis=1))


def r2(s: Samples) -> Numbers:
    """1 − Σ (y − ŷ)² / Σ (y − mean y)².

    Source: Wright 1921, Correlation and causation (coefficient of determination).
    Use: the share of the spread that is explained; 0 is no better than the mean.
    """
    squares = s.mean(_squares_from_mean)
    spread = squares - np.square(s.mean(_from_mean))
    # of a resample of one value rounding leaves a little; of squares too small to be held, 0
    spread[spread <= 1e-12 * squares] = 0
    return 1 - share(mse(s), spread, "the target is the same in all rows")


def pinball(s: Samples) -> Numbers:
    """The mean of τ·e where e = y − ŷ ≥ 0, else (τ − 1)·e; τ of the quantile loss, else ½.

    Source: Koenker & Bassett 1978, Regression quantiles, Econometrica 46.
    Use: a model of a quantile; with τ = ½ it is half of mae.
    """
    return s.mean(tilted)


def _sizes(rows: Scored) -> Numbers:
    return np.abs(rows.errors)


def squares(rows: Scored) -> Numbers:
    """(y − ŷ)² of each row."""
    return np.square(rows.errors)


def _relative_sizes(rows: Scored) -> Numbers:
    return np.asarray(np.abs(rows.errors / rows.target))


def _from_mean(rows: Scored) -> Numbers:
    return np.asarray(rows.target - rows.target.mean())


def _squares_from_mean(rows: Scored) -> Numbers:
    return np.square(_from_mean(rows))


def tilted(rows: Scored) -> Numbers:
    """τ·e where e = y − ŷ ≥ 0 in a row, else (τ − 1)·e."""
    e = rows.errors
    return np.maximum(rows.tau * e, (rows.tau - 1) * e)
