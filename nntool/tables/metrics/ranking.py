"""Rows ranked by a probability, and the areas under the curves that a moving threshold draws."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


class Ranking(NamedTuple):
    """Rows by falling score. Rows of equal score are passed at once: a group."""

    order: Places
    """The rows, `(n,)`."""
    is_positive: Numbers
    """1 or 0 for each row in that order."""
    starts: Places
    """Where the groups that hold a positive row begin in that order."""
    ends: Places
    """The place behind the last row of each of them."""


def rank(score: npt.NDArray[Any], is_positive: npt.NDArray[np.bool_]) -> Ranking:
    """Sort rows `(n,)` by score, the largest first.

    >>> ranking = rank(np.array([0.2, 0.9, 0.2]), np.array([True, False, False]))
    >>> ranking.order.tolist(), ranking.starts.tolist(), ranking.ends.tolist()
    ([1, 0, 2], [1], [3])
    """
    order = np.argsort(-score, kind="stable")
    ordered, positive = score[order], is_positive[order].astype(np.float64)
    bounds = np.flatnonzero(np.diff(ordered, prepend=np.nan, append=np.nan) != 0)
    met = np.concatenate(([0.0], np.cumsum(positive)))[bounds]
    with_positive = np.flatnonzero(np.diff(met))
    return Ranking(order, positive, bounds[:-1][with_positive], bounds[1:][with_positive])


def areas(ranking: Ranking, counts: Numbers) -> tuple[Numbers, Numbers]:
    """The area under the ROC curve and the average precision of each sample.

    ``counts`` `(n_samples, n)` says how often each row is counted, in the order of the ranking.
    ROC AUC = P(a positive row scores above a negative one) + ½ P(they score alike), which is the
    statistic of Mann and Whitney 1947, Annals of Mathematical Statistics 18. Average precision =
    Σ (step of recall)·(precision there), without interpolation. NaN where one kind is absent.
    """
    _, is_positive, starts, ends = ranking
    passed = _cumulated(counts)
    found = _cumulated(counts * is_positive)
    n, n_positive = passed[:, -1], found[:, -1]
    n_negative = n - n_positive
    above = found[:, ends]  # positive rows down to the end of each group
    down_to = passed[:, ends]
    gained = above - found[:, starts]
    tied = down_to - passed[:, starts] - gained
    below = n_negative[:, None] - (down_to - above)
    roc = np.einsum("ij,ij->i", gained, below + tied / 2)
    precision = np.divide(above, down_to, out=np.zeros_like(above), where=down_to > 0)
    ap = np.einsum("ij,ij->i", gained, precision)
    defined = (n_positive > 0) & (n_negative > 0)
    nowhere = np.full(len(n), np.nan)
    return (
        np.divide(roc, n_positive * n_negative, out=nowhere.copy(), where=defined),
        np.divide(ap, n_positive, out=nowhere, where=defined),
    )


def _cumulated(counts: Numbers) -> Numbers:
    """Sums from the first row on, a 0 before them, `(n_samples, n + 1)`."""
    sums = np.zeros((len(counts), counts.shape[1] + 1))
    np.cumsum(counts, axis=1, out=sums[:, 1:])
    return sums
