"""Functions whose derivatives are known in closed form, in the form that the loops see."""

from collections.abc import Callable

import numpy as np
import pytest

from nntool.nn.arrays import Array
from nntool.nn.full_batch.base import FullBatchMethod, Point, Step


class Smooth:
    """A plain function with its gradient, Hessian and a Gauss–Newton matrix."""

    def __init__(
        self,
        value: Callable[[Array], float],
        gradient: Callable[[Array], Array],
        hessian: Callable[[Array], Array],
        gauss_newton: Callable[[Array], Array] | None = None,
    ) -> None:
        self.value, self.gradient, self._hessian = value, gradient, hessian
        self._gauss_newton = gauss_newton or hessian
        self.seen: list[Array] = []
        self.n_products = 0

    def at(self, theta: Array) -> Point:
        self.seen.append(theta.copy())
        return Point(theta, float(self.value(theta)), self.gradient(theta))

    def hessian_product(self, theta: Array, v: Array) -> Array:
        self.n_products += 1
        return self._hessian(theta) @ v

    def gauss_newton_product(self, theta: Array, v: Array) -> Array:
        self.n_products += 1
        return self._gauss_newton(theta) @ v

    def hessian(self, theta: Array) -> Array:
        return self._hessian(theta)

    def gauss_newton(self, theta: Array) -> Array:
        return self._gauss_newton(theta)


def quadratic(n: int, condition: float, seed: int = 0) -> tuple[Smooth, Array]:
    """½xᵀAx − bᵀx with eigenvalues from 1 to ``condition``, and where it is least."""
    rng = np.random.default_rng(seed)
    q, _ = np.linalg.qr(rng.standard_normal((n, n)))
    a = q @ np.diag(np.geomspace(1, condition, n)) @ q.T
    a = (a + a.T) / 2
    b = rng.standard_normal(n)
    f = Smooth(lambda x: 0.5 * x @ a @ x - b @ x, lambda x: a @ x - b, lambda x: a.copy())
    return f, np.linalg.solve(a, b)


def rosenbrock() -> Smooth:
    """SciPy's test function; its residuals are 10(x₁ − x₀²) and 1 − x₀, its minimum (1, 1)."""
    from scipy.optimize import rosen, rosen_der, rosen_hess

    def gauss_newton(x: Array) -> Array:
        j = np.array([[-20 * x[0], 10.0], [-1.0, 0.0]])
        return 2 * j.T @ j

    return Smooth(rosen, rosen_der, rosen_hess, gauss_newton)


def run(method: FullBatchMethod, f: Smooth, start: Array, iterations: int) -> list[Step]:
    """Iterate until the method has finished."""
    point = f.at(start)
    state = method.init(len(start), start.dtype)
    method.start(point, state)
    steps: list[Step] = []
    while len(steps) < iterations and not (steps and steps[-1].finished):
        steps.append(method.advance(f, point, state))
        point = steps[-1].point
    return steps


@pytest.fixture
def valley() -> Smooth:
    """Rosenbrock's function."""
    return rosenbrock()
