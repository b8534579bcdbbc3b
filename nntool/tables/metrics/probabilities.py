"""Metrics of probabilities: how well they rank rows, and whether they mean what they say."""

import numpy as np

from nntool.tables.metrics.rows import Array, Numbers, Samples, Scored, Undefined, share

N_BINS = 15  # of the expected calibration error, as in its source


def auc(s: Samples) -> Numbers:
    """Area under the ROC curve: P(a positive row has the higher p) + ½ P(both have the same).

    Source: Hanley & McNeil 1982, The meaning and use of the area under a ROC curve.
    Use: how well rows are ranked, whatever the threshold.
    """
    return _of_positive(s, 0)


def pr_auc(s: Samples) -> Numbers:
    """Average precision: Σ (step of recall)·(precision there), down the distinct probabilities.

    Source: Davis & Goadrich 2006, The relationship between precision-recall and ROC curves; no
    interpolation between the steps.
    Use: a rare positive class; always the same p gives the share of that class.
    """
    return _of_positive(s, 1)


def auc_macro(s: Samples) -> Numbers:
    """The mean area under the ROC curve, each class that occurs against all others.

    Source: Fawcett 2006, An introduction to ROC analysis (one against the rest).
    Use: how well each class is told from the rest, all classes alike.
    """
    return _over_classes(s, 0, weighted=False)


def auc_weighted(s: Samples) -> Numbers:
    """The mean area under the ROC curve, each class against all others, weighted by its rows.

    Source: Provost & Domingos 2000, Well-trained PETs.
    Use: as auc, but frequent classes count for more.
    """
    return _over_classes(s, 0, weighted=True)


def pr_auc_macro(s: Samples) -> Numbers:
    """The mean average precision, each class that occurs against all others.

    Source: as of two classes, one against the rest.
    Use: how well each class is found among the rest, all classes alike.
    """
    return _over_classes(s, 1, weighted=False)


def pr_auc_weighted(s: Samples) -> Numbers:
    """The mean average precision, each class against all others, weighted by its rows.

    Source: as of two classes, one against the rest.
    Use: as pr-auc, but frequent classes count for more.
    """
    return _over_classes(s, 1, weighted=True)


def log_loss(s: Samples) -> Numbers:
    """−mean ln p of the true class, p ≥ 2.2e−16.

    Source: Good 1952, Rational decisions.
    Use: probabilities that are to be believed; one sure mistake is dear.
    """
    return s.mean(surprise)


def brier(s: Samples) -> Numbers:
    """The mean of (p − y)², y 1 for the positive class, else 0.

    Source: Brier 1950, Verification of forecasts expressed in terms of probability.
    Use: probabilities that are to be believed; no single row can spoil it.
    """
    return s.mean(_squares_of_positive)


def brier_of_classes(s: Samples) -> Numbers:
    """The mean of Σ (p − y)² over the classes, y 1 for the true class, else 0: between 0 and 2.

    Source: Brier 1950, Verification of forecasts expressed in terms of probability.
    Use: probabilities that are to be believed; no single row can spoil it.
    """
    return s.mean(_squares_of_classes)


def ece(s: Samples) -> Numbers:
    """Σ |rows right − sum of confidence| / n over 15 bins of confidence, the largest p of a row.

    The bins are equally wide, each with its upper bound. "Right" is whether the class of the
    largest p is the true one, whatever the threshold.
    Source: Guo et al. 2017, On calibration of modern neural networks, arXiv:1706.04599.
    Use: whether 80 % sure is right in 80 % of rows; with few rows it is never 0.
    """
    gaps = s.mean_by_bin(s.rows.terms(_bin_of_confidence), _gap_to_confidence, N_BINS)
    return np.asarray(np.abs(gaps).sum(axis=1))


def surprise(rows: Scored) -> Numbers:
    """−ln p of the true class of each row, p ≥ 2.2e−16."""
    p = rows.known_probabilities()[np.arange(len(rows.target)), rows.target]
    return np.asarray(-np.log(np.maximum(p, np.finfo(np.float64).eps)))


def _squares_of_positive(rows: Scored) -> Numbers:
    p = rows.known_probabilities()[:, rows.positive]
    return np.asarray(np.square(p - (rows.target == rows.positive)))


def _squares_of_classes(rows: Scored) -> Numbers:
    missed = rows.known_probabilities().copy()
    missed[np.arange(len(missed)), rows.target] -= 1
    return np.asarray(np.einsum("ij,ij->i", missed, missed))


def _bin_of_confidence(rows: Scored) -> Array:
    bins = np.ceil(rows.known_probabilities().max(axis=1) * N_BINS).astype(np.int64) - 1
    return np.asarray(np.clip(bins, 0, N_BINS - 1))


def _gap_to_confidence(rows: Scored) -> Numbers:
    p = rows.known_probabilities()
    return np.asarray((p.argmax(axis=1) == rows.target) - p.max(axis=1))


def _of_positive(s: Samples, which: int) -> Numbers:
    area = s.areas(s.rows.positive)[which]
    if np.isnan(area).all():
        some = (s.rows.target == s.rows.positive).any()
        raise Undefined(f"all rows are {'' if some else 'not '}of the positive class")
    return area


def _over_classes(s: Samples, which: int, *, weighted: bool) -> Numbers:
    """The mean over the classes that occur in a sample, alike or by their rows."""
    occurring = np.flatnonzero(np.bincount(s.rows.target, minlength=s.rows.n_classes)).tolist()
    rows, total, weights = s.confusions.in_truth, np.zeros(()), np.zeros(())
    for c in occurring:
        area = s.areas(c)[which]
        weight = np.where(np.isnan(area), 0.0, rows[:, c] if weighted else 1.0)
        total = total + weight * np.nan_to_num(area)
        weights = weights + weight
    return share(total, weights, "all rows are of one class")
