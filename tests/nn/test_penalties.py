"""Penalties: gradients against finite differences, values by hand, exact zeros by the prox."""

from typing import Any

import numpy as np
import pytest

from nntool.nn.arrays import BLOCK, scratch_for
from nntool.nn.penalties import L1, L2, PENALTIES, Lp, Penalty, WeightElimination
from nntool.nn.registry import build

SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("l2", {}),
    ("l1", {}),
    ("lp", {"p": 1.0}),
    ("lp", {"p": 1.5}),
    ("lp", {"p": 3.0}),
    ("weight-elimination", {"w0": 0.5}),
]


def gradient_of(penalty: Penalty, weights: np.ndarray) -> np.ndarray:
    gradient = np.zeros_like(weights)
    penalty.add_gradient(weights, gradient, scratch_for(weights))
    return gradient


def test_every_penalty_is_held_against_finite_differences() -> None:
    assert {name for name, _ in SETTINGS} == set(PENALTIES)


@pytest.mark.parametrize(("name", "settings"), SETTINGS)
@pytest.mark.parametrize("size", [1, 2, 7, BLOCK + 5])
def test_the_gradient_is_the_slope_of_the_value(
    name: str, settings: dict[str, Any], size: int
) -> None:
    penalty = build(PENALTIES, name, {"rate": 0.3, **settings})
    rng = np.random.default_rng(0)
    weights = rng.normal(size=size)
    weights += 0.05 * np.sign(weights)  # away from the kink
    gradient = gradient_of(penalty, weights)
    for _ in range(3):
        direction = rng.normal(size=size)
        h = 1e-5 / np.abs(direction).max()
        slope = penalty.value(weights + h * direction) - penalty.value(weights - h * direction)
        np.testing.assert_allclose(gradient @ direction, slope / (2 * h), rtol=1e-6)


def test_values_and_gradients_by_hand() -> None:
    w = np.array([3.0, -4.0, 0.0])
    assert L2(rate=0.5).value(w) == 0.25 * 25
    assert L1(rate=0.5).value(w) == 0.5 * 7
    assert Lp(rate=0.5, p=3).value(w) == 0.5 * (27 + 64)
    np.testing.assert_allclose(WeightElimination(rate=0.5, w0=2).value(w), 0.5 * (9 / 13 + 16 / 20))
    np.testing.assert_array_equal(gradient_of(L1(rate=0.5), w), [0.5, -0.5, 0])
    np.testing.assert_array_equal(gradient_of(Lp(rate=0.5, p=1), w), [0.5, -0.5, 0])
    np.testing.assert_allclose(gradient_of(Lp(rate=1, p=1.5), w), [1.5 * 3**0.5, -1.5 * 4**0.5, 0])
    # λ·2w·w₀²/(w₀² + w²)²
    np.testing.assert_allclose(
        gradient_of(WeightElimination(rate=1, w0=2), w), [24 / 13**2, -32 / 20**2, 0]
    )


@pytest.mark.parametrize(("name", "settings"), SETTINGS)
def test_gradients_add_up(name: str, settings: dict[str, Any]) -> None:
    penalty = build(PENALTIES, name, settings)
    w = np.array([1.0, -2.0, 0.5])
    gradient = np.array([10.0, 20.0, 30.0])
    penalty.add_gradient(w, gradient, np.empty(3))
    np.testing.assert_allclose(gradient - [10, 20, 30], gradient_of(penalty, w))


def test_elimination_hardly_touches_large_weights() -> None:
    small, large = gradient_of(WeightElimination(rate=1, w0=1), np.array([0.5, 10.0]))
    assert large < 0.04 * small
    counted = WeightElimination(rate=1, w0=0.01).value(np.array([5.0, -3.0, 0.0, 0.0]))
    np.testing.assert_allclose(counted, 2, rtol=1e-4)


def test_large_weights_do_not_overflow_in_float32() -> None:
    w = np.array([1e15, -1e15], dtype=np.float32)
    gradient = gradient_of(WeightElimination(rate=1, w0=1), w)
    np.testing.assert_allclose(gradient, 0, atol=1e-40)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_prox_is_the_soft_threshold_at_one_rate_or_many(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    w = rng.normal(size=BLOCK + 3).astype(dtype)
    rates = rng.uniform(0, 2, size=w.shape).astype(dtype)
    rates[0] = 0
    l1 = L1(rate=0.25, proximal=True)
    for lr in (0.5, rates):
        limit = np.asarray(lr * dtype(0.25))
        expected = np.where(np.abs(w) <= limit, 0, w - np.sign(w) * limit)
        shrunk = w.copy()
        l1.shrink(shrunk, lr, scratch_for(w))
        np.testing.assert_array_equal(shrunk, expected)
        assert np.count_nonzero(shrunk == 0) > 1000
        assert not np.signbit(shrunk[shrunk == 0]).any()


def test_only_the_proximal_form_shrinks_and_only_the_other_has_a_gradient() -> None:
    w = np.array([1.0, -1.0])
    np.testing.assert_array_equal(gradient_of(L1(rate=1, proximal=True), w), 0)
    for name in PENALTIES:
        kept = w.copy()
        build(PENALTIES, name, {"rate": 1.0}).shrink(kept, 0.1, np.empty(2))
        np.testing.assert_array_equal(kept, w)
    assert L1(rate=1, proximal=True).value(w) == 2


@pytest.mark.parametrize("start", [0.3, -0.004, 1e-5])
def test_below_2_a_power_drives_a_weight_to_swing_about_0_and_leaves_0_as_it_is(
    start: float,
) -> None:
    lr, penalty = 0.1, Lp(rate=0.2, p=1.5)
    w = np.array([start, 0.0])
    for _ in range(3000):
        w -= lr * gradient_of(penalty, w)
    np.testing.assert_allclose(abs(w[0]), (lr * 0.2 * 1.5 / 2) ** 2, rtol=1e-6)
    assert w[1] == 0


def test_proximal_descent_finds_the_lasso() -> None:
    from sklearn.linear_model import Lasso

    rng = np.random.default_rng(0)
    n = 200
    x = rng.normal(size=(n, 12))
    y = x[:, :3] @ [2.0, -1.0, 0.3] + 0.1 * rng.normal(size=n)
    lasso = Lasso(alpha=0.15, fit_intercept=False, tol=1e-12, max_iter=10_000).fit(x, y)
    l1 = L1(rate=0.15, proximal=True)  # Lasso minimizes ‖y − xw‖²/2n + α‖w‖₁
    w = np.zeros(12)
    scratch = np.empty(12)
    for _ in range(2000):
        gradient = x.T @ (x @ w - y) / n
        l1.add_gradient(w, gradient, scratch)
        w -= 0.2 * gradient
        l1.shrink(w, 0.2, scratch)
    np.testing.assert_allclose(w, lasso.coef_, atol=1e-9)
    np.testing.assert_array_equal(w == 0, lasso.coef_ == 0)
    assert np.count_nonzero(w == 0) >= 9


@pytest.mark.parametrize(("name", "settings"), [*SETTINGS, ("l1", {"proximal": True})])
def test_an_update_allocates_nothing(name: str, settings: dict[str, Any]) -> None:
    import tracemalloc

    penalty = build(PENALTIES, name, settings)
    w = np.random.default_rng(0).normal(size=8 * BLOCK)
    gradient, scratch = np.zeros_like(w), scratch_for(w)
    penalty.add_gradient(w, gradient, scratch)
    tracemalloc.start()
    try:
        penalty.add_gradient(w, gradient, scratch)
        penalty.shrink(w, 0.1, scratch)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000
