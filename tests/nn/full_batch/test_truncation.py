"""Newton's direction by conjugate gradient: when it is near enough, and how it is damped."""

import numpy as np
import pytest

from nntool.nn.arrays import Array
from nntool.nn.full_batch import newton
from nntool.nn.full_batch.base import Point
from nntool.nn.full_batch.newton import LEAST_DAMPING, NewtonCG, Solution, solve

START = np.zeros(2)


def point(value: float = 0.0, gradient: float = 1.0) -> Point:
    return Point(START, value, np.array([gradient, 0.0]))


@pytest.mark.parametrize(("norm", "share"), [(16.0, 0.5), (4.0, 0.5), (1.0, 0.25), (0.16, 0.1)])
def test_the_residual_falls_with_the_root_of_the_gradient(
    monkeypatch: pytest.MonkeyPatch, norm: float, share: float
) -> None:
    asked = []

    def spy(multiply: object, gradient: Array, *, residual: float, **_: object) -> Solution:
        asked.append(residual)
        return Solution(-gradient, 1.0, True)

    monkeypatch.setattr(newton, "solve", spy)
    method = NewtonCG()
    state = method.init(2, np.float64)
    method.start(point(gradient=16.0), state)
    method.direction(Hill(), point(gradient=norm), state)
    assert asked == [pytest.approx(share * norm)]


class Hill:
    """−½·‖x‖²."""

    def at(self, theta: Array) -> Point:
        return Point(theta, -0.5 * float(theta @ theta), -theta)

    def hessian_product(self, theta: Array, v: Array) -> Array:
        return -v

    gauss_newton_product = hessian_product

    def hessian(self, theta: Array) -> Array:
        return -np.eye(len(theta))

    gauss_newton = hessian


@pytest.mark.parametrize("curvature", [-4.0, -1.0, 0.0])
def test_where_the_curvature_is_negative_from_the_start_it_goes_straight_down(
    curvature: float,
) -> None:
    g = np.array([3.0, 4.0])
    found = solve(lambda v: curvature * v, g, damping=0.0, residual=0.0, products=5)
    d = found.direction
    np.testing.assert_allclose(d, -g / (abs(curvature) or 1))
    assert found.fall == pytest.approx(-(g @ d + 0.5 * curvature * d @ d))
    assert not found.is_convex


@pytest.mark.parametrize(
    ("length", "kept", "factor"), [(1.0, 0.9, 1 / 3), (1.0, 0.5, 1), (1.0, 0.1, 2), (0.5, 0.9, 2)]
)
def test_damping_follows_what_came_of_the_promise(
    length: float, kept: float, factor: float
) -> None:
    method = NewtonCG()
    state = method.init(2, np.float64)
    state["promised"][...], state["damping"][...] = 4.0, 0.3
    method.learn(point(value=4 * kept), point(value=0.0), length, state)
    assert float(state["damping"]) == pytest.approx(0.3 * factor)


def test_a_direction_in_vain_or_a_hill_damps_more_and_from_nothing_too() -> None:
    method = NewtonCG()
    state = method.init(2, np.float64)
    state["damping"][...], state["promised"][...] = 0.3, 4.0
    method.forget(point(), state)
    assert (float(state["damping"]), float(state["promised"])) == (3.0, 0.0)
    method.start(point(), state)
    method.direction(Hill(), point(), state)  # damped by 3 it is none
    assert float(state["damping"]) == 3.0
    for damping, after in ((0.5, 1.0), (0.0, LEAST_DAMPING)):
        state["damping"][...] = damping
        method.direction(Hill(), point(), state)
        assert float(state["damping"]) == after
