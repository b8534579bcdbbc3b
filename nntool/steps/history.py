"""The epochs of a training: as rows of history.csv, as a line while it runs, as a verdict."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nntool.settings.wording import counted
from nntool.steps.job import LearningCurve

LOSSES = ("train_loss", "validation_loss")

if TYPE_CHECKING:
    from nntool.nn.reports import Diverged, EpochReport


def row(report: EpochReport) -> dict[str, Any]:
    """An epoch as the columns of history.csv."""
    found: dict[str, Any] = {
        "epoch": report.epoch,
        "train_loss": report.train_loss,
        "validation_loss": report.validation_loss,
    }
    measured = {"train": report.train_metrics or {}, "validation": report.metrics or {}}
    for part, metrics in measured.items():
        for name, value in metrics.items():
            found[f"{part}_{name}"] = None if math.isnan(value) else value
    found |= {
        "penalty": report.penalty,
        "learning_rate": report.learning_rate,
        "gradient_norm": report.gradient_norm,
        "improved": int(report.improved),
        "undone": int(report.undone),
        **report.counts,
    }
    for layer in report.layers:
        found[f"{layer.name}_gradient"] = layer.gradient_norm
        found[f"{layer.name}_update"] = layer.update_norm
        found[f"{layer.name}_norm"] = layer.norm
        if layer.has_activation:
            found[f"{layer.name}_idle"] = layer.idle
    return found


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows as CSV with LF; numbers in the shortest form that reads back exactly."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        if rows:
            columns = dict.fromkeys(name for row in rows for name in row)
            writer = csv.DictWriter(file, list(columns), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def read_losses(path: Path) -> dict[str, list[float | None]]:
    """The training and the validation losses of a written history, epoch by epoch."""
    return losses_in(path.read_text(encoding="utf-8"))


def losses_in(text: str) -> dict[str, list[float | None]]:
    """The same of the text of a history."""
    rows: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(text, newline="")))
    for row in rows:
        row |= {name: float(row[name]) if row[name] else None for name in LOSSES}
    return losses_of(rows)


def losses_of(rows: list[dict[str, Any]]) -> dict[str, list[float | None]]:
    """The same of the rows of a history that is not written yet.

    Of several members it is, epoch by epoch, the mean of those that had this epoch.
    """
    epochs: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        epochs.setdefault(int(row["epoch"]), []).append(row)
    return {name: [_mean([r[name] for r in at]) for at in epochs.values()] for name in LOSSES}


def _mean(values: list[float | None]) -> float | None:
    """The mean of what there is; one value as it is."""
    known = [value for value in values if value is not None]
    return known[0] if len(known) == 1 else math.fsum(known) / len(known) if known else None


def curve(losses: dict[str, list[float | None]], best: int) -> LearningCurve:
    """The losses of all epochs as a picture."""
    return LearningCurve(losses["train_loss"], losses["validation_loss"], best)


def losses(report: EpochReport) -> str:
    """The losses of an epoch, in a few words."""
    held = "" if report.validation_loss is None else f"validation {report.validation_loss:.4g}, "
    nouns = {name: name.replace("_", " ").removesuffix("s") for name in report.counts}
    counts = "".join(f"{counted(n, nouns[name])}, " for name, n in report.counts.items() if n)
    return f"loss {report.train_loss:.4g}, {held}{counts}"


def clock(seconds: float) -> str:
    """A time as one reads it from a clock.

    >>> clock(75.2), clock(7384), clock(float("inf"))
    ('1:15', '2:03:04', '?')
    """
    if not math.isfinite(seconds):
        return "?"
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


UNFINISHED = "unfinished"
"""How a member ended that was trained together with one that diverged."""


class Ending(NamedTuple):
    """Why a training ended, in words: of one, and of several of an ensemble."""

    alone: str
    of_members: str


ENDINGS = {
    "patience": Ending("stopped early", "stopped early"),
    "epochs": Ending("all epochs done", "had all epochs"),
    "converged": Ending("nothing more to learn", "had nothing more to learn"),
    "asked": Ending("stopped on request", "was interrupted"),
    "diverged": Ending("diverged", "diverged"),
    UNFINISHED: Ending("not finished", "was not finished"),
}
"""By `Trainer.ended`, or `UNFINISHED`."""


def summary(
    epochs: list[dict[str, Any]],
    best: int,
    ended: str,
    monitor: str,
    *,
    judged: bool,
    conclusion: str = "",
) -> str:
    """How training ended and which weights were kept; ``judged`` if any had a value to go by.

    ``conclusion`` is why there is nothing more to learn, where the method says so.
    """
    if not best:
        return "no epoch was finished: the model has its initial weights"
    why = ENDINGS[ended].alone
    at = epochs[best - 1]
    losses = f"training loss {at['train_loss']:.4g}"
    if at["validation_loss"] is not None:
        losses += f", validation loss {at['validation_loss']:.4g}"
    reason = f"the best by {monitor}" if judged else f"the last: none had a value of {monitor}"
    count = "1 epoch" if len(epochs) == 1 else f"{len(epochs)} epochs"
    because = f": {conclusion}" if conclusion else ""
    return f"{why} after {count}{because}; kept epoch {best}, {reason} ({losses})"


RISE = 0.01
"""The share of a loss by which it is seen to rise in a picture."""


def given_for_penalties(epochs: list[dict[str, Any]]) -> list[str]:
    """That a loss rises while its sum with the penalties, which was made small, falls."""
    losses = [at["train_loss"] for at in epochs]
    sums = [at["train_loss"] + at["penalty"] for at in epochs]
    rises = sum(
        losses[i] > (1 + RISE) * losses[i - 1] and sums[i] < sums[i - 1]
        for i in range(1, len(epochs))
    )
    if not rises:
        return []
    return [
        f"the training loss rose in {counted(rises, 'epoch')}, and its sum with the penalties,"
        " which is what the method makes small, fell (--penalty; history.csv: train_loss, penalty)"
    ]


def divergence(error: Diverged) -> dict[str, Any]:
    """Where a number was first not finite, as plain data."""
    rate = error.learning_rate  # full-batch methods have none
    where = f"batch {error.batch}" if error.batch is not None else "validation"
    if error.layer == "data":
        words = f"the inputs of epoch {error.epoch}, {where}, are not finite"
    else:
        at_rate = "" if math.isnan(rate) else f", learning rate {rate:g}"
        words = (
            f"the loss is not finite: epoch {error.epoch}, {where}, layer {error.layer}{at_rate}"
        )
    return {
        "message": words,
        "epoch": error.epoch,
        "batch": error.batch,
        "layer": error.layer,
        "learning_rate": None if math.isnan(rate) else rate,
    }
