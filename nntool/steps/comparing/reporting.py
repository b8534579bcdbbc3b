"""A comparison as --json has it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from nntool.steps.comparing import differing, judging
from nntool.steps.comparing.contestants import Contestant
from nntool.steps.comparing.differing import Difference
from nntool.steps.comparing.judging import Row


def report(contestants: Sequence[Contestant]) -> dict[str, Any]:
    """All that is shown, and what the picture is drawn from; values in the order of the runs."""
    return {
        "runs": [_plain(one) for one in contestants],
        "settings": list(map(_difference, differing.in_settings(contestants))),
        "data": list(map(_difference, differing.in_data(contestants))),
        "versions": list(map(_difference, differing.in_versions(contestants))),
        "scores": list(map(_row, judging.scores(contestants))),
        "validation": list(map(_row, judging.validation(contestants))),
        "not_comparable": judging.not_comparable(contestants),
    }


def _plain(one: Contestant) -> dict[str, Any]:
    """A contestant as --json has it."""
    scores = one.scores
    return {
        "mark": one.mark,
        "name": one.name,
        "path": one.path,
        "state": "stale" if one.stale else "fresh",
        "reason": one.stale.why if one.stale else "",
        "status": one.status,
        "task": one.task,
        "target": one.target,
        "data": one.data,
        "versions": one.versions,
        "optimizer": one.setting("train", "optimizer"),
        "parameters": one.trained.parameters,
        "networks": one.trained.networks,
        "counts": one.counts,
        "epochs": one.trained.epochs,
        "best_epoch": one.trained.best_epoch,
        "ended": one.trained.ended,
        "seconds": one.seconds,
        "scored": scores and {"rows": scores.rows, "count": scores.n_rows, "level": scores.level},
        "not_scored": one.unscored.why if one.unscored else "",
        "take_over": one.take_over,
        "curve": {name: _finite(losses) for name, losses in one.losses.items()},
    }


def _finite(losses: Sequence[float | None]) -> list[float | None]:
    return [None if loss is None or not math.isfinite(loss) else loss for loss in losses]


def _difference(one: Difference) -> dict[str, Any]:
    return {"name": one.name, "values": one.values}


def _row(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "values": row.values,
        "intervals": row.intervals,
        "verdicts": row.verdicts,
        "higher_is_better": row.higher_is_better,
    }
