"""Rows ranked by a probability, and the areas under the curves that a moving threshold draws."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


class Ranking(NamedTuple):
    """Positive and negative rows, each by falling score, and how the two lists lie together."""

    positives: Places
    """The positive rows, `(n_positive,)`."""
    negatives: Places
    """The negative rows, `(n_negative,)`."""
    n_as_high: Places
    """For each positive row: how many positive rows score as high as it or higher."""
    n_above: Places
    """How many negative rows score higher than it."""
    n_down_to: Places
    """How many negative rows score as high as it or higher."""


def rank(score: npt.NDArray[Any], is_positive: npt.NDArray[np.bool_]) -> Ranking:
    """Sort rows `(n,)` by score, the largest first.

    >>> ranking = rank(np.array([0.2, 0.9, 0.2]), np.array([True, False, False]))
    >>> ranking.negatives.tolist(), ranking.n_above.tolist(), ranking.n_down_to.tolist()
    ([1, 2], [1], [2])
    """
    order = np.argsort(-score, kind="stable")
    of_positive = is_positive[order]
    positives, negatives = order[of_positive], order[~of_positive]
    falling, others = -score[positives], -score[negatives]
    return Ranking(
        positives,
        negatives,
        np.searchsorted(falling, falling, side="right"),
        np.searchsorted(others, falling, side="left"),
        np.searchsorted(others, falling, side="right"),
    )


def areas(ranking: Ranking, positives: Numbers, negatives: Numbers) -> tuple[Numbers, Numbers]:
    """The area under the ROC curve and the average precision of each sample.

    ``positives`` `(n_samples, n_positive)` and ``negatives`` `(n_samples, n_negative)` say how
    often each row is counted, in the order of the ranking. ROC AUC = P(a positive row scores above
    a negative one) + ½ P(they score alike), which is the statistic of Mann & Whitney 1947, Annals
    of Mathematical Statistics 18. Average precision = Σ (step of recall)·(precision there), without
    interpolation. NaN where one kind is absent.
    """
    _, _, n_as_high, n_above, n_down_to = ranking
    found, passed = _cumulated(positives), _cumulated(negatives)
    n_positive, n_negative = found[:, -1], passed[:, -1]
    as_high = np.take(found, n_as_high, axis=1)
    above = np.take(passed, n_above, axis=1)
    down_to = np.take(passed, n_down_to, axis=1)
    above += down_to
    roc = n_negative * n_positive - np.einsum("ij,ij->i", positives, above) / 2
    down_to += as_high
    precision = np.divide(as_high, down_to, out=np.zeros_like(as_high), where=as_high > 0)
    ap = np.einsum("ij,ij->i", positives, precision)
    defined = (n_positive > 0) & (n_negative > 0)
    nowhere = np.full(len(roc), np.nan)
    return (
        np.divide(roc, n_positive * n_negative, out=nowhere.copy(), where=defined),
        np.divide(ap, n_positive, out=nowhere, where=defined),
    )


def _cumulated(counts: Numbers) -> Numbers:
    """Sums from the first row on, a 0 before them, `(n_samples, n + 1)`."""
    sums = np.zeros((len(counts), counts.shape[1] + 1))
    np.cumsum(counts, axis=1, out=sums[:, 1:])
    return sums
