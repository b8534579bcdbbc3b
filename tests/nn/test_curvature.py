"""Second-order products of everything registered, against differences of gradients in float64."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    if problem.output.loss.has_gradient:
        slope = derivative(lambda at: np.array(problem.first_order(at)[0]), problem.theta, v)
        found = problem.first_order(problem.theta)[1] @ v
        assert found == pytest.approx(slope, rel=1e-6, abs=1e-8)
    agree(hessian(v), problem.difference(v))
    matrix = np.ones((problem.net.size, problem.net.size))
    problem.visited().add_hessian(matrix)
    matrix -= 1
    np.testing.assert_allclose(matrix, matrix.T, rtol=0, atol=1e-10 * np.abs(matrix).max())
    agree(matrix @ v, hessian(v), rel=1e-10)
    assert u @ hessian(v) == pytest.approx(v @ hessian(u), rel=1e-9, abs=1e-12)


def check_gauss_newton(problem: Problem) -> None:
    product = problem.gauss_newton()
    u, v = problem.direction(), problem.direction()
    assert u @ product(v) == pytest.approx(v @ product(u), rel=1e-9, abs=1e-12)
    assert v @ product(v) >= -1e-12


def outputs() -> Iterator[tuple[str, Output]]:
    """Every loss with every task and link that it is meant for; targets as they are and by ln."""
    for name, cls in LOSSES.items():
        for chosen in SETTINGS_OF_LOSSES.get(name, [{}]):
            for task, links in cls.links.items():
                maps = [TargetMap()]
                if task == "regression" and cls.scales_target:
                    maps = [TargetMap(location=2.5, scale=1.5), TargetMap(scale=0.7, log1p=True)]
                for link in links:
                    for to in maps:
                        case = f"{name}{chosen}-{task}-{link}{'-log' if to.log1p else ''}"
                        loss = build(LOSSES, name, chosen)
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


@pytest.mark.parametrize("name", OUTPUTS)
def test_gauss_newton_is_what_jacobians_make_of_the_matrix_of_the_loss(name: str) -> None:
    output = OUTPUTS[name]
    problem = Problem(
        NetworkSpec(n_numeric=3, hidden=(4,), activation="tanh", n_outputs=output.n_outputs), output
    )
    batch, (*_, z) = problem.batch, problem.first_order(problem.theta)
    assert batch.weight is not None
    assert batch.target is not None
    v = problem.direction()
    along = derivative(lambda at: problem.first_order(at)[2], problem.theta, v)
    bent = output.loss.gauss_newton_product(output.head, z, batch.target, along)
    bent *= batch.weight[:, np.newaxis] / N_ROWS
    u = problem.direction()
    back = derivative(lambda at: problem.first_order(at)[2], problem.theta, u)
    found = u @ problem.gauss_newton()(v)
    assert found == pytest.approx(np.sum(back * bent), rel=1e-6, abs=1e-10)


def derivative(f: Product, at: np.ndarray, v: np.ndarray) -> np.ndarray:
    return (f(at + 1e-5 * v) - f(at - 1e-5 * v)) / 2e-5


SQUARED = [name for name in OUTPUTS if "mse" in name]


@pytest.mark.parametrize("around", ["plain", "batch norm", "layer norm", "parametric"])
@pytest.mark.parametrize("name", SQUARED)
def test_residuals_tell_loss_gradient_and_gauss_newton(name: str, around: str) -> None:
    output = OUTPUTS[name]
    spec = NetworkSpec(
        n_numeric=3,
        levels=(3, 40),
        hidden=(4, 3),
        activation="gelu",
        n_outputs=output.n_outputs,
        **AROUND[around],
    )
    problem = Problem(spec, output)
    loss, gradient, _ = problem.first_order(problem.theta)
    block, v = problem.visited(), problem.direction()
    parts = [(jacobian.copy(), r) for jacobian, r in block.residuals()]
    assert sum(r @ r for _, r in parts) / 2 == pytest.approx(loss, rel=1e-12)
    agree(sum(r @ jacobian for jacobian, r in parts), gradient, rel=1e-12)
    matrix = np.ones((problem.net.size, problem.net.size))
    block.add_gauss_newton(matrix)
    agree((matrix - 1) @ v, problem.gauss_newton()(v), rel=1e-12)

    def residuals_at(theta: np.ndarray) -> np.ndarray:
        block.visit(problem.net.bind(theta, problem.stats), problem.batch)
        return np.concatenate([r for _, r in block.residuals()])

    along = np.concatenate([jacobian @ v for jacobian, _ in parts])
    agree(along, derivative(residuals_at, problem.theta, v), rel=1e-6)


def test_only_squared_losses_have_residuals() -> None:
    output = OUTPUTS["bce{}-binary-sigmoid"]
    problem = Problem(NetworkSpec(n_numeric=3, hidden=(), n_outputs=1), output)
    with pytest.raises(ValueError, match="squared"):
        next(problem.visited().residuals())
    assert {name for name, loss in LOSSES.items() if loss.squared} == {"half-mse", "mse"}


@pytest.mark.parametrize("weighted", [True, False])
def test_blocks_add_up_to_the_products_of_all_rows(weighted: bool) -> None:
    output = OUTPUTS["cce{}-multiclass-softmax"]
    spec = NetworkSpec(
        n_numeric=3, levels=(3,), hidden=(5,), layer_norm=True, activation="tanh", n_outputs=3
    )
    problem = Problem(spec, output)
    batch, v, size = problem.batch, problem.direction(), problem.net.size
    if not weighted:
        batch.weight = None
    views = problem.net.bind(problem.theta, problem.stats)
    whole, parts = np.zeros((3, size)), np.zeros((3, size))
    loss = 0.0
    for start, stop in ((0, 4), (4, N_ROWS)):
        rows = slice(start, stop)
        assert batch.codes is not None
        assert batch.target is not None
        part = Batch(
            batch.numeric[rows],
            batch.codes[rows],
            batch.target[rows],
            batch.weight[rows] if batch.weight is not None else None,
        )
        block = Curvature(problem.net, output, stop - start, np.float64)
        loss += block.visit(views, part, (stop - start) / N_ROWS)
        add_all(block, v, parts)
    block = Curvature(problem.net, output, N_ROWS, np.float64)
    assert loss == pytest.approx(block.visit(views, batch), rel=1e-13)
    add_all(block, v, whole)
    agree(parts, whole, rel=1e-13)
    agree(whole[0], problem.first_order(problem.theta)[1], rel=1e-13)


def add_all(block: Curvature, v: np.ndarray, out: np.ndarray) -> None:
    """Add gradient and both products, in an order in which each could spoil the next."""
    block.add_gauss_newton_product(v, out[2])
    block.add_hessian_product(v, out[1])
    block.add_gradient(out[0])


def test_products_may_be_asked_for_again_and_in_any_order() -> None:
    spec = NetworkSpec(
        n_numeric=3, levels=(3,), hidden=(5, 4), activation="gelu", layer_norm=True, n_outputs=1
    )
    problem = Problem(spec, HALF_SQUARED)
    block, v = problem.visited(), problem.direction()
    first = {name: np.zeros_like(v) for name in ("hessian", "gauss_newton")}
    block.add_hessian_product(v, first["hessian"])
    block.add_gauss_newton_product(v, first["gauss_newton"])
    [(jacobian, _)] = block.residuals()
    for _ in range(2):
        [_] = block.residuals()
        block.add_hessian(np.zeros((v.size, v.size)))
        for name in ("gauss_newton", "hessian"):
            again = np.zeros_like(v)
            getattr(block, f"add_{name}_product")(problem.direction(), np.zeros_like(v))
            getattr(block, f"add_{name}_product")(v, again)
            np.testing.assert_array_equal(again, first[name])
    [(again, _)] = block.residuals()
    np.testing.assert_array_equal(again, jacobian)


CURVED = [name for name, output in OUTPUTS.items() if output.loss.is_curved(output.head)]
SPECS = st.fixed_dictionaries(
    {
        "n_numeric": st.integers(1, 4),
        "levels": st.lists(st.sampled_from([2, 5, 40]), max_size=2).map(tuple),
        "hidden": st.lists(st.integers(2, 6), max_size=3).map(tuple),
        "activation": st.sampled_from([n for n, cls in ACTIVATIONS.items() if cls.has_gradient]),
        "parametric_activation": st.booleans(),
        "dropout": st.sampled_from([0.0, 0.4]),
        "input_noise": st.sampled_from([0.0, 0.4]),
    }
)


@settings(max_examples=60, deadline=None)
@given(
    values=SPECS,
    norm=st.sampled_from(["batch_norm", "layer_norm", ""]),
    name=st.sampled_from(CURVED),
    seed=st.integers(0, 99),
)
def test_products_of_any_network_are_linear_and_symmetric(
    values: dict[str, Any], norm: str, name: str, seed: int
) -> None:
    output = OUTPUTS[name]
    spec = NetworkSpec(n_outputs=output.n_outputs, **values, **({norm: True} if norm else {}))
    problem = Problem(spec, output, seed)
    u, v = problem.direction(), problem.direction()
    for product in (problem.hessian(), problem.gauss_newton()):
        agree(product(2 * u - 3 * v), 2 * product(u) - 3 * product(v), rel=1e-9)
        size = np.abs(u * product(v)).sum()
        assert u @ product(v) == pytest.approx(v @ product(u), rel=1e-9, abs=1e-11 * (1 + size))
    assert v @ problem.gauss_newton()(v) >= -1e-9


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_units_far_out_leave_products_finite(activation: str, around: str) -> None:
    spec = NetworkSpec(
        n_numeric=4, hidden=(6, 5), activation=activation, n_outputs=1, **AROUND[around]
    )
    problem = Problem(spec, OUTPUTS["bce{}-binary-sigmoid"])
    problem.theta *= 300
    v = problem.direction()
    assert np.isfinite(problem.hessian()(v)).all()
    assert np.isfinite(problem.gauss_newton()(v)).all()


@pytest.mark.parametrize("around", AROUND)
def test_single_precision_stays_single_and_near(around: str) -> None:
    spec = NetworkSpec(
        n_numeric=4, levels=(3,), hidden=(6, 5), activation="gelu", n_outputs=1, **AROUND[around]
    )
    problem = Problem(spec, HALF_SQUARED)
    v = problem.direction()
    block = Curvature(problem.net, HALF_SQUARED, N_ROWS, np.float32)
    theta, stats = problem.theta.astype(np.float32), problem.stats.astype(np.float32)
    block.visit(problem.net.bind(theta, stats), problem.batch)
    for add, double in (
        (block.add_hessian_product, problem.hessian()),
        (block.add_gauss_newton_product, problem.gauss_newton()),
    ):
        agree(product_of(add)(v.astype(np.float32)), double(v), rel=1e-5)
    [(jacobian, residuals)] = block.residuals()
    assert jacobian.dtype == residuals.dtype == np.float32


def test_a_visit_forgets_the_point_before_it() -> None:
    spec = NetworkSpec(n_numeric=3, hidden=(5, 4), activation="tanh", n_outputs=1)
    problem = Problem(spec, HALF_SQUARED)
    block, v = problem.visited(), problem.direction()
    block.add_hessian_product(v, np.zeros_like(v))
    problem.theta += 0.5
    block.visit(problem.net.bind(problem.theta, problem.stats), problem.batch)
    again = np.zeros_like(v)
    block.add_hessian_product(v, again)
    np.testing.assert_array_equal(again, problem.hessian()(v))


def test_a_block_needs_its_number_of_rows_and_targets() -> None:
    problem = Problem(NetworkSpec(n_numeric=3, hidden=(), n_outputs=1), HALF_SQUARED)
    block = Curvature(problem.net, HALF_SQUARED, N_ROWS + 1, np.float64)
    views = problem.net.bind(problem.theta, problem.stats)
    with pytest.raises(ValueError, match=f"a block of {N_ROWS + 1} rows"):
        block.visit(views, problem.batch)


def test_batch_norm_has_no_second_order_with_statistics_that_move() -> None:
    net = Network(NetworkSpec(n_numeric=2, hidden=(3,), batch_norm=True, n_outputs=1))
    layer = next(layer for layer in net.layers if layer.statistics)
    second = layer.second_tape(2, np.float64)
    second.back.moving = True
    with pytest.raises(ValueError, match="running statistics"):
        layer.tangent([np.ones(3)] * 2, [np.ones(3)] * 2, None, second)
