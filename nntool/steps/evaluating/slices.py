"""``--by``: the metrics of each group of the scored rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nntool.run import names
from nntool.run.directory import Run
from nntool.settings.evaluate import EvaluateSettings
from nntool.settings.wording import counted, number
from nntool.steps import rows, scoring
from nntool.steps.evaluating import confidence
from nntool.steps.job import TableView

if TYPE_CHECKING:
    from nntool.steps.scoring import Scored
    from nntool.tables.slicing import Groups

SMALL = 30
"""Rows of a group below which its metrics say little."""
MOST_SHOWN = 20
MOST_KEPT = 1_000
"""Groups in metrics.json, the largest ones."""
SHOWN = {
    "binary": ("accuracy", "f1", "auc", "log-loss"),
    "multiclass": ("accuracy", "f1", "log-loss"),
    "regression": ("mae", "rmse", "r2"),
}
"""Metrics in the table of groups; metrics.json has them all."""


def by_columns(run: Run, scored: Scored, settings: EvaluateSettings) -> list[dict[str, Any]]:
    """For each column its name, and its groups with all their metrics.

    Up to twenty groups of numbers or dates stand in order, others from the largest. ``others`` is
    how many groups are left out, where there are more than a thousand. The first twenty have an
    interval of the first metric in their table. Raises ``DataError`` for names that are no columns.
    """
    from nntool.tables import slicing

    found = []
    for name, column, training in _columns(run, scored, settings.by):
        groups = slicing.groups(column, training)
        found.append({"column": name, **_scored_groups(scored, groups, settings)})
    return found


def _columns(run: Run, scored: Scored, wanted: Sequence[str]) -> list[tuple[str, Any, Any]]:
    """Name, cells of the scored rows and cells of the training rows of each column."""
    import numpy as np

    from nntool.tables import columns, parquet, slicing

    path = run.checked(names.CLEAN_TABLE)
    known = parquet.names(path)
    own: Mapping[str, Any]
    if scored.beside:
        resolved = list(scored.beside)
        own = slicing.read(path, [name for name in resolved if name in known])
    else:
        resolved = columns.resolve_listed(known, list(wanted), "--by")
        own = slicing.read(path, resolved)
    training = np.flatnonzero(rows.of_part(run, "train"))
    found = []
    for name in resolved:
        cells = scored.beside.get(name)
        if cells is None:
            cells = slicing.rows_of(own[name], scored.numbers - 1)
        learned = slicing.rows_of(own[name], training) if name in own else cells
        found.append((name, cells, learned))
    return found


def _scored_groups(scored: Scored, groups: Groups, settings: EvaluateSettings) -> dict[str, Any]:
    """The groups that have rows with a target."""
    import numpy as np

    labels, codes, in_order = groups
    has_target = scoring.has_target(scored.target)
    sizes = np.bincount(codes[has_target], minlength=len(labels))
    chosen = np.flatnonzero(sizes).tolist()
    if not in_order or len(chosen) > MOST_SHOWN:
        chosen = [i for i in np.argsort(-sizes, kind="stable").tolist() if sizes[i]]
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(labels) + 1))
    found: list[dict[str, Any]] = []
    for i in chosen[:MOST_KEPT]:
        some = scored.some(order[starts[i] : starts[i + 1]])
        scores = some.scores()
        group = {key: scores[key] for key in ("rows", "metrics", "undefined")}
        if settings.bootstrap and len(found) < MOST_SHOWN:
            metric = SHOWN[scored.model.plain["task"]][0]
            sure = confidence.intervals(some, settings, [metric])
            bounds = sure["metrics"][metric]
            group["interval"] = {"metric": metric, "level": sure["level"], "bounds": bounds}
        found.append({"group": labels[i], **group})
    return {"groups": found, "others": max(0, len(chosen) - MOST_KEPT)}


def tables(task: str, slices: Sequence[dict[str, Any]]) -> list[TableView]:
    """The groups of each column with their main metrics, at most twenty."""
    found = []
    for by in slices:
        body = []
        for group in by["groups"][:MOST_SHOWN]:
            value, *values = (number(group["metrics"].get(metric)) for metric in SHOWN[task])
            label = "(missing)" if group["group"] is None else group["group"]
            few = "few rows" if group["rows"] < SMALL else ""
            body.append([label, f"{group['rows']:,}", value, _bounds(group), *values, few])
        first, *others = SHOWN[task]
        header = [f"by {by['column']}", "rows", first, _heading(by["groups"]), *others, ""]
        found.append(TableView(by["column"], header, body))
    return found


def notes(slices: Sequence[dict[str, Any]]) -> list[str]:
    """What the tables do not show."""
    found = []
    for by in slices:
        n = len(by["groups"]) + by["others"]
        if n > MOST_SHOWN:
            kept = f"; metrics.json has {MOST_KEPT:,}" if by["others"] else ""
            found.append(
                f"--by {by['column']}: the {MOST_SHOWN} largest of {counted(n, 'group')} are"
                f" shown{kept}"
            )
    return found


def _heading(groups: Sequence[dict[str, Any]]) -> str:
    levels = [group["interval"]["level"] for group in groups[:1] if "interval" in group]
    return confidence.heading(levels[0]) if levels else ""


def _bounds(group: dict[str, Any]) -> str:
    return confidence.cell(group["interval"]["bounds"]) if "interval" in group else ""
