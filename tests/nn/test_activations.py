"""Activations: values and derivatives of torch, far out too, in both precisions."""

import importlib.util
import json
import math
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nntool.nn.activations import ACTIVATIONS
from nntool.nn.arrays import BLOCK
from nntool.nn.layers import Activate
from nntool.nn.randomness import Streams
from nntool.nn.registry import build
from nntool.nn.tapes import LayerTape
from nntool.nn.threshold_activations import Activation

SCRIPT = Path(__file__).parents[1] / "oracles" / "record_torch_layers.py"
SPEC = importlib.util.spec_from_file_location("record_torch_layers", SCRIPT)
assert SPEC is not None
assert SPEC.loader is not None
oracle = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(oracle)


@pytest.fixture(scope="module", params=["recorded", "live"])
def said(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What torch said once, and, where it is installed, what it says now."""
    if request.param == "recorded":
        recorded: dict[str, Any] = json.loads(oracle.RECORD.read_text(encoding="utf-8"))
        return recorded["activations"]
    torch = pytest.importorskip("torch")
    live: dict[str, Any] = oracle.record_activations(torch)
    return live


def passed(activation: Activation, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values and slopes as a network gets them: forward, then backward with a gradient of ones."""
    layer = Activate("hidden1", z.shape[1], activation)
    tape: LayerTape = layer.tape(len(z), z.dtype)
    y = layer.forward((), (), z.copy(), tape, None)
    return y, layer.backward((), (), np.ones_like(z), tape)


def test_every_activation_is_compared() -> None:
    assert {kind for kind, _ in oracle.ACTIVATION_CASES.values()} == set(ACTIVATIONS)


@pytest.mark.parametrize("name", oracle.ACTIVATION_CASES)
def test_values_and_slopes_are_those_of_torch(name: str, said: dict[str, Any]) -> None:
    activation = build(ACTIVATIONS, *oracle.ACTIVATION_CASES[name])
    z = oracle.sums()
    y, slope = passed(activation, z[:, None])
    np.testing.assert_allclose(y[:, 0], said[name]["value"], rtol=1e-12, atol=2e-15)
    np.testing.assert_allclose(slope[:, 0], said[name]["slope"], rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(activation.slopes(z), slope[:, 0])


@pytest.mark.parametrize("name", oracle.ACTIVATION_CASES)
def test_single_precision_follows(name: str) -> None:
    activation = build(ACTIVATIONS, *oracle.ACTIVATION_CASES[name])
    wide = oracle.sums().astype(np.float32).astype(np.float64)[:, None]
    narrow = wide.astype(np.float32)
    for exact, found in zip(passed(activation, wide), passed(activation, narrow), strict=True):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, exact, rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_long_arrays_are_whole_and_nothing_of_their_size_is_made(name: str) -> None:
    """More than one block of floats, and not a multiple of one."""
    activation = build(ACTIVATIONS, name)
    z = np.random.default_rng(0).standard_normal((701, 101)).astype(np.float32)
    rows = [0, 300, 650, 700]
    y, slope = passed(activation, z)
    for whole, part in zip((y, slope), passed(activation, z[rows]), strict=True):
        np.testing.assert_allclose(whole[rows], part, rtol=1e-6, atol=1e-7)
    layer = Activate("hidden1", z.shape[1], activation)
    tape, streams, gradient = layer.tape(len(z), z.dtype), Streams(0), np.ones_like(z)
    layer.forward((), (), z, tape, streams)
    tracemalloc.start()
    layer.forward((), (), z, tape, streams)
    layer.backward((), (), gradient, tape)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 65_536, "a quarter of one array; relu lets NumPy cast in buffers of 32 kB"


def test_the_named_values() -> None:
    at_one = np.array([[-1.0, 1.0]])
    np.testing.assert_allclose(passed(ACTIVATIONS["lecun-tanh"](), at_one)[0], at_one, atol=2e-5)
    assert passed(ACTIVATIONS["step"](), np.zeros((1, 1)))[0] == 1
    assert passed(ACTIVATIONS["sigmoid"](), np.zeros((1, 1)))[1] == 0.25


def test_gelu_is_exact() -> None:
    z = np.linspace(-12, 12, 2401)
    phi = np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in z])
    y, _ = passed(ACTIVATIONS["gelu"](), z[:, None])
    assert abs(y[:, 0] - z * phi).max() < 2e-15


@pytest.mark.parametrize(
    ("name", "settings", "steepest"),
    [
        ("relu", {}, 1), ("sigmoid", {}, 0.25), ("sigmoid", {"a": 3.0}, 0.75), ("sign", {}, 0),
        ("softplus", {"beta": 0.1}, 1), ("selu", {}, 1.7581), ("gelu", {}, 1.12890),
        ("silu", {}, 1.09984), ("identity", {}, 1), ("elu", {"alpha": 2.0}, 2.0),
    ],
)  # fmt: skip
def test_the_steepest_slope(name: str, settings: dict[str, float], steepest: float) -> None:
    assert build(ACTIVATIONS, name, settings).steepest == pytest.approx(steepest, rel=1e-3)


def test_only_step_and_sign_have_no_gradient() -> None:
    assert [name for name, cls in ACTIVATIONS.items() if not cls.has_gradient] == ["sign", "step"]


def test_a_stochastic_unit_fires_as_often_as_its_sigmoid_and_learns_as_it() -> None:
    z = np.repeat(np.array([[-2.0, 0.0, 1.0, 40.0]]), 40_000, axis=0)
    layer = Activate("hidden1", 4, ACTIVATIONS["stochastic-binary"]())
    tape = layer.tape(len(z), np.float64)
    fired = layer.forward((), (), z.copy(), tape, Streams(3))
    p, slope = passed(ACTIVATIONS["sigmoid"](), z)
    assert set(np.unique(fired)) == {0.0, 1.0}
    np.testing.assert_allclose(fired.mean(axis=0), p[0], atol=0.01)
    gradient = layer.backward((), (), np.ones_like(z), tape)
    np.testing.assert_allclose(gradient, slope, rtol=1e-12, atol=1e-15)
    predicted, _ = passed(ACTIVATIONS["stochastic-binary"](), z)
    np.testing.assert_allclose(predicted, p, rtol=1e-12)


@pytest.mark.parametrize("shape", [(3, 5), (700, 100), (2, 70_000), (1, BLOCK)])
def test_relu_is_the_maximum_whatever_the_shape(shape: tuple[int, int]) -> None:
    z = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    wanted = np.where(z > 0, z, 0)
    rule = ACTIVATIONS["relu"]()
    scratch = rule.scratch(shape, np.float32)
    rule.forward(z, np.empty(0), scratch, None)
    np.testing.assert_array_equal(z, wanted)
