"""How far to go along a direction: SciPy's line search, on one number."""

import math
import warnings

import numpy as np

from nntool.nn.arrays import Array
from nntool.nn.full_batch.base import Objective, Point, dot

ENOUGH = 1e-4
"""c₁ of Wolfe's conditions: the share of the promised fall that a step must bring."""
ROUNDING = 64
"""A change of so many units in the last place of the value may be rounding alone."""


class Line:
    """How the value changes along ``start + α·direction``; no point is evaluated twice."""

    def __init__(self, objective: Objective, start: Point, direction: Array) -> None:
        self.objective = objective
        self.start = start
        self.direction = direction
        self.slope = dot(start.gradient, direction)
        self.best: tuple[float, Point] | None = None
        self._lowest = 0.0
        self._last = (0.0, start)

    def change(self, alpha: Array) -> float:
        """Return the change of the value at α, an array of one number."""
        at = float(alpha[0])
        point = self.point(at)
        found = change_of_value(self.start, point, at * self.direction)
        if found < min(self._lowest, ENOUGH * at * self.slope):
            self._lowest, self.best = found, (at, point)
        return found

    def derivative(self, alpha: Array) -> Array:
        """Return the derivative by α."""
        return np.array([dot(self.point(float(alpha[0])).gradient, self.direction)])

    def point(self, alpha: float) -> Point:
        """Return the point at α."""
        if self._last[0] != alpha:
            start = self.start
            self._last = alpha, self.objective.at(start.theta + alpha * self.direction)
        return self._last[1]


def change_of_value(before: Point, after: Point, step: Array) -> float:
    """Return how much the value changes in a step, as well as rounding lets one see it.

    Where the difference of the values is no more than rounding, it is told from the slopes at both
    ends: ½·(g₀ + g₁)ᵀs, which is exact on a quadratic (Hager & Zhang 2005, section 4.1).
    """
    change = after.value - before.value
    unseen = ROUNDING * float(np.finfo(step.dtype).eps) * abs(before.value)
    if abs(change) > unseen or not math.isfinite(change):
        return change
    return 0.5 * (dot(before.gradient, step) + dot(after.gradient, step))


def search(
    objective: Objective, start: Point, direction: Array, flatness: float
) -> tuple[float, Point] | None:
    """Return a step α along the direction and where it ends; 1 is tried first, None if none helps.

    Strong Wolfe conditions: the value falls by at least c₁ of what the slope promises, and the
    slope is at most ``flatness`` (c₂) of what it was (Nocedal & Wright 2006, algorithms 3.5 and
    3.6). Where a kink leaves no step that is flat enough, the lowest one tried counts.
    """
    from scipy.optimize import line_search

    line = Line(objective, start, direction)
    if not (math.isfinite(line.slope) and line.slope < 0):
        return None
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # that it found nothing is seen below
        alpha = line_search(
            line.change,
            line.derivative,
            np.zeros(1),
            np.ones(1),
            np.array([line.slope]),
            0.0,
            c1=ENOUGH,
            c2=flatness,
        )[0]
    if alpha is None or line.best is None or alpha == line.best[0]:
        return line.best
    at = float(alpha)
    point = line.point(at)
    return (at, point) if change_of_value(start, point, at * direction) <= 0 else line.best
