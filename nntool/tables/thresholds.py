"""The probability from which on two classes are best told apart, by a metric of decisions."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nntool.tables.metrics import DECISIONS, Confusions, Numbers

HALF = 0.5


class Cut(NamedTuple):
    """A threshold, what its metric comes to with it, and with a threshold of ½."""

    threshold: float
    value: float
    at_half: float | None


def best(metric: str, is_positive: npt.NDArray[np.bool_], p: npt.NDArray[np.floating[Any]]) -> Cut:
    """The threshold of the probability ``p`` `(n,)` of the positive class with the best metric.

    Every way in which a threshold can part the rows is looked at, by one sort and running counts.
    ``metric`` is one of `DECISIONS`. The threshold stands between two of the probabilities, as a
    short number near the middle; of several that are equally good, the one nearest ½. Raises
    `Undefined` where the metric has no value whatever the threshold.

    >>> best("accuracy", np.array([False, True, True]), np.array([0.1, 0.3, 0.9]))
    Cut(threshold=0.2, value=1.0, at_half=0.6666666666666666)
    """
    steps = _steps(p)
    cells = _confusions(is_positive, p, steps)
    values = DECISIONS[metric].function(Confusions.of(cells, 1))
    low, high = steps[:-1], steps[1:]
    middle = (np.maximum(low, 0) + high) / 2
    holds_half = (low < HALF) & (high >= HALF)
    middle = np.where(middle > low, middle, high)  # between neighbours there is no middle
    middle[holds_half] = HALF
    top = np.nanmax(values)
    as_good = np.flatnonzero(values >= top - 1e-12 * abs(top))
    chosen = as_good[np.argmin(np.abs(middle[as_good] - HALF))]
    at_half = values[holds_half][0]
    return Cut(
        _short(float(low[chosen]), float(middle[chosen]), float(high[chosen])),
        float(values[chosen]),
        None if np.isnan(at_half) else float(at_half),
    )


def _steps(p: npt.NDArray[np.floating[Any]]) -> Numbers:
    """The bounds of the ranges of thresholds that part the rows alike: above one, up to the next.

    The first range holds 0 and the last one ends with 1: no other threshold can be given.
    """
    return np.unique(np.concatenate(([-1.0], p.astype(np.float64), [1.0])))


def _confusions(
    is_positive: npt.NDArray[np.bool_], p: npt.NDArray[np.floating[Any]], steps: Numbers
) -> Numbers:
    """The confusion matrix for the thresholds of each range, `(n_ranges, 2, 2)`."""
    place = np.searchsorted(steps, p)  # a row is positive up to the range that ends with its p
    cells = np.zeros((len(steps) - 1, 2, 2))
    for truth in (0, 1):
        ended = np.bincount(place[is_positive == bool(truth)], minlength=len(steps))
        below = np.cumsum(ended)[:-1]  # rows with a p under each range
        cells[:, truth, 0] = below
        cells[:, truth, 1] = ended.sum() - below
    return cells


def _short(low: float, middle: float, high: float) -> float:
    """The shortest number near the middle that lies between low and high.

    >>> _short(0.36, 0.37045, 0.3809), _short(0.3, 0.3 + 1e-17, 0.3)
    (0.37, 0.3)
    """
    for digits in range(1, 18):
        rounded = round(middle, digits)
        if max(low, 0.0) < rounded < high:
            return rounded
    return middle
