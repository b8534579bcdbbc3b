# ruff: noqa: D102  (the base class says what the methods mean)
"""Schedules: the learning rate of each update, by time or by result."""

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The form of a schedule; what it remembers is plain data that a checkpoint can hold.

    Where ``needs_total`` holds, the rate depends on the number of epochs, and a training cannot be
    prolonged without changing what came before.
    """

    kind: ClassVar[str] = "schedule"
    needs_total: ClassVar[bool] = False

    def start(self) -> dict[str, Any]:
        """Return the memory before the first update."""
        return {}

    def rate(self, base: float, done: float, total: int, memory: dict[str, Any]) -> float:
        """Return η when ``done`` of ``total`` epochs are behind, fractions of an epoch counted."""
        raise NotImplementedError

    def observe(
        self, train_loss: float, validation_loss: float | None, memory: dict[str, Any]
    ) -> None:
        """Take note of the result of an epoch."""


@dataclass(frozen=True, kw_only=True)
class ConstantRate(Schedule):
    """The same rate throughout.

    η = η₀
    """

    def rate(self, base: float, done: float, total: int, memory: dict[str, Any]) -> float:
        return base


SCHEDULES: dict[str, type[Schedule]] = {
    "constant": ConstantRate,
}
