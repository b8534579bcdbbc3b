"""Second-order products of everything registered, against differences of gradients in float64."""

import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nntool.nn.activations import ACTIVATIONS
from nntool.nn.batches import Batch
from nntool.nn.curvature import Curvature, penalty_bends
from nntool.nn.heads import TargetMap, Task
from nntool.nn.input_penalty import InputL1
from nntool.nn.losses import LOSSES
from nntool.nn.network import Network, NetworkSpec
from nntool.nn.outputs import Output, choose_output
from nntool.nn.penalties import PENALTIES
from nntool.nn.registry import build

SCRIPT = Path(__file__).parents[1] / "oracles" / "record_torch_curvature.py"
SPEC = importlib.util.spec_from_file_location("record_torch_curvature", SCRIPT)
assert SPEC is not None
assert SPEC.loader is not None
oracle = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(oracle)

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


@pytest.fixture(scope="module", params=["recorded", "live"])
def said(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What torch said once, and, where it is installed, what it says now."""
    if request.param == "recorded":
        recorded: dict[str, Any] = json.loads(oracle.RECORD.read_text(encoding="utf-8"))
        return recorded
    torch = pytest.importorskip("torch")
    live: dict[str, Any] = oracle.record(torch)
    return live


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


def points_of(output: Output, size: float) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    """Return raw outputs and targets, far from and near each other."""
    rng = np.random.default_rng(5)
    n_classes = output.head.n_classes
    y = rng.integers(0, n_classes, 40) if n_classes else rng.uniform(0.1, 0.9, 40)
    return size * rng.standard_normal((40, output.n_outputs)), y, rng


@pytest.mark.parametrize("name", OUTPUTS)
def test_the_hessian_of_each_loss(name: str) -> None:
    output = OUTPUTS[name]
    z, y, rng = points_of(output, 1.5)
    v = rng.standard_normal(z.shape)
    tape = output.tape(len(z), np.float64)

    def slope(at: np.ndarray) -> np.ndarray:
        output.value(at, y, None, tape)
        return tape.dz * len(z)

    product = output.loss.hessian_product(output.head, z, y, v)
    np.testing.assert_allclose(product, derivative(slope, z, v), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("name", "size"),
    [(name, size) for name in OUTPUTS for size in ((1, 5) if "exp" not in name else (1,))],
)
def test_the_gauss_newton_matrix_of_no_loss_is_indefinite(name: str, size: float) -> None:
    output = OUTPUTS[name]
    z, y, _ = points_of(output, size)
    one = np.eye(output.n_outputs)
    columns = [
        output.loss.gauss_newton_product(output.head, z, y, np.tile(column, (len(z), 1)))
        for column in one
    ]
    matrices = np.array(columns).transpose(1, 0, 2)
    np.testing.assert_allclose(matrices, matrices.transpose(0, 2, 1), atol=1e-12)
    lowest = np.linalg.eigvalsh(matrices)[:, 0]
    assert lowest.min() >= -1e-14 * max(1, np.abs(matrices).max())
    bends = output.loss.curved or output.head.target_map.log1p
    assert bends or not matrices.any()


CONVEX = ("bce", "cce", "poisson", "focal{'gamma': 0.0}", "mse{}-regression-identity")


@pytest.mark.parametrize("name", [name for name in OUTPUTS if name.startswith(CONVEX)])
def test_where_a_loss_is_convex_gauss_newton_takes_its_hessian(name: str) -> None:
    output = OUTPUTS[name]
    z, y, rng = points_of(output, 3.0)
    v = rng.standard_normal(z.shape)
    hessian = output.loss.hessian_product(output.head, z, y, v)
    np.testing.assert_allclose(
        output.loss.gauss_newton_product(output.head, z, y, v), hessian, rtol=1e-12, atol=1e-15
    )


BOUNDED = [name for name in OUTPUTS if "exp" not in name and not name.endswith("-log")]


@pytest.mark.parametrize("name", BOUNDED)
def test_products_stay_finite_far_out(name: str) -> None:
    output = OUTPUTS[name]
    z, y, rng = points_of(output, 1e4)
    for product in (output.loss.hessian_product, output.loss.gauss_newton_product):
        assert np.isfinite(product(output.head, z, y, rng.standard_normal(z.shape))).all()


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
    jacobian, residuals = block.residuals()
    assert jacobian.shape == (N_ROWS * output.n_outputs, problem.net.size)
    assert residuals @ residuals / 2 == pytest.approx(loss, rel=1e-12)
    agree(residuals @ jacobian, gradient, rel=1e-12)
    agree(jacobian.T @ (jacobian @ v), problem.gauss_newton()(v), rel=1e-12)

    def residuals_at(theta: np.ndarray) -> np.ndarray:
        block.visit(problem.net.bind(theta, problem.stats), problem.batch)
        return block.residuals()[1].copy()

    agree(jacobian.copy() @ v, derivative(residuals_at, problem.theta, v), rel=1e-6)


def test_only_squared_losses_have_residuals() -> None:
    output = OUTPUTS["bce{}-binary-sigmoid"]
    problem = Problem(NetworkSpec(n_numeric=3, hidden=(), n_outputs=1), output)
    with pytest.raises(ValueError, match="squared"):
        problem.visited().residuals()
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
    jacobian, _ = block.residuals()
    jacobian = jacobian.copy()
    for _ in range(2):
        block.residuals()
        for name in ("gauss_newton", "hessian"):
            again = np.zeros_like(v)
            getattr(block, f"add_{name}_product")(problem.direction(), np.zeros_like(v))
            getattr(block, f"add_{name}_product")(v, again)
            np.testing.assert_array_equal(again, first[name])
    np.testing.assert_array_equal(block.residuals()[0], jacobian)


def test_a_block_needs_its_number_of_rows_and_targets() -> None:
    problem = Problem(NetworkSpec(n_numeric=3, hidden=(), n_outputs=1), HALF_SQUARED)
    block = Curvature(problem.net, HALF_SQUARED, N_ROWS + 1, np.float64)
    views = problem.net.bind(problem.theta, problem.stats)
    with pytest.raises(ValueError, match=f"a block of {N_ROWS + 1} rows"):
        block.visit(views, problem.batch)


@pytest.mark.parametrize(
    ("name", "settings"),
    [(name, s) for name in ACTIVATIONS for s in SETTINGS_OF_UNITS.get(name, [{}])],
)
def test_the_second_derivative_of_each_activation(name: str, settings: dict[str, float]) -> None:
    activation = build(ACTIVATIONS, name, settings)
    z = np.concatenate([sign * np.geomspace(0.01, 40, 200) for sign in (-1, 1)])[None]
    bends = activation.bends(z)
    wanted = (activation.slopes(z + 1e-5) - activation.slopes(z - 1e-5)) / 2e-5
    np.testing.assert_allclose(np.zeros_like(z) if bends is None else bends, wanted, atol=1e-8)
    far = activation.bends(np.array([[-1e4, 1e4]]))
    assert far is None or np.abs(far).max() < 1e-12


PENALTY_SETTINGS: dict[str, list[dict[str, float]]] = {
    "lp": [{}, {"p": 1.0}, {"p": 2.0}, {"p": 3.0}],
    "weight-elimination": [{}, {"w0": 0.3}],
}


@pytest.mark.parametrize(
    ("name", "settings"),
    [(name, s) for name in PENALTIES for s in PENALTY_SETTINGS.get(name, [{}])],
)
def test_the_second_derivative_of_each_penalty(name: str, settings: dict[str, float]) -> None:
    penalty = build(PENALTIES, name, {"rate": 0.3, **settings})
    w = np.concatenate([sign * np.geomspace(0.01, 5, 50) for sign in (-1, 1)])

    def slope(at: np.ndarray) -> np.ndarray:
        gradient = np.zeros_like(at)
        penalty.add_gradient(at, gradient, np.empty_like(at))
        return gradient

    wanted = (slope(w + 1e-6) - slope(w - 1e-6)) / 2e-6
    found = penalty_bends([penalty], w, positive=False)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-8)
    np.testing.assert_array_equal(
        penalty_bends([penalty], w, positive=True), np.where(found > 0, found, 0)
    )
    assert np.isfinite(penalty_bends([penalty], np.zeros(3), positive=True)).all()


def test_penalties_say_where_they_are_not_smooth_and_which_have_no_gradient() -> None:
    smooth = {name for name in PENALTIES if build(PENALTIES, name).smooth}
    assert smooth == {"l2", "lp", "weight-elimination"}
    assert not build(PENALTIES, "lp", {"p": 1.0}).smooth
    assert build(PENALTIES, "l1").has_gradient
    for penalty in (build(PENALTIES, "l1", {"proximal": True}), InputL1(rate=1.0, n_weights=1)):
        gradient = np.zeros(2)
        penalty.add_gradient(np.ones(2), gradient, np.empty(2))
        assert not penalty.has_gradient
        assert not gradient.any()


def test_batch_norm_has_no_second_order_with_statistics_that_move() -> None:
    net = Network(NetworkSpec(n_numeric=2, hidden=(3,), batch_norm=True, n_outputs=1))
    layer = next(layer for layer in net.layers if layer.statistics)
    second = layer.second_tape(2, np.float64)
    second.back.moving = True
    with pytest.raises(ValueError, match="running statistics"):
        layer.tangent([np.ones(3)] * 2, [np.ones(3)] * 2, None, second)


@pytest.mark.parametrize("name", oracle.CASES)
def test_products_agree_with_torch(name: str, said: dict[str, Any]) -> None:
    hidden, activation, layer_norm, embedding, loss, n_outputs = oracle.CASES[name]
    spec = NetworkSpec(
        n_numeric=oracle.N_NUMERIC,
        levels=(oracle.N_LEVELS,) if embedding else (),
        widths=(oracle.WIDTH,) if embedding else (),
        hidden=hidden,
        activation=activation,
        layer_norm=layer_norm,
        n_outputs=n_outputs,
    )
    task: Task = {"cce": "multiclass", "bce": "binary"}.get(loss, "regression")
    link = "auto"
    if loss == "mse of sigmoids":
        task, link = "multiclass", "sigmoid"
    output = choose_output(task, N_CLASSES[task], build(LOSSES, loss.split()[0]), link)
    net, rows, wanted = Network(spec), oracle.rows(name), said["products"][name]
    point, direction = (
        np.concatenate([given[place.name].ravel() for place in net.places])
        for given in (oracle.numbers(name, 1.3), oracle.numbers(name, 2.1))
    )
    batch = Batch(rows["numeric"], rows["codes"], rows["target"], rows["weight"])
    block = Curvature(net, output, oracle.N_ROWS, np.float64)
    assert block.visit(net.bind(point), batch) == pytest.approx(wanted["loss"], rel=1e-12)
    found = np.zeros((3, net.size))
    block.add_gradient(found[0])
    block.add_hessian_product(direction, found[1])
    block.add_gauss_newton_product(direction, found[2])
    for row, kind in zip(found, ("gradient", "hessian", "gauss-newton"), strict=True):
        torchs = np.concatenate([wanted[kind][place.name] for place in net.places])
        agree(row, torchs, rel=1e-11)
