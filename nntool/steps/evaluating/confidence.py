"""How much the scores would move with other rows of the same kind: --bootstrap, --confidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nntool.settings.evaluate import EvaluateSettings

if TYPE_CHECKING:
    from nntool.steps.model import Model

STREAM = "bootstrap"
"""The stream of the seed of evaluate that rows are drawn by."""


def intervals(
    model: Model, target: Any, decided: Any, probabilities: Any, settings: EvaluateSettings
) -> dict[str, Any] | None:
    """An interval for each metric of these rows, as metrics.json has it; None if none is wanted."""
    from nntool.nn.randomness import Streams
    from nntool.steps.evaluating import deciding
    from nntool.tables import bootstrap, scores

    if not settings.bootstrap:
        return None
    rows = scores.rows_with_target(
        model.plain["task"],
        target,
        decided,
        probabilities,
        classes=model.classes or (),
        positive=None if model.classes is None else deciding.positive(model),
        tau=model.tau,
    )
    return bootstrap.intervals(
        model.plain["task"],
        rows,
        Streams(settings.seed)[STREAM],
        resamples=settings.bootstrap,
        level=settings.confidence,
    )


def column(report: dict[str, Any]) -> tuple[str, dict[str, str]] | None:
    """The heading and the cells of a column of intervals, by metric."""
    found = report.get("confidence")
    if found is None:
        return None
    cells = {metric: _cell(bounds) for metric, bounds in found["metrics"].items()}
    return f"{100 * found['level']:g} % interval", cells


def notes(report: dict[str, Any]) -> list[str]:
    """What is to be said of the intervals."""
    found = report.get("confidence")
    if found is None or not report["network"]["rows"]:
        return []
    said = []
    if found["resamples"] < found["asked"]:
        said.append(
            f"{found['resamples']:,} resamples in place of {found['asked']:,} (--bootstrap):"
            f" {report['network']['rows']:,} rows are many"
        )
    values = report["network"]["metrics"]
    for metric, bounds in found["metrics"].items():
        if bounds is None and values[metric] is not None:
            n = found["undefined"].get(metric)
            why = (
                f"it has no value in {n:,} of {found['resamples']:,} resamples"
                if n
                else ("so many classes and rows take too long")
            )
            said.append(f"{metric} has no interval: {why}")
    return said


def _cell(bounds: list[float] | None) -> str:
    return "–" if bounds is None else " to ".join(f"{bound:.4g}" for bound in bounds)
