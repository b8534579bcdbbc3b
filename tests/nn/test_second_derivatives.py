"""Second derivatives of each loss, activation and penalty by itself, against differences."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from nntool.nn.activations import ACTIVATIONS
from nntool.nn.curvature import penalty_bends
from nntool.nn.heads import TargetMap, Task
from nntool.nn.input_penalty import InputL1
from nntool.nn.losses import LOSSES
from nntool.nn.outputs import Output, choose_output
from nntool.nn.penalties import PENALTIES
from nntool.nn.registry import build

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


def derivative(f: Callable[[np.ndarray], np.ndarray], at: np.ndarray, v: np.ndarray) -> np.ndarray:
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
    assert matrices.any() == output.loss.is_curved(output.head)


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


FOCAL = [name for name in OUTPUTS if name.startswith("focal")]


@pytest.mark.parametrize("name", FOCAL)
def test_gauss_newton_of_focal_leaves_out_only_what_bends_down(name: str) -> None:
    """H = φ′∂²ℓ + φ″∂ℓ∂ℓᵀ; the matrix differs from it by −φ″∂ℓ∂ℓᵀ of rows where φ″ < 0."""
    output = OUTPUTS[name]
    z, y, rng = points_of(output, 3.0)
    v = rng.standard_normal(z.shape)
    gamma = output.loss.gamma  # type: ignore[attr-defined]
    crossed = build(LOSSES, "bce" if output.n_outputs == 1 else "cce")
    tape = output.tape(len(z), np.float64)
    crossed.rows(output.head, z, y, tape)
    nll, slope = tape.rows.copy(), tape.dz.copy()

    def bend(at: np.ndarray) -> np.ndarray:
        """φ″(ℓ), by differences of φ(ℓ) = (1 − e^(−ℓ))^γ·ℓ."""
        h = 1e-3 * at
        phi = [(1 - np.exp(-x)) ** gamma * x for x in (at - h, at, at + h)]
        return (phi[0] - 2 * phi[1] + phi[2]) / h**2

    hessian = output.loss.hessian_product(output.head, z, y, v)
    found = output.loss.gauss_newton_product(output.head, z, y, v) - hessian
    wanted = np.maximum(-bend(nll), 0)[:, None] * slope * (slope * v).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)
    assert found.any() == (gamma > 0)


BOUNDED = [name for name in OUTPUTS if "exp" not in name and not name.endswith("-log")]


@pytest.mark.parametrize("name", BOUNDED)
def test_products_stay_finite_far_out(name: str) -> None:
    output = OUTPUTS[name]
    z, y, rng = points_of(output, 1e4)
    for product in (output.loss.hessian_product, output.loss.gauss_newton_product):
        assert np.isfinite(product(output.head, z, y, rng.standard_normal(z.shape))).all()


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


def test_penalties_say_which_have_no_gradient() -> None:
    assert build(PENALTIES, "l1").has_gradient
    for penalty in (build(PENALTIES, "l1", {"proximal": True}), InputL1(rate=1.0, n_weights=1)):
        gradient = np.zeros(2)
        penalty.add_gradient(np.ones(2), gradient, np.empty(2))
        assert not penalty.has_gradient
        assert not gradient.any()
