# ruff: noqa: D102  (the base classes say what the methods mean)
"""Newton's method, with the whole Hessian or with products alone."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from nntool.nn.arrays import Array, DTypeLike
from nntool.nn.full_batch.base import Objective, Point, State, Step, dot, norm_of
from nntool.nn.full_batch.descent import Descent
from nntool.nn.setting import setting

LEAST_DAMPING = 1e-10
"""Share of the largest curvature that damping begins with, where a Hessian is not positive."""
MOST_SLOW = 10
"""Iterations over which Newton's method must get somewhere: each of them is dear."""


@dataclass(frozen=True, kw_only=True)
class Newton(Descent):
    """The exact Hessian, made positive where it is not.

    (H + λI)d = −g, λ = 0 where Cholesky's factorization of H exists, else the first of a rising
    sequence for which it does. Steps by strong Wolfe conditions, 1 first. At the kinks of a relu
    it may creep: it ends where ten iterations lower the value by less than the tolerance of it.
    Source: Nocedal & Wright 2006, section 3.4, algorithm 3.3.
    Use: for small networks near the end, where it doubles the digits in each iteration.
    """

    max_size: ClassVar[int | None] = 2_000

    def init(self, size: int, dtype: DTypeLike) -> State:
        """Make the state: ``damping`` is λ of the last iteration, ``values`` those set out from."""
        own = {"damping": np.zeros(()), "values": np.full(MOST_SLOW, np.inf)}
        return {**super().init(size, dtype), **own}

    def direction(self, objective: Objective, point: Point, state: State) -> Array:
        hessian = objective.hessian(point.theta)
        damping, direction = damped_solution(hessian, point.gradient, float(state["damping"]))
        state["damping"][...] = damping
        return direction

    def iterate(self, objective: Objective, point: Point, state: State) -> Step:
        step = super().iterate(objective, point, state)
        values = state["values"]
        values[:-1] = values[1:]
        values[-1] = point.value
        first = float(values[0])
        is_slow = first - step.point.value < self.tolerance * abs(first)
        if step.finished or not is_slow:
            return step
        return step._replace(
            finished=f"{MOST_SLOW} iterations have lowered the loss, with penalties, by less than"
            f" {self.tolerance:g} of it (tolerance)"
        )


def damped_solution(matrix: Array, gradient: Array, last: float) -> tuple[float, Array]:
    """Return λ and d of (H + λI)d = −g, λ as small as a few trials find it; H is overwritten.

    Where H is 0, or not finite, d is −g.

    ``last`` is what was needed the last time: a quarter of that is tried after 0.
    """
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    diagonal = np.einsum("ii->i", matrix)
    bare = diagonal.copy()
    largest = float(np.abs(matrix).sum(axis=0).max())
    if not 0 < largest < math.inf:  # nothing to divide by, or no numbers (NaN neither)
        return 0.0, -gradient
    damping = 0.0 if bare.min() > 0 else max(last / 4, LEAST_DAMPING * largest, -float(bare.min()))
    while True:
        np.add(bare, damping, out=diagonal)
        try:
            factor = cho_factor(matrix, lower=True, check_finite=False)
            return damping, -cho_solve(factor, gradient, check_finite=False)
        except LinAlgError:
            damping = max(4 * damping, last / 4, LEAST_DAMPING * largest)


class Solution(NamedTuple):
    """What truncated conjugate gradient found: a direction and the fall that the quadratic
    promises for all of it; ``is_convex`` unless a negative curvature was met.
    """

    direction: Array
    fall: float
    is_convex: bool


@dataclass(frozen=True, kw_only=True)
class NewtonCG(Descent):
    """Newton's direction without the matrix: conjugate gradient on exact products with vectors.

    (B + λI)d = −g, B the Gauss–Newton matrix or the Hessian, solved until the residual is at most
    min(½, √(‖g‖/‖g₀‖))·‖g‖, or a direction of negative curvature is met. λ ← λ/3 where the loss
    falls by more than ¾ of what the quadratic promised, 2λ below ¼. Steps by strong Wolfe
    conditions, 1 first.
    Source: Dembo, Eisenstat & Steihaug 1982; Schraudolph 2002 (G·v); Martens 2010 (damping).
    Use: for networks too large for a matrix, deep ones above all, where gradients differ in scale.
    """

    product: str = setting(
        "gauss-newton", "the matrix of the products", choices=("gauss-newton", "hessian")
    )
    damping: float = setting(0.01, "λ of the first iteration", ge=0)
    products: int = setting(100, "products in one iteration, at most", ge=1)

    def init(self, size: int, dtype: DTypeLike) -> State:
        """Make the state: ``damping`` is λ, ``promised`` the fall that the quadratic promises."""
        own = {"damping": np.array(self.damping), "promised": np.zeros(())}
        return {**super().init(size, dtype), **own}

    def direction(self, objective: Objective, point: Point, state: State) -> Array:
        exact = self.product == "hessian"
        multiply = objective.hessian_product if exact else objective.gauss_newton_product
        norm = norm_of(point.gradient)
        share = min(0.5, math.sqrt(norm / float(state["first_norm"])))
        solution = solve(
            lambda v: multiply(point.theta, v),
            point.gradient,
            damping=float(state["damping"]),
            residual=share * norm,
            products=self.products,
        )
        state["promised"][...] = solution.fall
        if not solution.is_convex:
            state["damping"][...] = max(2 * float(state["damping"]), LEAST_DAMPING)
        return solution.direction

    def learn(self, before: Point, after: Point, length: float, state: State) -> None:
        promised, damping = float(state["promised"]), float(state["damping"])
        kept = (before.value - after.value) / promised if promised > 0 else 0.0
        if length < 1 or kept < 0.25:
            state["damping"][...] = max(2 * damping, LEAST_DAMPING)
        elif kept > 0.75:
            state["damping"][...] = damping / 3

    def forget(self, point: Point, state: State) -> None:
        state["damping"][...] = max(10 * float(state["damping"]), LEAST_DAMPING)
        state["promised"][...] = 0


def solve(
    multiply: Callable[[Array], Array],
    gradient: Array,
    *,
    damping: float,
    residual: float,
    products: int,
) -> Solution:
    """Solve (B + λI)d = −g by conjugate gradient, up to a norm of the residual.

    Nocedal & Wright 2006, algorithm 7.1.
    """
    d, r, p = np.zeros_like(gradient), gradient.copy(), -gradient
    squared, is_convex = dot(r, r), True
    for number in range(products):
        bp = multiply(p) + damping * p
        curvature, size = dot(p, bp), dot(p, p)
        if curvature <= float(np.finfo(p.dtype).eps) * size:
            is_convex = False
            if number == 0:  # straight down, as far as the size of the curvature suggests
                d = p * (size / abs(curvature)) if curvature else p
                r = r + (size / abs(curvature)) * bp if curvature else r + bp
            break
        alpha = squared / curvature
        d += alpha * p
        r += alpha * bp
        before, squared = squared, dot(r, r)
        if math.sqrt(squared) <= residual:
            break
        p *= squared / before
        p -= r
    # gᵀd + ½dᵀBd, since Bd = r − g − λd
    change = 0.5 * (dot(gradient, d) + dot(d, r) - damping * dot(d, d))
    return Solution(d, -change, is_convex)
