"""Initial weights: their moments, their range, and which is the default."""

import math
from typing import Any

import numpy as np
import pytest

from nntool.nn.batches import Batch
from nntool.nn.initializers import INITIALIZERS, default_initializer
from nntool.nn.layers import Linear
from nntool.nn.network import Network, NetworkSpec
from nntool.nn.registry import build

N_IN, N_OUT = 300, 500
# name: variance and largest absolute value
MOMENTS = {
    "zeros": (0, 0),
    "constant": (0, 0.1),
    "uniform": (0.05**2 / 3, 0.05),
    "gaussian": (0.01**2, math.inf),
    "fan-in-uniform": (1 / N_IN / 3, 1 / math.sqrt(N_IN)),
    "lecun-normal": (1 / N_IN, 2 / 0.87962 / math.sqrt(N_IN)),
    "lecun-uniform": (1 / N_IN, math.sqrt(3 / N_IN)),
    "glorot-normal": (2 / (N_IN + N_OUT), math.inf),
    "glorot-uniform": (2 / (N_IN + N_OUT), math.sqrt(6 / (N_IN + N_OUT))),
    "he-normal": (2 / N_IN, math.inf),
    "he-uniform": (2 / N_IN, math.sqrt(6 / N_IN)),
    "orthogonal": (1 / N_OUT, 1),
    "data": (1, math.inf),  # before it is scaled on rows
}


def drawn(name: str, shape: tuple[int, int] = (N_IN, N_OUT)) -> np.ndarray:
    w = np.full(shape, np.nan)
    build(INITIALIZERS, name).fill(w, np.random.default_rng(0))
    return w


@pytest.mark.parametrize("name", INITIALIZERS)
def test_moments_and_range(name: str) -> None:
    variance, bound = MOMENTS[name]
    w = drawn(name)
    assert w.var() == pytest.approx(variance, rel=0.015)  # 150,000 draws: 0.4 % is one deviation
    assert abs(w).max() <= bound
    if name != "constant":
        assert abs(w.mean()) <= 4 * math.sqrt(variance / w.size)
    if math.isfinite(bound) and name != "orthogonal":
        assert abs(w).max() == pytest.approx(bound, rel=1e-3), "the whole range is used"


@pytest.mark.parametrize("shape", [(30, 30), (20, 50), (50, 20)])
def test_orthogonal_rows_or_columns_are_orthonormal(shape: tuple[int, int]) -> None:
    w = drawn("orthogonal", shape)
    product = w.T @ w if shape[0] >= shape[1] else w @ w.T
    np.testing.assert_allclose(product, np.eye(min(shape)), atol=1e-13)


def test_orthogonal_matrices_favour_no_sign() -> None:
    rng = np.random.default_rng(0)
    corners = []
    for _ in range(200):
        w = np.empty((3, 3))
        build(INITIALIZERS, "orthogonal").fill(w, rng)
        corners.append(w[0, 0])
    assert abs(np.mean(corners)) < 4 * math.sqrt(1 / 3 / 200)


@pytest.mark.parametrize(
    ("activation", "name"),
    [
        ("relu", "he-normal"),
        ("mish", "he-normal"),
        ("selu", "lecun-normal"),
        ("lecun-tanh", "lecun-normal"),
        ("tanh", "glorot-uniform"),
        ("sigmoid", "glorot-uniform"),
        (None, "glorot-uniform"),
    ],
)
def test_the_default_follows_the_activation(activation: str | None, name: str) -> None:
    assert default_initializer(activation) == name


SAMPLE = np.random.default_rng(7).normal(5, [0.01, 1, 300], (200, 3)).astype(np.float32)
CODES = np.random.default_rng(8).integers(0, 4, (200, 1)).astype(np.int32)


def spreads(net: Network, theta: np.ndarray, batch: Batch) -> list[np.ndarray]:
    """The spread of the weighted sums of each dense layer, with batch statistics where used."""
    x: Any = batch
    found = []
    stats = net.initial_stats(np.float64)
    views, tape = net.bind(theta, stats), net.tape(batch.n_rows, np.float64)
    net.recompute_statistics(views, lambda: [batch])
    for layer, p, s, t in zip(net.layers, *views, tape, strict=True):
        x = layer.forward(p, s, x, t, None)
        if isinstance(layer, Linear):
            found.append(x.std(axis=0))
    return found


@pytest.mark.parametrize("around", [{}, {"batch_norm": True}, {"layer_norm": True}])
@pytest.mark.parametrize("activation", ["relu", "tanh", "stochastic-binary"])
def test_data_gives_the_sums_of_every_unit_spread_one(
    activation: str, around: dict[str, bool]
) -> None:
    spec = NetworkSpec(
        n_numeric=3,
        levels=(4,),
        hidden=(9, 8, 7),
        activation=activation,
        initializer="data",
        n_outputs=2,
        dropout=0.5,
        input_noise=1.0,
        **around,  # type: ignore[arg-type]  # fields of it
    )
    net = Network(spec)
    assert net.wants_sample
    batch = Batch(SAMPLE, CODES)
    theta = net.initial(np.random.default_rng(0), np.float64, batch)
    for spread in spreads(net, theta, batch):
        np.testing.assert_allclose(spread, 1, rtol=1e-6)


def test_data_survives_sums_that_do_not_vary() -> None:
    spec = NetworkSpec(n_numeric=3, hidden=(50, 4), initializer="data", n_outputs=1)
    net = Network(spec)
    alike = np.repeat(SAMPLE[:1], 20, axis=0)
    theta = net.initial(np.random.default_rng(0), np.float64, Batch(alike))
    w = net.bind(theta).parameters[1][0]
    assert w.std() == pytest.approx(1 / math.sqrt(3), rel=0.2)
    assert np.isfinite(theta).all()


def test_data_needs_rows_and_others_do_not_look_at_them() -> None:
    data = Network(NetworkSpec(n_numeric=3, n_outputs=1, initializer="data"))
    with pytest.raises(ValueError, match="a sample of training rows"):
        data.initial(np.random.default_rng(0), np.float64)
    net = Network(NetworkSpec(n_numeric=3, n_outputs=1))
    assert not net.wants_sample
    with_rows, without = (
        net.initial(np.random.default_rng(0), np.float64, sample)
        for sample in (Batch(SAMPLE), None)
    )
    np.testing.assert_array_equal(with_rows, without)
