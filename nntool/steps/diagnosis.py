"""What the numbers of a training mean, in words: what is wrong, where, and what to try.

It reads the rows of history.csv, so that a training that was resumed is judged as a whole.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Row = Mapping[str, Any]

VANISHING = 1e-3
"""A hidden layer's gradient this much smaller than that of the output: nothing is left of it."""
EXPLODING = 100.0
"""A gradient this many times its median so far."""
IDLE = 0.5
"""The share of a layer's units that pass no gradient on."""
BOLD_STEP = 0.5
"""An update this large beside the weights that it changes throws away what they had learned."""
TIMID_STEP = 1e-6
"""An update this small beside the weights needs a million of them to matter."""
JUMP = 0.2
"""A training loss that rises by this share of the loss of a constant answer."""
GAP = 0.15
"""Validation loss above training loss, as a share of the loss of a constant answer."""
LITTLE = 0.1
"""The share by which a loss must be below that of a constant answer to be worth something."""
STILL_FALLING = 0.01
"""A fall of the training loss over the last tenth of the epochs, as a share of that loss."""


class Finding(NamedTuple):
    """One thing that is wrong: a word for it, the facts, and what to try."""

    what: str
    facts: str
    advice: str

    def __str__(self) -> str:
        return f"{self.what}: {self.facts} (try {self.advice})"


def of_epoch(rows: Sequence[Row], baseline: float) -> str:
    """What the last of these epochs shows, in short words; empty where all is well.

    ``baseline`` is the training loss of the best constant answer.
    """
    row, before = rows[-1], rows[:-1]
    words = [f"vanishing gradients in {name}" for name in _vanishing(row)]
    words += [f"exploding gradients in {name}" for name in _exploding(row, before)]
    words += [f"idle units in {name}" for name in _idle(row)]
    if _too_bold(row) or _jumped(row, before, baseline):
        words.append("learning rate too high")
    elif _too_timid(row):
        words.append("learning rate too low")
    if _gap(row, baseline) > GAP:
        words.append("overfitting")
    return "; ".join(words)


def of_training(
    rows: Sequence[Row], best: int, baseline: float, *, ended: str, activation: str
) -> list[Finding]:
    """What the whole training shows, judged by the epoch that was kept; [] where all is well."""
    if not rows or not best:
        return []
    found = [*_about_gradients(rows, activation), *_about_idle_units(rows[best - 1], activation)]
    rate = _about_the_rate(rows, best, baseline, ended)
    found += [rate] if rate else []
    fit = _about_the_fit(rows[best - 1], baseline)
    return found + ([fit] if fit else [])


def _about_gradients(rows: Sequence[Row], activation: str) -> list[Finding]:
    found = []
    vanishing = [set(_vanishing(row)) for row in rows]
    for name in _hidden(rows[-1]):
        n = sum(name in names for names in vanishing)
        if 2 * n > len(rows):
            other = "--activation relu or " if activation not in _STRAIGHT else ""
            found.append(
                Finding(
                    "vanishing gradients",
                    f"in {n} of {len(rows)} epochs that of {name} is below a thousandth of the"
                    " output layer's",
                    f"{other}--batch-norm, or fewer layers",
                )
            )
            break  # what reaches this layer reaches none below it
    exploded = [i for i in range(len(rows)) if _exploding(rows[i], rows[:i])]
    if exploded:
        epoch = rows[exploded[0]]["epoch"]
        name = _exploding(rows[exploded[0]], rows[: exploded[0]])[0]
        found.append(
            Finding(
                "exploding gradients",
                f"that of {name} was over {EXPLODING:g} times its median in epoch {epoch}",
                "--clip-norm 1, or a smaller --learning-rate",
            )
        )
    return found


def _about_idle_units(row: Row, activation: str) -> list[Finding]:
    dead = activation in _STRAIGHT
    advice = (
        "--activation leaky-relu, or a smaller --learning-rate"
        if dead
        else "--batch-norm, --activation relu, or transform --scale standard"
    )
    return [
        Finding(
            "dead units" if dead else "saturated units",
            f"{row[f'{name}_idle']:.0%} of {name} pass no gradient on",
            advice,
        )
        for name in _idle(row)
    ]


def _about_the_rate(rows: Sequence[Row], best: int, baseline: float, ended: str) -> Finding | None:
    wild = [i for i, row in enumerate(rows) if i and _jumped(row, rows[:i], baseline)]
    if len(wild) > max(1, len(rows) // 10):
        return Finding(
            "learning rate too high",
            f"the training loss jumped up in {len(wild)} of {len(rows)} epochs",
            "a smaller --learning-rate, or --schedule plateau",
        )
    last, tenth = rows[-1], rows[-max(2, len(rows) // 10) :]
    fall = tenth[0]["train_loss"] - last["train_loss"]
    falling = fall > STILL_FALLING * abs(last["train_loss"])
    if ended == "epochs" and best == last["epoch"] and falling:
        slow = " or a larger --learning-rate" if _worth(last, baseline) < 2 * LITTLE else ""
        return Finding(
            "not finished",
            f"the loss was still falling in the last epoch, {best}",
            f"more --epochs{slow}",
        )
    return None


def _about_the_fit(row: Row, baseline: float) -> Finding | None:
    gap, worth = _gap(row, baseline), _worth(row, baseline)
    losses = f"training loss {row['train_loss']:.4g}"
    if row["validation_loss"] is not None:
        losses += f", validation loss {row['validation_loss']:.4g}"
    losses += f", {baseline:.4g} for a constant answer"
    if gap > GAP:
        return Finding(
            "overfitting (variance)",
            losses,
            "a larger --dropout or --penalty l2:rate=…, a smaller --hidden, or more rows",
        )
    if worth < LITTLE:
        return Finding(
            "underfitting (bias)",
            losses,
            "a larger --hidden, a smaller --penalty or --dropout, more --epochs, or other features",
        )
    return None


_STRAIGHT = ("relu", "leaky-relu", "elu", "selu", "gelu", "silu", "mish", "softplus", "identity")
"""Activations whose slope is about 1 wherever the unit is active."""


def _hidden(row: Row) -> list[str]:
    """The hidden layers, from the input side."""
    return [key.removesuffix("_idle") for key in row if key.endswith("_idle")]


def _vanishing(row: Row) -> list[str]:
    limit = VANISHING * row.get("output_gradient", 0.0)
    return [name for name in _hidden(row) if row[f"{name}_gradient"] < limit]


def _exploding(row: Row, before: Sequence[Row]) -> list[str]:
    if len(before) < 5:
        return []
    found = []
    for name in [*_hidden(row), "output"]:
        key = f"{name}_gradient"
        usual = statistics.median(earlier[key] for earlier in before)
        if usual > 0 and row[key] > EXPLODING * usual:
            found.append(name)
    return found


def _idle(row: Row) -> list[str]:
    return [name for name in _hidden(row) if (row[f"{name}_idle"] or 0.0) >= IDLE]


def _step_sizes(row: Row) -> list[float]:
    """The size of an update beside that of the weights, by layer with activations and output."""
    names = [*_hidden(row), "output"]
    return [row[f"{n}_update"] / row[f"{n}_norm"] for n in names if row.get(f"{n}_norm")]


def _too_bold(row: Row) -> bool:
    return row["epoch"] > 1 and max(_step_sizes(row), default=0.0) > BOLD_STEP


def _too_timid(row: Row) -> bool:
    sizes = _step_sizes(row)
    return bool(sizes) and max(sizes) < TIMID_STEP and row["gradient_norm"] > 0


def _jumped(row: Row, before: Sequence[Row], baseline: float) -> bool:
    if not before or row.get("undone"):
        return False
    return bool(row["train_loss"] - before[-1]["train_loss"] > JUMP * abs(baseline))


def _gap(row: Row, baseline: float) -> float:
    """Validation loss above training loss, as a share of the loss of a constant answer."""
    if row["validation_loss"] is None or not baseline:
        return 0.0
    return float((row["validation_loss"] - row["train_loss"]) / abs(baseline))


def _worth(row: Row, baseline: float) -> float:
    """How far the better of both losses is below that of a constant answer, as a share of it."""
    losses = [row["train_loss"], row["validation_loss"]]
    least = min(loss for loss in losses if loss is not None)
    return float((baseline - least) / abs(baseline)) if baseline else 1.0
