"""What a person sees of an evaluation: metrics side by side, pictures, notes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nntool.settings.wording import NOTHING, counted, listed, number
from nntool.steps.evaluating import confidence, deciding, folds, importance, slices
from nntool.steps.job import ConfusionMatrix, Outcome, TableView

MOST_CLASSES = 20


def show(outcome: Outcome) -> None:
    """The metrics side by side, on stdout: they are what was asked for."""
    report = outcome.report["evaluate"]
    outcome.results += [_metrics(report), *deciding.tables(report)]
    if report["network"].get("confusion"):
        outcome.results.append(
            ConfusionMatrix(report["network"]["classes"], report["network"]["confusion"])
        )
    outcome.results += _per_class(report)
    by = report.get("slices", [])
    outcome.results += slices.tables(report["task"], by)
    if "importance" in report:
        outcome.results.append(importance.table(report["importance"]))
        outcome.notes += importance.notes(report["importance"])
    if "cross_validation" in report:
        folds.show(report, outcome)
    outcome.notes += [*slices.notes(by), *_notes(report)]


def _metrics(report: dict[str, Any]) -> TableView:
    """The network on the scored rows and on other parts, then the baselines on the scored rows."""
    from nntool.tables.metrics import METRICS

    network, others = report["network"], report.get("baselines", {})
    shown: dict[str, dict[str, str]] = {"network": _cells(network)}
    if column := confidence.column(report):
        shown |= dict([column])
    shown |= {part: _cells(scores) for part, scores in report.get("parts", {}).items()}
    shown |= {which: _cells(others[which]) for which in ("linear", "constant") if which in others}
    body = [
        [metric, *(cells.get(metric, NOTHING) for cells in shown.values())]
        for metric in network["metrics"]
        if not METRICS[report["task"]][metric].is_further
    ]
    title = f"{network['rows']:,} {Path(report['rows']).name} rows"
    return TableView(title, [title, *shown], body)


def _per_class(report: dict[str, Any]) -> list[TableView]:
    """Precision, recall and F1 of each of several classes; of two, the table above has them."""
    if report["task"] != "multiclass":
        return []
    network, shares = report["network"], ("precision", "recall", "f1")
    known = [one for one in network["per_class"] if one["rows"] or one["predicted"]]
    if len(known) > MOST_CLASSES:
        known.sort(key=lambda one: -one["rows"])
    body = [
        [one["class"], f"{one['rows']:,}", *(number(one[name]) for name in shares)]
        for one in known[:MOST_CLASSES]
    ]
    more = f"class, {len(body)} of {len(known):,}" if len(known) > len(body) else "class"
    return [TableView("classes", [more, "rows", *shares], body)]


def _cells(scores: dict[str, Any]) -> dict[str, str]:
    return {metric: number(value) for metric, value in scores.get("metrics", {}).items()}


def _notes(report: dict[str, Any]) -> list[str]:
    """What is to be said of the numbers; the verdict is the last word."""
    network, found = report["network"], []
    if (positive := network.get("positive")) is not None:
        found.append(f"precision, recall, f1 and auc are those of the class {positive!r}")
    if report["task"] == "multiclass":
        found.append("precision, recall, f1, auc and pr-auc are means over the classes (macro)")
    if unscored := network["unscored"]:
        found.append(f"{counted(unscored, 'row')} without a usable target: not scored")
    found += network["notes"] + report.get("baselines", {}).get("notes", [])
    reasons: dict[str, list[str]] = {}
    for metric, why in network["undefined"].items():
        reasons.setdefault(why, []).append(metric)
    found += [
        f"{listed(metrics)} {'is' if len(metrics) == 1 else 'are'} not defined here: {why}"
        for why, metrics in reasons.items()
    ]
    found += [*confidence.notes(report), *deciding.notes(report)]
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
