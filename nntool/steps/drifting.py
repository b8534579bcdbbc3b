"""``predict --drift-limit``: whether the rows to predict still look like those of training."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nntool.errors import GateError, StaleError
from nntool.settings.wording import counted, listed
from nntool.steps.job import Outcome, TableView
from nntool.steps.trained_run import TrainedRun

if TYPE_CHECKING:
    import pyarrow as pa

    from nntool.tables.stability import Drift


def references(trained: TrainedRun) -> dict[str, Any]:
    """What training rows looked like, for the clean columns that the model depends on."""
    if trained.reference is None:
        run = trained.run
        raise StaleError(
            "--drift-limit compares with the training rows, and this run was transformed by a"
            " version that did not keep what they look like: transform again",
            f"{run.command('transform')} --force, then nntool run {shlex.quote(str(run.root))}",
        )
    return {name: kept for name, kept in trained.reference.items() if name in trained.columns}


def count(typed: pa.RecordBatch, references: Mapping[str, Any]) -> dict[str, Any]:
    """How many of some typed rows fall into each bin of each column."""
    from nntool.tables import drift
    from nntool.tables.transforming import values_of

    return {
        name: drift.count(values_of(typed.column(name)), kept) for name, kept in references.items()
    }


def tell(
    bins: Mapping[str, Any],
    references: Mapping[str, Any],
    limit: float,
    target: str,
    outcome: Outcome,
) -> None:
    """Put the drift of all columns into the outcome; raise ``GateError`` where it is too large."""
    from nntool.tables import stability

    n_rows = max((int(of_column.sum()) for of_column in bins.values()), default=0)
    found = stability.compare(bins, references, limit) if n_rows else []
    outcome.report["drift"] = {
        "limit": limit,
        "rows": n_rows,
        "columns": {one.column: _plain(one) for one in found},
    }
    if not found:
        return
    named = [one for one in found if one.is_named]
    if not named:
        worst = found[0]
        outcome.notes.append(
            f"no column has drifted: {worst.column!r} comes nearest to it, with an index of"
            f" {worst.psi:.3g} where {worst.allowed:.3g} is allowed"
        )
        return
    outcome.tables.append(_table(named))
    words = (f"{one.column!r} ({one.psi:.3g}, {one.allowed:.3g} allowed)" for one in named)
    gate = GateError(
        f"{len(named)} of {counted(len(found), 'column')} drifted from the training rows:"
        f" {listed(words, 8)}; the predictions are written",
        f"--drift-limit {_enough(named, limit):g} to allow it; if the rows are right, train on"
        " newer ones: nntool run NEW_RUN --data NEWER.csv --target " + shlex.quote(target),
    )
    gate.outcome = outcome
    raise gate


def _plain(one: Drift) -> dict[str, Any]:
    most = {"bin": one.bin, "before": one.before, "now": one.now}
    return {"index": one.psi, "allowed": one.allowed, "drifted": one.is_named, "most": most}


def _table(named: list[Drift]) -> TableView:
    header = ["drifted", "index", "allowed", "most in", "in training", "now"]
    rows = [
        [
            one.column,
            f"{one.psi:.3f}",
            f"{one.allowed:.3f}",
            one.bin,
            f"{one.before:.1%}",
            f"{one.now:.1%}",
        ]
        for one in named
    ]
    return TableView("drift", header, rows)


def _enough(named: list[Drift], limit: float) -> float:
    """The least limit, to a tenth, that names none."""
    beyond = max(one.psi - one.allowed for one in named)
    return math.ceil(10 * (limit + beyond)) / 10
