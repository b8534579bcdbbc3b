"""Optimizers: closed forms; the paths of torch are in ``test_oracles``."""

import numpy as np
import pytest

from nntool.nn.arrays import BLOCK
from nntool.nn.optimizers import OPTIMIZERS, Adam, Momentum
from nntool.nn.registry import build


def test_the_velocity_under_a_constant_gradient_has_its_limit() -> None:
    rule, theta, g = Momentum(mu=0.8), np.zeros(3), np.array([1.0, -2.0, 0.5])
    state = rule.init(theta)
    for _ in range(200):
        rule.step(theta, g, state, 0.1)
    np.testing.assert_allclose(state["v"], -0.1 * g / (1 - 0.8))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_the_first_step_of_adam_is_the_learning_rate_whatever_the_gradient(scale: float) -> None:
    theta = np.zeros(2)
    rule = Adam()
    rule.step(theta, scale * np.array([3.0, -0.2]), rule.init(theta), 0.01)
    np.testing.assert_allclose(theta, [-0.01, 0.01], rtol=1e-3)


def test_epsilon_inside_the_root_is_another_rule() -> None:
    theta, g = np.zeros(1), np.array([1e-2])
    rule = Adam(epsilon=1e-3, epsilon_inside=True)
    rule.step(theta, g, rule.init(theta), 1.0)
    np.testing.assert_allclose(theta, -g / np.sqrt(g**2 + 1e-3))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_vector_of_many_blocks_moves_as_its_parts(name: str) -> None:
    rule = build(OPTIMIZERS, name)
    rng = np.random.default_rng(1)
    whole = rng.standard_normal(2 * BLOCK + 77).astype(np.float32)
    part = whole[-100:].copy()
    states = rule.init(whole), rule.init(part)
    for _ in range(3):
        g = rng.standard_normal(whole.size).astype(np.float32)
        rule.step(whole, g, states[0], 0.1)
        rule.step(part, g[-100:], states[1], 0.1)
    np.testing.assert_allclose(whole[-100:], part, rtol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_gradient_is_left_as_it_is_and_the_state_is_what_it_names(name: str) -> None:
    rule = build(OPTIMIZERS, name)
    theta, g = np.ones(4), np.arange(4.0)
    state = rule.init(theta)
    rule.step(theta, g, state, 0.1)
    np.testing.assert_array_equal(g, np.arange(4.0))
    assert set(state) == {*rule.state_names, "t", "epoch", "scratch"}
    assert state["t"] == 1
