"""The metrics of each task.

A metric that is not defined for what was seen (one class only, a target of zero under MAPE) raises
`Undefined` with the reason: no number is made up for it. Each is computed for many samples of the
same rows at once, so that a bootstrap takes the very definition that gives the value.
"""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from nntool.tables.metrics import classes, probabilities, regression
from nntool.tables.metrics.rows import Confusions, Numbers, Samples, Scored, Undefined

__all__ = [
    "DECISIONS",
    "METRICS",
    "Confusions",
    "Metric",
    "Numbers",
    "Samples",
    "Scored",
    "Undefined",
]


class Metric(NamedTuple):
    """A metric: its definition in words, whether higher is better, and how it is computed."""

    doc: str
    higher_is_better: bool
    function: Callable[[Any], Numbers]
    """Takes `Confusions` where it is a metric of decisions, else `Samples`."""
    of_decisions: bool
    is_further: bool
    """Whether tables leave it out: metrics.json and --require have it."""

    @property
    def grows_by_resampling(self) -> bool:
        """Whether drawing rows again adds to it by itself: chance gaps in bins never cancel."""
        return self.function is probabilities.ece

    @property
    def sorts_by_class(self) -> bool:
        """Whether the rows are sorted anew for each of several classes."""
        return self.function in (
            probabilities.auc_macro,
            probabilities.auc_weighted,
            probabilities.pr_auc_macro,
            probabilities.pr_auc_weighted,
        )

    def of_samples(self, samples: Samples) -> Numbers:
        """The metric of each sample, NaN where it has no value; `Undefined` where none has one."""
        return self.function(samples.confusions if self.of_decisions else samples)

    def compute(self, scored: Scored) -> float:
        """The metric of these rows; raises `Undefined`."""
        with np.errstate(over="ignore", invalid="ignore"):
            value = float(self.of_samples(Samples(scored))[0])
        if not np.isfinite(value):
            raise Undefined("the numbers are too large")
        return value


def _of(
    function: Callable[[Any], Numbers], *, lower: bool = False, further: bool = False
) -> Metric:
    of_decisions = function.__module__ == classes.__name__
    return Metric(inspect.getdoc(function) or "", not lower, function, of_decisions, further)


METRICS: dict[str, dict[str, Metric]] = {
    "binary": {
        "accuracy": _of(classes.accuracy),
        "balanced-accuracy": _of(classes.balanced_accuracy),
        "precision": _of(classes.precision),
        "recall": _of(classes.recall),
        "f1": _of(classes.f1),
        "auc": _of(probabilities.auc),
        "pr-auc": _of(probabilities.pr_auc),
        "log-loss": _of(probabilities.log_loss, lower=True),
        "brier": _of(probabilities.brier, lower=True),
        "mcc": _of(classes.mcc),
        "kappa": _of(classes.kappa),
        "ece": _of(probabilities.ece, lower=True),
        "precision-macro": _of(classes.precision_macro, further=True),
        "precision-micro": _of(classes.precision_micro, further=True),
        "precision-weighted": _of(classes.precision_weighted, further=True),
        "recall-macro": _of(classes.recall_macro, further=True),
        "recall-micro": _of(classes.recall_micro, further=True),
        "recall-weighted": _of(classes.recall_weighted, further=True),
        "f1-macro": _of(classes.f1_macro, further=True),
        "f1-micro": _of(classes.f1_micro, further=True),
        "f1-weighted": _of(classes.f1_weighted, further=True),
    },
    "multiclass": {
        "accuracy": _of(classes.accuracy),
        "balanced-accuracy": _of(classes.balanced_accuracy),
        "precision": _of(classes.precision_macro),
        "recall": _of(classes.recall_macro),
        "f1": _of(classes.f1_macro),
        "auc": _of(probabilities.auc_macro),
        "pr-auc": _of(probabilities.pr_auc_macro),
        "log-loss": _of(probabilities.log_loss, lower=True),
        "brier": _of(probabilities.brier_of_classes, lower=True),
        "mcc": _of(classes.mcc),
        "kappa": _of(classes.kappa),
        "ece": _of(probabilities.ece, lower=True),
        "precision-micro": _of(classes.precision_micro, further=True),
        "precision-weighted": _of(classes.precision_weighted, further=True),
        "recall-micro": _of(classes.recall_micro, further=True),
        "recall-weighted": _of(classes.recall_weighted, further=True),
        "f1-micro": _of(classes.f1_micro, further=True),
        "f1-weighted": _of(classes.f1_weighted, further=True),
        "auc-weighted": _of(probabilities.auc_weighted, further=True),
        "pr-auc-weighted": _of(probabilities.pr_auc_weighted, further=True),
    },
    "regression": {
        "mae": _of(regression.mae, lower=True),
        "mse": _of(regression.mse, lower=True),
        "rmse": _of(regression.rmse, lower=True),
        "mape": _of(regression.mape, lower=True),
        "median-ae": _of(regression.median_ae, lower=True),
        "r2": _of(regression.r2),
        "pinball": _of(regression.pinball, lower=True),
    },
}
DECISIONS: dict[str, Metric] = {
    name: metric for name, metric in METRICS["binary"].items() if metric.of_decisions
}
"""Those that a threshold between two classes changes."""
