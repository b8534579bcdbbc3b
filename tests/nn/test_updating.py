"""The order of one update, seen through its effects."""

import numpy as np
import pytest

from nntool.nn.network import Network, NetworkSpec
from nntool.nn.optimizers import SGD
from nntool.nn.penalties import L2
from nntool.nn.updating import UpdateRules, parts_of, update

NET = Network(NetworkSpec(n_numeric=3, n_outputs=1, hidden=()))  # three weights and a bias


def updated(rules: UpdateRules, gradient: list[float], lr: float = 0.1) -> np.ndarray:
    """Return three weights and a bias, all 2 before the update."""
    theta = np.full(4, 2.0)
    parts = parts_of(theta, NET, rules)
    parts.gradient[:] = gradient
    update(rules, parts, lr)
    return theta


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


def test_decay_is_decoupled_and_spares_the_bias() -> None:
    rules = UpdateRules(optimizer=SGD(), weight_decay=0.5, clip_value=1e-9)
    np.testing.assert_allclose(updated(rules, [0, 0, 0, 0]), [1.9, 1.9, 1.9, 2])
