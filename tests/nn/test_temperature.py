"""The temperature of class probabilities: against a grid, by known logits, without overflow."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from nntool.nn import temperature
from nntool.nn.links import LINKS
from nntool.nn.losses import BCE, CCE, MSE, Hinge
from nntool.nn.outputs import choose_output
from nntool.nn.temperature import fit, log_likelihood

HEADS = {
    "sigmoid": choose_output("binary", 2, BCE()).head,
    "softmax": choose_output("multiclass", 4, CCE()).head,
    "softmax of two": choose_output("binary", 2, CCE()).head,
    "tanh": choose_output("binary", 2, MSE(), link="tanh").head,
    "four tanh": choose_output("multiclass", 4, MSE(), link="tanh").head,
    "four sigmoid": choose_output("multiclass", 4, MSE(), link="sigmoid").head,
}


def drawn(head, n, seed=0, *, overconfident=1.0):
    """Logits, and classes drawn from the very probabilities that they stand for."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, head.n_outputs))
    p = head.probabilities(z)
    y = (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return (overconfident * z).astype(np.float32), y


def mean_loss(head, z, y):
    """The log loss by the probabilities that a prediction shows."""
    return -np.log(head.probabilities(z)[np.arange(len(y)), y]).mean()


@pytest.mark.parametrize("kind", HEADS)
def test_the_likelihood_is_that_of_the_probabilities(kind):
    z, y = drawn(HEADS[kind], 50)
    for t in (0.3, 1.0, 4.0):
        shown = np.log(HEADS[kind].probabilities(z / t)[np.arange(50), y])
        np.testing.assert_allclose(log_likelihood(HEADS[kind], z, y, math.log(t)), shown, 1e-6)


@pytest.mark.parametrize("kind", HEADS)
def test_logits_times_3_give_a_temperature_3_times_as_high(kind):
    head = HEADS[kind]
    z, y = drawn(head, 4000)
    once, thrice = fit(head, z, y), fit(head, 3 * z, y)
    assert once == pytest.approx(1, abs=0.1)  # the classes were drawn from these probabilities
    assert thrice == pytest.approx(3 * once, rel=0.01)


@pytest.mark.parametrize("kind", HEADS)
def test_it_has_the_least_loss_and_prior_of_a_fine_grid(kind):
    head = HEADS[kind]
    z, y = drawn(head, 30, overconfident=4.0)
    grid = np.exp(np.linspace(-0.5, 3, 6001))
    cost = [len(y) * mean_loss(head, z / t, y) + math.log(t) ** 2 for t in grid]
    assert fit(head, z, y) == pytest.approx(grid[np.argmin(cost)], rel=2e-3)


def test_it_agrees_with_a_minimizer_over_the_inverse():
    """Over 1/T the loss is convex, and SciPy's unbounded search finds it without a grid."""
    head = HEADS["softmax"]
    z, y = drawn(head, 500, seed=3, overconfident=2.5)

    def cost(inverse):
        if inverse <= 0:
            return 1e9
        return len(y) * mean_loss(head, z * inverse, y) + math.log(inverse) ** 2

    assert fit(head, z, y) == pytest.approx(1 / minimize_scalar(cost, bracket=(0.2, 1)).x, rel=1e-4)


@pytest.mark.parametrize("kind", HEADS)
def test_overconfident_probabilities_of_other_rows_get_better_and_no_decision_changes(kind):
    head = HEADS[kind]
    z, y = drawn(head, 3000, seed=1, overconfident=5.0)
    t = fit(head, z[:1000], y[:1000])
    assert t > 2
    assert mean_loss(head, z[1000:] / t, y[1000:]) < mean_loss(head, z[1000:], y[1000:]) - 0.1
    np.testing.assert_array_equal(head.decide(z / t), head.decide(z))


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize("n", [1, 5])
def test_a_handful_of_rows_all_right_does_not_make_probabilities_sure(kind, n):
    head = HEADS[kind]
    z, y = drawn(head, 200)
    right = np.flatnonzero(head.decide(z) == y)[:n]
    t = fit(head, z[right], y[right])
    assert 0.25 < t < 1.5


@pytest.mark.parametrize("kind", HEADS)
def test_logits_of_tens_of_thousands_overflow_nothing(kind):
    head = HEADS[kind]
    z, y = drawn(head, 4000, overconfident=2e4)
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        t = fit(head, z, y)
    assert t == pytest.approx(2e4, rel=0.15)


def test_many_rows_are_thinned_evenly_and_weigh_as_much(monkeypatch):
    """Of each row 30 times over, one is taken and counted 30 times, beside the same prior."""
    head = HEADS["sigmoid"]
    z, y = drawn(head, 10, overconfident=3.0)
    z, y = np.repeat(z, 30, axis=0), np.repeat(y, 30)
    whole = fit(head, z, y)
    monkeypatch.setattr(temperature, "ENOUGH_ROWS", 10)
    assert fit(head, z, y) == pytest.approx(whole, rel=1e-5)
    assert fit(head, z[::30], y[::30]) != pytest.approx(whole, rel=0.01)


def test_what_has_no_probabilities_or_no_rows_has_no_temperature():
    scores = choose_output("multiclass", 3, Hinge()).head
    assert fit(scores, np.ones((4, 3), np.float32), np.zeros(4, int)) is None
    value = choose_output("regression", 0, MSE()).head
    assert fit(value, np.ones((4, 1), np.float32), np.zeros(4)) is None
    head = HEADS["sigmoid"]
    assert fit(head, np.empty((0, 1), np.float32), np.empty(0, int)) is None
    assert fit(head, np.array([[np.nan], [1]], np.float32), np.array([0, 1])) is None


def test_every_link_of_classes_is_tried_here():
    tried = {type(head.link) for head in HEADS.values()}
    of_classes = {"sigmoid", "softmax", "tanh"}
    assert tried == {LINKS[name] for name in of_classes}
