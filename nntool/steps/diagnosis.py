"""What the numbers of a training mean, in words: what is wrong, where, and what to try.

It reads the rows of history.csv, so that a training that was resumed is judged as a whole.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from nntool.steps.remedies import Remedies
from nntool.steps.yardstick import GAP, LITTLE, Yardstick

Row = Mapping[str, Any]
ALL = Remedies()
"""What can be tried with a rule on mini-batches: all there is."""

VANISHING = 1e-3
"""A hidden layer's gradient this much smaller than that of the output: nothing is left of it."""
EXPLODING = 100.0
"""A layer's gradient this many times what that of the whole network usually was before."""
USUAL = 100
"""So many epochs before one, at most, say what its gradient usually is."""
NEARLY_ALL = 0.95
"""The share of what there is to learn from which on idle units are no fault."""
IDLE = 0.5
"""The share of a layer's units that pass no gradient on."""
BOLD_STEP = 0.5
"""An update this large beside the weights that it changes throws away what they had learned."""
TIMID_STEP = 1e-5
"""An update this small beside the weights, while nothing is learned yet, leads nowhere."""
JUMP = 0.2
"""A training loss that rises by this share of what there is to learn."""
MUCH = 0.3
"""Having learned more than this share of it shows that the network can."""
WORTH = 0.002
"""A fall of a loss that is worth more epochs, as a share of what there is to learn."""
STILL_FALLING = 0.01
"""A fall of the training loss over the last tenth of the epochs, as a share of that loss."""


class Finding(NamedTuple):
    """One thing that is wrong: a word for it, the facts, and what to try."""

    what: str
    facts: str
    advice: str

    def __str__(self) -> str:
        return f"{self.what}: {self.facts} (try {self.advice})"


def of_epoch(rows: Sequence[Row], yardstick: Yardstick, means: Remedies = ALL) -> str:
    """What the last of these epochs shows, in short words; empty where all is well."""
    row, before = rows[-1], rows[:-1]
    words = [f"vanishing gradients in {name}" for name in _vanishing(row)]
    if means.rate:
        words += [f"exploding gradients in {name}" for name in _exploding(row, before)]
    words += [f"idle units in {name}" for name in _idle(row)]
    if means.rate and (_too_bold(row) or _jumped(row, before, yardstick)):
        words.append("learning rate too high")
    elif means.rate and _too_timid(row, yardstick):
        words.append("learning rate too low")
    # one epoch alone may be chance, and averaged weights begin far behind and come nearer
    if all(_overfits(r, yardstick) and not r["improved"] for r in rows[-2:]):
        words.append("overfitting")
    return "; ".join(words)


def of_training(
    rows: Sequence[Row],
    best: int,
    yardstick: Yardstick,
    *,
    ended: str,
    activation: str,
    kept_loss: float | None = None,
    means: Remedies = ALL,
) -> list[Finding]:
    """What the whole training shows, judged by the epoch that was kept; [] where all is well.

    ``kept_loss`` is the loss of the kept weights on training rows, for trainings whose own is of
    other weights or rows (`Yardstick.like`). ``means`` is what the method can take.
    """
    if not rows or not best:
        return []
    found = _about_gradients(rows, activation, means)
    if _learned(rows[best - 1], yardstick) < NEARLY_ALL:  # else that is how units say yes and no
        found += _about_idle_units(rows[best - 1], activation, means)
    rate = _about_the_rate(rows, yardstick) if means.rate else None
    rate = rate or _not_finished(rows, best, yardstick, ended, means)
    fit = _about_the_fit(rows, best, yardstick, ended, kept_loss, means)
    found += [rate] if rate else []
    if fit and fit.what.startswith("underfitting") and found:
        return found  # here is why
    if rate and rate.what == "not finished":
        return found  # validation rows got better to the end
    return found + ([fit] if fit else [])


def _about_gradients(rows: Sequence[Row], activation: str, means: Remedies) -> list[Finding]:
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
    for i, row in enumerate(rows if means.rate else ()):
        if names := _exploding(row, rows[max(0, i - USUAL) : i]):
            found.append(
                Finding(
                    "exploding gradients",
                    f"in epoch {row['epoch']} that of {names[0]} was over {EXPLODING:g} times what"
                    " the whole gradient usually was",
                    "--clip-norm 1, or a smaller --learning-rate",
                )
            )
            break
    return found


def _about_idle_units(row: Row, activation: str, means: Remedies) -> list[Finding]:
    dead = activation in _STRAIGHT
    found = []
    for name in _idle(row):
        share = row[f"{name}_idle"]
        advice = "--batch-norm, --activation relu, or transform --scale standard"
        if dead:  # all of them are so where they began alike: with weights of 0, say
            begin = "--initializer auto, " if share == 1 else ""
            advice = f"{begin}--activation leaky-relu"
            advice += ", or a smaller --learning-rate" if means.rate else ""
        what = "dead units" if dead else "saturated units"
        found.append(Finding(what, f"{share:.0%} of {name} pass no gradient on", advice))
    return found


def _about_the_rate(rows: Sequence[Row], yardstick: Yardstick) -> Finding | None:
    wild = sum(
        _too_bold(row) or _jumped(row, rows[i - 1 : i], yardstick)
        for i, row in enumerate(rows)
        if i
    )
    if wild > max(1, len(rows) // 20):
        return Finding(
            "learning rate too high",
            f"in {wild} of {len(rows)} epochs the training loss jumped up, or an update was over"
            " half the size of the weights",
            "a smaller --learning-rate, or --schedule plateau",
        )
    timid = sum(_too_timid(row, yardstick) for row in rows)
    if 2 * timid > len(rows):
        return Finding(
            "learning rate too low",
            f"in {timid} of {len(rows)} epochs nothing was learned yet and an update was below"
            f" {TIMID_STEP:g} of the size of the weights",
            "a larger --learning-rate, or --learning-rate auto",
        )
    return None


def _not_finished(
    rows: Sequence[Row], best: int, yardstick: Yardstick, ended: str, means: Remedies
) -> Finding | None:
    last, tenth = rows[-1], rows[-max(2, len(rows) // 10) :]
    fall = tenth[0]["train_loss"] - last["train_loss"]
    little = _learned(last, yardstick) < 2 * LITTLE
    enough = STILL_FALLING / 10 if little else STILL_FALLING
    worth_it = yardstick.share(fall) > WORTH
    falls = worth_it and fall > enough * abs(last["train_loss"])
    if ended == "epochs" and best == last["epoch"] and falls:
        return Finding(
            "not finished",
            f"the loss was still falling in the last epoch, {best}",
            f"more --epochs{' or a larger --learning-rate' if little and means.rate else ''}",
        )
    return None


def _about_the_fit(
    rows: Sequence[Row],
    best: int,
    yardstick: Yardstick,
    ended: str,
    kept_loss: float | None,
    means: Remedies,
) -> Finding | None:
    row, last = rows[best - 1], rows[-1]
    is_like = yardstick.like
    if kept_loss is not None:
        row, is_like = {**row, "train_loss": kept_loss}, True
    losses = f"training loss {row['train_loss']:.4g}"
    if row["validation_loss"] is not None:
        losses += f", validation loss {row['validation_loss']:.4g}"
    losses += f", {yardstick.constant:.4g} for a constant answer"
    less = means.against_variance
    if _overfits(row, yardstick._replace(like=is_like)):
        return Finding("overfitting (variance)", losses, less)
    if _learned(row, yardstick) < LITTLE:
        least = min(r["train_loss"] for r in rows)
        if row["validation_loss"] is not None and yardstick.learned(least) > MUCH:
            losses += f"; the training loss then fell to {least:.4g}, the validation loss did not"
            return Finding("overfitting (variance)", losses, f"other features, {less}")
        return Finding(
            "underfitting (bias)",
            losses,
            means.against_bias,
        )
    behind = rows[max(best, len(rows) - 5) :]
    if ended == "epochs" and behind and all(_overfits(r, yardstick) for r in behind):
        facts = (
            f"after epoch {best}, which was kept, the validation loss went from"
            f" {row['validation_loss']:.4g} to {last['validation_loss']:.4g} and the training loss"
            f" from {row['train_loss']:.4g} to {last['train_loss']:.4g}"
        )
        if yardstick.share(last["validation_loss"] - row["validation_loss"]) > GAP:
            return Finding("overfitting (variance)", facts, f"{less}; --patience 20 saves time")
    return None


_STRAIGHT = ("relu", "leaky-relu", "elu", "selu", "gelu", "silu", "mish", "softplus", "identity")
"""Activations whose slope is about 1 wherever the unit is active."""


def _hidden(row: Row) -> list[str]:
    """The hidden layers, from the input side."""
    return [key.removesuffix("_idle") for key in row if key.endswith("_idle")]


def _vanishing(row: Row) -> list[str]:
    """The hidden layers that hardly any gradient reaches, other than for idle units above."""
    limit = VANISHING * row.get("output_gradient", 0.0)
    names, idle = _hidden(row), _idle(row)
    from_top = names[names.index(idle[-1]) + 1 :] if idle else names
    return [name for name in from_top if row[f"{name}_gradient"] < limit]


def _exploding(row: Row, before: Sequence[Row]) -> list[str]:
    if len(before) < 5:
        return []
    usual = statistics.median(earlier["gradient_norm"] for earlier in before[-USUAL:])
    names = [*_hidden(row), "output"]
    return [name for name in names if 0 < EXPLODING * usual < row.get(f"{name}_gradient", 0.0)]


def _idle(row: Row) -> list[str]:
    return [name for name in _hidden(row) if (row[f"{name}_idle"] or 0.0) >= IDLE]


def _step_sizes(row: Row) -> list[float]:
    """The size of an update beside that of the weights, by layer with activations and output."""
    names = [*_hidden(row), "output"]
    return [row[f"{n}_update"] / row[f"{n}_norm"] for n in names if row.get(f"{n}_norm")]


def _too_bold(row: Row) -> bool:
    return row["epoch"] > 1 and max(_step_sizes(row), default=0.0) > BOLD_STEP


def _too_timid(row: Row, yardstick: Yardstick) -> bool:
    """Tiny steps, and not because there is nothing left to learn; a warm-up begins with them."""
    if row["epoch"] == 1 or _idle(row) or _learned(row, yardstick) >= LITTLE:
        return False
    return 0 < max(_step_sizes(row), default=0.0) < TIMID_STEP


def _jumped(row: Row, before: Sequence[Row], yardstick: Yardstick) -> bool:
    if not before or row.get("undone"):
        return False
    earlier = before[-1]["train_loss"]
    far = max(yardstick.room, earlier - yardstick.perfect)  # a loss that is large yet may waver
    return bool(row["train_loss"] - earlier > JUMP * far > 0)


def _overfits(row: Row, yardstick: Yardstick) -> bool:
    """Whether training rows were learned, and validation rows much less."""
    train_loss, validation_loss = row["train_loss"], row["validation_loss"]
    if not yardstick.like or validation_loss is None or yardstick.learned(train_loss) < LITTLE:
        return False
    return yardstick.gap(train_loss, validation_loss) > GAP


def _learned(row: Row, yardstick: Yardstick) -> float:
    """The share of what there is to learn that was learned."""
    return yardstick.learned_by(row["train_loss"], row["validation_loss"])
