"""The loss of each single row, in the measure that a task is mainly judged by.

What is a mean over rows has a standard error, and can be computed again for changed answers.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

MEDIAN = 0.5

Array = npt.NDArray[Any]
Numbers = npt.NDArray[np.float64]


class Measure(NamedTuple):
    """A metric that follows from the losses of rows."""

    metric: str
    """Its name among the metrics of the task."""
    losses: Callable[[Array, Array, Array | None], Numbers]
    """Of targets, decided answers and probabilities, all without missing targets, `(n,)`."""
    higher_is_better: bool
    value: Callable[[Numbers, Array], float]
    """The metric, of losses and targets; NaN where it is not defined."""


def measure_of(task: str, *, probabilities: bool, tau: float = 0.5) -> Measure:
    """R² of a regression; of classes log loss, or accuracy where a loss gives no probabilities.

    A regression that answers with another quantile ``tau`` than the median is judged by its
    pinball loss: far from the mean it must be.

    >>> measure_of("binary", probabilities=True).metric
    'log-loss'
    """
    if task == "regression" and tau != MEDIAN:
        return Measure("pinball", partial(_pinball, tau), False, _mean)
    if task == "regression":
        return Measure("r2", _squares, True, _r2)
    if probabilities:
        return Measure("log-loss", _logarithms, False, _mean)
    return Measure("accuracy", _mistakes, True, lambda losses, _: 1 - float(np.mean(losses)))


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


def _logarithms(target: Array, decided: Array, probabilities: Array | None) -> Numbers:
    """−ln p of the true class, p ≥ 2.2e−16."""
    if probabilities is None:
        raise ValueError("log loss needs probabilities")
    p = np.asarray(probabilities, np.float64)[np.arange(len(target)), target]
    found: Numbers = -np.log(np.maximum(p, np.finfo(np.float64).eps))
    return found


def _squares(target: Array, decided: Array, probabilities: Array | None) -> Numbers:
    with np.errstate(over="ignore", invalid="ignore"):
        found: Numbers = np.square(np.asarray(decided, np.float64) - target)
    return found


def _pinball(tau: float, target: Array, decided: Array, probabilities: Array | None) -> Numbers:
    """τ·(y − ŷ) where that is positive, else (τ − 1)·(y − ŷ)."""
    error = target - np.asarray(decided, np.float64)
    found: Numbers = np.maximum(tau * error, (tau - 1) * error)
    return found


def _mistakes(target: Array, decided: Array, probabilities: Array | None) -> Numbers:
    return np.asarray(target != decided, np.float64)


def _mean(losses: Numbers, target: Array) -> float:
    return float(np.mean(losses))


def _r2(losses: Numbers, target: Array) -> float:
    spread = np.var(target)
    return float(1 - np.mean(losses) / spread) if spread else float("nan")
