"""Noise on inputs and activities: its size, its streams, and what it amounts to."""

import dataclasses

import numpy as np
import pytest

from nntool.nn.batches import Batch
from nntool.nn.layers import Activate
from nntool.nn.losses import LOSSES
from nntool.nn.network import Network, NetworkSpec
from nntool.nn.noise import Noise
from nntool.nn.outputs import choose_output
from nntool.nn.penalties import L2
from nntool.nn.randomness import Streams
from nntool.nn.registry import build

SPEC = NetworkSpec(n_numeric=3, levels=(4,), hidden=(6, 5), activation="tanh", n_outputs=1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_noise_has_the_spread_that_was_asked_for_and_only_while_training(dtype: type) -> None:
    layer = Noise("inputs", 200, 0.3, "input-noise")
    tape = layer.tape(500, dtype)
    x = np.random.default_rng(0).standard_normal((500, 200)).astype(dtype)
    before = x.copy()
    assert layer.forward((), (), x, tape, None) is x
    noise = layer.forward((), (), x, tape, Streams(1)) - x
    np.testing.assert_array_equal(x, before, "what an activation keeps must not be touched")
    assert noise.dtype == dtype
    assert noise.mean() == pytest.approx(0, abs=0.004)
    assert noise.std() == pytest.approx(0.3, rel=0.01)
    assert np.corrcoef(noise[:-1].ravel(), noise[1:].ravel())[0, 1] == pytest.approx(0, abs=0.02)


def test_noise_lies_behind_the_inputs_and_behind_each_activation() -> None:
    spec = dataclasses.replace(
        SPEC, input_noise=0.1, activation_noise=0.2, dropout=0.1, input_dropout=0.1
    )
    layers = Network(spec).layers
    assert [(layer.name, layer.stream) for layer in layers if isinstance(layer, Noise)] == [
        ("inputs", "input-noise"),
        ("hidden1", "activation-noise"),
        ("hidden2", "activation-noise"),
    ]
    at = next(i for i, layer in enumerate(layers) if isinstance(layer, Activate))
    assert isinstance(layers[at + 1], Noise)


@pytest.mark.parametrize(
    "switched_on",
    [{"input_noise": 0.5}, {"activation_noise": 0.5}, {"parametric_activation": True}],
    ids=lambda values: next(iter(values)),
)
def test_nothing_but_training_changes(switched_on: dict[str, object]) -> None:
    nets = [Network(SPEC), Network(dataclasses.replace(SPEC, **switched_on))]  # type: ignore[arg-type]  # fields of it
    thetas = [net.initial(Streams(1)["init"], np.float32) for net in nets]
    n_weights = nets[0].n_weights
    assert n_weights == nets[1].n_weights
    np.testing.assert_array_equal(thetas[0][:n_weights], thetas[1][:n_weights])
    rng = np.random.default_rng(0)
    x = rng.standard_normal((7, 3)).astype(np.float32)
    batch = Batch(x, rng.integers(0, 4, (7, 1)).astype(np.int32))
    said = [
        net.forward(net.bind(theta), batch, net.tape(7, np.float32), None)
        for net, theta in zip(nets, thetas, strict=True)
    ]
    np.testing.assert_allclose(*said, rtol=1e-6, atol=1e-7)


def test_one_noise_does_not_move_the_other() -> None:
    both, one = Streams(5), Streams(5)
    layer = Noise("hidden1", 4, 1.0, "activation-noise")
    first = Noise("inputs", 4, 1.0, "input-noise")
    x = np.zeros((3, 4))
    first.forward((), (), x, first.tape(3, np.float64), both)
    drawn = [layer.forward((), (), x, layer.tape(3, np.float64), s) for s in (both, one)]
    np.testing.assert_array_equal(*drawn)


@pytest.mark.parametrize(("loss", "factor"), [("mse", 2.0), ("half-mse", 1.0)])
def test_input_noise_on_a_linear_unit_is_an_l2_penalty_in_expectation(
    loss: str, factor: float
) -> None:
    """E loss(x + σε) = loss(x) + (λ/2)Σw², with λ = 2σ² for mse and σ² for half-mse."""
    sigma, n = 0.7, 200_000
    spec = NetworkSpec(n_numeric=3, hidden=(), n_outputs=1, input_noise=sigma)
    net = Network(spec)
    output = choose_output("regression", 0, build(LOSSES, loss))
    theta = np.array([1.5, -0.4, 0.8, 0.2])
    x = np.tile(np.random.default_rng(1).standard_normal((1, 3)).astype(np.float32), (n, 1))
    y = np.full(n, 0.5)
    tape, loss_tape = net.tape(n, np.float64), output.tape(n, np.float64)

    def value(rng: Streams | None) -> float:
        z = net.forward(net.bind(theta), Batch(x), tape, rng)
        return output.value(z, y, None, loss_tape)

    gradient = np.empty(net.size)
    plain = value(None)
    net.backward(net.bind(theta), net.bind(gradient), loss_tape.dz, tape)
    plain_gradient = gradient[:3].copy()
    noisy = value(Streams(2))
    net.backward(net.bind(theta), net.bind(gradient), loss_tape.dz, tape)
    penalty = L2(rate=factor * sigma**2)
    weights, shrinking = theta[:3], plain_gradient
    assert noisy - plain == pytest.approx(penalty.value(weights), rel=0.02)
    penalty.add_gradient(weights, shrinking, np.empty(3))
    np.testing.assert_allclose(gradient[:3], shrinking, atol=0.02)
