"""Batch norm and layer norm: what torch says, and what the running statistics are."""

import dataclasses
import importlib.util
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nntool.nn.batches import ArrayRows, Batch
from nntool.nn.layers import Layer
from nntool.nn.network import Network, NetworkSpec
from nntool.nn.normalization import BatchNorm, LayerNorm
from nntool.nn.randomness import Streams
from nntool.nn.registry import InvalidChoice

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
        return recorded
    torch = pytest.importorskip("torch")
    live: dict[str, Any] = oracle.record(torch)
    return live


@pytest.mark.parametrize("training", [True, False], ids=["training", "predicting"])
@pytest.mark.parametrize(("kind", "cls"), [("batch", BatchNorm), ("layer", LayerNorm)])
def test_norms_do_what_those_of_torch_do(
    kind: str, cls: type[Layer], training: bool, said: dict[str, Any]
) -> None:
    given = oracle.norm_inputs()
    n, d = oracle.N_ROWS, oracle.N_UNITS
    layer = cls("hidden1", d)  # type: ignore[call-arg]  # both norms take a width
    p, g = [given["gamma"], given["beta"]], [np.full(d, np.nan), np.full(d, np.nan)]
    s = [np.zeros(d), np.ones(d)] if kind == "batch" else []
    tape, streams = layer.tape(n, np.float64), Streams(0)
    layer.forward(p, s, given["x"][0], tape, streams)
    layer.forward(p, s, given["x"][1], tape, streams)
    y = layer.forward(p, s, given["x"][2], tape, streams if training else None)
    found = {"y": y, "dx": layer.backward(p, g, given["dy"], tape)}
    found |= {"dgamma": g[0], "dbeta": g[1]}
    if kind == "batch":
        found |= {"mean": s[0], "variance": s[1]}
    wanted = said[f"{kind}-norm-{'training' if training else 'predicting'}"]
    assert found.keys() == wanted.keys()
    for name, array in found.items():
        np.testing.assert_allclose(array, wanted[name], rtol=1e-11, atol=1e-13, err_msg=name)


def test_the_running_variance_is_the_unbiased_one() -> None:
    layer = BatchNorm("hidden1", 1)
    s = [np.zeros(1), np.ones(1)]
    x = np.array([[1.0], [2.0], [4.0]])
    layer.forward([np.ones(1), np.zeros(1)], s, x, layer.tape(3, np.float64), Streams(0))
    assert s[0][0] == pytest.approx(0.1 * 7 / 3)
    assert s[1][0] == pytest.approx(0.9 + 0.1 * 2.33, abs=1e-3)
    np.testing.assert_allclose(x.std(), 1, rtol=1e-5)


@pytest.mark.parametrize("cls", [BatchNorm, LayerNorm])
def test_norms_of_many_rows_are_the_formula_and_make_nothing_of_their_size(
    cls: type[BatchNorm] | type[LayerNorm],
) -> None:
    """More rows than one block, and not a multiple of one."""
    rng = np.random.default_rng(0)
    n, d = 2003, 57
    layer = cls("hidden1", d)
    x = rng.normal(3, 2, (n, d)).astype(np.float32)
    p = [rng.uniform(0.5, 1.5, d).astype(np.float32), rng.standard_normal(d).astype(np.float32)]
    g = [np.empty(d, np.float32), np.empty(d, np.float32)]
    s = [np.zeros(d, np.float32), np.ones(d, np.float32)]
    axis = 0 if cls is BatchNorm else 1
    centred = x - x.mean(axis=axis, keepdims=True, dtype=np.float64)
    wanted = p[0] * centred / np.sqrt(np.square(centred).mean(axis=axis, keepdims=True) + 1e-5)
    tape, streams, dy = layer.tape(n, np.float32), Streams(0), np.ones_like(x)
    y = layer.forward(p, s, x.copy(), tape, streams)
    np.testing.assert_allclose(y, wanted + p[1], rtol=2e-5, atol=2e-5)
    tracemalloc.start()
    layer.forward(p, s, x, tape, streams)
    layer.backward(p, g, dy, tape)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 65_536


def network(**values: Any) -> Network:
    spec = NetworkSpec(
        n_numeric=3, levels=(4,), hidden=(6, 5), activation="tanh", n_outputs=1, **values
    )
    return Network(spec)


def rows(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    x = rng.normal(1, 2, (n, 3)).astype(np.float32)
    return x, rng.integers(0, 4, (n, 1)).astype(np.int32)


def test_batch_norm_takes_the_bias_of_the_layer_below_and_layer_norm_leaves_it() -> None:
    names = {
        key: [place.name for place in network(**{key: True}).places if place.layer == "hidden1"]
        for key in ("batch_norm", "layer_norm")
    }
    assert names["batch_norm"] == ["hidden1.weight", "hidden1.gamma", "hidden1.beta"]
    assert names["layer_norm"] == [
        "hidden1.weight", "hidden1.bias", "hidden1.gamma", "hidden1.beta",
    ]  # fmt: skip
    net = network(batch_norm=True)
    assert net.n_weights == sum(np.prod(p.shape) for p in net.places if len(p.shape) == 2)
    assert (net.min_rows, network(layer_norm=True).min_rows) == (2, 1)
    assert net.n_stats == 2 * (6 + 5)


def test_predicting_moves_nothing_and_does_not_mix_rows() -> None:
    net = network(batch_norm=True)
    theta = net.initial(np.random.default_rng(0), np.float64)
    stats = net.initial_stats(np.float64)
    views = net.bind(theta, stats)
    x, codes = rows(20)
    net.forward(views, Batch(x, codes), net.tape(20, np.float64), Streams(0))
    after = stats.copy()
    assert not np.array_equal(after, net.initial_stats(np.float64))
    z = net.forward(views, Batch(x, codes), net.tape(20, np.float64), None).copy()
    alone = net.forward(views, Batch(x[3:4], codes[3:4]), net.tape(1, np.float64), None)
    np.testing.assert_allclose(alone[0], z[3], rtol=1e-12)
    np.testing.assert_array_equal(stats, after)


def test_a_batch_of_one_row_cannot_train_batch_norm() -> None:
    net = network(batch_norm=True)
    theta = net.initial(np.random.default_rng(0), np.float64)
    views = net.bind(theta, net.initial_stats(np.float64))
    x, codes = rows(1)
    with pytest.raises(ValueError, match="a single row"):
        net.forward(views, Batch(x, codes), net.tape(1, np.float64), Streams(0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_recomputed_statistics_are_those_of_all_rows_as_prediction_sees_them(dtype: type) -> None:
    net = network(batch_norm=True, dropout=0.5, activation_noise=1.0)
    theta = net.initial(np.random.default_rng(0), dtype)
    stats = net.initial_stats(dtype)
    views = net.bind(theta, stats)
    x, codes = rows(101)
    source = ArrayRows(x, codes)

    def batches() -> Iterator[Batch]:
        return source.batches(None, 16)

    net.recompute_statistics(views, batches)
    tape = net.tape(101, dtype)
    seen: dict[str, np.ndarray] = {}
    at: Any = Batch(x, codes)
    for layer, p, s, t in zip(net.layers, *views, tape, strict=True):
        if isinstance(layer, BatchNorm):
            seen[layer.name] = at.astype(np.float64)
            tight = 1e-12 if dtype is np.float64 else 1e-5
            np.testing.assert_allclose(s[0], at.mean(axis=0), rtol=tight, atol=tight)
            np.testing.assert_allclose(s[1], at.var(axis=0, ddof=1), rtol=tight)
        at = layer.forward(p, s, at, t, None)
    assert list(seen) == ["hidden1", "hidden2"]


def test_both_norms_together_are_refused_and_so_is_layer_norm_of_one_unit() -> None:
    with pytest.raises(InvalidChoice, match="exclude each other"):
        network(batch_norm=True, layer_norm=True)
    with pytest.raises(InvalidChoice, match="one unit"):
        NetworkSpec(n_numeric=3, n_outputs=1, hidden=(4, 1), layer_norm=True)
    NetworkSpec(n_numeric=3, n_outputs=1, hidden=(4, 1), batch_norm=True)


def test_a_norm_does_not_change_the_initial_weights() -> None:
    plain = network()
    theta = plain.initial(Streams(1)["init"], np.float32)
    for key in ("batch_norm", "layer_norm"):
        net = network(**{key: True})
        other = net.initial(Streams(1)["init"], np.float32)
        np.testing.assert_array_equal(other[: net.n_weights], theta[: plain.n_weights])
        gammas = [p for p in net.places if p.name.endswith("gamma")]
        assert all((other[p.slice] == 1).all() for p in gammas)
        exempt = np.delete(other, np.concatenate([np.r_[p.slice] for p in gammas]))
        assert (exempt[net.n_weights :] == 0).all()


def test_an_old_spec_without_the_new_words_is_read() -> None:
    spec = NetworkSpec(n_numeric=3, n_outputs=1)
    new = ("batch_norm", "layer_norm", "parametric_activation", "input_noise", "activation_noise")
    old = {key: value for key, value in spec.as_plain().items() if key not in new}
    assert NetworkSpec.from_plain(old) == spec
    changed = dataclasses.replace(spec, batch_norm=True, input_noise=0.5)
    assert NetworkSpec.from_plain(changed.as_plain()) == changed
