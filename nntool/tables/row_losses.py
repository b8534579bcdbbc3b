"""The loss of each single row, in the measure that a task is mainly judged by.

What is a mean over rows has a standard error, and can be computed again for changed answers.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nntool.tables.metrics import Scored
from nntool.tables.metrics.probabilities import surprise
from nntool.tables.metrics.regression import squares, tilted
from nntool.tables.metrics.rows import Terms

MEDIAN = 0.5

Array = npt.NDArray[Any]
Numbers = npt.NDArray[np.float64]


class Measure(NamedTuple):
    """A metric that follows from the losses of rows."""

    metric: str
    """Its name among the metrics of the task."""
    terms: Terms
    """What each row adds to it."""
    higher_is_better: bool
    value: Callable[[Numbers, Array], float]
    """The metric, of losses and targets; NaN where it is not defined."""
    tau: float = MEDIAN

    def losses(self, target: Array, decided: Array, probabilities: Array | None) -> Numbers:
        """The loss of each row `(n,)`; no target may be missing.

        Raises `Undefined` where the metric needs probabilities and there are none.
        """
        p = None if probabilities is None else np.asarray(probabilities, np.float64)
        rows = Scored(target, np.asarray(decided), p, tau=self.tau)
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(self.terms(rows), np.float64)


def measure_of(task: str, *, probabilities: bool, tau: float = 0.5) -> Measure:
    """R² of a regression; of classes log loss, or accuracy where a loss gives no probabilities.

    A regression that answers with another quantile ``tau`` than the median is judged by its
    pinball loss: far from the mean it must be.

    >>> measure_of("binary", probabilities=True).metric
    'log-loss'
    """
    if task == "regression" and tau != MEDIAN:
        return Measure("pinball", tilted, False, _mean, tau)
    if task == "regression":
        return Measure("r2", squares, True, _r2)
    if probabilities:
        return Measure("log-loss", surprise, False, _mean)
    return Measure("accuracy", mistakes, True, lambda losses, _: 1 - float(np.mean(losses)))


def constant_answer(
    task: str, training: Array, n: int, n_classes: int, tau: float = 0.5
) -> tuple[Array, Numbers | None]:
    """For ``n`` rows the mean of training targets, or its majority with the shares of classes.

    In the place of the mean, the quantile ``tau``, unless that is the median.
    """
    if task == "regression" and tau != MEDIAN:
        return np.full(n, np.quantile(training, tau, method="inverted_cdf")), None
    if task == "regression":
        return np.full(n, np.mean(training)), None
    times = np.bincount(training, minlength=n_classes)
    return np.full(n, times.argmax()), np.tile(times / len(training), (n, 1))


def mistakes(rows: Scored) -> Numbers:
    """1 for a row that is answered wrong, else 0."""
    return np.asarray(rows.target != rows.predicted, np.float64)


def _mean(losses: Numbers, target: Array) -> float:
    return float(np.mean(losses))


def _r2(losses: Numbers, target: Array) -> float:
    spread = np.var(target)
    return float(1 - np.mean(losses) / spread) if spread else float("nan")
