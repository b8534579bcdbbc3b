# ruff: noqa: D102  (the base class says what the methods mean)
"""Schedules by result: the rate follows from the losses of the epochs so far."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from nntool.nn.schedules.base import Memory, Moment, Schedule
from nntool.nn.setting import setting


@dataclass(frozen=True, kw_only=True)
class Plateau(Schedule):
    """A smaller rate whenever the validation loss has stopped falling.

    η ← factor·η, not below floor·η₀, after ``patience`` judged epochs in a row without a loss under
    best·(1 − threshold), or best − threshold·|best| where it is negative; the ``cooldown`` epochs
    that follow are not counted. torch's ReduceLROnPlateau with a patience of one less. A training
    without validation rows shows it the training loss.
    Use: with validation rows and no settled number of epochs; early stopping has to wait longer.
    """

    factor: float = setting(0.5, "factor on the rate", gt=0, lt=1)
    patience: int = setting(5, "epochs without progress until then", ge=1)
    threshold: float = setting(1e-4, "progress that counts, as a share of the best", ge=0, lt=1)
    cooldown: int = setting(0, "epochs after it that are not counted", ge=0)
    floor: float = setting(0.0, "share of η₀ under which the rate never falls", ge=0, le=1)

    def start(self) -> Memory:
        return {"factor": 1.0, "best": None, "waited": 0, "resting": 0}

    def rate(self, base: float, at: Moment, memory: Memory) -> float:
        return base * float(memory["factor"])

    def observe(self, train_loss: float, validation_loss: float | None, memory: Memory) -> bool:
        if validation_loss is None:
            return False
        best = memory["best"]
        # a loss that is no number is no progress
        if math.isfinite(validation_loss) and (
            best is None or validation_loss < best - self.threshold * abs(best)
        ):
            memory["best"] = validation_loss
            memory["waited"] = 0
        else:
            memory["waited"] += 1
        if memory["resting"] > 0:
            memory["resting"] -= 1
            memory["waited"] = 0
        if memory["waited"] >= self.patience:
            memory["factor"] = max(self.floor, memory["factor"] * self.factor)
            memory["waited"] = 0
            memory["resting"] = self.cooldown
        return False


@dataclass(frozen=True, kw_only=True)
class BoldDriver(Schedule):
    """A larger rate while the training loss falls, a smaller one and the epoch undone when not.

    η ← up·η after ``steady`` epochs in a row in which the loss fell; η ← down·η, and the epoch is
    undone, where the loss grew by more than ``slack`` of itself, is no number, or swings: it went
    up, down and up again. At floor·η₀ nothing is undone any more. The loss is that of all training
    rows after the epoch, penalties included: one more pass forward. Vogl et al. 1988, Biological
    Cybernetics 59; Battiti 1989, Complex Systems 3.
    Use: with full or large batches and gradient descent, where the training loss is not noise.
    """

    undoes: ClassVar[bool] = True

    up: float = setting(1.05, "factor on the rate after steady falls", ge=1)
    down: float = setting(0.5, "factor on the rate after a rise or swing", gt=0, lt=1)
    steady: int = setting(2, "falls in a row that make the rate larger", ge=1)
    slack: float = setting(0.01, "share of the loss by which it may grow", ge=0)
    floor: float = setting(1e-4, "share of η₀ under which the rate never falls", gt=0, le=1)

    def start(self) -> Memory:
        return {"factor": 1.0, "losses": [], "fell": 0}

    def rate(self, base: float, at: Moment, memory: Memory) -> float:
        return base * float(memory["factor"])

    def observe(self, train_loss: float, validation_loss: float | None, memory: Memory) -> bool:
        losses = [*memory["losses"], train_loss]
        if self._went_wrong(losses):
            at_floor = memory["factor"] <= self.floor
            memory["factor"] = max(self.floor, memory["factor"] * self.down)
            memory["fell"] = 0
            if not at_floor:
                memory["losses"] = losses[-2:-1]  # that of the weights that are gone back to
                return True
            # what cannot be undone is where the next epoch is measured from
            losses = losses[-1:]
        elif len(losses) > 1 and losses[-1] < losses[-2]:
            memory["fell"] += 1
            if memory["fell"] >= self.steady:
                memory["factor"] *= self.up
        else:
            memory["fell"] = 0
        memory["losses"] = [loss for loss in losses[-3:] if math.isfinite(loss)]
        return False

    def _went_wrong(self, losses: Sequence[float]) -> bool:
        if not math.isfinite(losses[-1]):
            return True
        if len(losses) > 1 and losses[-1] > losses[-2] + self.slack * abs(losses[-2]):
            return True
        rises = [after > before for before, after in pairwise(losses[-4:])]
        return rises == [True, False, True]
