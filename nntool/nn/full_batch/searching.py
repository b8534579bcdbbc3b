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
        self._unseen = ROUNDING * float(np.finfo(direction.dtype).eps) * abs(start.value)
        self._lowest = 0.0
        self._last = (0.0, start)
        self._last_slope = self.slope

    def change(self, alpha: float) -> float:
        """Return the change of the value at α, as well as rounding lets one see it.

        Where the difference of the values is no more than rounding, it is told from the slopes at
        both ends, which is exact on a quadratic (Hager & Zhang 2005, section 4.1).
        """
        point = self.point(alpha)
        found = point.value - self.start.value
        if abs(found) <= self._unseen:
            found = 0.5 * alpha * (self.slope + self._last_slope)
        if found < min(self._lowest, ENOUGH * alpha * self.slope):
            self._lowest, self.best = found, (alpha, point)
        return found

    def slope_at(self, alpha: float) -> float:
        """Return the derivative by α."""
        self.point(alpha)
        return self._last_slope

    def point(self, alpha: float) -> Point:
        """Return the point at α."""
        if self._last[0] != alpha:
            point = self.objective.at(self.start.theta + alpha * self.direction)
            self._last = alpha, point
            self._last_slope = dot(point.gradient, self.direction)
        return self._last[1]

    def is_enough(self, alpha: float, flatness: float) -> bool:
        """Whether strong Wolfe conditions hold at α."""
        falls = self.change(alpha) <= ENOUGH * alpha * self.slope
        return falls and abs(self.slope_at(alpha)) <= -flatness * self.slope


def search(
    objective: Objective, start: Point, direction: Array, flatness: float
) -> tuple[float, Point] | None:
    """Return a step α along the direction and where it ends; 1 is tried first, None if none helps.

    Strong Wolfe conditions: the value falls by at least c₁ of what the slope promises, and the
    slope is at most ``flatness`` (c₂) of what it was (Nocedal & Wright 2006, algorithms 3.5 and
    3.6). Where a kink leaves no step that is flat enough, the lowest one tried counts.
    """
    line = Line(objective, start, direction)
    if not (math.isfinite(line.slope) and line.slope < 0):
        return None
    with np.errstate(all="ignore"):  # beyond a wall slopes may be anything
        if line.is_enough(1.0, flatness):  # as SciPy would find, which takes longer to begin
            return 1.0, line.point(1.0)
        alpha = _by_scipy(line, flatness)
        known = line.best is not None and line.best[0] == alpha
        if alpha is not None and not known and line.change(alpha) <= 0:
            return alpha, line.point(alpha)
    return line.best


def _by_scipy(line: Line, flatness: float) -> float | None:
    """Return the α that SciPy's line search finds, None if it finds none."""
    from scipy.optimize import line_search

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it found nothing is seen by who asks
        alpha = line_search(
            lambda alpha: line.change(float(alpha[0])),
            lambda alpha: np.array([line.slope_at(float(alpha[0]))]),
            np.zeros(1),
            np.ones(1),
            np.array([line.slope]),
            0.0,
            c1=ENOUGH,
            c2=flatness,
        )[0]
    return None if alpha is None else float(alpha)
