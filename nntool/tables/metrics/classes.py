"""Metrics of decisions: what the confusion matrix says, `(n_samples,)` at a time.

Rows, predicted and hits are by class: rows of it, rows predicted as it, rows in both; n is all
rows. Means over classes are over those that occur in truth or prediction.
"""

import numpy as np

from nntool.tables.metrics.rows import Confusions, Numbers, share


def accuracy(c: Confusions) -> Numbers:
    """Σ hits / n.

    Use: classes of like frequency whose errors cost alike.
    """
    return share(c.hits.sum(axis=1), c.n, "no row has a target")


def balanced_accuracy(c: Confusions) -> Numbers:
    """The mean of hits / rows over the classes that occur.

    Source: Brodersen et al. 2010, The balanced accuracy and its posterior distribution.
    Use: rare classes count as much as frequent ones; always one class gives 1 / classes.
    """
    occurring = 1.0 * (c.in_truth > 0).sum(axis=1)
    return share(_shares(c.hits, c.in_truth).sum(axis=1), occurring, "no row has a target")


def precision(c: Confusions) -> Numbers:
    """Hits / predicted, of the positive class.

    Use: a false alarm is what costs.
    """
    at = c.positive
    return share(c.hits[:, at], c.in_prediction[:, at], "no row is predicted as the positive class")


def recall(c: Confusions) -> Numbers:
    """Hits / rows, of the positive class.

    Use: a missed case is what costs.
    """
    at = c.positive
    return share(c.hits[:, at], c.in_truth[:, at], "no row is of the positive class")


def f1(c: Confusions) -> Numbers:
    """2·hits / (rows + predicted), of the positive class: between precision and recall.

    Source: van Rijsbergen 1979, Information Retrieval, chapter 7.
    Use: a rare positive class, where accuracy is high for saying nothing.
    """
    at = c.positive
    whole = c.in_truth[:, at] + c.in_prediction[:, at]
    return share(2 * c.hits[:, at], whole, "no row is of the positive class or predicted as it")


def precision_macro(c: Confusions) -> Numbers:
    """The mean of hits / predicted over the classes, 0 for one that is never predicted.

    Use: each class counts alike, and a false alarm is what costs.
    """
    return _macro(_shares(c.hits, c.in_prediction), c)


def recall_macro(c: Confusions) -> Numbers:
    """The mean of hits / rows over the classes, 0 for one that is predicted and never true.

    Use: each class counts alike, and a missed case is what costs.
    """
    return _macro(_shares(c.hits, c.in_truth), c)


def f1_macro(c: Confusions) -> Numbers:
    """The mean of 2·hits / (rows + predicted) over the classes.

    Source: Opitz & Burst 2019, Macro F1 and Macro F1, arXiv:1911.03347 (the mean of F1s).
    Use: rare classes count as much as frequent ones.
    """
    return _macro(_f1s(c), c)


def precision_micro(c: Confusions) -> Numbers:
    """Σ hits / Σ predicted: where each row has one class, this is the accuracy.

    Use: to compare with figures of others that bear this name.
    """
    return share(c.hits.sum(axis=1), c.in_prediction.sum(axis=1), "no row has a target")


def recall_micro(c: Confusions) -> Numbers:
    """Σ hits / Σ rows: where each row has one class, this is the accuracy.

    Use: to compare with figures of others that bear this name.
    """
    return share(c.hits.sum(axis=1), c.in_truth.sum(axis=1), "no row has a target")


def f1_micro(c: Confusions) -> Numbers:
    """2·Σ hits / Σ (rows + predicted): where each row has one class, this is the accuracy.

    Use: to compare with figures of others that bear this name.
    """
    whole = (c.in_truth + c.in_prediction).sum(axis=1)
    return share(2 * c.hits.sum(axis=1), whole, "no row has a target")


def precision_weighted(c: Confusions) -> Numbers:
    """The mean of hits / predicted over the classes, weighted by their rows.

    Use: each row counts alike, and a false alarm is what costs.
    """
    return _weighted(_shares(c.hits, c.in_prediction), c)


def recall_weighted(c: Confusions) -> Numbers:
    """The mean of hits / rows over the classes, weighted by their rows: this is the accuracy.

    Use: to compare with figures of others that bear this name.
    """
    return _weighted(_shares(c.hits, c.in_truth), c)


def f1_weighted(c: Confusions) -> Numbers:
    """The mean of 2·hits / (rows + predicted) over the classes, weighted by their rows.

    Use: each row counts alike, and both kinds of error cost.
    """
    return _weighted(_f1s(c), c)


def mcc(c: Confusions) -> Numbers:
    """(n·Σ hits − Σ t·p) / √((n² − Σ t²)(n² − Σ p²)), t and p rows by truth and prediction.

    Source: Matthews 1975; for several classes Gorodkin 2004, Comparing two K-category assignments
    by a K-category correlation coefficient.
    Use: one number that is high only where every cell of the confusion matrix is good.
    """
    n, t, p = c.n, c.in_truth, c.in_prediction
    free_t, free_p = n * n - _dot(t, t), n * n - _dot(p, p)
    reason = "all predictions are one class" if free_t.any() else "all rows are of one class"
    whole = np.sqrt(free_t * free_p)  # of one square, so that what is all right is exactly 1
    return share(n * c.hits.sum(axis=1) - _dot(t, p), whole, reason)


def kappa(c: Confusions) -> Numbers:
    """(a − e) / (1 − e), a = Σ hits / n the agreement, e = Σ rows·predicted / n² that of chance.

    Source: Cohen 1960, A coefficient of agreement for nominal scales.
    Use: how much better than guessing with the same frequencies; 0 is no better.
    """
    n, by_chance = c.n, _dot(c.in_truth, c.in_prediction)
    reason = "all rows are of one class and predicted as it"
    return share(n * c.hits.sum(axis=1) - by_chance, n * n - by_chance, reason)


def _dot(a: Numbers, b: Numbers) -> Numbers:
    return np.asarray((a * b).sum(axis=1))


def _shares(part: Numbers, whole: Numbers) -> Numbers:
    """By class, 0 where there is no whole."""
    return np.divide(part, whole, out=np.zeros(np.shape(part)), where=whole > 0)


def _f1s(c: Confusions) -> Numbers:
    return _shares(2 * c.hits, c.in_truth + c.in_prediction)


def _macro(shares: Numbers, c: Confusions) -> Numbers:
    """The mean over the classes that occur in truth or prediction (in the others, it is 0)."""
    seen = (c.in_truth + c.in_prediction) > 0
    return share(shares.sum(axis=1), 1.0 * seen.sum(axis=1), "no row has a target")


def _weighted(shares: Numbers, c: Confusions) -> Numbers:
    return share(_dot(shares, c.in_truth), c.n, "no row has a target")
