"""Intervals of values and sets of classes: what ``predict`` writes and ``evaluate`` checks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nntool.errors import UsageError
from nntool.run.directory import Run
from nntool.settings.split import SplitSettings
from nntool.settings.wording import counted, number
from nntool.steps import retraining

if TYPE_CHECKING:
    from nntool.steps.model import Model
    from nntool.steps.scoring import Scored
    from nntool.tables.page import Part

LARGEST_SHARE = 0.9
"""The share of the validation rows that is proposed for calibration at most."""
KNOWN_ROWS = {
    "train": "; the network learned from these rows, so that this says little of others",
    "validation": ", which are among these rows",
}
"""What is to be said of the coverage on a part that training saw."""
LEAST_TRAINING = 0.3
"""The share of all rows that a proposed split leaves for training at least."""


@dataclass(frozen=True)
class Intervals:
    """The intervals or sets of a model at one level; made by `intervals_of`."""

    classes: list[str] | None
    level: float
    limit: float
    """The half-width of an interval; 1 − the least probability of a class in a set."""
    rows: int
    """How many rows calibrated it."""
    shared: bool
    """Whether these rows also chose when to stop."""

    def part(self) -> Part:
        """The columns of the output."""
        from nntool.tables.conformal import ClassSet, Interval

        if self.classes is None:
            return Interval(self.limit)
        return ClassSet(tuple(self.classes), self.limit)

    def notes(self) -> list[str]:
        """What is to be said of the level."""
        if not self.shared:
            return []
        return [
            f"--interval {self.level:g}: coverage falls short of it (of 0.9, mostly to 0.85 to"
            " 0.89), for the rows that set the limits also chose when to stop (train --calibration"
            " 0.5)"
        ]

    def check(self, scored: Scored) -> dict[str, Any]:
        """How the level was kept on rows with a target, as metrics.json has it."""
        from nntool.tables import conformal

        found: dict[str, Any] = {
            "level": self.level,
            "calibration_rows": self.rows,
            "shared": self.shared,
        }
        if self.classes is None:
            cover = conformal.coverage_of_values(scored.target, scored.decided, self.limit)
            found |= {"half_width": self.limit}
        else:
            cover = conformal.coverage_of_classes(scored.target, scored.probabilities, self.limit)
            found |= {"least_probability": 1 - self.limit}
        if cover is None:
            return found | {"rows": 0}
        size = "mean_width" if self.classes is None else "mean_set_size"
        spread = conformal.chance(self.rows, cover.rows, self.level)
        found |= {"rows": cover.rows, "covered": cover.covered, size: cover.mean_size}
        return found | {"chance": spread}


def intervals_of(run: Run, model: Model, level: float) -> Intervals:
    """The intervals of a model; raises ``UsageError`` where it cannot have them, with a way out."""
    from nntool.tables import conformal

    asked = f"--interval {level:g}"
    known = model.plain.get("calibration")
    if known is None:
        raise UsageError(
            f"{asked}: this model was trained before there were intervals",
            f"{run.command('train')} --force",
        )
    if model.classes is not None and not model.has_probabilities:
        raise UsageError(
            f"{asked}: sets need probabilities, and the loss {model.loss_name} gives none",
            retraining.for_probabilities(run),
        )
    needed = conformal.rows_needed(level)
    scores = model.scores
    n = 0 if scores is None else len(scores)
    if scores is None or n < needed:
        raise UsageError(_too_few(asked, known, needed, n), _way_out(run, known, needed, n))
    q = conformal.limit(scores, level)
    return Intervals(model.classes, level, q, n, known["shared"])


def _too_few(asked: str, known: dict[str, Any], needed: int, n: int) -> str:
    facts = f"{asked} needs {counted(needed, 'calibration row')}"
    if not known["validation_rows"]:
        return f"{facts}, and the split of this training had no validation rows"
    if known["shared"]:
        return f"{facts}, and all validation rows of this training are {n:,}"
    return f"{facts}, and training kept {n:,} of {known['validation_rows']:,} validation rows apart"


def _way_out(run: Run, known: dict[str, Any], needed: int, n: int) -> str:
    """More calibration rows, by another share or another split; or the level that there can be."""
    from nntool.tables import conformal

    lower = f", or --interval {conformal.highest_level(n):g} or less" if n else ""
    share = math.ceil(100 * needed / max(known["validation_rows"], 1)) / 100
    if share <= LARGEST_SHARE:
        return f"{run.command('train')} --calibration {share:g}{lower}"
    return f"{_larger_split(run, 2 * needed)}{lower}"


def _larger_split(run: Run, wanted: int) -> str:
    """A split that gives so many validation rows, where the table has enough of them."""
    split, trained = run.entry("split"), run.entry("train")
    asked = {} if split is None else split.settings
    n_training = trained.rows.count if trained is not None and trained.rows is not None else 0
    if n_training and asked.get("train"):
        share = math.ceil(100 * wanted * asked["train"] / n_training) / 100
        validation = max(share, SplitSettings().validation)
        training = round(asked["train"] + asked.get("validation", 0) - validation, 2)
        if training >= LEAST_TRAINING:
            return f"{run.command('split')} --train {training:g} --validation {validation:g}"
    return f"more rows: it takes about {wanted:,} in validation"


def coverage(
    run: Run, scored: Scored, level: float, *, required: bool
) -> tuple[dict[str, Any], list[str]]:
    """For ``evaluate``: how a level was kept on the scored rows, and what to say of it.

    Where the model can have no such intervals: raises ``UsageError`` if they are ``required``, and
    else says why.
    """
    try:
        found = intervals_of(run, scored.model, level)
    except UsageError as error:
        if required:
            raise
        return {"level": level, "why_none": str(error)}, [f"no intervals: {error}"]
    report = found.check(scored)
    return report, [] if not report["rows"] else [_coverage_note(found, report, scored.name)]


def _coverage_note(intervals: Intervals, report: dict[str, Any], part: str) -> str:
    """One line, as in: 90 % intervals cover 0.897 of 300 rows, …"""
    if intervals.classes is None:
        kind, size = "intervals", f"half-width {number(intervals.limit)}"
    else:
        kind, size = "sets", f"{report['mean_set_size']:.2f} classes a set"
        if report["covered"] > intervals.level + 2 * report["chance"]:
            size += " (at least the likeliest, so that they cover more)"
    basis = f"{counted(intervals.rows, 'calibration row')}"
    if intervals.shared:
        basis += " that also chose when to stop, so less is to be expected"
    reached = f"{report['covered']:.3f} of {counted(report['rows'], 'row')}"
    return (
        f"{100 * intervals.level:g} % {kind} cover {reached} (chance: ± {report['chance']:.2g});"
        f" {size}, from {basis}{KNOWN_ROWS.get(part, '')}"
    )
