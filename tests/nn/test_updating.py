"""The order of one update, seen through its effects."""

import numpy as np
import pytest

from nntool.nn.network import Network, NetworkSpec
from nntool.nn.optimizers import (
    OPTIMIZERS,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Momentum,
    Optimizer,
    RMSprop,
)
from nntool.nn.penalties import L1, L2
from nntool.nn.registry import build
from nntool.nn.updating import Parts, UpdateRules, clip_norm, parts_of, update

NET = Network(NetworkSpec(n_numeric=3, n_outputs=1, hidden=()))  # three weights and a bias
DEEP = Network(NetworkSpec(n_numeric=3, levels=(4,), n_outputs=2, hidden=(5, 4)))


def updated(
    rules: UpdateRules,
    gradient: list[float],
    lr: float = 0.1,
    rates: list[float] | None = None,
    decays: list[float] | None = None,
) -> np.ndarray:
    """Return three weights and a bias, all 2 before the update."""
    theta = np.full(4, 2.0)
    parts = parts_of(theta, NET, rules).with_multipliers(
        *(None if values is None else np.array(values) for values in (rates, decays))
    )
    parts.gradient[:] = gradient
    update(rules, parts, lr)
    return theta


def walk(rules: UpdateRules, parts: Parts, lr: float, gradients: np.ndarray) -> None:
    for gradient in gradients:
        np.copyto(parts.gradient, gradient)
        update(rules, parts, lr)


def test_the_penalty_is_clipped_with_the_gradient() -> None:
    rules = UpdateRules(optimizer=SGD(), penalties=(L2(rate=10.0),), clip_value=1.0)
    np.testing.assert_allclose(updated(rules, [0, 0, 0, 0]), [1.9, 1.9, 1.9, 2])


def test_two_penalties_add_up() -> None:
    rules = UpdateRules(optimizer=SGD(), penalties=(L2(rate=0.5), L2(rate=0.5)))
    np.testing.assert_allclose(updated(rules, [0, 0, 0, 0]), [1.8, 1.8, 1.8, 2])


@pytest.mark.parametrize(("limit", "scale"), [(5.0, 1.0), (1.0, 0.5), (2.0, 1.0)])
def test_a_gradient_is_shortened_to_the_norm_only_where_it_is_longer(
    limit: float, scale: float
) -> None:
    rules = UpdateRules(optimizer=SGD(), clip_norm=limit)
    np.testing.assert_allclose(
        updated(rules, [1, 1, -1, 1]), 2 - 0.1 * scale * np.array([1, 1, -1, 1])
    )


def test_components_are_clipped_before_the_norm() -> None:
    """(9, 0, 0, 1) becomes (1, 0, 0, 1), of norm √2; the norm first would leave hardly a 1."""
    rules = UpdateRules(optimizer=SGD(), clip_value=1.0, clip_norm=1.0)
    shortened = 0.1 / np.sqrt(2)
    np.testing.assert_allclose(updated(rules, [9, 0, 0, 1]), [2 - shortened, 2, 2, 2 - shortened])


def test_a_gradient_whose_squares_overflow_is_shortened_all_the_same() -> None:
    gradient = np.array([3e30, 4e30], np.float32)
    with np.errstate(over="ignore"):
        clip_norm(gradient, 1.0)
    np.testing.assert_allclose(gradient, [0.6, 0.8], rtol=1e-6)


def test_decay_is_decoupled_and_spares_the_bias() -> None:
    rules = UpdateRules(optimizer=SGD(), weight_decay=0.5, clip_value=1e-9)
    np.testing.assert_allclose(updated(rules, [0, 0, 0, 0]), [1.9, 1.9, 1.9, 2])


def test_weights_decay_before_the_rule_moves_them() -> None:
    rules = UpdateRules(optimizer=SGD(), weight_decay=0.5)
    np.testing.assert_allclose(updated(rules, [4, 4, 4, 4]), [0.95 * 2 - 0.4] * 3 + [1.6])


def test_the_decay_of_a_rule_is_its_own_until_another_is_given() -> None:
    own, other, none = (
        updated(UpdateRules(optimizer=AdamW(weight_decay=0.2), weight_decay=given), [0, 0, 0, 0])
        for given in (None, 0.5, 0.0)
    )
    np.testing.assert_allclose(own, [2 * 0.98] * 3 + [2])
    np.testing.assert_allclose(other, [2 * 0.95] * 3 + [2])
    np.testing.assert_allclose(none, 2)


def test_the_soft_threshold_comes_after_the_step_and_gives_zeros() -> None:
    """2 − 0.1·g is 0.3, −0.3 and 1 for the three weights; ηλ = 0.5."""
    rules = UpdateRules(optimizer=SGD(), penalties=(L1(rate=5.0, proximal=True),))
    found = updated(rules, [17, 23, 10, 0])
    np.testing.assert_allclose(found, [0, 0, 0.5, 2], atol=1e-15)
    assert (found[:2] == 0).all()


def test_the_soft_threshold_follows_the_rates_of_parameters() -> None:
    rules = UpdateRules(optimizer=SGD(), penalties=(L1(rate=5.0, proximal=True),))
    found = updated(rules, [0, 0, 0, 0], rates=[1, 2, 0, 1])
    np.testing.assert_allclose(found, [1.5, 1, 2, 2])


def test_norms_are_limited_last() -> None:
    """After the soft threshold: (2.3, 2.4, 0) − 0.4 to 0.5·(1.9, 2, 0)/√(1.9² + 2²)."""
    rules = UpdateRules(optimizer=SGD(), penalties=(L1(rate=4.0, proximal=True),), max_norm=0.5)
    found = updated(rules, [-3, -4, 20, 0])
    np.testing.assert_allclose(found[:3], np.array([1.9, 2, 0]) * 0.5 / np.hypot(1.9, 2))
    assert found[3] == 2


@pytest.mark.parametrize("optimizer", [SGD(), Momentum(), Adam()])
def test_no_unit_has_longer_weights_than_allowed_after_any_update(optimizer: Optimizer) -> None:
    rng = np.random.default_rng(0)
    theta = DEEP.initial(rng, np.float64)
    rules = UpdateRules(optimizer=optimizer, max_norm=0.7)
    parts = parts_of(theta, DEEP, rules)
    tables = DEEP.bind(theta).parameters[0]
    assert parts.matrices, "or nothing is seen"
    longest = 0.0
    for gradient in rng.standard_normal((50, DEEP.size)):
        walk(rules, parts, 0.3, gradient[np.newaxis])
        norms = np.concatenate([np.linalg.norm(w, axis=0) for w in parts.matrices])
        assert len(norms) == 5 + 4 + 2
        longest = max(longest, float(norms.max()))
        assert longest <= 0.7 + 1e-12
    assert longest == pytest.approx(0.7)
    assert np.linalg.norm(tables[0]) > 0.7, "vectors of levels are no weights of a unit"


@pytest.mark.parametrize("optimizer", [SGD(), Momentum(), Adam(), RMSprop(), Adagrad()])
def test_a_rate_by_layer_is_the_rule_with_that_rate_on_that_layer(optimizer: Optimizer) -> None:
    factors = {"inputs": 3.0, "hidden1": 0.5, "output": 0.1}
    rules = UpdateRules(optimizer=optimizer, layer_rates=factors)
    rng = np.random.default_rng(1)
    start, gradients = DEEP.initial(rng, np.float64), rng.standard_normal((100, DEEP.size))
    together = start.copy()
    walk(rules, parts_of(together, DEEP, rules), 0.02, gradients)
    for layer, slices in DEEP.layer_slices().items():
        own = np.concatenate([np.arange(DEEP.size)[part] for part in slices])
        alone, g = start[own], gradients[:, own]
        state = optimizer.init(alone)
        for row in g:
            optimizer.step(alone, row, state, 0.02 * factors.get(layer, 1.0))
        np.testing.assert_allclose(together[own], alone, rtol=1e-9, atol=1e-12, err_msg=layer)
        assert (alone != start[own]).all()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_rates_of_1_change_nothing_and_rates_of_0_hold_still(name: str) -> None:
    rules = UpdateRules(optimizer=build(OPTIMIZERS, name), weight_decay=0.1)
    rng = np.random.default_rng(2)
    start, gradients = DEEP.initial(rng, np.float64), rng.standard_normal((30, DEEP.size))
    found = {}
    for rate in (None, 1.0, 0.0):
        theta = start.copy()
        rates = None if rate is None else np.full(DEEP.size, rate)
        parts = parts_of(theta, DEEP, rules).with_multipliers(rates, None)

        def take_again(parts: Parts = parts) -> None:
            np.multiply(parts.gradient, 1.5, out=parts.gradient)

        for gradient in gradients:
            np.copyto(parts.gradient, gradient)
            np.copyto(parts.point, theta)
            update(rules, parts, 0.01, take_again)
        found[rate] = theta
    np.testing.assert_allclose(found[1.0], found[None], rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(found[0.0], start)
    assert (found[None] != start).any()


def test_each_parameter_can_decay_by_its_own_factor() -> None:
    rules = UpdateRules(optimizer=SGD(), weight_decay=0.5)
    found = updated(rules, [0, 0, 0, 0], decays=[0, 1, 4, 1])
    np.testing.assert_allclose(found, [2, 1.9, 1.6, 2])
    found = updated(rules, [0, 0, 0, 0], rates=[1, 2, 0.5, 1], decays=[0, 1, 4, 1])
    np.testing.assert_allclose(found, [2, 1.8, 1.8, 2])


def test_multipliers_of_decay_leave_the_step_alone() -> None:
    rules = UpdateRules(optimizer=SGD(), weight_decay=0.5)
    found = updated(rules, [1, 1, 1, 1], decays=[0, 1, 4, 1])
    np.testing.assert_allclose(found, [1.9, 1.8, 1.5, 1.9])


def test_an_update_of_a_curvature_rule_needs_a_way_to_a_second_gradient() -> None:
    rules = UpdateRules(optimizer=build(OPTIMIZERS, "vsgd"))
    with pytest.raises(ValueError, match="wants a second gradient"):
        updated(rules, [1, 1, 1, 1])


def test_an_update_in_single_precision_stays_in_it() -> None:
    rules = UpdateRules(
        optimizer=Adam(),
        penalties=(L1(rate=0.1, proximal=True), L2(rate=0.1)),
        clip_norm=1.0,
        weight_decay=0.1,
        layer_rates="inverse-sqrt",
        max_norm=1.0,
    )
    single, double = (
        parts_of(DEEP.initial(np.random.default_rng(3), dtype), DEEP, rules)
        for dtype in (np.float32, np.float64)
    )
    for gradient in np.random.default_rng(4).standard_normal((5, DEEP.size)):
        walk(rules, single, 0.01, gradient[np.newaxis].astype(np.float32))
        walk(rules, double, 0.01, gradient[np.newaxis])
    assert single.theta.dtype == np.float32
    np.testing.assert_allclose(single.theta, double.theta, rtol=1e-4, atol=1e-5)
