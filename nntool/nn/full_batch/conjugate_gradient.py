# ruff: noqa: D102  (the base classes say what the methods mean)
"""Conjugate gradient for functions that are not quadratic."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nntool.nn.arrays import Array, DTypeLike
from nntool.nn.full_batch.base import Objective, Point, State, dot, norm_of
from nntool.nn.full_batch.descent import Descent


@dataclass(frozen=True, kw_only=True)
class ConjugateGradient(Descent):
    """Directions that do not spoil what those before have won.

    d = −g + βd, β = max{gᵀ(g − g₋)/g₋ᵀg₋, 0}, −g alone where d would go up. The first trial of the
    line search is −gᵀd/dᵀHd with the exact product H·d: on a quadratic it is the step.
    Source: Hestenes & Stiefel 1952; Polak & Ribière 1969; Nocedal & Wright 2006, section 5.2.
    Use: where even the memory of lbfgs is too much; else lbfgs is mostly faster.
    """

    flatness: ClassVar[float] = 0.1

    def init(self, size: int, dtype: DTypeLike) -> State:
        """Make the state: direction and gradient of the last step; without one, zeros."""
        return {
            **super().init(size, dtype),
            "direction": np.zeros(size, dtype),
            "before": np.zeros(size, dtype),
        }

    def direction(self, objective: Objective, point: Point, state: State) -> Array:
        g, before, last = point.gradient, state["before"], state["direction"]
        squared = dot(before, before)
        beta = max((dot(g, g) - dot(g, before)) / squared, 0.0) if squared else 0.0
        direction = beta * last - g
        if dot(g, direction) >= 0:
            direction = -g
        np.copyto(state["direction"], direction)
        slope = dot(g, direction)
        curvature = dot(direction, objective.hessian_product(point.theta, direction))
        if curvature > np.finfo(g.dtype).tiny - slope * np.finfo(g.dtype).eps:
            return direction * (-slope / curvature)
        # downhill without end, as far as can be seen from here: twice as far as the last time
        reach = 2 * float(state["reach"]) or 1.0
        return direction * (reach / norm_of(direction))

    def learn(self, before: Point, after: Point, length: float, state: State) -> None:
        np.copyto(state["before"], before.gradient)

    def forget(self, point: Point, state: State) -> None:
        np.negative(point.gradient, out=state["direction"])
        state["before"].fill(0)
