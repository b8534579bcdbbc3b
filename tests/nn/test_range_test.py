"""The choice of a learning rate, on curves whose answer is known and on real data."""

import numpy as np
import pytest

from nntool.nn.optimizers import OPTIMIZERS
from nntool.nn.range_test import choose_rate
from nntool.nn.registry import build

RATES = np.geomspace(1e-6, 10, 120)


def curve(steepest: float, edge: float, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """Fall around ``steepest`` by one in two decades, and rise without limit from ``edge``."""
    fall = 1 / (1 + (RATES / steepest) ** 1.5)
    chance = noise * np.random.default_rng(seed).standard_normal(len(RATES))
    return 0.5 + fall + (RATES / edge) ** 3 + chance


@pytest.mark.parametrize("steepest", [1e-4, 1e-3, 1e-2])
@pytest.mark.parametrize("noise", [0.0, 0.02, 0.1])
def test_the_rate_of_the_steepest_fall_is_found_in_noise(steepest: float, noise: float) -> None:
    for seed in range(5):
        chosen = choose_rate(RATES, curve(steepest, 1.0, noise, seed))
        assert steepest / 4 < chosen < steepest * 4


def test_a_fall_next_to_the_edge_is_not_trusted() -> None:
    chosen = choose_rate(RATES, curve(0.1, 0.3))
    assert chosen <= RATES[np.argmin(curve(0.1, 0.3))] / 8


def test_what_comes_after_the_loss_is_lost_counts_for_nothing() -> None:
    losses = curve(1e-3, 0.1)
    wanted = choose_rate(RATES, losses)
    after = losses > 20
    assert after.sum() > 5
    for last in (0.0, np.nan, np.inf):
        changed = losses.copy()
        changed[np.flatnonzero(after)[2:]] = last
        assert choose_rate(RATES, changed) == wanted


def test_unit_and_sign_of_the_loss_do_not_matter_to_the_choice() -> None:
    losses = curve(1e-3, 0.1)[:90]
    assert choose_rate(RATES[:90], 1e6 * losses) == choose_rate(RATES[:90], losses)
    assert choose_rate(RATES[:90], losses - 2) == choose_rate(RATES[:90], losses)


@pytest.mark.parametrize("shift", [1.48, 1.45, 0.5])
def test_a_loss_of_nothing_at_the_start_or_on_the_way_is_as_any_other(shift: float) -> None:
    for seed in range(5):
        losses = curve(1e-3, 0.1, 0.1, seed)[:90]
        assert choose_rate(RATES[:90], losses - shift) == choose_rate(RATES[:90], losses)


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        (1 + 0.1 * np.random.default_rng(1).standard_normal(120), "made the loss fall"),
        (np.ones(120), "made the loss fall"),
        (1 + RATES, "made the loss fall"),
        (np.full(120, np.nan), "only 0 of 120 losses are finite"),
    ],
)
def test_where_nothing_falls_nothing_is_chosen(losses: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        choose_rate(RATES, losses)


class Digits:
    """Softmax regression with 32 tanh units on the digits of scikit-learn, batch by batch."""

    def __init__(self) -> None:
        from sklearn.datasets import load_digits

        x, self.y = load_digits(return_X_y=True)
        self.x = x / 16
        self.shapes = [(64, 32), (32, 10)]

    def start(self) -> np.ndarray:
        rng = np.random.default_rng(0)
        return np.concatenate([rng.normal(0, n**-0.5, n * m) for n, m in self.shapes])

    def loss(self, theta: np.ndarray, rows: np.ndarray) -> tuple[float, np.ndarray]:
        first, second = np.split(theta, [64 * 32])
        first, second = first.reshape(64, 32), second.reshape(32, 10)
        hidden = np.tanh(self.x[rows] @ first)
        z = hidden @ second
        z -= z.max(1, keepdims=True)
        log_p = z - np.log(np.exp(z).sum(1, keepdims=True))
        dz = (np.exp(log_p) - np.eye(10)[self.y[rows]]) / len(rows)
        back = (dz @ second.T) * (1 - hidden**2)
        gradient = np.concatenate([(self.x[rows].T @ back).ravel(), (hidden.T @ dz).ravel()])
        return -float(log_p[np.arange(len(rows)), self.y[rows]].mean()), gradient

    def train(self, name: str, rates: np.ndarray) -> list[float]:
        """Return the loss of each batch of 32 before its update."""
        rule, theta = build(OPTIMIZERS, name), self.start()
        state, rng, losses = rule.init(theta), np.random.default_rng(1), []
        for lr in rates:
            loss, g = self.loss(theta, rng.integers(0, len(self.y), 32))
            losses.append(loss)
            rule.step(theta, g, state, float(lr))
        return losses


@pytest.mark.parametrize("name", ["sgd", "momentum", "rmsprop", "adam"])
def test_on_digits_the_chosen_rate_is_nearly_as_good_as_the_best(name: str) -> None:
    digits = Digits()
    with np.errstate(over="ignore", invalid="ignore"):
        chosen = choose_rate(RATES, digits.train(name, RATES))
        ends = {
            lr: float(np.mean(digits.train(name, np.full(400, lr))[-100:]))
            for lr in (*np.geomspace(1e-4, 10, 6), chosen)
        }
    assert ends[chosen] < 0.5 < ends[1e-4]
    better = sum(end < ends[chosen] - 0.05 for end in ends.values())
    assert better <= 2, ends
