"""Which contestant is better, row by row, where that can be said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nntool.steps.comparing.contestants import Contestant

BEST, ALIKE, WORSE = "best", "alike", ""
"""What is said of a value: the best; not told apart from the best; neither."""
OF_LOSS = ("loss", "label_smoothing", "class_weights", "sample_weight", "target_coding")
"""Settings of train without which losses are not in the same unit."""


class Row(NamedTuple):
    """A figure of all contestants."""

    name: str
    values: list[float | None]
    intervals: list[list[float] | None]
    verdicts: list[str]
    higher_is_better: bool
    is_further: bool = False
    """Whether tables leave it out."""

    @property
    def has_values(self) -> bool:
        """Whether anyone has a value."""
        return any(value is not None for value in self.values)


def verdicts(
    values: Sequence[float | None],
    intervals: Sequence[list[float] | None],
    *,
    higher_is_better: bool,
) -> list[str]:
    """What is said of each value.

    A value is not told apart from the best where one of the two lies in the other's interval.
    Where all are alike nothing is said.

    >>> verdicts([0.9, 0.8, 0.7], [[0.85, 0.95], [0.75, 0.91], None], higher_is_better=True)
    ['alike', 'alike', '']
    >>> verdicts([0.9, 0.8, None], [None, None, None], higher_is_better=False)
    ['', 'best', '']
    """
    known = [i for i, value in enumerate(values) if value is not None]
    if len(known) < 2:
        return [WORSE] * len(values)
    sign = 1 if higher_is_better else -1
    best = max(known, key=lambda i: sign * _number(values[i]))
    alike = [
        i
        for i in known
        if values[i] == values[best]
        or _is_in(values[i], intervals[best])
        or _is_in(values[best], intervals[i])
    ]
    if len(alike) == len(known):
        return [WORSE] * len(values)
    word = BEST if len(alike) == 1 else ALIKE
    return [word if i in alike else WORSE for i in range(len(values))]


def _number(value: float | None) -> float:
    return 0.0 if value is None else value


def _is_in(value: float | None, interval: list[float] | None) -> bool:
    return value is not None and interval is not None and interval[0] <= value <= interval[1]


def scores(contestants: Sequence[Contestant]) -> list[Row]:
    """The metrics of ``evaluate``, judged where all are scored on the same rows."""
    from nntool.tables.metrics import METRICS

    is_judged = not why_not_scores(contestants)
    found = []
    for name, metric in METRICS[contestants[0].task].items():
        values = [one.scores.metrics.get(name) if one.scores else None for one in contestants]
        intervals = [one.scores.intervals.get(name) if one.scores else None for one in contestants]
        row = _row(name, values, intervals, metric.higher_is_better, is_judged=is_judged)
        found.append(row._replace(is_further=metric.is_further))
    return [row for row in found if row.has_values]


def validation(contestants: Sequence[Contestant]) -> list[Row]:
    """Losses and validation metrics of the epochs that were kept.

    The training loss is not judged: dropout and noise are in it, and learning by heart lowers it.
    """
    from nntool.tables.metrics import METRICS

    same_rows, same_losses = not why_not_validation(contestants), not why_not_losses(contestants)
    shown = [("train_loss", False, False), ("validation_loss", False, same_rows and same_losses)]
    shown += [
        (f"validation_{name}", metric.higher_is_better, same_rows)
        for name, metric in METRICS[contestants[0].task].items()
    ]
    found = []
    for name, higher, is_judged in shown:
        values = [one.trained.at_best.get(name) for one in contestants]
        found.append(_row(name, values, [None] * len(values), higher, is_judged=is_judged))
    return [row for row in found if row.has_values]


def _row(
    name: str,
    values: list[float | None],
    intervals: Sequence[list[float] | None],
    higher: bool,
    *,
    is_judged: bool,
) -> Row:
    said = verdicts(values, intervals, higher_is_better=higher)
    return Row(name, values, list(intervals), said if is_judged else [WORSE] * len(values), higher)


def why_not_rows(contestants: Sequence[Contestant]) -> str:
    """Why the parts of the rows cannot be compared; empty where they can."""
    if len({one.target for one in contestants}) > 1:
        targets = ", ".join(dict.fromkeys(repr(one.target) for one in contestants))
        return f"they predict different targets ({targets})"
    if len({one.held[0] for one in contestants}) > 1:
        return "they learned from different tables"
    if len({one.held[1] for one in contestants}) > 1:
        return "their rows were dealt otherwise to training, validation and test"
    return ""


def why_not_validation(contestants: Sequence[Contestant]) -> str:
    """Why validation figures cannot be compared; empty where they can."""
    if why := why_not_rows(contestants):
        return why
    kept_apart = {
        (share, one.setting("train", "seed")) if share else ()
        for one in contestants
        for share in [one.setting("train", "calibration")]
    }
    if len(kept_apart) > 1:
        return "by other seeds or --calibration other validation rows are kept for calibration"
    return ""


def why_not_scores(contestants: Sequence[Contestant]) -> str:
    """Why the scores of ``evaluate`` cannot be compared; empty where they can."""
    if len({one.target for one in contestants}) > 1:
        return why_not_rows(contestants)
    scored = [one.scores for one in contestants if one.scores is not None]
    if len({one.of for one in scored}) < 2 and len({one.rows for one in scored}) < 2:
        return ""
    if len({one.rows for one in scored}) > 1:
        rows = ", ".join(dict.fromkeys(one.rows for one in scored))
        return f"they are of different rows ({rows})"
    return why_not_rows(contestants) or "they are not of the same rows"


def why_not_losses(contestants: Sequence[Contestant]) -> str:
    """Why losses cannot be compared, where the rows are the same; empty where they can."""
    for name in OF_LOSS:
        values = [str(one.setting("train", name)) for one in contestants]
        if len(set(values)) > 1:
            return f"train.{name} is not the same"
    if len({str(one.setting("transform", "target_scaling")) for one in contestants}) > 1:
        return "transform.target_scaling is not the same"
    return ""


def not_comparable(contestants: Sequence[Contestant]) -> dict[str, str]:
    """What cannot be compared, and why; an empty text where it can."""
    has_scores = any(one.scores for one in contestants)
    return {
        "scores": why_not_scores(contestants) if has_scores else "",
        "validation figures": why_not_validation(contestants),
        "losses": why_not_losses(contestants),
    }
