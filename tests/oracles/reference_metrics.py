"""Every metric as scikit-learn has it, or by its closed form: ``REFERENCES[task][name]``.

Each takes the truth, what was predicted, the probabilities, the positive class (or the quantile of
a regression), all as plain arrays.
"""

import numpy as np
from sklearn import metrics as sk


def averaged(function, average):
    def of(truth, said, p, positive):
        return function(truth, said, average=average, zero_division=0)

    return of


def of_positive(function):
    return lambda truth, said, p, positive: function(truth, said, pos_label=positive)


def one_against_rest(area, weighted):
    """The mean over the classes that occur."""

    def of(truth, said, p, positive):
        occurring = np.unique(truth)
        areas = [area(truth == c, p[:, c]) for c in occurring]
        weights = [np.sum(truth == c) for c in occurring] if weighted else None
        return np.average(areas, weights=weights)

    return of


def ece(truth, said, p, positive):
    """By the definition of Guo et al. 2017, bin by bin: (0, 1/15], (1/15, 2/15], …"""
    top, confidence = p.argmax(axis=1), p.max(axis=1)
    total = 0.0
    for m in range(15):
        of_bin = (confidence > m / 15) & (confidence <= (m + 1) / 15)
        if of_bin.any():
            right = np.mean(top[of_bin] == truth[of_bin])
            total += of_bin.sum() * abs(right - confidence[of_bin].mean())
    return total / len(truth)


def of_decisions(function):
    return lambda truth, said, p, positive: function(truth, said)


FOR_CLASSES = {
    "accuracy": of_decisions(sk.accuracy_score),
    "balanced-accuracy": of_decisions(sk.balanced_accuracy_score),
    "log-loss": lambda t, said, p, positive: sk.log_loss(t, p, labels=np.arange(p.shape[1])),
    "mcc": of_decisions(sk.matthews_corrcoef),
    "kappa": of_decisions(sk.cohen_kappa_score),
    "ece": ece,
    **{
        f"{name}-{average}": averaged(function, average)
        for name, function in {
            "precision": sk.precision_score,
            "recall": sk.recall_score,
            "f1": sk.f1_score,
        }.items()
        for average in ("macro", "micro", "weighted")
    },
}
REFERENCES = {
    "binary": {
        **FOR_CLASSES,
        "precision": of_positive(sk.precision_score),
        "recall": of_positive(sk.recall_score),
        "f1": of_positive(sk.f1_score),
        "auc": lambda t, said, p, positive: sk.roc_auc_score(t == positive, p[:, positive]),
        "pr-auc": lambda t, said, p, positive: sk.average_precision_score(
            t == positive, p[:, positive]
        ),
        "brier": lambda t, said, p, positive: sk.brier_score_loss(t == positive, p[:, positive]),
    },
    "multiclass": {
        **FOR_CLASSES,
        "precision": FOR_CLASSES["precision-macro"],
        "recall": FOR_CLASSES["recall-macro"],
        "f1": FOR_CLASSES["f1-macro"],
        "auc": one_against_rest(sk.roc_auc_score, weighted=False),
        "auc-weighted": one_against_rest(sk.roc_auc_score, weighted=True),
        "pr-auc": one_against_rest(sk.average_precision_score, weighted=False),
        "pr-auc-weighted": one_against_rest(sk.average_precision_score, weighted=True),
        "brier": lambda t, said, p, positive: np.mean(
            np.sum((p - np.eye(p.shape[1])[t]) ** 2, axis=1)
        ),
    },
    "regression": {
        "mae": of_decisions(sk.mean_absolute_error),
        "mse": of_decisions(sk.mean_squared_error),
        "rmse": of_decisions(sk.root_mean_squared_error),
        "mape": lambda t, said, p, tau: 100 * sk.mean_absolute_percentage_error(t, said),
        "median-ae": of_decisions(sk.median_absolute_error),
        "r2": of_decisions(sk.r2_score),
        "pinball": lambda t, said, p, tau: sk.mean_pinball_loss(t, said, alpha=tau),
    },
}
