"""One step of training, against the same step written out by hand."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from nntool.nn.activations import ACTIVATIONS
from nntool.nn.augmentation import Mixup
from nntool.nn.batches import ArrayRows, Batch
from nntool.nn.heads import Task
from nntool.nn.losses import LOSSES
from nntool.nn.network import Network, NetworkSpec
from nntool.nn.optimizers import SGD, VSGD, Adam, Momentum, Nesterov, Optimizer, State
from nntool.nn.outputs import Output, choose_output
from nntool.nn.penalties import L2
from nntool.nn.randomness import Streams
from nntool.nn.registry import InvalidChoice, build
from nntool.nn.stepping import Stepper
from nntool.nn.updating import UpdateRules

RNG = np.random.default_rng(4)
X = RNG.standard_normal((24, 3)).astype(np.float32)
CODES = RNG.integers(0, 4, (24, 1)).astype(np.int32)
TARGETS: dict[Task, np.ndarray] = {
    "binary": RNG.integers(0, 2, 24).astype(np.int32),
    "multiclass": RNG.integers(0, 3, 24).astype(np.int32),
    "regression": RNG.standard_normal(24),
}
WEIGHT = RNG.uniform(0.5, 1.5, 24)
PLAIN = NetworkSpec(n_numeric=3, levels=(4,), hidden=(6,), activation="tanh", n_outputs=1)
NOISY = dataclasses.replace(
    PLAIN, dropout=0.4, input_dropout=0.2, input_noise=0.3, activation_noise=0.2, batch_norm=True
)


def output_of(task: Task = "regression", loss: str = "mse") -> Output:
    return choose_output(task, len(np.unique(TARGETS[task])), build(LOSSES, loss))


def batch_of(task: Task = "regression", n_rows: int = 24) -> Batch:
    return Batch(X[:n_rows], CODES[:n_rows], TARGETS[task][:n_rows], WEIGHT[:n_rows])


def stepper(
    rule: Optimizer, spec: NetworkSpec = PLAIN, *, seed: int = 1, **options: Any
) -> Stepper:
    output = options.pop("output", output_of())
    spec = dataclasses.replace(spec, n_outputs=output.n_outputs)
    rules = UpdateRules(optimizer=rule, **options.pop("rules", {}))
    return Stepper(Network(spec), output, rules, streams=Streams(seed), dtype=np.float64, **options)


def gradient_at(point: np.ndarray, s: Stepper, batch: Batch, streams: Streams) -> np.ndarray:
    """The gradient of the batch's loss at a point, on statistics of its own."""
    stats, gradient = s.net.initial_stats(np.float64), np.zeros(s.net.size)
    views, tape = s.net.bind(point, stats), s.net.tape(batch.n_rows, np.float64)
    loss_tape = s.output.tape(batch.n_rows, np.float64)
    assert batch.target is not None
    z = s.net.forward(views, batch, tape, streams)
    s.output.value(z, batch.target, batch.weight, loss_tape)
    s.net.backward(views, s.net.bind(gradient, stats), loss_tape.dz, tape)
    return gradient


def test_nesterov_takes_its_gradient_where_the_velocity_leads() -> None:
    s = stepper(Nesterov(mu=0.8))
    theta, v = s.theta.copy(), np.zeros(s.net.size)
    for start in (0, 8, 4, 12, 2):
        batch = Batch(*(a[start : start + 12] for a in (X, CODES, TARGETS["regression"], WEIGHT)))
        s.advance(batch, 0.1)
        v = 0.8 * v - 0.1 * gradient_at(theta + 0.8 * v, s, batch, Streams(1))
        theta = theta + v
        np.testing.assert_allclose(s.theta, theta, rtol=0, atol=1e-14)


def test_the_penalty_of_a_look_ahead_is_that_of_the_point_ahead() -> None:
    s = stepper(Nesterov(mu=0.8), rules={"penalties": (L2(rate=0.5),)})
    theta, v = s.theta.copy(), np.zeros(s.net.size)
    is_weight = np.arange(s.net.size) < s.net.n_weights
    for _ in range(3):
        s.advance(batch_of(), 0.1)
        ahead = theta + 0.8 * v
        v = 0.8 * v - 0.1 * (
            gradient_at(ahead, s, batch_of(), Streams(1)) + 0.5 * ahead * is_weight
        )
        theta = theta + v
    np.testing.assert_allclose(s.theta, theta, rtol=0, atol=1e-14)


def test_with_rates_by_layer_the_way_ahead_is_scaled_as_the_step_will_be() -> None:
    s = stepper(Nesterov(mu=0.8), rules={"layer_rates": {"hidden1": 0.25}})
    scale = np.ones(s.net.size)
    for part in s.net.layer_slices()["hidden1"]:
        scale[part] = 0.25
    theta, v = s.theta.copy(), np.zeros(s.net.size)
    for _ in range(3):
        s.advance(batch_of(), 0.1)
        v = 0.8 * v - 0.1 * gradient_at(theta + scale * 0.8 * v, s, batch_of(), Streams(1))
        theta = theta + scale * v
    np.testing.assert_allclose(s.theta, theta, rtol=0, atol=1e-14)


@pytest.mark.parametrize("mu", [0.0, 0.9])
def test_noisy_weights_give_the_gradient_and_clean_ones_take_the_step(mu: float) -> None:
    s = stepper(Momentum(mu=mu), weight_noise=0.3)
    theta, v, draws = s.theta.copy(), np.zeros(s.net.size), Streams(1)["weight-noise"]
    for _ in range(4):
        noisy = theta.copy()
        noisy[: s.net.n_weights] += 0.3 * draws.standard_normal(s.net.n_weights)
        v = mu * v - 0.1 * gradient_at(noisy, s, batch_of(), Streams(1))
        theta = theta + v
        s.advance(batch_of(), 0.1)
        np.testing.assert_allclose(s.theta, theta, rtol=0, atol=1e-14)
        biases = s.parts.point[s.net.n_weights :]
        np.testing.assert_allclose(biases, (theta - v)[s.net.n_weights :], rtol=0, atol=1e-14)


def test_weight_noise_has_a_stream_of_its_own() -> None:
    runs = [stepper(SGD(), NOISY, weight_noise=noise) for noise in (0.0, 0.3, 0.3)]
    for s in runs:
        s.advance(batch_of(), 0.1)
    without, *with_noise = (s.streams.state()["streams"] for s in runs)
    assert with_noise[0] == with_noise[1]
    assert {name: at for name, at in with_noise[0].items() if name != "weight-noise"} == without
    np.testing.assert_array_equal(runs[1].theta, runs[2].theta)
    assert (runs[0].theta != runs[1].theta).any()


class Probing(VSGD):
    """It writes down what it is given, and stays where it is."""

    def __init__(self) -> None:
        super().__init__()
        object.__setattr__(self, "seen", [])

    def probe(self, theta: np.ndarray, g: np.ndarray, state: State, out: np.ndarray) -> None:
        np.multiply(theta, 1.1, out=out)
        self.seen.append(g.copy())  # type: ignore[attr-defined]  # __init__ made it

    def step(self, theta: np.ndarray, g: np.ndarray, state: State, lr: float) -> None:
        self.seen.extend([g.copy(), state["probed"].copy()])  # type: ignore[attr-defined]  # as above


def test_the_second_gradient_is_of_the_same_batch_with_the_same_draws() -> None:
    rule = Probing()
    s, replayed = stepper(rule, NOISY), Streams(1)
    for _ in range(2):
        before = replayed.state()
        first = gradient_at(s.theta, s, batch_of(), replayed)
        after = replayed.state()
        replayed.restore(before)
        second = gradient_at(1.1 * s.theta, s, batch_of(), replayed)
        s.advance(batch_of(), 0.1)
        probed, stepped, again = rule.seen[-3:]  # type: ignore[attr-defined]  # Probing has it
        np.testing.assert_allclose(probed, first, rtol=0, atol=1e-14)
        np.testing.assert_array_equal(stepped, probed)
        np.testing.assert_allclose(again, second, rtol=0, atol=1e-14)
        drawn = {k: v for k, v in s.streams.state()["streams"].items() if k != "init"}
        assert drawn == after["streams"], "the streams move once for each batch"


def test_two_gradients_of_a_batch_move_the_running_statistics_once() -> None:
    twice, once = stepper(Probing(), NOISY), stepper(SGD(), NOISY)
    for _ in range(3):
        twice.advance(batch_of(), 0.1)
        once.advance(batch_of(), 0.0)
    np.testing.assert_array_equal(twice.stats, once.stats)
    assert (once.stats != once.net.initial_stats(np.float64)).all()


def test_both_gradients_of_a_batch_have_the_same_noise_on_the_weights() -> None:
    """Else their difference would be that of two noises, not the curvature along the probe."""
    rule = Probing()
    s = stepper(rule, weight_noise=0.3)
    noise = np.zeros(s.net.size)
    noise[: s.net.n_weights] = Streams(1)["weight-noise"].standard_normal(s.net.n_weights) * 0.3
    s.advance(batch_of(), 0.1)
    _, first, second = rule.seen  # type: ignore[attr-defined]  # Probing has it
    at = [gradient_at(scale * s.theta + noise, s, batch_of(), Streams(1)) for scale in (1, 1.1)]
    np.testing.assert_allclose(first, at[0], rtol=0, atol=1e-14)
    np.testing.assert_allclose(second, at[1], rtol=0, atol=1e-14)


def test_both_gradients_of_a_batch_are_penalized_and_clipped() -> None:
    rule = Probing()
    s = stepper(rule, rules={"penalties": (L2(rate=3.0),), "clip_value": 0.5})
    s.advance(batch_of(), 0.1)
    is_weight = np.arange(s.net.size) < s.net.n_weights
    for seen, scale in zip(rule.seen[1:], (1, 1.1), strict=True):  # type: ignore[attr-defined]  # as above
        point = scale * s.theta
        g = gradient_at(point, s, batch_of(), Streams(1)) + 3.0 * point * is_weight
        np.testing.assert_allclose(seen, np.clip(g, -0.5, 0.5), rtol=0, atol=1e-14)


CASES: list[tuple[Task, str]] = [
    ("binary", "bce"),
    ("binary", "hinge"),
    ("multiclass", "cce"),
    ("multiclass", "mse"),
    ("regression", "mse"),
    ("regression", "huber"),
]


@pytest.mark.parametrize(("task", "loss"), CASES)
def test_the_loss_of_mixed_rows_is_shared_between_both_targets(task: Task, loss: str) -> None:
    output = output_of(task, loss)
    s = stepper(SGD(), output=output)
    rows = ArrayRows(X, CODES, TARGETS[task], WEIGHT)
    (batch,) = rows.batches(None, 24)
    Mixup(alpha=0.8).apply(batch, np.random.default_rng(2))
    assert batch.share is not None
    assert batch.partner_target is not None
    assert batch.partner_weight is not None
    assert batch.target is not None

    def expected() -> float:
        tape = s.net.tape(24, np.float64)
        z = s.net.forward(s.net.bind(s.theta, s.stats), batch, tape, None)
        total = 0.0
        for i in range(24):
            for y, w, share in (
                (batch.target[i], WEIGHT[i], batch.share[i]),
                (batch.partner_target[i], batch.partner_weight[i], 1 - batch.share[i]),
            ):
                one = output.tape(1, np.float64)
                total += share * w * output.value(z[i : i + 1], np.array([y]), None, one)
        return total / 24

    assert s.take_gradient(batch) == pytest.approx(expected(), rel=1e-6)
    gradient = s.parts.gradient.copy()
    for seed in range(3):
        way = np.random.default_rng(seed).standard_normal(s.net.size)
        way /= np.linalg.norm(way)
        s.theta += 1e-5 * way
        above = s.take_gradient(batch)
        s.theta -= 2e-5 * way
        below = s.take_gradient(batch)
        s.theta += 1e-5 * way
        assert (above - below) / 2e-5 == pytest.approx(gradient @ way, rel=1e-6, abs=1e-9)


def test_mixed_rows_need_no_weights() -> None:
    s, unit = stepper(SGD()), stepper(SGD())
    without = Batch(X, CODES, TARGETS["regression"])
    ones = Batch(X, CODES, TARGETS["regression"], np.ones(24))
    for batch in (without, ones):
        batch.share = np.linspace(0, 1, 24)
        batch.partner_target = TARGETS["regression"][::-1].copy()
    ones.partner_weight = np.ones(24)
    assert s.advance(without, 0.1) == pytest.approx(unit.advance(ones, 0.1), rel=1e-14)
    np.testing.assert_allclose(s.theta, unit.theta, rtol=1e-12)


@pytest.mark.parametrize("activation", ["step", "sign"])
def test_an_activation_without_a_gradient_is_refused_with_what_has_one(activation: str) -> None:
    spec = dataclasses.replace(PLAIN, activation=activation)
    with pytest.raises(InvalidChoice, match=f"{activation!r} has no gradient") as caught:
        stepper(Adam(), spec)
    able, _, others = str(caught.value).partition("choose from ")[2].partition(", or an optimizer")
    assert set(able.split(", ")) == set(ACTIVATIONS) - {"step", "sign"}
    assert others == " that needs none: node-perturbation, weight-perturbation"


def test_a_loss_that_is_not_finite_changes_nothing() -> None:
    s = stepper(Adam())
    batch = batch_of()
    batch.numeric = np.full_like(batch.numeric, np.nan)
    before, t = s.theta.copy(), int(s.parts.state["t"])
    with np.errstate(all="ignore"):
        assert not np.isfinite(s.advance(batch, 0.1))
        loss, norm, layers = s.advance_measured(batch, 0.1)
    assert not np.isfinite(loss)
    assert np.isnan(norm)
    assert layers == ()
    np.testing.assert_array_equal(s.theta, before)
    assert s.parts.state["t"] == t


def test_a_second_gradient_leaves_the_outputs_and_losses_of_the_first() -> None:
    """Training metrics and the emphasis on errors are of the weights, not of a probe."""
    s, plain = stepper(VSGD(), NOISY), stepper(SGD(), NOISY)
    for one in (s, plain):
        one.advance(batch_of(), 0.1)
    (tape, losses), (expected, expected_losses) = s.tape(24), plain.tape(24)
    np.testing.assert_array_equal(tape[-1].out, expected[-1].out)
    np.testing.assert_array_equal(losses.rows, expected_losses.rows)
    np.testing.assert_array_equal(s.stats, plain.stats)


def test_the_draws_of_a_second_gradient_do_not_take_the_order_of_rows_back() -> None:
    """Rows that are read by blocks are shuffled while an epoch is under way."""
    s = stepper(VSGD(), NOISY)
    shuffle, alone = s.streams["shuffle"], Streams(1)["shuffle"]
    for _ in range(3):
        np.testing.assert_array_equal(shuffle.random(4), alone.random(4))
        s.advance(batch_of(), 0.1)
    assert s.streams["shuffle"] is shuffle
    np.testing.assert_array_equal(s.streams["shuffle"].random(4), alone.random(4))


class Overshooting(VSGD):
    """Its second gradient would be taken where the loss is not finite."""

    def probe(self, theta: np.ndarray, g: np.ndarray, state: State, out: np.ndarray) -> None:
        out.fill(1e200)


def test_a_probe_beyond_what_is_finite_measures_no_curvature() -> None:
    s = stepper(Overshooting(start=1), rules={"penalties": (L2(rate=0.1),)})
    theta, state = s.theta.copy(), s.parts.state
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(3):
            assert np.isfinite(s.advance(batch_of(), 1.0))
    np.testing.assert_array_equal(state["h_mean"], 0)
    np.testing.assert_array_equal(s.theta, theta)
