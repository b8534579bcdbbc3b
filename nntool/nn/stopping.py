"""When to stop: a watch over one number for each epoch."""

import math
from typing import Any, Literal


class EarlyStopping:
    """Stop after ``patience`` updates in a row without progress of more than ``min_delta``.

    With ``patience`` None it never stops, but still knows the best. A value that is not a number
    is no progress. Prechelt 1998, "Early stopping: but when?".

    >>> watch = EarlyStopping(patience=2)
    >>> [watch.update(value) for value in (3.0, 2.0, 2.5, 2.2)]
    [False, False, False, True]
    >>> watch.best
    2.0
    """

    def __init__(
        self,
        patience: int | None = None,
        min_delta: float = 0.0,
        direction: Literal["min", "max"] = "min",
    ) -> None:
        self.patience = patience
        self.min_delta = min_delta
        self.direction = direction
        self.best: float | None = None
        self.improved = False
        self.waited = 0
        self._mark = math.inf

    def update(self, value: float, *, is_end: bool = False) -> bool:
        """Take the value of one more epoch; return whether to stop.

        ``improved`` then says whether it is the best so far, by however little; at the ``is_end``
        of a training with nothing more to learn, whether none was better.
        """
        sign = -1 if self.direction == "max" else 1
        self.improved = not math.isnan(value) and (
            self.best is None or sign * value < sign * self.best or (is_end and value == self.best)
        )
        if self.improved:
            self.best = value
        if sign * value < self._mark - self.min_delta:
            self._mark = sign * value
            self.waited = 0
        else:
            self.waited += 1
        return self.patience is not None and self.waited >= self.patience

    def state(self) -> dict[str, Any]:
        """Return what it remembers, as plain data."""
        mark = None if math.isinf(self._mark) else self._mark
        return {"best": self.best, "waited": self.waited, "mark": mark}

    def restore(self, state: dict[str, Any]) -> None:
        """Remember what `state` returned."""
        self.best = state["best"]
        self.waited = state["waited"]
        self._mark = math.inf if state["mark"] is None else state["mark"]
