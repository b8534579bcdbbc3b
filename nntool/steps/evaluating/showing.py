"""What a person sees of an evaluation: metrics side by side, pictures, notes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nntool.settings.wording import counted
from nntool.steps import cross_validation
from nntool.steps.evaluating import importance, slices
from nntool.steps.job import ConfusionMatrix, Outcome, TableView


def show(outcome: Outcome) -> None:
    """The metrics side by side, on stdout: they are what was asked for."""
    report = outcome.report["evaluate"]
    outcome.results.append(_metrics(report))
    if report["network"].get("confusion"):
        outcome.results.append(
            ConfusionMatrix(report["network"]["classes"], report["network"]["confusion"])
        )
    by = report.get("slices", [])
    outcome.results += slices.tables(report["task"], by)
    if "importance" in report:
        outcome.results.append(importance.table(report["importance"]))
        outcome.notes += importance.notes(report["importance"])
    if "cross_validation" in report:
        cross_validation.show(report, outcome)
    outcome.notes += [*slices.notes(by), *_notes(report)]


def _metrics(report: dict[str, Any]) -> TableView:
    """The network on the scored rows and on other parts, then the baselines on the scored rows."""
    network, others = report["network"], report.get("baselines", {})
    shown = {"network": network}
    shown |= {f"on {part}": scores for part, scores in report.get("parts", {}).items()}
    shown |= {which: others[which] for which in ("linear", "constant") if which in others}
    body = [
        [metric, *(_cell(scores.get("metrics", {}).get(metric)) for scores in shown.values())]
        for metric in network["metrics"]
    ]
    title = f"{network['rows']:,} {Path(report['rows']).name} rows"
    return TableView(title, [title, *shown], body)


def _notes(report: dict[str, Any]) -> list[str]:
    """What is to be said of the numbers; the verdict is the last word."""
    network, found = report["network"], []
    if (positive := network.get("positive")) is not None:
        found.append(f"precision, recall, f1 and auc are those of the class {positive!r}")
    if unscored := network["unscored"]:
        found.append(f"{counted(unscored, 'row')} without a usable target: not scored")
    found += network["notes"] + report.get("baselines", {}).get("notes", [])
    found += [
        f"{metric} is not defined here: {why}" for metric, why in network["undefined"].items()
    ]
    found += [
        f"{part} is scored on a seeded sample of {scores['rows']:,} of {scores['of']:,} rows"
        for part, scores in report.get("parts", {}).items()
        if "of" in scores
    ]
    found += report.get("intervals", {}).get("notes", [])
    if verdict := report.get("verdict"):
        advice = f" (try {verdict['advice']})" if verdict["advice"] else ""
        found.append(f"{verdict['what']}: {verdict['facts']}{advice}")
    return found


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
