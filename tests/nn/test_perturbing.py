"""Rules that disturb weights or units: what they keep, what they estimate, what they can learn."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from nntool.nn.batches import ArrayRows, Batch
from nntool.nn.losses import LOSSES
from nntool.nn.network import Network, NetworkSpec
from nntool.nn.optimizers import Optimizer
from nntool.nn.optimizers.perturbation import (
    LARGEST_SCALE,
    SMALLEST_SCALE,
    NodePerturbation,
    WeightPerturbation,
)
from nntool.nn.outputs import choose_output
from nntool.nn.penalties import L2
from nntool.nn.plan import Plan
from nntool.nn.randomness import Streams
from nntool.nn.registry import InvalidChoice, build
from nntool.nn.stepping import Stepper
from nntool.nn.training import Trainer
from nntool.nn.updating import UpdateRules

RNG = np.random.default_rng(7)
X = RNG.standard_normal((12, 3)).astype(np.float32)
CODES = RNG.integers(0, 4, (12, 1)).astype(np.int32)
Y = RNG.integers(0, 2, 12).astype(np.int32)
WEIGHT = RNG.uniform(0.5, 1.5, 12)
SMOOTH = NetworkSpec(n_numeric=3, levels=(4,), hidden=(5, 4), activation="tanh", n_outputs=1)
CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)


def stepper(rule: Optimizer, spec: NetworkSpec = SMOOTH, **options: Any) -> Stepper:
    output = choose_output("binary", 2, build(LOSSES, "bce"))
    noise = options.pop("weight_noise", 0.0)
    rules = UpdateRules(optimizer=rule, **options)
    return Stepper(
        Network(spec), output, rules, streams=Streams(3), dtype=np.float64, weight_noise=noise
    )


def batch() -> Batch:
    return Batch(X, CODES, Y, WEIGHT)


def loss_of(s: Stepper, theta: np.ndarray) -> float:
    """The loss of the batch at some parameters, without chance."""
    tape, loss_tape = s.net.tape(12, np.float64), s.output.tape(12, np.float64)
    z = s.net.forward(s.net.bind(theta, s.stats), batch(), tape, None)
    return s.output.value(z, Y, WEIGHT, loss_tape)


def test_a_change_of_the_weights_is_kept_where_loss_and_penalty_fall_and_undone_elsewhere() -> None:
    s = stepper(WeightPerturbation(tries=1), penalties=(L2(rate=0.1),))

    def objective() -> float:
        return loss_of(s, s.theta) + 0.05 * float((s.theta[: s.net.n_weights] ** 2).sum())

    kept = 0
    for _ in range(200):
        before, was = s.theta.copy(), objective()
        s.advance(batch(), 0.1)
        if (s.theta == before).all():
            continue
        assert objective() < was
        kept += 1
    assert 20 < kept < 120


def test_several_tries_on_a_batch_are_as_many_updates_of_one_try() -> None:
    one, three = stepper(WeightPerturbation(tries=1)), stepper(WeightPerturbation(tries=3))
    for _ in range(10):
        for _ in range(3):
            one.advance(batch(), 0.1)
        three.advance(batch(), 0.1)
    np.testing.assert_array_equal(three.theta, one.theta)
    assert three.parts.state["s"] == one.parts.state["s"]


def test_a_success_enlarges_the_changes_by_a_and_four_failures_take_that_back() -> None:
    rule = WeightPerturbation(a=1.5)
    state = rule.init(np.zeros(3))
    assert rule.size(state, 0.2) == 0.2
    rule.learn(state, success=True)
    assert rule.size(state, 0.2) == pytest.approx(0.3)
    for _ in range(4):
        rule.learn(state, success=False)
    assert rule.size(state, 0.2) == pytest.approx(0.2)
    assert state["t"] == 5


def test_changes_neither_vanish_on_a_plateau_nor_grow_without_end() -> None:
    rule = WeightPerturbation()
    for success, limit in ((False, SMALLEST_SCALE), (True, LARGEST_SCALE)):
        state = rule.init(np.zeros(3))
        for _ in range(1000):
            rule.learn(state, success=success)
        assert state["s"] == limit


def test_a_layer_of_rate_0_stays_as_it_is() -> None:
    s = stepper(WeightPerturbation(), layer_rates={"hidden1": 0.0})
    before = s.theta.copy()
    for _ in range(30):
        s.advance(batch(), 0.1)
    moved = {place.layer for place in s.net.places if (s.theta != before)[place.slice].any()}
    assert moved == {"inputs", "hidden2", "output"}


def test_one_change_in_five_succeeds_in_the_long_run() -> None:
    s, kept = stepper(WeightPerturbation(tries=1)), []
    for _ in range(1500):
        before = s.theta.copy()
        s.advance(batch(), 0.1)
        kept.append((s.theta != before).any())
    assert np.mean(kept[300:]) == pytest.approx(0.2, abs=0.03)


def test_both_losses_of_a_change_are_taken_under_the_same_dropout() -> None:
    spec = dataclasses.replace(SMOOTH, dropout=0.5, input_noise=0.3)
    s = stepper(WeightPerturbation(tries=1), spec)
    there = []
    for _ in range(20):
        there.append(s.advance(batch(), 0.0))  # no change at all: it never falls
        assert not s.parts.state["s"] > 1
    assert len(set(there)) == 20  # each update has draws of its own


@pytest.mark.parametrize(
    "spec",
    [
        SMOOTH,
        dataclasses.replace(SMOOTH, hidden=()),
        dataclasses.replace(SMOOTH, activation_noise=0.1, input_noise=0.1),
    ],
    ids=["deep", "linear", "noisy"],
)
def test_the_mean_estimate_by_disturbed_units_is_the_gradient(spec: NetworkSpec) -> None:
    s = stepper(NodePerturbation(sigma=1e-3), spec)
    exact = np.zeros(s.net.size)
    plain = dataclasses.replace(spec, activation_noise=0.0, input_noise=0.0)
    net, loss_tape = Network(plain), s.output.tape(12, np.float64)
    tape = net.tape(12, np.float64)
    views = net.bind(s.theta, s.stats)
    s.output.value(net.forward(views, batch(), tape, None), Y, WEIGHT, loss_tape)
    net.backward(views, net.bind(exact, s.stats), loss_tape.dz, tape)
    found = []
    for _ in range(3000):
        s.take_gradient(batch())
        found.append(s.parts.gradient.copy())
    error = np.std(found, axis=0) / np.sqrt(len(found))
    off = (np.mean(found, axis=0) - exact)[error > 0] / error[error > 0]
    allowance = 2.0 if spec.input_noise else 1.3  # noise bends the mean of a tanh a little
    assert np.sqrt((off**2).mean()) < allowance
    assert np.dot(np.mean(found, axis=0), exact) / np.dot(exact, exact) == pytest.approx(1, abs=0.1)


def test_disturbed_step_units_follow_the_mean_loss_under_the_disturbance() -> None:
    """One step unit behind one input: the mean of ∂ is known in closed form."""
    spec = NetworkSpec(n_numeric=1, hidden=(1,), activation="step", n_outputs=1)
    output = choose_output("regression", 0, build(LOSSES, "half-mse"))
    sigma, a, v, c, y = 0.5, 0.3, 2.0, 0.1, 0.0
    rules = UpdateRules(optimizer=NodePerturbation(sigma=sigma))
    s = Stepper(Network(spec), output, rules, streams=Streams(1), dtype=np.float64)
    s.theta[:] = [a, v, 0.0, c]  # hidden weight, output weight, hidden bias, output bias
    row = Batch(np.ones((4000, 1), np.float32), None, np.full(4000, y))
    estimates = []
    for _ in range(40):
        s.take_gradient(row)
        estimates.append(s.parts.gradient.copy())
    density = np.exp(-((a / sigma) ** 2) / 2) / (sigma * np.sqrt(2 * np.pi))
    by_hidden = density * ((v + c - y) ** 2 - (c - y) ** 2) / 2
    error = np.std(estimates, axis=0) / np.sqrt(40)
    assert abs(np.mean(estimates, axis=0)[0] - by_hidden) < 4 * error[0]
    assert error[0] < 0.1 * by_hidden


def trained(rule: Optimizer, *, activation: str, seed: int, rate: float, **options: Any) -> Trainer:
    """Train a small network on exclusive or."""
    output = choose_output("binary", 2, build(LOSSES, "bce"))
    spec = NetworkSpec(n_numeric=2, hidden=(6,), activation=activation, n_outputs=1)
    target = (CORNERS.sum(axis=1) == 1).astype(np.int32)
    plan = Plan(rules=UpdateRules(optimizer=rule), batch_size=None, learning_rate=rate, **options)
    trainer = Trainer(
        Network(spec),
        output,
        plan,
        ArrayRows(CORNERS, target=target),
        streams=Streams(seed),
        dtype=np.float64,
    )
    list(trainer.run())
    return trainer


def answers(trainer: Trainer) -> list[int]:
    net = trainer.net
    z = net.forward(
        net.bind(trainer.theta, trainer.stats), Batch(CORNERS), net.tape(4, np.float64), None
    )
    return trainer.output.decide(z).tolist()


@pytest.mark.parametrize("activation", ["step", "sign", "tanh"])
def test_exclusive_or_is_learned_by_changing_weights_also_through_units_without_a_gradient(
    activation: str,
) -> None:
    for seed in range(2):
        trainer = trained(
            WeightPerturbation(), activation=activation, seed=seed, rate=0.5, epochs=20
        )
        assert answers(trainer) == [0, 1, 1, 0]


def test_exclusive_or_is_learned_by_disturbing_step_units() -> None:
    trainer = trained(NodePerturbation(sigma=0.5), activation="step", seed=5, rate=0.5, epochs=1500)
    assert answers(trainer) == [0, 1, 1, 0]


@pytest.mark.parametrize("rule", [WeightPerturbation(), NodePerturbation()], ids=str)
def test_the_same_seed_takes_the_same_path_and_a_restored_training_goes_on_as_it_would(
    rule: Optimizer,
) -> None:
    whole = trained(rule, activation="step", seed=2, rate=0.3, epochs=40)
    half = trained(rule, activation="step", seed=2, rate=0.3, epochs=20)
    other = trained(rule, activation="step", seed=2, rate=0.3, epochs=1)
    other.plan = dataclasses.replace(other.plan, epochs=40)
    other.restore(*half.state())
    list(other.run())
    np.testing.assert_array_equal(other.theta, whole.theta)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"clip_norm": 1.0}, "clipping"),
        ({"clip_value": 1.0}, "clipping"),
        ({"weight_decay": 0.1}, "weight decay"),
        ({"weight_noise": 0.1}, "noise on the weights"),
    ],
)
def test_what_needs_a_gradient_is_refused_where_there_is_none(
    options: dict[str, float], what: str
) -> None:
    with pytest.raises(InvalidChoice, match=f"weight-perturbation has no gradient.*{what}"):
        stepper(WeightPerturbation(tries=1), **options)


@pytest.mark.parametrize("part", ["batch_norm", "layer_norm", "parametric_activation"])
def test_parameters_that_disturbed_units_cannot_credit_are_refused(part: str) -> None:
    with pytest.raises(InvalidChoice, match="credits weights and biases alone"):
        stepper(NodePerturbation(), dataclasses.replace(SMOOTH, **{part: True}))


def test_a_bound_on_the_norms_holds_after_each_change() -> None:
    s = stepper(WeightPerturbation(tries=1), max_norm=0.7)
    for _ in range(100):
        s.advance(batch(), 0.3)
    norms = [np.linalg.norm(w, axis=0).max() for w in s.net.matrices(s.views)]
    assert max(norms) <= 0.7 + 1e-12
