"""From which probability on the positive class is decided for: --threshold and --optimize."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nntool.errors import DataError, UsageError
from nntool.settings.evaluate import NO_METRIC, EvaluateSettings
from nntool.settings.wording import counted, number
from nntool.steps import calibration, retraining, rows
from nntool.steps.job import TableView

if TYPE_CHECKING:
    from nntool.steps.scoring import Parts


def refuse(settings: EvaluateSettings, task: str) -> None:
    """Raise ``UsageError`` where a task has no threshold."""
    asked = _asked(settings)
    if asked is None:
        return
    if task != "binary":
        raise UsageError(
            f"{asked}: a threshold parts two classes, and this is a {task} task",
            f"leave {asked.split()[0]} out",
        )


def decide(settings: EvaluateSettings, parts: Parts) -> dict[str, Any] | None:
    """Have all parts decided by the threshold that is asked for; returns it as `threshold_of`."""
    import numpy as np

    stopping = np.flatnonzero(calibration.masks_of_model(parts.run).stopping)
    found = threshold_of(settings, parts, stopping)
    parts.threshold = None if found is None else found["value"]
    return found


def threshold_of(settings: EvaluateSettings, parts: Parts, stopping: Any) -> dict[str, Any] | None:
    """The threshold that is asked for, as metrics.json has it; None where none is.

    ``stopping`` are the validation rows, from 0, that chose nothing but when to stop. Raises
    ``DataError`` where there are none, or none of a kind that the metric needs.
    """
    model = parts.model
    if settings.threshold is not None or settings.optimize != NO_METRIC:
        _require_probabilities(settings, parts)
    if settings.threshold is not None:
        return {"value": settings.threshold}
    if settings.optimize == NO_METRIC:
        return None
    if not len(stopping):
        raise DataError(
            f"{_asked(settings)}: the split has no validation rows to choose a threshold by",
            rows.split_with(parts.run, "validation"),
        )
    scored = parts.answers("validation", stopping)
    is_positive = scored.target == model.positive
    return _best(settings.optimize, is_positive, scored.probabilities[:, model.positive])


def _best(metric: str, is_positive: Any, p: Any) -> dict[str, Any]:
    from nntool.tables import thresholds
    from nntool.tables.metrics import Undefined

    n = len(p)
    try:
        found = thresholds.best(metric, is_positive, p)
    except Undefined as reason:
        raise DataError(
            f"--optimize {metric}: it has no value for the {counted(n, 'validation row')}:"
            f" {reason}",
            "a split with other validation rows, or --threshold NUMBER",
        ) from None
    return {
        "value": found.threshold,
        "metric": metric,
        "reached": found.value,
        "at_half": found.at_half,
        "rows": n,
    }


def tables(report: dict[str, Any]) -> list[TableView]:
    """The chosen threshold and what its metric comes to, for stdout."""
    found = report.get("threshold", {})
    if "metric" not in found:
        return []
    header = ["threshold", "maximizes", "validation rows", "there", "at 0.5"]
    row = [str(found["value"]), found["metric"], f"{found['rows']:,}"]
    row += [number(found["reached"]), number(found["at_half"])]
    return [TableView("threshold", header, [row])]


def notes(report: dict[str, Any]) -> list[str]:
    """What is to be said of the threshold."""
    found = report.get("threshold")
    if found is None:
        return []
    value = str(found["value"])
    others = "; the baselines decide at 0.5" if "baselines" in report else ""
    if "metric" not in found:
        return [f"the network decides at --threshold {value}{others}"]
    said = [
        f"threshold {value} maximizes {found['metric']} on"
        f" {counted(found['rows'], 'validation row')} ({number(found['reached'])}); predict with"
        f" --threshold {value}{others}"
    ]
    if report["rows"] == "validation":
        said.append("the threshold was chosen on rows that are scored here: it looks too good")
    return said


def _require_probabilities(settings: EvaluateSettings, parts: Parts) -> None:
    model = parts.model
    if not model.has_probabilities:
        raise UsageError(
            f"{_asked(settings)}: a threshold needs probabilities, and the loss {model.loss_name}"
            " gives none",
            retraining.for_probabilities(parts.run),
        )


def _asked(settings: EvaluateSettings) -> str | None:
    """The option that asks for a threshold, as it was typed."""
    if settings.threshold is not None:
        return f"--threshold {settings.threshold}"
    return None if settings.optimize == NO_METRIC else f"--optimize {settings.optimize}"
