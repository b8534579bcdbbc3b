"""The metrics of each task.

A metric that is not defined for what was seen (one class only, a target of zero under MAPE) raises
`Undefined` with the reason: no number is made up for it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Numbers = npt.NDArray[np.float64]


class Undefined(ValueError):  # noqa: N818  (it is an answer, not a failure)
    """A metric has no value for these rows; the message says why."""


@dataclass
class Scored:
    """What metrics are computed from: rows with a target only."""

    target: Array
    """Codes, or numbers in the target's own unit, `(n,)`."""
    predicted: Array
    """Likewise."""
    probabilities: Numbers | None = None
    """`(n, n_classes)`, rows sum to 1."""
    n_classes: int = 0
    positive: int = 0
    confusion: npt.NDArray[np.int64] = field(init=False)
    """`(n_classes, n_classes)`: how many rows of each class (down) got each class (across)."""

    def __post_init__(self) -> None:
        k = self.n_classes
        pairs = self.target.astype(np.int64) * k + self.predicted if k else np.zeros(0, np.int64)
        self.confusion = np.bincount(pairs, minlength=k * k).reshape(k, k)

    @property
    def hits(self) -> Numbers:
        """Rows that were predicted right, by class."""
        return np.diag(self.confusion).astype(np.float64)

    @property
    def in_truth(self) -> Numbers:
        """Rows of each class."""
        return np.asarray(self.confusion.sum(axis=1), dtype=np.float64)

    @property
    def in_prediction(self) -> Numbers:
        """Rows predicted as each class."""
        return np.asarray(self.confusion.sum(axis=0), dtype=np.float64)

    def known_probabilities(self) -> Numbers:
        """Give the probabilities; raises `Undefined` where the loss gives none."""
        if self.probabilities is None:
            raise Undefined("this loss gives no probabilities")
        return self.probabilities


class Metric(NamedTuple):
    """A metric: its definition in words, whether higher is better, and how it is computed."""

    doc: str
    higher_is_better: bool
    compute: Callable[[Scored], float]


def _ratio(part: float, whole: float, reason: str) -> float:
    if not whole:
        raise Undefined(reason)
    return float(part / whole)


def accuracy(s: Scored) -> float:
    """Σ hits / n."""
    return float(s.hits.sum() / len(s.target))


def balanced_accuracy(s: Scored) -> float:
    """The mean of hits / rows over the classes that occur."""
    occur = s.in_truth > 0
    return float(np.mean(s.hits[occur] / s.in_truth[occur]))


def precision(s: Scored) -> float:
    """Hits / predicted, of the positive class."""
    reason = "no row is predicted as the positive class"
    return _ratio(s.hits[s.positive], s.in_prediction[s.positive], reason)


def recall(s: Scored) -> float:
    """Hits / rows, of the positive class."""
    return _ratio(s.hits[s.positive], s.in_truth[s.positive], "no row is of the positive class")


def f1(s: Scored) -> float:
    """2·hits / (rows + predicted), of the positive class."""
    whole = s.in_truth[s.positive] + s.in_prediction[s.positive]
    reason = "no row is of the positive class or predicted as it"
    return _ratio(2 * s.hits[s.positive], whole, reason)


def _macro(part: Numbers, whole: Numbers, s: Scored) -> float:
    """Mean over the classes that occur in truth or prediction, 0 where there is no whole."""
    seen = (s.in_truth + s.in_prediction) > 0
    shares = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return float(shares[seen].mean())


def precision_macro(s: Scored) -> float:
    """The mean of hits / predicted."""
    return _macro(s.hits, s.in_prediction, s)


def recall_macro(s: Scored) -> float:
    """The mean of hits / rows."""
    return _macro(s.hits, s.in_truth, s)


def f1_macro(s: Scored) -> float:
    """The mean of 2·hits / (rows + predicted)."""
    return _macro(2 * s.hits, s.in_truth + s.in_prediction, s)


def mcc(s: Scored) -> float:
    """(n·Σ hits − Σ t·p) / √((n² − Σ t²)(n² − Σ p²)), t and p rows by truth and prediction.

    Gorodkin, Comparing two K-category assignments by a K-category correlation coefficient, 2004.
    """
    n, t, p = float(len(s.target)), s.in_truth, s.in_prediction
    whole = float(np.sqrt(n * n - t @ t) * np.sqrt(n * n - p @ p))
    reason = "all rows are of one class" if n * n == t @ t else "all predictions are one class"
    return _ratio(n * s.hits.sum() - t @ p, whole, reason)


def auc(s: Scored) -> float:
    """Area under the ROC curve of the positive class."""
    return _area("roc_auc_score", s, s.positive)


def pr_auc(s: Scored) -> float:
    """Average precision of the positive class."""
    return _area("average_precision_score", s, s.positive)


def auc_macro(s: Scored) -> float:
    """The mean area under the ROC curve, each class that occurs against all others."""
    return float(
        np.mean([_area("roc_auc_score", s, c) for c in np.flatnonzero(s.in_truth).tolist()])
    )


def _area(name: str, s: Scored, positive: int) -> float:
    from sklearn import metrics

    p = s.known_probabilities()[:, positive]
    truth = s.target == positive
    if truth.all() or not truth.any():
        raise Undefined(f"all rows are {'' if truth.any() else 'not '}of the positive class")
    return float(getattr(metrics, name)(truth, p))


def log_loss(s: Scored) -> float:
    """−mean ln p of the true class, p ≥ 2.2e−16."""
    p = s.known_probabilities()[np.arange(len(s.target)), s.target]
    return float(-np.mean(np.log(np.maximum(p, np.finfo(np.float64).eps))))


def brier(s: Scored) -> float:
    """The mean of (p − y)², y 1 for the positive class, else 0."""
    p = s.known_probabilities()[:, s.positive]
    return float(np.mean(np.square(p - (s.target == s.positive))))


def mae(s: Scored) -> float:
    """The mean of |y − ŷ|."""
    return float(np.mean(np.abs(s.target - s.predicted)))


def mse(s: Scored) -> float:
    """The mean of (y − ŷ)²."""
    return float(np.mean(np.square(s.target - s.predicted)))


def rmse(s: Scored) -> float:
    """The root of the mean of (y − ŷ)²."""
    return float(np.sqrt(mse(s)))


def mape(s: Scored) -> float:
    """100·mean |(y − ŷ) / y|, in percent."""
    if n_zeros := np.count_nonzero(s.target == 0):
        raise Undefined(f"the target is 0 in {n_zeros} rows")
    return float(100 * np.mean(np.abs((s.target - s.predicted) / s.target)))


def median_ae(s: Scored) -> float:
    """The median of |y − ŷ|."""
    return float(np.median(np.abs(s.target - s.predicted)))


def r2(s: Scored) -> float:
    """1 − Σ (y − ŷ)² / Σ (y − mean y)²."""
    spread = np.var(s.target)  # 0 too where differences are too small to be squared
    if not spread:
        raise Undefined("the target is the same in all rows")
    return float(1 - mse(s) / spread)


def _metric(compute: Callable[[Scored], float], higher_is_better: bool = True) -> Metric:
    doc = (compute.__doc__ or "").split("\n\n")[0]
    return Metric(doc, higher_is_better, compute)


METRICS: dict[str, dict[str, Metric]] = {
    "binary": {
        "accuracy": _metric(accuracy),
        "balanced-accuracy": _metric(balanced_accuracy),
        "precision": _metric(precision),
        "recall": _metric(recall),
        "f1": _metric(f1),
        "auc": _metric(auc),
        "pr-auc": _metric(pr_auc),
        "log-loss": _metric(log_loss, higher_is_better=False),
        "brier": _metric(brier, higher_is_better=False),
        "mcc": _metric(mcc),
    },
    "multiclass": {
        "accuracy": _metric(accuracy),
        "balanced-accuracy": _metric(balanced_accuracy),
        "precision": _metric(precision_macro),
        "recall": _metric(recall_macro),
        "f1": _metric(f1_macro),
        "auc": _metric(auc_macro),
        "log-loss": _metric(log_loss, higher_is_better=False),
        "mcc": _metric(mcc),
    },
    "regression": {
        "mae": _metric(mae, higher_is_better=False),
        "mse": _metric(mse, higher_is_better=False),
        "rmse": _metric(rmse, higher_is_better=False),
        "mape": _metric(mape, higher_is_better=False),
        "median-ae": _metric(median_ae, higher_is_better=False),
        "r2": _metric(r2),
    },
}
