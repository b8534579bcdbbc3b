"""Optimizers: what holds for all, and closed forms; whole paths are in ``test_oracles``."""

import tracemalloc

import numpy as np
import pytest

from nntool.nn.arrays import BLOCK
from nntool.nn.optimizers import (
    OPTIMIZERS,
    SGD,
    VSGD,
    Adagrad,
    Adam,
    AdamW,
    Gains,
    Momentum,
    Nesterov,
    Normalized,
    Optimizer,
    RMSprop,
    Rprop,
    State,
)
from nntool.nn.registry import build, describe

ALL = [build(OPTIMIZERS, name) for name in OPTIMIZERS]
SETTINGS = [
    Gains(agree="velocity"),
    Momentum(start=0.5),
    Nesterov(start=0.5, over=2),
    Adam(epsilon_inside=True),
    Adagrad(epsilon=0.0),
    RMSprop(epsilon=0.0),
]


def advance(
    rule: Optimizer, theta: np.ndarray, state: State, slopes: np.ndarray, lr: float = 0.05
) -> None:
    """Make one update with the gradient slopes·(θ − 1), asked for where the rule wants it."""
    state["epoch"][...] = state["t"] / 8
    point = np.empty_like(theta)
    rule.look_ahead(theta, state, point)
    g = slopes * (point - 1)
    if rule.wants == "curvature":
        rule.probe(theta, g, state, point)
        np.multiply(slopes, point - 1, out=state["probed"])
    kept = g.copy()
    rule.step(theta, g, state, lr)
    np.testing.assert_array_equal(g, kept)


def slopes_for(rng: np.random.Generator, size: int, dtype: type = np.float64) -> np.ndarray:
    """Give slopes of which a few are 0, as those of dead units are."""
    slopes = rng.uniform(0.2, 1.5, size)
    slopes[::5] = 0
    return slopes.astype(dtype)


@pytest.mark.parametrize("rule", ALL + SETTINGS, ids=str)
def test_what_a_rule_names_is_all_that_decides_its_future(rule: Optimizer) -> None:
    rng = np.random.default_rng(1)
    theta = rng.standard_normal(20)
    state = rule.init(theta)
    for _ in range(13):
        advance(rule, theta, state, slopes_for(rng, 20))
    assert state["t"] == 13
    other = theta.copy()
    restored = rule.init(other)
    for name in (*rule.state_names, "t"):
        assert restored[name].dtype == state[name].dtype
        np.copyto(restored[name], state[name])
    for _ in range(13):
        slopes = slopes_for(rng, 20)
        advance(rule, theta, state, slopes)
        advance(rule, other, restored, slopes)
    np.testing.assert_array_equal(theta, other)


@pytest.mark.parametrize("rule", ALL + SETTINGS, ids=str)
def test_rules_come_nearer_to_the_minimum_and_leave_alone_what_has_no_gradient(
    rule: Optimizer,
) -> None:
    theta = np.random.default_rng(2).uniform(2, 3, 30)
    before = theta.copy()
    state, slopes = rule.init(theta), slopes_for(np.random.default_rng(3), 30)
    for _ in range(300):
        advance(rule, theta, state, slopes)
    np.testing.assert_array_equal(theta[slopes == 0], before[slopes == 0])
    assert (np.abs(theta - 1) < np.abs(before - 1))[slopes != 0].all()


@pytest.mark.parametrize("name", [n for n in OPTIMIZERS if n != "normalized"])
def test_a_vector_of_many_blocks_moves_as_its_parts(name: str) -> None:
    rule = build(OPTIMIZERS, name)
    rng = np.random.default_rng(1)
    whole = rng.standard_normal(2 * BLOCK + 77).astype(np.float32)
    start, part = whole.copy(), whole[-100:].copy()
    states = rule.init(whole), rule.init(part)
    for _ in range(13):
        slopes = slopes_for(rng, whole.size, np.float32)
        advance(rule, whole, states[0], slopes, 0.1)
        advance(rule, part, states[1], slopes[-100:], 0.1)
    np.testing.assert_allclose(whole[-100:], part, rtol=1e-6)
    assert min(moved.mean() for moved in np.array_split(whole != start, 7)) > 0.5


def test_a_normalized_step_has_the_length_of_the_rate_over_all_blocks() -> None:
    rng = np.random.default_rng(4)
    for scale in (1e-30, 1.0, 1e30):  # squares of these are out of float32's range
        theta = np.zeros(2 * BLOCK + 77, np.float32)
        g = (scale * rng.standard_normal(theta.size)).astype(np.float32)
        Normalized().step(theta, g, Normalized().init(theta), 0.3)
        assert np.linalg.norm(theta.astype(np.float64)) == pytest.approx(0.3, rel=1e-5)
    before = theta.copy()
    Normalized().step(theta, np.zeros_like(theta), Normalized().init(theta), 0.3)
    np.testing.assert_array_equal(theta, before)


@pytest.mark.parametrize("rule", ALL + SETTINGS, ids=str)
def test_an_update_allocates_nothing_to_speak_of(rule: Optimizer) -> None:
    rng = np.random.default_rng(5)
    theta, g, out = (rng.standard_normal(70_000).astype(np.float32) for _ in range(3))
    state = rule.init(theta)

    def once() -> None:
        rule.look_ahead(theta, state, out)
        if rule.wants == "curvature":
            rule.probe(theta, g, state, out)
            np.multiply(g, 1.1, out=state["probed"])
        rule.step(theta, g, state, 1e-3)

    for _ in range(12):
        once()
    tracemalloc.start()
    try:
        for _ in range(3):
            once()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64_000


@pytest.mark.parametrize("rule", ALL + SETTINGS, ids=str)
def test_float32_stays_float32_and_finite_for_tiny_and_huge_gradients(rule: Optimizer) -> None:
    theta = np.zeros(6, np.float32)
    state = rule.init(theta)
    for t in range(30):
        g = np.array([0, 1e-30, -1e-12, 1.0, (-1) ** t, 1e12], np.float32)
        if rule.wants == "curvature":
            state["probed"][:] = 1.5 * g
        rule.step(theta, g, state, 1e-3)
    assert theta.dtype == np.float32
    assert all(state[name].dtype in (np.float32, np.float64) for name in rule.state_names)
    assert np.isfinite(theta).all()


def test_the_velocity_under_a_constant_gradient_has_its_limit() -> None:
    rule, theta, g = Momentum(mu=0.8), np.zeros(3), np.array([1.0, -2.0, 0.5])
    state = rule.init(theta)
    for _ in range(200):
        rule.step(theta, g, state, 0.1)
    np.testing.assert_allclose(state["v"], -0.1 * g / (1 - 0.8))


@pytest.mark.parametrize(
    ("epoch", "mu"), [(0.0, 0.5), (2.5, 0.6), (5.0, 0.7), (10.0, 0.9), (99.0, 0.9)]
)
def test_momentum_grows_evenly_over_its_epochs(epoch: float, mu: float) -> None:
    rule, theta = Momentum(mu=0.9, start=0.5, over=10), np.zeros(1)
    state = rule.init(theta)
    state["v"][:] = 1
    state["epoch"][...] = epoch
    rule.step(theta, np.zeros(1), state, 0.1)
    np.testing.assert_allclose(state["v"], mu)


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


def test_only_adamw_brings_a_decay_of_its_own_and_only_rprop_wants_all_rows() -> None:
    assert {name for name, cls in OPTIMIZERS.items() if build(OPTIMIZERS, name).weight_decay} == {
        "adamw"
    }
    assert AdamW(weight_decay=0.2).weight_decay == 0.2
    assert {name for name, cls in OPTIMIZERS.items() if cls.full_batch} == {"rprop"}
    assert SGD().weight_decay == 0


def cycles(rule: Optimizer, n: int, lr: float) -> np.ndarray:
    """Return the changes `(n, 10)` of a weight with gradients +0.1 nine times and −0.9 once."""
    theta, changes = np.zeros(1), np.empty((n, 10))
    state = rule.init(theta)
    for change in changes.reshape(-1, 1):
        g = -0.9 if (state["t"] + 1) % 10 == 0 else 0.1
        before = theta.copy()
        rule.step(theta, np.array([g]), state, lr)
        change[:] = theta - before
    return changes


def test_rprop_runs_away_on_small_batches_whose_gradients_cancel() -> None:
    net = np.abs(cycles(Rprop(most=1e9), 12, 0.01).sum(1))
    assert net[0] == pytest.approx(20.8 * 0.01, rel=1e-3)
    assert (np.diff(net) > 0).all()


@pytest.mark.parametrize(("beta", "share"), [(0.9, 0.15), (0.99, 0.02)])
def test_rmsprop_stays_where_rprop_runs_away(beta: float, share: float) -> None:
    later = cycles(RMSprop(beta=beta, epsilon=0.0), 201, 0.01)[200]
    assert abs(later.sum()) <= share * np.abs(later).sum()


def test_the_first_cycle_of_rmsprop_from_nothing_moves_thirteen_rates() -> None:
    first = cycles(RMSprop(), 1, 0.01)[0]
    assert abs(first.sum()) == pytest.approx(13 * 0.01, rel=0.02)


def test_the_first_step_of_rprop_is_the_rate_and_a_turn_counts_as_no_gradient() -> None:
    rule, theta, path = Rprop(), np.zeros(1), [0.0]
    state = rule.init(theta)
    for g in (1.0, 5.0, -1.0, -1.0, -1.0):
        rule.step(theta, np.array([g]), state, 0.1)
        path.append(float(theta[0]))
    # a turn halves the step and is passed over; after it nothing is known, then the sign holds
    np.testing.assert_allclose(np.diff(path), [-0.1, -0.12, 0, 0.06, 0.072])


@pytest.mark.parametrize("agree", ["gradient", "velocity"])
def test_gains_keep_within_their_limits(agree: str) -> None:
    rule, theta = Gains(agree=agree), np.zeros(2)
    state = rule.init(theta)
    for t in range(400):
        rule.step(theta, np.array([1.0, (-1.0) ** t]), state, 1e-3)
    np.testing.assert_allclose(state["gain"][0], 10)
    if agree == "gradient":
        np.testing.assert_allclose(state["gain"][1], 0.1)


def test_vsgd_only_looks_at_ten_batches_and_then_starts_slowly() -> None:
    """With a gradient 3(θ − 1) and no noise: ḡ²/v̄ is 1 and h̄ 3, but at first enlarged."""
    rule, theta = VSGD(), np.zeros(1)
    state = rule.init(theta)
    for _ in range(10):
        advance(rule, theta, state, np.array([3.0]), 1.0)
        assert theta[0] == 0
    np.testing.assert_allclose(state["tau"], 10)
    np.testing.assert_allclose(state["v_mean"], 10 * 9)
    np.testing.assert_allclose(state["h_mean"], 10 * 3)
    advance(rule, theta, state, np.array([3.0]), 1.0)
    v, h = 0.9 * 90 + 0.1 * 9, 0.9 * 30 + 0.1 * 3
    np.testing.assert_allclose(theta, 9 / (v * h) * 3)
    np.testing.assert_allclose(state["tau"], (1 - 9 / v) * 10 + 1)


def test_vsgd_makes_newton_steps_where_there_is_no_noise() -> None:
    theta, slopes = np.array([4.0, -2.0]), np.array([0.5, 20.0])
    rule = VSGD(slow=1.0)
    state = rule.init(theta)
    for _ in range(11):
        advance(rule, theta, state, slopes, 1.0)
    np.testing.assert_allclose(theta, 1, atol=1e-12)


def test_vsgd_takes_the_first_curvature_that_it_sees_as_it_is() -> None:
    rule, theta = VSGD(start=4, slow=1.0), np.zeros(1)
    state = rule.init(theta)
    for slope in (0.0, 0.0, 6.0, 6.0):
        advance(rule, theta, state, np.array([slope]))
    np.testing.assert_allclose(state["h_mean"], 6)


def test_vsgd_makes_no_step_where_there_is_no_curvature() -> None:
    rule, theta = VSGD(), np.zeros(1)
    state = rule.init(theta)
    for _ in range(20):
        state["probed"][:] = 0.5
        rule.step(theta, np.array([0.5]), state, 1.0)
    assert theta[0] == 0


def test_vsgd_measures_no_curvature_over_next_to_no_way() -> None:
    rule, theta = VSGD(), np.zeros(3, np.float32)
    state = rule.init(theta)
    g = np.array([1e-39, 1e-30, 1e-13], np.float32)
    for _ in range(12):
        state["probed"][:] = 1.0
        rule.step(theta, g, state, 1.0)
    np.testing.assert_array_equal(state["h_mean"], 0)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_it_says_when_to_use_it(name: str) -> None:
    assert "\nUse: " in describe(OPTIMIZERS, name).doc
