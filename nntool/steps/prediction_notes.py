"""What is said of rows that were predicted: a line for each kind of thing that was met."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nntool.settings.wording import counted
from nntool.steps.answered import Counts
from nntool.steps.trained_run import TrainedRun

MOST_COLUMNS = 6
WORDS = {"unfit": "of another type than in training", "inf": "infinite", "nan": "not a number"}


def notes(trained: TrainedRun, counts: Counts) -> list[str]:
    """What the person should know of the rows that were predicted."""
    from nntool.tables import cleaning_report

    whole = [c["source"] for c in trained.features["columns"] if not c["missing"]]
    order = "cleaning or features follow the order of rows: the input was read whole"
    empty = (
        f"{counted(counts.empty_rows, 'row')} without any value answered like the others"
        " (collect leaves such rows out)"
    )
    return [
        *([order] if trained.is_in_order else []),
        *([empty] if counts.empty_rows else []),
        *cell_notes(counts.cells),
        *cleaning_report.boolean_notes(trained.clean, counts.cells),
        *cleaning_report.rule_notes(trained.clean, counts.cells, idle=False),
        *feature_notes(counts.features, whole),
    ]


def by_column(noun: str, what: str, counts: dict[str, int]) -> list[str]:
    """A sentence on one column, or on all of them with the most affected ones first; none on none.

    >>> by_column("value", "too small", {"a": 1200})
    ["'a': 1,200 values too small"]
    >>> by_column("value", "too small", {"a": 1, "b": 2})
    ["3 values too small in 2 columns: 'b' 2, 'a' 1"]
    """
    if len(counts) < 2:
        return [f"{column!r}: {counted(n, noun)} {what}" for column, n in counts.items()]
    total = counted(sum(counts.values()), noun)
    return [f"{total} {what} in {counted(len(counts), 'column')}: {_ranked(counts)}"]


def _ranked(counts: dict[str, int]) -> str:
    ranked = sorted(counts.items(), key=lambda found: -found[1])
    named = [f"{column!r} {n:,}" for column, n in ranked[:MOST_COLUMNS]]
    more = len(ranked) - len(named)
    return ", ".join(named) + (f" and {more:,} more (--json has all)" if more else "")


def cell_notes(cells: dict[str, Any]) -> list[str]:
    """Tokens that were read as missing, and cells that could not be read as their column's type."""
    from nntool.tables.cleaning_report import token_notes

    unfit: dict[str, dict[str, int]] = {}
    for column, kinds in cells.items():
        found = {kind: kinds[kind] for kind in WORDS if kinds.get(kind)}
        if found:
            unfit[column] = found
    by_kind = {kind: sum(found.get(kind, 0) for found in unfit.values()) for kind in WORDS}
    why = ", ".join(f"{n:,} {WORDS[kind]}" for kind, n in by_kind.items() if n)
    totals = {column: sum(found.values()) for column, found in unfit.items()}
    return [*token_notes(cells), *by_column("cell", f"taken as missing ({why})", totals)]


def feature_notes(features: dict[str, Any], whole: Iterable[str]) -> list[str]:
    """Categories not seen in training, values outside its range, gaps where it had none, and more.

    ``whole`` are the columns without gaps in training.
    """
    known = set(whole)
    missing = {column: n for column, n in features.get("missing", {}).items() if column in known}
    return [
        *by_column("cell", "with a category not seen in training", features.get("unseen", {})),
        *by_column("value", "outside the range of training", features.get("outside", {})),
        *by_column("number", "too large for a network, clipped", features.get("clipped", {})),
        *by_column("cell", "missing, where training had none missing", missing),
    ]
