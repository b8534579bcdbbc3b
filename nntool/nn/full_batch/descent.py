"""What the methods that search along a line have in common."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nntool.nn.arrays import Array, DTypeLike
from nntool.nn.full_batch.base import (
    NO_STEP,
    FullBatchMethod,
    Objective,
    Point,
    State,
    Step,
    norm_of,
)
from nntool.nn.full_batch.searching import search


@dataclass(frozen=True, kw_only=True)
class Descent(FullBatchMethod):
    """A direction that goes down, a line search along it, and what the step taught."""

    flatness: ClassVar[float] = 0.9

    def init(self, size: int, dtype: DTypeLike) -> State:
        """Make the state: ``reach`` is the length of the last step, as a norm."""
        return {**super().init(size, dtype), "reach": np.zeros(())}

    def direction(self, objective: Objective, point: Point, state: State) -> Array:
        """Return where to go, as far as the first trial is to go."""
        raise NotImplementedError

    def learn(self, before: Point, after: Point, length: float, state: State) -> None:
        """Take note of a step of ``length`` times the direction."""

    def forget(self, point: Point, state: State) -> None:
        """Be again as before the first step: the next one goes straight down from ``point``."""

    def iterate(self, objective: Objective, point: Point, state: State) -> Step:
        """Go along the direction; where nothing is found there, straight down, once."""
        direction = self.direction(objective, point, state)
        found = search(objective, point, direction, self.flatness)
        if found is None:
            self.forget(point, state)
            direction = steepest(point, state)
            found = search(objective, point, direction, self.flatness)
        if found is None:
            return Step(point, 0.0, NO_STEP)
        length, after = found
        self.learn(point, after, length, state)
        state["reach"][...] = length * norm_of(direction)
        return Step(after, length, self.conclusion(after, state))


def steepest(point: Point, state: State) -> Array:
    """Return −g, as long as the last step was; of length 1 at first, since g says nothing of it."""
    reach = float(state["reach"]) or 1.0
    return point.gradient * (-reach / norm_of(point.gradient))
