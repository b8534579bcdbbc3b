import numpy as np

from nntool.nn.input_penalty import InputL1
from nntool.nn.penalties import L1

WEIGHTS = np.array([0.5, -0.02, 0.01, -0.6, 0.01, 2.0])


def test_it_shrinks_the_first_weights_alone() -> None:
    weights, scratch = WEIGHTS.copy(), np.empty(6)
    penalty = InputL1(rate=0.1, n_weights=4)
    penalty.shrink(weights, 0.5, scratch)
    np.testing.assert_allclose(weights, [0.45, 0, 0, -0.55, 0.01, 2.0])
    assert (weights[1:3] == 0).all()
    assert penalty.value(WEIGHTS) == L1(rate=0.1).value(WEIGHTS[:4])


def test_each_weight_may_have_a_rate_of_its_own() -> None:
    weights, rates = WEIGHTS.copy(), np.array([0.0, 0, 1, 1, 1, 1])
    InputL1(rate=0.1, n_weights=4).shrink(weights, rates, np.empty(6))
    np.testing.assert_allclose(weights, [0.5, -0.02, 0, -0.5, 0.01, 2.0])


def test_it_adds_no_gradient() -> None:
    gradient = np.zeros(6)
    InputL1(rate=0.1, n_weights=4).add_gradient(WEIGHTS, gradient, np.empty(6))
    assert not gradient.any()
