"""How good predictions are: every metric of a task, the confusion matrix, requirements."""

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nntool.errors import UsageError
from nntool.tables.metrics import METRICS, Metric, Scored, Undefined

__all__ = [
    "METRICS",
    "Metric",
    "Requirement",
    "failed",
    "parse_requirement",
    "rows_with_target",
    "score",
]


def rows_with_target(
    task: str,
    target: npt.ArrayLike,
    predicted: npt.ArrayLike,
    probabilities: npt.ArrayLike | None = None,
    *,
    classes: Sequence[str] = (),
    positive: int | None = None,
    tau: float = 0.5,
) -> Scored:
    """What metrics and their intervals are computed from: see `score` for the arguments."""
    truth = np.asarray(target, dtype=np.float64 if task == "regression" else np.int64)
    given = np.asarray(predicted, dtype=truth.dtype)
    present = ~np.isnan(truth) if task == "regression" else truth >= 0
    p = None
    if probabilities is not None:
        p = np.asarray(probabilities, dtype=np.float64)[present]
    if positive is None:
        positive = len(classes) - 1
    return Scored(truth[present], given[present], p, len(classes), positive, tau)


def score(
    task: str,
    target: npt.ArrayLike,
    predicted: npt.ArrayLike,
    probabilities: npt.ArrayLike | None = None,
    *,
    classes: Sequence[str] = (),
    positive: int | None = None,
    tau: float = 0.5,
) -> dict[str, Any]:
    """Score predictions `(n,)` by every metric of the task; rows without a target are left out.

    ``target`` and ``predicted`` are codes of classes (−1: no target), or numbers in the target's
    own unit (NaN: no target). ``probabilities`` is `(n, n_classes)`; ``positive`` is the code of
    the positive class, by default the last; ``tau`` the quantile that a regression is about. A
    metric without a value is None, and ``undefined`` says why.

    >>> found = score("regression", [90, 50, 30, 60], [100, 25, 28, 75])
    >>> found["metrics"]["mae"], found["metrics"]["mse"], round(found["metrics"]["mape"], 2)
    (13.0, 238.5, 23.19)
    """
    scored = rows_with_target(
        task, target, predicted, probabilities, classes=classes, positive=positive, tau=tau
    )
    found: dict[str, Any] = {
        "rows": len(scored.target),
        "unscored": len(np.asarray(target)) - len(scored.target),
        **_values_of(task, scored),
        "notes": _notes(task, scored, classes),
    }
    if task == "regression":
        return found
    if task == "binary":
        found["positive"] = classes[scored.positive]
    return found | {
        "classes": list(classes),
        "confusion": scored.confusion.tolist(),
        "per_class": _per_class(scored, classes),
    }


class Requirement(NamedTuple):
    """What is required of a metric, as in ``accuracy>=0.9``."""

    metric: str
    op: str
    number: float


_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


def parse_requirement(text: str, task: str | None = None, also: Sequence[str] = ()) -> Requirement:
    """Read a requirement; with a task, only metrics of that task are known, and ``also`` these.

    Raises ``UsageError``, which lists the metrics.

    >>> parse_requirement("auc >= 0.9")
    Requirement(metric='auc', op='>=', number=0.9)
    """
    tasks = METRICS.values() if task is None else [METRICS[task]]
    known = list(dict.fromkeys([*(name for metrics in tasks for name in metrics), *also]))
    parts = re.fullmatch(r"\s*([\w-]+)\s*(>=|<=|>|<)\s*(\S+)\s*", text)
    number = None
    if parts:
        try:
            number = float(parts[3])
        except ValueError:
            number = None
    if parts is None or number is None or not np.isfinite(number):
        hint = f"write METRIC>=NUMBER or METRIC<=NUMBER; the metrics: {', '.join(known)}"
        raise UsageError(f"--require {text!r} is not a requirement", hint)
    if parts[1] not in known:
        where = f" of a {task} task" if task else ""
        raise UsageError(f"{parts[1]!r} is not a metric{where}", f"choose from {', '.join(known)}")
    return Requirement(parts[1], parts[2], number)


def failed(requirements: Sequence[Requirement], scores: dict[str, Any]) -> list[str]:
    """Say which requirements are not met; a metric without a value meets none.

    >>> failed([Requirement("auc", ">=", 0.9)], {"metrics": {"auc": 0.85}, "undefined": {}})
    ['auc is 0.85, required is >= 0.9']
    """
    said = []
    for metric, op, number in requirements:
        value = scores["metrics"].get(metric)
        if value is None:
            reason = scores["undefined"].get(metric, "it is not a metric of this task")
            said.append(f"{metric} has no value ({reason}), required is {op} {number:g}")
        elif not _OPERATORS[op](value, number):
            said.append(f"{metric} is {value:.6g}, required is {op} {number:g}")
    return said


def _values_of(task: str, scored: Scored) -> dict[str, Any]:
    """Compute each metric, or say why it has no value."""
    metrics: dict[str, float | None] = {}
    undefined: dict[str, str] = {}
    for name, metric in METRICS[task].items():
        metrics[name] = None
        try:
            if not len(scored.target):
                raise Undefined("no row has a target")
            metrics[name] = metric.compute(scored)
        except Undefined as reason:
            undefined[name] = str(reason)
    return {"metrics": metrics, "undefined": undefined}


def _notes(task: str, scored: Scored, classes: Sequence[str]) -> list[str]:
    """Say which classes the scores know nothing about."""
    if task == "regression" or not len(scored.target):
        return []
    n_rows = scored.confusion.sum(axis=1).tolist()
    absent = [name for name, n in zip(classes, n_rows, strict=True) if not n]
    if not absent:
        return []
    return [f"no scored row is of class {', '.join(absent)}: means over classes leave it out"]


def _per_class(scored: Scored, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Give rows, predictions, precision, recall and F1 of each class, None where undefined."""

    def share(part: float, whole: float) -> float | None:
        return float(part / whole) if whole else None

    table = scored.confusion
    columns = (classes, np.diag(table), table.sum(axis=1), table.sum(axis=0))
    return [
        {
            "class": name,
            "rows": int(rows),
            "predicted": int(predicted),
            "precision": share(hits, predicted),
            "recall": share(hits, rows),
            "f1": share(2 * hits, rows + predicted),
        }
        for name, hits, rows, predicted in zip(*columns, strict=True)
    ]
