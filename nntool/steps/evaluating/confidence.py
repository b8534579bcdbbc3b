"""How much the scores would move with other rows of the same kind: --bootstrap, --confidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nntool.settings.evaluate import EvaluateSettings
from nntool.settings.wording import NOTHING, number

if TYPE_CHECKING:
    from nntool.steps.scoring import Scored

STREAM = "bootstrap"
"""The stream of the seed of evaluate that rows are drawn by."""


def intervals(
    scored: Scored, settings: EvaluateSettings, metrics: Sequence[str] | None = None
) -> dict[str, Any]:
    """An interval for each metric of these rows, or some metrics, as metrics.json has it."""
    from nntool.nn.randomness import Streams
    from nntool.tables import bootstrap, scores

    model = scored.model
    known = scores.rows_with_target(
        model.plain["task"],
        scored.target,
        scored.decided,
        scored.probabilities,
        classes=model.classes or (),
        positive=model.positive,
        tau=model.tau,
    )
    return bootstrap.intervals(
        model.plain["task"],
        known,
        Streams(settings.seed)[STREAM],
        resamples=settings.bootstrap,
        level=settings.confidence,
        names=metrics,
    )


def column(report: dict[str, Any]) -> tuple[str, dict[str, str]] | None:
    """The heading and the cells of a column of intervals, by metric."""
    found = report.get("confidence")
    if found is None:
        return None
    cells = {metric: cell(bounds) for metric, bounds in found["metrics"].items()}
    return heading(found["level"]), cells


def heading(level: float) -> str:
    """What a column of confidence intervals is called: short, as a line has 80 columns."""
    return f"{100 * level:g} % CI"


def notes(report: dict[str, Any]) -> list[str]:
    """What is to be said of the intervals."""
    found = report.get("confidence")
    if found is None or not report["network"]["rows"]:
        return []
    if report["network"]["rows"] == 1:
        return ["no confidence intervals: they take two rows or more"]
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


def cell(bounds: list[float] | None) -> str:
    """The bounds in three digits: more would tell nothing.

    >>> cell([0.73333, 0.8]), cell([-0.5, 0.25]), cell(None)
    ('0.733–0.8', '-0.5 to 0.25', '–')
    """
    if bounds is None:
        return NOTHING
    between = " to " if bounds[0] < 0 else "–"
    return between.join(number(bound, digits=3) for bound in bounds)
