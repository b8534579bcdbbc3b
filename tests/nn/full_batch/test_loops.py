"""The loops on functions with known derivatives, against SciPy on the same functions."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import optimize

from nntool.nn.arrays import Array
from nntool.nn.full_batch import FULL_BATCH, quasi_newton, refuse
from nntool.nn.full_batch.base import NO_STEP, FullBatchMethod, Point, Step
from nntool.nn.full_batch.conjugate_gradient import ConjugateGradient
from nntool.nn.full_batch.levenberg_marquardt import LevenbergMarquardt
from nntool.nn.full_batch.newton import Newton, NewtonCG, damped_solution, solve
from nntool.nn.full_batch.quasi_newton import BFGS, LBFGS
from nntool.nn.full_batch.searching import search
from nntool.nn.registry import InvalidChoice, build

ALL = pytest.mark.parametrize("name", FULL_BATCH)
RIVALS: dict[str, dict[str, Any]] = {
    "bfgs": {"method": "BFGS"},
    "conjugate-gradient": {"method": "CG"},
    "lbfgs": {"method": "L-BFGS-B"},
    "newton-cg": {"method": "Newton-CG", "hess": optimize.rosen_hess},
    "newton": {"method": "trust-exact", "hess": optimize.rosen_hess},
}
FROM = np.array([-1.2, 1.0])


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

    def gauss_newton(x: Array) -> Array:
        j = np.array([[-20 * x[0], 10.0], [-1.0, 0.0]])
        return 2 * j.T @ j

    return Smooth(optimize.rosen, optimize.rosen_der, optimize.rosen_hess, gauss_newton)


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


def logistic(seed: int = 0) -> Smooth:
    """Mean binary cross-entropy of 60 rows with ½·0.01·‖w‖², a convex function that curves."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((60, 4))
    y = (x @ [1.0, -2.0, 0.5, 0.0] + rng.standard_normal(60) > 0).astype(float)

    def p(w: Array) -> Array:
        return 1 / (1 + np.exp(-x @ w))

    def value(w: Array) -> float:
        z = x @ w
        return float(np.mean(np.logaddexp(0, z) - y * z) + 0.005 * w @ w)

    def hessian(w: Array) -> Array:
        s = p(w) * (1 - p(w))
        return (x.T * s) @ x / 60 + 0.01 * np.eye(4)

    return Smooth(value, lambda w: x.T @ (p(w) - y) / 60 + 0.01 * w, hessian)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("n", "condition"), [(1, 1.0), (3, 10.0), (10, 100.0)])
def test_conjugate_gradient_ends_on_a_quadratic_in_as_many_steps_as_dimensions(
    n: int, condition: float, seed: int
) -> None:
    f, least = quadratic(n, condition, seed)
    steps = run(ConjugateGradient(), f, np.random.default_rng(seed).standard_normal(n), n)
    assert steps[-1].finished.startswith("the gradient is")
    assert f.n_products == len(f.seen) - 1 == len(steps)  # each first trial is the step
    np.testing.assert_allclose(steps[-1].point.theta, least, atol=2e-5)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("n", "condition"), [(1, 1.0), (3, 10.0), (10, 100.0)])
def test_newton_ends_on_a_quadratic_in_one_step(n: int, condition: float, seed: int) -> None:
    f, least = quadratic(n, condition, seed)
    (step,) = run(Newton(), f, np.random.default_rng(seed).standard_normal(n), 10)
    assert step.length == 1
    np.testing.assert_allclose(step.point.theta, least, atol=1e-12)


def test_levenberg_marquardt_ends_on_a_linear_model_in_one_step_of_small_damping() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((50, 4)), rng.standard_normal(50)
    f = Smooth(
        lambda w: 0.5 * float(np.sum((x @ w - y) ** 2)),
        lambda w: x.T @ (x @ w - y),
        lambda w: x.T @ x,
    )
    (step,) = run(LevenbergMarquardt(damping=1e-9), f, np.zeros(4), 10)
    expected = optimize.least_squares(lambda w: x @ w - y, np.zeros(4), xtol=1e-15).x
    np.testing.assert_allclose(step.point.theta, expected, atol=1e-8)


@ALL
@pytest.mark.parametrize(("n", "condition"), [(1, 1.0), (5, 100.0), (10, 100.0)])
def test_every_method_finds_the_minimum_of_a_quadratic(name: str, n: int, condition: float) -> None:
    f, least = quadratic(n, condition)
    method = build(FULL_BATCH, name, {"tolerance": 1e-10})
    steps = run(method, f, np.full(n, 3.0), 100)
    np.testing.assert_allclose(steps[-1].point.theta, least, atol=1e-8)
    assert "tolerance 1e-10" in steps[-1].finished


def test_every_method_is_held_against_scipy() -> None:
    assert {*RIVALS, "levenberg-marquardt"} == set(FULL_BATCH)


@pytest.mark.parametrize("name", RIVALS)
def test_every_method_ends_where_scipy_does_on_rosenbrocks_valley(name: str) -> None:
    f = rosenbrock()
    steps = run(build(FULL_BATCH, name, {"tolerance": 1e-9}), f, FROM, 200)
    rival = optimize.minimize(optimize.rosen, FROM, jac=optimize.rosen_der, **RIVALS[name])
    assert steps[-1].point.value <= max(rival.fun, 1e-14)
    np.testing.assert_allclose(steps[-1].point.theta, rival.x, atol=2e-4)
    assert len(f.seen) < 2 * rival.nfev + 20


def test_levenberg_marquardt_ends_where_scipy_does_on_rosenbrocks_valley() -> None:
    steps = run(LevenbergMarquardt(tolerance=1e-9), rosenbrock(), FROM, 100)
    rival = optimize.least_squares(
        lambda x: np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]]), FROM, method="lm"
    )
    np.testing.assert_allclose(steps[-1].point.theta, rival.x, atol=1e-6)


@pytest.mark.parametrize("name", [*RIVALS, "levenberg-marquardt"])
def test_every_method_ends_where_scipy_does_on_a_logistic_regression(name: str) -> None:
    f = logistic()
    steps = run(build(FULL_BATCH, name, {"tolerance": 1e-8}), f, np.zeros(4), 200)
    rival = optimize.minimize(f.value, np.zeros(4), jac=f.gradient, method="BFGS", tol=1e-9)
    np.testing.assert_allclose(steps[-1].point.theta, rival.x, atol=1e-6)
    assert steps[-1].point.value == pytest.approx(rival.fun, abs=1e-12)


@ALL
def test_no_step_is_worse_and_no_point_is_evaluated_twice(name: str) -> None:
    f = rosenbrock()
    steps = run(build(FULL_BATCH, name), f, FROM, 200)
    values = [f.value(FROM), *(step.point.value for step in steps)]
    assert values == sorted(values, reverse=True)
    assert len({tuple(theta) for theta in f.seen}) == len(f.seen)


@ALL
def test_a_function_that_ends_beyond_a_wall_is_searched_within_it(name: str) -> None:
    f, _ = quadratic(3, 10)
    inside, value = np.full(3, 0.5), f.value
    f.value = lambda x: value(x) if np.abs(x).max() < 0.75 else math.inf
    steps = run(build(FULL_BATCH, name), f, inside, 50)
    assert steps[-1].point.value < value(inside)
    assert np.abs(steps[-1].point.theta).max() < 0.75


@ALL
def test_a_gradient_that_lies_ends_the_search_where_it_was(name: str) -> None:
    f = Smooth(lambda x: float(x @ x), lambda x: -2 * x, lambda x: 2 * np.eye(2))
    (step,) = run(build(FULL_BATCH, name), f, np.array([1.0, 2.0]), 10)
    assert (step.finished, step.length) == (NO_STEP, 0)
    assert step.point.theta.tolist() == [1, 2]


@ALL
def test_where_the_gradient_is_zero_there_is_nothing_to_do(name: str) -> None:
    f, least = quadratic(2, 1)
    f.gradient = lambda x: np.zeros(2)
    (step,) = run(build(FULL_BATCH, name), f, least, 10)
    assert (step.finished, len(f.seen)) == ("the gradient is 0", 1)


@pytest.mark.parametrize("method", [Newton(), NewtonCG(product="hessian")])
def test_a_saddle_is_left_downhill(method: FullBatchMethod) -> None:
    # x⁴/4 − x²/2 + y²/2: a saddle at 0, minima at (±1, 0)
    f = Smooth(
        lambda x: x[0] ** 4 / 4 - x[0] ** 2 / 2 + x[1] ** 2 / 2,
        lambda x: np.array([x[0] ** 3 - x[0], x[1]]),
        lambda x: np.diag([3 * x[0] ** 2 - 1, 1.0]),
    )
    steps = run(method, f, np.array([0.01, 1.0]), 100)
    np.testing.assert_allclose(steps[-1].point.theta, [1, 0], atol=1e-5)


def test_newton_ends_where_it_creeps_unless_there_is_no_tolerance() -> None:
    """A slope of 1e-9, which is never flat, on a value of 1: no iteration gets anywhere."""
    slope = np.array([1e-9])
    f = Smooth(lambda x: 1 + float(slope @ x), lambda x: slope, lambda x: np.eye(1))
    creeping = run(Newton(), f, np.zeros(1), 50)
    assert [bool(step.finished) for step in creeping] == [False] * 9 + [True]
    assert "10 iterations have lowered the loss, with penalties, by less" in creeping[-1].finished
    assert len(run(Newton(tolerance=0), f, np.zeros(1), 50)) == 50
    steady = Smooth(lambda x: 1 - 1e-4 * x[0], lambda x: -1e-4 * np.ones(1), lambda x: np.eye(1))
    assert len(run(Newton(), steady, np.zeros(1), 50)) == 50


def test_damping_is_nothing_where_a_hessian_is_positive_and_else_makes_it_so() -> None:
    g = np.array([1.0, 2.0])
    damping, d = damped_solution(np.diag([2.0, 4.0]), g, 0.0)
    assert damping == 0
    np.testing.assert_allclose(d, [-0.5, -0.5])
    for bent in ([1.0, -3.0], [0.0, 1.0]):
        damping, d = damped_solution(np.diag(bent), g, 0.0)
        assert damping > -min(bent)
        np.testing.assert_allclose(np.diag(np.add(bent, damping)) @ d, -g)
    assert damped_solution(np.zeros((2, 2)), g, 0.0)[1].tolist() == [-1, -2]
    hidden = np.array([[1.0, 2.0], [2.0, 1.0]])  # indefinite behind a positive diagonal
    damping, d = damped_solution(hidden.copy(), g, 0.0)
    assert damping > 1
    assert g @ d < 0


@pytest.mark.parametrize("worst", [math.nan, math.inf])
def test_where_curvature_is_no_number_the_way_is_straight_down(worst: float) -> None:
    bent = np.array([[1.0, worst], [worst, 1.0]])
    damping, d = damped_solution(bent, np.array([1.0, 2.0]), 0.0)
    assert (damping, d.tolist()) == (0, [-1, -2])


def test_damping_that_has_become_too_large_for_a_flatter_place_is_cut() -> None:
    f, _ = quadratic(3, 10)
    method, point = LevenbergMarquardt(), f.at(np.ones(3))
    state = method.init(3, np.float64)
    method.start(point, state)
    state["damping"][...] = 1e20  # as if the diagonal had been 10⁴
    step = method.advance(f, point, state)
    assert (step.finished, step.length) == ("", 1)
    assert state["damping"] < 1e17


def test_damping_grows_until_a_step_goes_down_however_large_the_errors_are() -> None:
    # r = 10¹² + w², least at 0: steps towards r = 0 go up by far, down only where λ is about r
    f = Smooth(
        lambda w: 0.5 * float((1e12 + w[0] ** 2) ** 2),
        lambda w: 2 * w * (1e12 + w**2),
        lambda w: np.diag(4 * w**2),
    )
    (step,) = run(LevenbergMarquardt(), f, np.ones(1), 1)
    assert step.finished == ""
    assert abs(step.point.theta[0]) < 1


def test_the_fall_that_a_truncated_solution_promises_is_that_of_the_quadratic() -> None:
    f, _ = quadratic(8, 50)
    g, a = f.gradient(np.zeros(8)), f.hessian(np.zeros(8))
    for products in (1, 3, 8):
        found = solve(lambda v: a @ v, g, damping=0.1, residual=0, products=products)
        d = found.direction
        assert found.fall == pytest.approx(-(g @ d + 0.5 * d @ a @ d))
    np.testing.assert_allclose((a + 0.1 * np.eye(8)) @ d, -g, atol=1e-10)


def test_the_memory_of_lbfgs_forgets_all_but_the_newest() -> None:
    f, _ = quadratic(10, 100)
    start = np.full(10, 3.0)
    whole = run(LBFGS(tolerance=1e-9, memory=100), f, start, 100)
    short = run(LBFGS(tolerance=1e-9, memory=1), f, start, 500)
    assert len(whole) < len(short)
    # as long as nothing is forgotten, its direction is that of the updated matrix
    point = f.at(start)
    method = LBFGS(memory=30)
    state = method.init(10, np.float64)
    method.start(point, state)
    pairs: list[tuple[Array, Array, Array]] = []
    for _ in range(6):
        after = method.advance(f, point, state).point
        s, y = after.theta - point.theta, after.gradient - point.gradient
        rest = np.eye(10) - np.outer(y, s) / (y @ s)
        pairs.append((s, y, rest))
        inverse = np.eye(10) * (s @ y) / (y @ y)
        for s, y, rest in pairs:
            inverse = rest.T @ inverse @ rest + np.outer(s, s) / (y @ s)
        point = after
        np.testing.assert_allclose(method.direction(f, point, state), -inverse @ point.gradient)


@pytest.mark.parametrize("rows", [quasi_newton.ROWS, 4])
def test_the_matrix_of_bfgs_is_that_of_the_formula(
    monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(quasi_newton, "ROWS", rows)
    f, _ = quadratic(6, 20)
    method = BFGS()
    point, state = f.at(np.full(6, 2.0)), method.init(6, np.float64)
    method.start(point, state)
    expected = np.empty((0, 0))
    for number in range(5):
        after = method.advance(f, point, state).point
        s, y = after.theta - point.theta, after.gradient - point.gradient
        if number == 0:
            expected = np.eye(6) * (s @ y) / (y @ y)
        rest = np.eye(6) - np.outer(y, s) / (y @ s)
        expected = rest.T @ expected @ rest + np.outer(s, s) / (y @ s)
        np.testing.assert_allclose(state["inverse"], expected, rtol=1e-9, atol=1e-12)
        point = after


def test_a_search_that_meets_a_kink_takes_the_lowest_step_that_it_tried() -> None:
    f = Smooth(lambda x: float(abs(x[0])), np.sign, lambda x: np.zeros((1, 1)))
    start = f.at(np.array([1.0]))
    found = search(f, start, np.array([-1.7]), 0.1)  # |slope| is 1 everywhere: never flat
    assert found is not None
    assert found[1].value < 0.7


def test_a_search_uphill_is_none() -> None:
    f, _ = quadratic(2, 1)
    point = f.at(np.full(2, 3.0))
    assert search(f, point, point.gradient, 0.9) is None


def test_where_rounding_hides_the_fall_the_slopes_tell_it() -> None:
    # 10⁹ + ½x²: from x = 10⁻⁴ on nothing of the fall is seen in float64
    f = Smooth(lambda x: 1e9 + 0.5 * float(x @ x), lambda x: x.copy(), lambda x: np.eye(1))
    steps = run(LBFGS(tolerance=1e-12), f, np.array([1e-3]), 20)
    assert steps[-1].finished.startswith("the gradient is")


def test_single_precision_stays_single() -> None:
    a = np.diag(np.array([1, 10], np.float32))
    f = Smooth(lambda x: float(0.5 * x @ a @ x), lambda x: a @ x, lambda x: a.copy())
    for name, method in FULL_BATCH.items():
        steps = run(method(tolerance=1e-4), f, np.ones(2, np.float32), 50)
        assert steps[-1].point.theta.dtype == np.float32, name
        assert np.abs(steps[-1].point.theta).max() < 1e-2, name


def test_what_a_method_cannot_hold_or_is_not_for_is_refused_with_what_is() -> None:
    for name, limit in [("newton", 2000), ("levenberg-marquardt", 2000), ("bfgs", 5000)]:
        method = build(FULL_BATCH, name)
        refuse(method, limit, "mse")
        with pytest.raises(InvalidChoice, match=rf"{name} is for up to {limit:,}.*lbfgs"):
            refuse(method, limit + 1, "mse")
    with pytest.raises(InvalidChoice, match=r"the losses mse and half-mse, and this loss is bce"):
        refuse(LevenbergMarquardt(), 10, "bce")
    for name in ("lbfgs", "conjugate-gradient", "newton-cg"):
        refuse(build(FULL_BATCH, name), 10**9, "focal")


@ALL
def test_a_state_that_is_copied_goes_on_bit_by_bit(name: str) -> None:
    f, method = rosenbrock(), build(FULL_BATCH, name)
    straight = run(method, f, FROM, 9)
    point, state = f.at(FROM), method.init(2, FROM.dtype)
    method.start(point, state)
    for step in straight:
        point = Point(point.theta.copy(), point.value, point.gradient.copy())
        state = {key: array.copy() for key, array in state.items()}
        point = method.advance(f, point, state).point
        assert point.theta.tobytes() == step.point.theta.tobytes()
