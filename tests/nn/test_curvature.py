"""Second-order products of everything registered, against differences of gradients in float64."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from nntool.nn.activations import ACTIVATIONS
from nntool.nn.batches import Batch
from nntool.nn.curvature import Curvature
from nntool.nn.heads import TargetMap, Task
from nntool.nn.losses import LOSSES
from nntool.nn.network import Network, NetworkSpec
from nntool.nn.outputs import Output, choose_output
from nntool.nn.registry import build

N_ROWS = 9
N_CLASSES: dict[Task, int] = {"binary": 2, "multiclass": 3, "regression": 0}
SETTINGS_OF_LOSSES: dict[str, list[dict[str, float]]] = {
    "bce": [{}, {"smoothing": 0.1}],
    "cce": [{}, {"smoothing": 0.1}],
    "focal": [{}, {"gamma": 0.5}, {"gamma": 0.0}, {"gamma": 1.0}],
    "huber": [{}, {"delta": 0.3}],
    "quantile": [{}, {"tau": 0.9}],
    "mape": [{}, {"floor": 3.0}],
}
SETTINGS_OF_UNITS: dict[str, list[dict[str, float]]] = {
    "elu": [{}, {"alpha": 0.3}],
    "leaky-relu": [{}, {"slope": 0.2}],
    "sigmoid": [{}, {"a": 1.7}],
    "softplus": [{}, {"beta": 2.0}],
    "tanh-linear": [{}, {"a": 0.4}],
}
HALF_SQUARED = choose_output("regression", 0, build(LOSSES, "half-mse"))
Product = Callable[[np.ndarray], np.ndarray]


class Problem:
    """A network at a random point, with one block of rows, weighted."""

    def __init__(self, spec: NetworkSpec, output: Output, seed: int = 3) -> None:
        rng = np.random.default_rng(seed)
        self.net, self.output, self.rng = Network(spec), output, rng
        self.theta = self.net.initial(rng, np.float64) + 0.1 * rng.standard_normal(self.net.size)
        self.stats = self.net.initial_stats(np.float64) + 0.3 * rng.uniform(size=self.net.n_stats)
        codes = [rng.integers(0, n, N_ROWS) for n in spec.levels]
        n_classes = output.head.n_classes
        self.batch = Batch(
            rng.standard_normal((N_ROWS, spec.n_numeric)).astype(np.float32),
            np.array(codes, np.int32).T if codes else None,
            rng.integers(0, n_classes, N_ROWS) if n_classes else rng.uniform(0.1, 0.9, N_ROWS),
            rng.uniform(0.5, 1.5, N_ROWS),
        )

    def first_order(self, theta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Return loss, gradient and raw outputs, without anything that is tested here."""
        net, output, gradient = self.net, self.output, np.empty(self.net.size)
        tape, loss_tape = net.tape(N_ROWS, np.float64), output.tape(N_ROWS, np.float64)
        views = net.bind(theta, self.stats)
        z = net.forward(views, self.batch, tape, None)
        assert self.batch.target is not None
        loss = output.value(z, self.batch.target, self.batch.weight, loss_tape)
        net.backward(views, net.bind(gradient, self.stats), loss_tape.dz.copy(), tape)
        return loss, gradient, z.copy()

    def visited(self, share: float = 1.0) -> Curvature:
        block = Curvature(self.net, self.output, N_ROWS, np.float64)
        block.visit(self.net.bind(self.theta, self.stats), self.batch, share)
        return block

    def hessian(self) -> Product:
        return product_of(self.visited().add_hessian_product)

    def gauss_newton(self) -> Product:
        return product_of(self.visited().add_gauss_newton_product)

    def direction(self) -> np.ndarray:
        return self.rng.standard_normal(self.net.size)

    def difference(self, v: np.ndarray) -> np.ndarray:
        """Return H·v as a central difference of gradients, its step halved once."""
        h = 1e-4 / np.linalg.norm(v)
        coarse, fine = (
            (self.first_order(self.theta + d * v)[1] - self.first_order(self.theta - d * v)[1])
            / (2 * d)
            for d in (h, h / 2)
        )
        return (4 * fine - coarse) / 3


def product_of(add: Callable[[np.ndarray, np.ndarray], None]) -> Product:
    def product(v: np.ndarray) -> np.ndarray:
        out = np.zeros_like(v)
        add(v, out)
        return out

    return product


def agree(found: np.ndarray, wanted: np.ndarray, rel: float = 1e-7) -> None:
    np.testing.assert_allclose(found, wanted, rtol=0, atol=rel * max(1e-3, np.abs(wanted).max()))


def check_hessian(problem: Problem) -> None:
    hessian = problem.hessian()
    u, v = problem.direction(), problem.direction()
    agree(hessian(v), problem.difference(v))
    assert u @ hessian(v) == pytest.approx(v @ hessian(u), rel=1e-9, abs=1e-12)


def check_gauss_newton(problem: Problem) -> None:
    product = problem.gauss_newton()
    u, v = problem.direction(), problem.direction()
    assert u @ product(v) == pytest.approx(v @ product(u), rel=1e-9, abs=1e-12)
    assert v @ product(v) >= -1e-12


def outputs() -> Iterator[tuple[str, Output]]:
    """Every loss with every task and link that it is meant for; targets as they are and by ln."""
    for name, cls in LOSSES.items():
        for settings in SETTINGS_OF_LOSSES.get(name, [{}]):
            for task, links in cls.links.items():
                maps = [TargetMap()]
                if task == "regression" and cls.scales_target:
                    maps = [TargetMap(location=2.5, scale=1.5), TargetMap(scale=0.7, log1p=True)]
                for link in links:
                    for to in maps:
                        case = f"{name}{settings}-{task}-{link}{'-log' if to.log1p else ''}"
                        loss = build(LOSSES, name, settings)
                        yield (
                            case,
                            choose_output(task, N_CLASSES[task], loss, link, target_map=to),
                        )


OUTPUTS = dict(outputs())


@pytest.mark.parametrize("name", OUTPUTS)
def test_products_of_each_loss_behind_each_link(name: str) -> None:
    output = OUTPUTS[name]
    spec = NetworkSpec(
        n_numeric=4, levels=(3, 5), hidden=(6,), activation="tanh", n_outputs=output.n_outputs
    )
    problem = Problem(spec, output)
    check_hessian(problem)
    check_gauss_newton(problem)


AROUND: dict[str, dict[str, Any]] = {
    "plain": {},
    "batch norm": {"batch_norm": True},
    "layer norm": {"layer_norm": True},
    "parametric": {"parametric_activation": True},
    "layer norm and parametric": {"layer_norm": True, "parametric_activation": True},
    "what is off while predicting": {
        "dropout": 0.3,
        "input_dropout": 0.2,
        "input_noise": 0.5,
        "activation_noise": 0.5,
    },
}


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize(
    ("activation", "settings"),
    [(name, settings) for name in ACTIVATIONS for settings in SETTINGS_OF_UNITS.get(name, [{}])],
)
def test_products_of_each_activation(
    activation: str, settings: dict[str, float], around: str
) -> None:
    spec = NetworkSpec(
        n_numeric=4,
        levels=(3,),
        hidden=(7, 5),
        activation=activation,
        activation_settings=settings,
        n_outputs=1,
        **AROUND[around],
    )
    problem = Problem(spec, HALF_SQUARED)
    check_hessian(problem)
    check_gauss_newton(problem)


@pytest.mark.parametrize(
    "spec",
    [
        NetworkSpec(n_numeric=4, hidden=(), n_outputs=1),
        NetworkSpec(n_numeric=0, levels=(3,), hidden=(), n_outputs=1),
        NetworkSpec(n_numeric=0, levels=(3, 2), hidden=(4, 4, 4), activation="tanh", n_outputs=1),
        NetworkSpec(n_numeric=4, levels=(20,), widths=(2,), hidden=(5,), n_outputs=1),
        NetworkSpec(n_numeric=4, levels=(40, 2), widths=(2, 2), hidden=(5,), n_outputs=1),
        NetworkSpec(n_numeric=3, hidden=(5,), activation="gelu", n_outputs=1),
        NetworkSpec(n_numeric=3, hidden=(5, 4), layer_norm=True, n_outputs=1),
        NetworkSpec(n_numeric=3, hidden=(5, 4), batch_norm=True, activation="silu", n_outputs=1),
    ],
    ids=[
        "linear",
        "one table",
        "deep without numbers",
        "unused codes",
        "many codes",
        "one layer",
        "norm",
        "batch norm",
    ],
)
def test_products_of_each_shape_of_network(spec: NetworkSpec) -> None:
    problem = Problem(spec, HALF_SQUARED)
    check_hessian(problem)
    check_gauss_newton(problem)


@pytest.mark.parametrize("loss", ["bce", "cce", "half-mse", "mse", "poisson"])
def test_of_a_linear_network_gauss_newton_is_the_hessian(loss: str) -> None:
    task: Task = {"bce": "binary", "cce": "multiclass"}.get(loss, "regression")  # type: ignore[assignment]
    output = choose_output(task, N_CLASSES[task], build(LOSSES, loss))
    problem = Problem(NetworkSpec(n_numeric=4, hidden=(), n_outputs=output.n_outputs), output)
    v = problem.direction()
    agree(problem.gauss_newton()(v), problem.hessian()(v), rel=1e-13)
    agree(problem.gauss_newton()(v), problem.difference(v))
