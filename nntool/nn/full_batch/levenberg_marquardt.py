"""Levenberg–Marquardt: between Gauss–Newton and straight down, for squared errors."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nntool.nn.arrays import Array, DTypeLike
from nntool.nn.full_batch.base import NO_STEP, FullBatchMethod, Objective, Point, State, Step, dot
from nntool.nn.full_batch.searching import Line
from nntool.nn.setting import setting

MOST_DAMPING = 1e16
"""λ, as a share of the largest element of the diagonal, beyond which no step is tried."""


@dataclass(frozen=True, kw_only=True)
class LevenbergMarquardt(FullBatchMethod):
    """Gauss–Newton with a damping that grows until the step goes down.

    (JᵀJ + λI)d = −Jᵀr; the fall over the promised fall is ϱ. Where ϱ > 0 the step is taken and
    λ ← λ·max(⅓, 1 − (2ϱ − 1)³), else λ ← λν, ν ← 2ν. JᵀJ and Jᵀr are scaled as the loss is, and
    have the second derivatives of the penalties beside them. λ begins as a share of the largest
    element of the diagonal.
    Source: Levenberg 1944; Marquardt 1963; Madsen, Nielsen & Tingleff 2004 (λ).
    Use: for small networks and numeric targets: few iterations, each of them dear.
    """

    max_size: ClassVar[int | None] = 2_000
    only_losses: ClassVar[tuple[str, ...]] = ("mse", "half-mse")
    losses: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("binary", "multiclass", "regression"), "mse"
    )

    damping: float = setting(1e-3, "λ of the first iteration, as a share of the largest", gt=0)

    def init(self, size: int, dtype: DTypeLike) -> State:
        """Make the state: ``damping`` is λ, 0 before the first iteration."""
        return {**super().init(size, dtype), "damping": np.zeros(())}

    def iterate(self, objective: Objective, point: Point, state: State) -> Step:
        """Damp more and more until a step goes down, take it, and damp less."""
        matrix = objective.gauss_newton(point.theta)
        largest = float(np.einsum("ii->i", matrix).max()) or 1.0
        most = MOST_DAMPING * largest
        damping = min(float(state["damping"]) or self.damping * largest, most)
        growth = 2.0
        while damping <= most:
            d = damped_step(matrix, point.gradient, damping)
            if d is not None:
                line = Line(objective, point, d)
                change, after = line.change(1.0), line.point(1.0)
                # −gᵀd − ½dᵀGd, since Gd = −g − λd
                promised = 0.5 * (damping * dot(d, d) - dot(point.gradient, d))
                if change < 0 < promised:
                    kept = -change / promised
                    state["damping"][...] = damping * max(1 / 3, 1 - (2 * kept - 1) ** 3)
                    return Step(after, 1.0, self.conclusion(after, state))
            damping, growth = damping * growth, growth * 2
        return Step(point, 0.0, NO_STEP)


def damped_step(matrix: Array, gradient: Array, damping: float) -> Array | None:
    """Return d of (G + λI)d = −g; None where G + λI is not positive to rounding."""
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    damped = matrix.copy()
    np.einsum("ii->i", damped)[...] += damping
    try:
        factor = cho_factor(damped, lower=True, overwrite_a=True, check_finite=False)
    except LinAlgError:
        return None
    solution: Array = cho_solve(factor, gradient, check_finite=False)
    return np.negative(solution, out=solution)
