"""Gradients of everything registered, by central differences through whole networks in float64."""

from collections.abc import Callable, Iterator

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
    """Every loss with every task and link that it is meant for."""
    for name, cls in LOSSES.items():
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
    views = net.bind(theta)

    def loss() -> float:
        z = net.forward(views, batch, tape, Streams(1) if train else None)
        value = output.value(z, y, weight, loss_tape)
        return value + (penalty.value(theta[: net.n_weights]) if penalty else 0.0)

    loss()
    gradient = np.full(net.size, np.nan)
    net.backward(views, net.bind(gradient), loss_tape.dz, tape)
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


SLOPES: dict[str, list[dict[str, float]]] = {"sigmoid": [{}, {"a": 1.7}]}


@pytest.mark.parametrize(
    ("activation", "settings"),
    [(name, settings) for name in ACTIVATIONS for settings in SLOPES.get(name, [{}])],
)
def test_each_activation(activation: str, settings: dict[str, float]) -> None:
    spec = NetworkSpec(
        n_numeric=4,
        hidden=(7, 5),
        activation=activation,
        activation_settings=settings,
        n_outputs=1,
    )
    check_gradient(spec, SQUARED)


@pytest.mark.parametrize(
    "spec",
    [
        NetworkSpec(n_numeric=4, hidden=(), n_outputs=1),
        NetworkSpec(n_numeric=0, levels=(3,), hidden=(), n_outputs=1),
        NetworkSpec(n_numeric=0, levels=(3, 2), hidden=(4, 4, 4), activation="tanh", n_outputs=1),
        NetworkSpec(n_numeric=4, levels=(20,), widths=(2,), hidden=(5,), n_outputs=1),
    ],
    ids=["linear", "one table", "deep without numbers", "unused codes"],
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
