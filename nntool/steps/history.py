"""The epochs of a training: as rows of history.csv, as a line while it runs, as a verdict."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nntool.nn.outputs import Output
    from nntool.nn.reports import Diverged, EpochReport

Metrics = Callable[[Any, Any, Any], dict[str, float]]


def metrics_of(task: str, output: Output) -> Metrics:
    """What is measured on validation rows in each epoch: accuracy, or R² and MAE."""
    import numpy as np

    def of_classes(z: Any, target: Any, weight: Any) -> dict[str, float]:
        return {"accuracy": float(np.mean(output.decide(z) == target))}

    def of_values(z: Any, target: Any, weight: Any) -> dict[str, float]:
        truth = output.head.target_map.to_own(target)
        error = output.values(z) - truth
        spread = float(np.sum((truth - truth.mean()) ** 2))
        found = {"mae": float(np.mean(np.abs(error)))}
        if spread:  # of a constant target no share is explained, and none is made up
            found["r2"] = 1 - float(np.sum(error**2)) / spread
        return found

    return of_values if task == "regression" else of_classes


def row(report: EpochReport) -> dict[str, Any]:
    """An epoch as the columns of history.csv."""
    found: dict[str, Any] = {
        "epoch": report.epoch,
        "train_loss": report.train_loss,
        "validation_loss": report.validation_loss,
    }
    found |= {f"validation_{name}": value for name, value in (report.metrics or {}).items()}
    found |= {
        "penalty": report.penalty,
        "learning_rate": report.learning_rate,
        "gradient_norm": report.gradient_norm,
        "improved": int(report.improved),
    }
    for layer in report.layers:
        found[f"{layer.name}_gradient"] = layer.gradient_norm
        found[f"{layer.name}_update"] = layer.update_norm
    return found


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows as CSV with LF; numbers in the shortest form that reads back exactly."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        if rows:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def line(report: EpochReport, seconds_left: float) -> str:
    """An epoch in one line: losses and the time left at most."""
    held = "" if report.validation_loss is None else f" validation {report.validation_loss:.4g}"
    minutes, seconds = divmod(int(seconds_left + 0.5), 60)
    return f"loss {report.train_loss:.4g}{held}, at most {minutes}:{seconds:02d} left"


def summary(epochs: list[dict[str, Any]], best: int, ended: str, monitor: str) -> str:
    """How training ended and which weights were kept."""
    if not best:
        return "no epoch was finished: the model has its initial weights"
    why = {
        "patience": "stopped early",
        "epochs": "all epochs done",
        "asked": "stopped on request",
    }[ended]
    at = epochs[best - 1]
    losses = f"training loss {at['train_loss']:.4g}"
    if at["validation_loss"] is not None:
        losses += f", validation loss {at['validation_loss']:.4g}"
    return f"{why} after {len(epochs)} epochs; kept epoch {best}, the best by {monitor} ({losses})"


def divergence(error: Diverged) -> str:
    """Where the loss stopped being a number."""
    where = f"batch {error.batch}" if error.batch is not None else "validation"
    if error.layer == "data":
        return f"the inputs of epoch {error.epoch}, {where}, are not finite"
    return (
        f"the loss is not finite: epoch {error.epoch}, {where}, layer {error.layer},"
        f" learning rate {error.learning_rate:g}"
    )
