"""What the folds of a cross-validation come to: mean and spread, in metrics.json and on stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nntool.errors import TrainingError
from nntool.settings.evaluate import EvaluateSettings
from nntool.settings.wording import counted, listed, number
from nntool.steps.job import Outcome, TableView

if TYPE_CHECKING:
    from nntool.steps.one_fold import Result

TRAINED = ("epochs", "best_epoch")
SCORES = ("threshold", "metrics", "undefined")
"""What metrics.json keeps of the training and of the scores of a fold."""


def report(settings: EvaluateSettings, results: list[Result], notes: list[str]) -> dict[str, Any]:
    """Every fold's numbers, and over those that learned their mean and spread.

    ``notes`` are those said before. Raises ``TrainingError`` where no fold has learned.
    """
    learned = [result for result in results if result.has_learned]
    diverged = [i for i, result in enumerate(results, 1) if not result.has_learned]
    if not learned:
        first = results[0].error
        assert first is not None  # it did not learn
        raise TrainingError(f"no fold learned; {first.message}", first.hint)
    for place in diverged:
        error = results[place - 1].error
        notes.append(f"{error.message if error else ''}: left out of mean and spread")
    metrics = {
        name: _over_folds([_metric(result, name) for result in learned])
        for name in learned[0].scores["metrics"]
    }
    notes += _undefined(learned)
    n_folds = settings.cv or 0
    return {
        "cv": n_folds,
        "repeats": settings.cv_repeats,
        "notes": notes,
        "diverged": diverged,
        "metrics": metrics,
        "folds": [_fold(result, i, n_folds) for i, result in enumerate(results)],
    }


def show(report: dict[str, Any], outcome: Outcome) -> None:
    """Each metric over the folds, beside the network's own, on stdout."""
    from nntool.tables.metrics import METRICS

    found, own = report["cross_validation"], report["network"]["metrics"]
    columns = ("mean", "sd", "se", "min", "max")
    n_folds = len(found["folds"])
    title = f"{n_folds - len(found['diverged'])} of {n_folds} folds"
    body = [
        [metric, *(number(values[column]) for column in columns), number(own.get(metric))]
        for metric, values in found["metrics"].items()
        if not METRICS[report["task"]][metric].is_further
    ]
    outcome.results.append(TableView(title, [title, *columns, "network"], body))
    outcome.notes += found["notes"]


def _undefined(learned: list[Result]) -> list[str]:
    """Which metrics some folds leave undefined, those of one reason together."""
    folds: dict[tuple[str, str], int] = {}
    for result in learned:
        for metric, reason in result.scores["undefined"].items():
            folds[metric, reason] = folds.get((metric, reason), 0) + 1
    metrics: dict[tuple[str, int], list[str]] = {}
    for (metric, reason), n in folds.items():
        metrics.setdefault((reason, n), []).append(metric)
    every = len(learned)
    where = {n: f"in {counted(n, 'fold')}, so a mean of the others" for _, n in metrics}
    where[every] = "in any fold"
    return [
        f"not defined {where[n]}: {listed(names)} ({reason})"
        for (reason, n), names in metrics.items()
    ]


def _metric(result: Result, name: str) -> float | None:
    value: float | None = result.scores["metrics"][name]
    return value


def _over_folds(values: list[float | None]) -> dict[str, Any]:
    """Mean, standard deviation (n − 1) and standard error sd/√n over the folds that have a value.

    >>> _over_folds([1.0, 3.0, None])["mean"], round(_over_folds([1.0, 3.0, None])["sd"], 4)
    (2.0, 1.4142)
    """
    import numpy as np

    known = np.array([value for value in values if value is not None], dtype=np.float64)
    n = known.size
    sd = float(known.std(ddof=1)) if n > 1 else None
    return {
        "mean": float(known.mean()) if n else None,
        "sd": sd,
        "se": None if sd is None else sd / n**0.5,
        "min": float(known.min()) if n else None,
        "max": float(known.max()) if n else None,
        "folds": n,
    }


def _fold(result: Result, place: int, n_folds: int) -> dict[str, Any]:
    """One fold as metrics.json has it."""
    found: dict[str, Any] = {
        "repeat": place // n_folds + 1,
        "fold": place % n_folds + 1,
        "rows": result.sizes,
    }
    if result.error is not None:
        found["error"] = result.error.message
    found |= {key: result.trained[key] for key in TRAINED if key in result.trained}
    return found | {key: result.scores[key] for key in SCORES if key in result.scores}
