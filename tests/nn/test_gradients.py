"""Gradients of everything registered, by central differences through whole networks in float64."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from nntool.nn.activations import ACTIVATIONS
from nntool.nn.batches import Batch
from nntool.nn.heads import TargetMap, Task
from nntool.nn.losses import LOSSES, Loss
from nntool.nn.network import Network, NetworkSpec
from nntool.nn.outputs import Output, choose_output
from nntool.nn.penalties import L2, PENALTIES, Penalty
from nntool.nn.randomness import Streams
from nntool.nn.registry import build

N_ROWS = 9
SETTINGS = {
    "bce": [{}, {"smoothing": 0.1}],
    "cce": [{}, {"smoothing": 0.1}],
    "focal": [{}, {"gamma": 0.5}, {"gamma": 0.0}],
    "huber": [{}, {"delta": 0.3}],
    "quantile": [{}, {"tau": 0.9}],
    "mape": [{}, {"floor": 3.0}],
}
N_CLASSES: dict[Task, int] = {"binary": 2, "multiclass": 3, "regression": 0}


def outputs() -> Iterator[tuple[str, Output]]:
    """Every loss that has a gradient, with every task and link that it is meant for."""
    for name, cls in LOSSES.items():
        if not cls.has_gradient:
            continue
        for settings in SETTINGS.get(name, [{}]):
            for task, links in cls.links.items():
                for link in links:
                    yield f"{name}{settings}-{task}-{link}", made(cls, settings, task, link)


def made(cls: type[Loss], settings: dict[str, float], task: Task, link: str) -> Output:
    scaled = task == "regression" and cls.scales_target
    target_map = TargetMap(location=2.5, scale=1.5) if scaled else TargetMap()
    return choose_output(task, N_CLASSES[task], cls(**settings), link, target_map=target_map)


def check_gradient(
    spec: NetworkSpec, output: Output, *, penalty: Penalty | None = None, train: bool = False
) -> None:
    rng = np.random.default_rng(3)
    net = Network(spec)
    theta = net.initial(rng, np.float64) + 0.1 * rng.standard_normal(net.size)
    codes = [rng.integers(0, n, N_ROWS) for n in spec.levels]
    batch = Batch(
        rng.standard_normal((N_ROWS, spec.n_numeric)).astype(np.float32),
        np.array(codes, np.int32).T if codes else None,
    )
    n_classes = output.head.n_classes
    y = rng.integers(0, n_classes, N_ROWS) if n_classes else rng.uniform(0.1, 0.9, N_ROWS)
    weight = rng.uniform(0.5, 1.5, N_ROWS)
    tape, loss_tape = net.tape(N_ROWS, np.float64), output.tape(N_ROWS, np.float64)
    stats = net.initial_stats(np.float64)
    stats += 0.3 * rng.uniform(size=net.n_stats)
    views = net.bind(theta, stats)

    def loss() -> float:
        z = net.forward(views, batch, tape, Streams(1) if train else None)
        value = output.value(z, y, weight, loss_tape)
        return value + (penalty.value(theta[: net.n_weights]) if penalty else 0.0)

    loss()
    gradient = np.full(net.size, np.nan)
    net.backward(views, net.bind(gradient, stats), loss_tape.dz, tape)
    if penalty:
        weights = theta[: net.n_weights]
        penalty.add_gradient(weights, gradient[: net.n_weights], np.empty(net.size))
    compare(loss, theta, gradient, rng)


def compare(
    loss: Callable[[], float], theta: np.ndarray, gradient: np.ndarray, rng: np.random.Generator
) -> None:
    start = theta.copy()
    for _ in range(5):
        direction = rng.standard_normal(theta.size)
        h = 1e-5 / np.linalg.norm(direction)
        theta[:] = start + h * direction
        above = loss()
        theta[:] = start - h * direction
        below = loss()
        theta[:] = start
        assert (above - below) / (2 * h) == pytest.approx(gradient @ direction, rel=1e-6)


CASES = dict(outputs())


@pytest.mark.parametrize("name", CASES)
def test_each_loss_behind_each_link(name: str) -> None:
    output = CASES[name]
    spec = NetworkSpec(
        n_numeric=4, levels=(3, 5), hidden=(6,), activation="tanh", n_outputs=output.n_outputs
    )
    check_gradient(spec, output)


SQUARED = choose_output("regression", 0, build(LOSSES, "half-mse"))


SETTINGS_OF_UNITS: dict[str, list[dict[str, float]]] = {
    "elu": [{}, {"alpha": 0.3}],
    "leaky-relu": [{}, {"slope": 0.2}],
    "sigmoid": [{}, {"a": 1.7}],
    "softplus": [{}, {"beta": 2.0}],
    "tanh-linear": [{}, {"a": 0.4}],
}
AROUND: dict[str, dict[str, Any]] = {
    "plain": {},
    "batch norm": {"batch_norm": True},
    "layer norm": {"layer_norm": True},
    "parametric": {"parametric_activation": True},
    "batch norm and parametric": {"batch_norm": True, "parametric_activation": True},
}


@pytest.mark.parametrize("train", [False, True], ids=["predicting", "training"])
@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize(
    ("activation", "settings"),
    [(name, settings) for name in ACTIVATIONS for settings in SETTINGS_OF_UNITS.get(name, [{}])],
)
def test_each_activation(
    activation: str, settings: dict[str, float], around: str, train: bool
) -> None:
    """While predicting, too: full-batch methods differentiate that."""
    if activation == "stochastic-binary" and train:
        pytest.skip("its derivative while training is that of the sigmoid, by definition")
    spec = NetworkSpec(
        n_numeric=4,
        levels=(3,),
        hidden=(7, 5),
        activation=activation,
        activation_settings=settings,
        n_outputs=1,
        **AROUND[around],
    )
    check_gradient(spec, SQUARED, train=train)


@pytest.mark.parametrize("around", AROUND)
def test_stochastic_units_pass_back_what_sigmoids_would(around: str) -> None:
    """The units of one hidden layer are drawn; what passes back differs only by what they say."""
    rng = np.random.default_rng(3)
    batch = Batch(rng.standard_normal((N_ROWS, 4)).astype(np.float32))
    dz = rng.standard_normal((N_ROWS, 1))
    gradients = []
    for activation in ("sigmoid", "stochastic-binary"):
        spec = NetworkSpec(
            n_numeric=4, hidden=(6,), activation=activation, n_outputs=1, **AROUND[around]
        )
        net = Network(spec)
        theta = net.initial(np.random.default_rng(1), np.float64)
        stats, gradient = net.initial_stats(np.float64), np.empty(net.size)
        tape = net.tape(N_ROWS, np.float64)
        net.forward(net.bind(theta, stats), batch, tape, Streams(1))
        net.backward(net.bind(theta, stats), net.bind(gradient, stats), dz.copy(), tape)
        below = [p.slice for p in net.places if p.layer == "hidden1" and "alpha" not in p.name]
        gradients.append(np.concatenate([gradient[part] for part in below]))
    np.testing.assert_allclose(*gradients, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    "spec",
    [
        NetworkSpec(n_numeric=4, hidden=(), n_outputs=1),
        NetworkSpec(n_numeric=0, levels=(3,), hidden=(), n_outputs=1),
        NetworkSpec(n_numeric=0, levels=(3, 2), hidden=(4, 4, 4), activation="tanh", n_outputs=1),
        NetworkSpec(n_numeric=4, levels=(20,), widths=(2,), hidden=(5,), n_outputs=1),
        NetworkSpec(n_numeric=4, levels=(40, 2), widths=(2, 2), hidden=(5,), n_outputs=1),
    ],
    ids=["linear", "one table", "deep without numbers", "unused codes", "many codes"],
)
def test_each_shape_of_network(spec: NetworkSpec) -> None:
    check_gradient(spec, SQUARED)


@pytest.mark.parametrize("levels", [(3,), ()], ids=["with a table", "numbers only"])
@pytest.mark.parametrize("dropout", [(0.5, 0.0), (0.0, 0.3), (0.4, 0.2)])
def test_dropout_with_its_mask_held_fixed(
    dropout: tuple[float, float], levels: tuple[int, ...]
) -> None:
    spec = NetworkSpec(
        n_numeric=4,
        levels=levels,
        hidden=(8, 8),
        activation="tanh",
        n_outputs=1,
        dropout=dropout[0],
        input_dropout=dropout[1],
    )
    check_gradient(spec, SQUARED, train=True)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("noise", [(0.5, 0.0), (0.0, 0.3), (0.4, 0.2)])
def test_noise_with_its_draws_held_fixed(noise: tuple[float, float], batch_norm: bool) -> None:
    spec = NetworkSpec(
        n_numeric=4,
        levels=(3,),
        hidden=(8, 8),
        activation="tanh",
        n_outputs=1,
        input_noise=noise[0],
        activation_noise=noise[1],
        dropout=0.2,
        batch_norm=batch_norm,
    )
    check_gradient(spec, SQUARED, train=True)


@pytest.mark.parametrize("name", PENALTIES)
def test_each_penalty(name: str) -> None:
    spec = NetworkSpec(n_numeric=4, levels=(3,), hidden=(5,), activation="tanh", n_outputs=1)
    check_gradient(spec, SQUARED, penalty=build(PENALTIES, name, {"rate": 0.3}))


def test_a_penalty_spares_the_biases() -> None:
    net = Network(NetworkSpec(n_numeric=2, hidden=(3,), n_outputs=1))
    biases = [place for place in net.places if place.name.endswith("bias")]
    assert all(place.slice.start >= net.n_weights for place in biases)
    assert net.n_weights == 2 * 3 + 3
    assert L2(rate=2.0).value(np.ones(net.n_weights)) == net.n_weights
