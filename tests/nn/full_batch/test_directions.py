"""Where a search along a line sets out: directions as the formulas say, and what is forgotten."""

import math

import numpy as np
import pytest

from nntool.nn.arrays import Array
from nntool.nn.full_batch.base import Point, State
from nntool.nn.full_batch.conjugate_gradient import ConjugateGradient
from nntool.nn.full_batch.descent import Descent
from nntool.nn.full_batch.levenberg_marquardt import LevenbergMarquardt
from nntool.nn.full_batch.quasi_newton import BFGS, LBFGS, STRETCH, adder


class Bowl:
    """½·c·‖x‖²: the Hessian is c times the identity."""

    def __init__(self, curvature: float) -> None:
        self.c = curvature

    def at(self, theta: Array) -> Point:
        return Point(theta, 0.5 * self.c * float(theta @ theta), self.c * theta)

    def hessian_product(self, theta: Array, v: Array) -> Array:
        return self.c * v

    gauss_newton_product = hessian_product

    def hessian(self, theta: Array) -> Array:
        return self.c * np.eye(len(theta))

    gauss_newton = hessian


def remembering(before: list[float], direction: list[float]) -> State:
    """The state of conjugate gradient after a step, by the gradient at its start and its way."""
    state = ConjugateGradient().init(2, np.float64)
    state["before"][...], state["direction"][...] = before, direction
    return state


HERE = Point(np.zeros(2), 0.0, np.array([1.0, 0.0]))
"""A point that is known by its gradient alone."""


@pytest.mark.parametrize(
    ("before", "last", "expected"),
    [
        ([0.5, 0.0], [0.0, 1.0], [-1.0, 2.0]),  # β = (1 − ½)/¼ = 2
        ([2.0, 0.0], [0.0, 1.0], [-1.0, 0.0]),  # β = −¼, cut at 0
        ([0.0, 1.0], [2.0, 0.0], [-1.0, 0.0]),  # −g + d goes up
    ],
)
def test_conjugate_gradient_takes_of_the_last_direction_what_goes_on_downhill(
    before: list[float], last: list[float], expected: list[float]
) -> None:
    state = remembering(before, last)
    direction = ConjugateGradient().direction(Bowl(1.0), HERE, state)
    np.testing.assert_allclose(state["direction"], expected)
    np.testing.assert_allclose(direction, np.array(expected) / np.dot(expected, expected))


@pytest.mark.parametrize("curvature", [0.0, -1.0])
def test_without_curvature_the_first_trial_is_twice_as_long_as_the_last_step(
    curvature: float,
) -> None:
    state = remembering([0.0, 0.0], [0.0, 0.0])
    directions = []
    for reach in (0.0, 3.0):
        state["reach"][...] = reach
        directions.append(ConjugateGradient().direction(Bowl(curvature), HERE, state).tolist())
    assert directions == [[-1, 0], [-6, 0]]


def test_what_a_step_was_long_is_remembered_as_a_distance() -> None:
    f = Bowl(2.0)
    point, method = f.at(np.array([3.0, 4.0])), ConjugateGradient()
    state = method.init(2, np.float64)
    method.start(point, state)
    step = method.iterate(f, point, state)
    assert math.dist(point.theta, step.point.theta) == pytest.approx(float(state["reach"]))


def test_a_direction_in_which_nothing_is_found_is_forgotten() -> None:
    f = Bowl(1.0)
    point = f.at(np.array([3.0, 4.0]))
    conjugate = ConjugateGradient()
    state = remembering([1e-3, 0.0], [1.0, 1.0])
    conjugate.forget(point, state)
    assert (state["direction"].tolist(), state["before"].tolist()) == ([-3, -4], [0, 0])

    bfgs = BFGS()
    state = bfgs.init(2, np.float64)
    bfgs.start(point, state)
    state["inverse"][...] = [[-1.0, 0.5], [0.5, -1.0]]  # it would go up
    state["learned"][...] = 7
    step = bfgs.iterate(f, point, state)
    assert step.point.value < point.value
    assert int(state["learned"]) == 1
    np.testing.assert_allclose(state["inverse"], np.eye(2), atol=1e-12)


@pytest.mark.parametrize("method", [BFGS(), LBFGS(memory=3)])
@pytest.mark.parametrize("change", [[-1.0, 0.0], [0.0, 1.0], [1e-17, 1.0]])
def test_a_step_along_which_the_gradient_does_not_grow_teaches_nothing(
    method: Descent, change: list[float]
) -> None:
    state = method.init(2, np.float64)
    before = Point(np.zeros(2), 1.0, np.array([-1.0, 0.0]))
    after = Point(np.array([1.0, 0.0]), 0.5, before.gradient + change)
    method.learn(before, after, 1.0, state)
    assert not any(array.any() for array in state.values())


def test_lbfgs_goes_by_its_newest_pairs() -> None:
    rng = np.random.default_rng(0)
    root = rng.standard_normal((6, 6))
    matrix = root @ root.T + np.eye(6)
    method = LBFGS(memory=3)
    state = method.init(6, np.float64)
    point = Point(np.zeros(6), 0.0, rng.standard_normal(6))
    pairs = []
    for number in range(1, 6):
        theta = rng.standard_normal(6)
        after = Point(theta, 0.0, point.gradient + matrix @ (theta - point.theta))
        method.learn(point, after, 1.0, state)
        pairs.append((after.theta - point.theta, after.gradient - point.gradient))
        point = after
        s, y = pairs[-1]
        inverse = np.eye(6) * (s @ y) / (y @ y)
        for s, y in pairs[-3:]:
            rest = np.eye(6) - np.outer(y, s) / (y @ s)
            inverse = rest.T @ inverse @ rest + np.outer(s, s) / (y @ s)
        found = method.direction(Bowl(1.0), point, state)
        np.testing.assert_allclose(found, -inverse @ point.gradient, err_msg=f"{number} pairs")


class Deceptive(Bowl):
    """½·10·‖x‖², whose Gauss–Newton matrix tells a tenth of the curvature."""

    def gauss_newton(self, theta: Array) -> Array:
        return self.hessian(theta) / 10


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1, STRETCH, 2 * STRETCH + 1])
def test_a_multiple_is_added_in_place_to_the_last_number(dtype: type, size: int) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, size)).astype(dtype)
    wanted = y - 0.75 * x.astype(np.float64)
    adder(y.dtype)(-0.75, x, y)
    assert y.dtype == dtype
    np.testing.assert_allclose(y, wanted, rtol=0, atol=4 * np.finfo(dtype).eps)


def test_levenberg_marquardt_damps_ever_faster_until_a_step_goes_down() -> None:
    f = Deceptive(10.0)
    point = f.at(np.array([3.0, 4.0]))
    method = LevenbergMarquardt(damping=1e-3)
    state = method.init(2, np.float64)
    method.start(point, state)
    step = method.iterate(f, point, state)
    # 0.001, then times 2, 4, 8, 16 and 32: the first that goes down, beyond 4
    damping = 32.768
    d = -point.gradient / (1 + damping)
    np.testing.assert_allclose(step.point.theta, point.theta + d)
    promised = -(point.gradient @ d + 0.5 * d @ d)
    kept = (point.value - step.point.value) / promised
    assert 1 / 3 < 1 - (2 * kept - 1) ** 3 < 1
    assert float(state["damping"]) == pytest.approx(damping * (1 - (2 * kept - 1) ** 3))
