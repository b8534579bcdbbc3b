"""From which probability on the positive class is decided for: --threshold and --optimize."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nntool.errors import DataError, UsageError
from nntool.settings.evaluate import NO_METRIC, EvaluateSettings
from nntool.settings.wording import counted
from nntool.steps.job import TableView

if TYPE_CHECKING:
    from nntool.steps.model import Model


def refuse(settings: EvaluateSettings, task: str) -> None:
    """Raise ``UsageError`` for a threshold of a task that has none, or by a metric without one."""
    from nntool.tables import thresholds

    asked = _asked(settings)
    if asked is None:
        return
    if task != "binary":
        raise UsageError(
            f"{asked}: a threshold parts two classes, and this is a {task} task",
            f"leave {asked.split()[0]} out",
        )
    known = thresholds.names()
    if settings.optimize not in (NO_METRIC, *known):
        raise UsageError(
            f"{asked}: {settings.optimize} is not changed by a threshold",
            f"choose from {', '.join(known)}",
        )


def refuse_without_probabilities(settings: EvaluateSettings, model: Model) -> None:
    """Raise ``UsageError`` where the model has no probabilities that a threshold could cut."""
    asked = _asked(settings)
    if asked is not None and not model.has_probabilities:
        raise UsageError(
            f"{asked}: a threshold needs probabilities, and the loss {model.loss_name} gives none",
            "nntool train RUN --loss auto",
        )


def best(model: Model, metric: str, target: Any, probabilities: Any) -> dict[str, Any]:
    """The threshold with the best metric on rows that chose nothing but when to stop.

    As metrics.json has it. Raises ``DataError`` where there is none, or no such rows.
    """
    from nntool.tables import thresholds
    from nntool.tables.metrics import Undefined

    asked = f"--optimize {metric}"
    if not len(target):
        raise DataError(
            f"{asked}: the split has no validation rows to choose a threshold by",
            "nntool split RUN --validation 0.15",
        )
    code = positive(model)
    try:
        found = thresholds.best(metric, target == code, probabilities[:, code])
    except Undefined as reason:
        raise DataError(
            f"{asked}: it has no value for the {counted(len(target), 'validation row')}: {reason}",
            "a split with other validation rows, or --threshold NUMBER",
        ) from None
    return {
        "value": found.threshold,
        "metric": metric,
        "reached": found.value,
        "at_half": found.at_half,
        "rows": len(target),
    }


def decided(model: Model, probabilities: Any, threshold: float) -> Any:
    """What is decided for with a threshold: as ``predict --threshold`` does."""
    from nntool.tables import answers

    return answers.at_threshold(probabilities, positive(model), threshold)


def positive(model: Model) -> int:
    """The code of the positive class."""
    classes: list[str] = model.plain["classes"]
    named = model.plain["positive"]
    return classes.index(named) if named in classes else len(classes) - 1


def tables(report: dict[str, Any]) -> list[TableView]:
    """The chosen threshold and what its metric comes to, for stdout."""
    found = report.get("threshold", {})
    if "metric" not in found:
        return []
    at_half = "–" if found["at_half"] is None else f"{found['at_half']:.4g}"
    header = ["threshold", "maximizes", "validation rows", "there", "at 0.5"]
    row = [f"{found['value']:.17g}", found["metric"], f"{found['rows']:,}"]
    return [TableView("threshold", header, [[*row, f"{found['reached']:.4g}", at_half]])]


def notes(report: dict[str, Any]) -> list[str]:
    """What is to be said of the threshold."""
    found = report.get("threshold")
    if found is None:
        return []
    value = f"{found['value']:.17g}"
    others = "; the baselines decide at 0.5" if "baselines" in report else ""
    if "metric" not in found:
        return [f"the network decides at --threshold {value}{others}"]
    said = [
        f"threshold {value} maximizes {found['metric']} on"
        f" {counted(found['rows'], 'validation row')} ({found['reached']:.4g}); predict with"
        f" --threshold {value}{others}"
    ]
    if report["rows"] == "validation":
        said.append("the threshold was chosen on rows that are scored here: it looks too good")
    return said


def _asked(settings: EvaluateSettings) -> str | None:
    """The option that asks for a threshold, as it was typed."""
    if settings.threshold is not None:
        return f"--threshold {settings.threshold:g}"
    return None if settings.optimize == NO_METRIC else f"--optimize {settings.optimize}"
