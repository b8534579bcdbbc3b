"""Networks: one vector, and what it means for layers to hold only places."""

import dataclasses
import json

import numpy as np
import pytest

from nntool.nn.batches import Batch
from nntool.nn.embedding import Inputs, default_width
from nntool.nn.network import Network, NetworkSpec
from nntool.nn.randomness import Streams
from nntool.nn.registry import InvalidChoice

SPEC = NetworkSpec(n_numeric=3, levels=(4, 2), widths=(2, 1), hidden=(5, 4), n_outputs=2)


def rows(n: int, spec: NetworkSpec = SPEC) -> Batch:
    rng = np.random.default_rng(8)
    codes = np.array([rng.integers(0, k, n) for k in spec.levels], np.int32).T
    numeric = rng.standard_normal((n, spec.n_numeric)).astype(np.float32)
    return Batch(numeric, codes if spec.levels else None)


def test_weights_come_first_and_every_number_has_one_place() -> None:
    net = Network(SPEC)
    assert net.n_weights == 4 * 2 + 2 * 1 + 6 * 5 + 5 * 4 + 4 * 2
    assert net.size == net.n_weights + 5 + 4 + 2
    ends = [place.slice.stop for place in net.places]
    assert [place.slice.start for place in net.places] == [0, *ends[:-1]]
    assert [p.name for p in net.places if p.slice.start >= net.n_weights] == [
        "hidden1.bias",
        "hidden2.bias",
        "output.bias",
    ]
    assert ends[-1] == net.size


def test_views_are_of_the_vector_that_they_were_bound_to() -> None:
    net = Network(SPEC)
    theta = net.initial(np.random.default_rng(0), np.float32)
    views = net.bind(theta)
    theta[:] = 7
    assert all((array == 7).all() for layer in views.parameters for array in layer)
    with pytest.raises(ValueError, match=f"expected {net.size} parameters"):
        net.bind(theta[1:])


def test_the_forward_pass_is_the_formula() -> None:
    net = Network(SPEC)
    theta = net.initial(np.random.default_rng(0), np.float64) + 0.1
    (tables, (w1, b1), _, (w2, b2), _, (w3, b3)) = net.bind(theta).parameters
    batch = rows(6)
    assert batch.codes is not None
    x = np.hstack([batch.numeric, tables[0][batch.codes[:, 0]], tables[1][batch.codes[:, 1]]])
    wanted = np.maximum(np.maximum(x @ w1 + b1, 0) @ w2 + b2, 0) @ w3 + b3
    z = net.forward(net.bind(theta), batch, net.tape(6, np.float64), None)
    np.testing.assert_allclose(z, wanted, rtol=1e-12)


def test_the_spec_is_plain_data() -> None:
    plain = json.loads(json.dumps(SPEC.as_plain()))
    assert NetworkSpec.from_plain(plain) == SPEC


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hidden": (0,)}, "at least one unit"),
        ({"hidden": (2.5,)}, "whole number"),
        ({"hidden": ("4",)}, "whole number"),
        ({"hidden": (2**40,)}, "below 2³¹"),
        ({"levels": ("4",)}, "whole number"),
        ({"dropout": "0.1"}, "dropout is a share"),
        ({"n_numeric": True}, "whole number"),
        ({"output_bias": (1.0, 2.0)}, "one finite bias for each output"),
        ({"output_bias": (float("nan"),)}, "one finite bias for each output"),
        ({"dropout": 1.0}, "dropout is a share"),
        ({"levels": (3, 4), "widths": (1,)}, "2 categorical columns"),
        ({"input_noise": -0.1}, "noise has a standard deviation"),
        ({"activation_noise": float("inf")}, "noise has a standard deviation"),
        ({"activation_noise": True}, "noise has a standard deviation"),
        ({"batch_norm": 1}, "on or off"),
        ({"parametric_activation": "yes"}, "on or off"),
    ],
)
def test_a_network_that_cannot_be_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidChoice, match=message):
        NetworkSpec(**{"n_numeric": 2, "n_outputs": 1, **values})  # type: ignore[arg-type]  # wrong on purpose


def test_a_spec_with_words_that_are_not_known_is_refused() -> None:
    with pytest.raises(InvalidChoice, match="a network has no attention, heads"):
        NetworkSpec.from_plain({**SPEC.as_plain(), "heads": 8, "attention": True})


def test_an_unknown_activation_is_refused() -> None:
    with pytest.raises(InvalidChoice, match="activation 'rellu' is not known; choose from elu"):
        Network(NetworkSpec(n_numeric=2, n_outputs=1, activation="rellu"))


@pytest.mark.parametrize("code", [-1, 4])
def test_a_code_without_a_row_in_the_table_is_an_error(code: int) -> None:
    net = Network(SPEC)
    batch = rows(3)
    assert batch.codes is not None
    batch.codes[1, 0] = code
    theta = net.initial(np.random.default_rng(0), np.float32)
    with pytest.raises(IndexError, match="outside the levels"):
        net.forward(net.bind(theta), batch, net.tape(3, np.float32), None)


def test_both_precisions_start_from_the_same_draw() -> None:
    net = Network(SPEC)
    wide, narrow = (net.initial(np.random.default_rng(5), d) for d in (np.float64, np.float32))
    np.testing.assert_array_equal(wide.astype(np.float32), narrow)


def test_dropout_changes_neither_the_initial_weights_nor_predictions() -> None:
    batch = rows(6)
    dropping = dataclasses.replace(SPEC, dropout=0.5, input_dropout=0.5)
    nets = [Network(SPEC), Network(dropping)]
    thetas = [net.initial(Streams(1)["init"], np.float32) for net in nets]
    np.testing.assert_array_equal(*thetas)
    outs = [net.forward(net.bind(thetas[0]), batch, net.tape(6, np.float32), None) for net in nets]
    np.testing.assert_array_equal(*outs)


def test_dropout_keeps_the_expectation_and_drops_its_share() -> None:
    spec = NetworkSpec(n_numeric=1000, hidden=(), n_outputs=1, input_dropout=0.3)
    net = Network(spec)
    tape = net.tape(200, np.float32)
    batch = Batch(np.ones((200, 1000), np.float32))
    net.forward(net.bind(np.zeros(net.size, np.float32)), batch, tape, Streams(0))
    assert tape[1].out.mean() == pytest.approx(1, abs=0.01)
    assert (tape[1].out == 0).mean() == pytest.approx(0.3, abs=0.005)


def test_a_table_of_vectors_starts_with_vectors_of_length_one_on_average() -> None:
    net = Network(NetworkSpec(n_numeric=0, levels=(5000,), hidden=(), n_outputs=1))
    table = net.bind(net.initial(np.random.default_rng(0), np.float64)).parameters[0][0]
    assert table.shape == (5000, default_width(5000))
    assert np.square(table).sum(axis=1).mean() == pytest.approx(1, rel=0.02)


@pytest.mark.parametrize("n_levels", [1, 2, 32, 33, 500])
def test_the_gradient_of_a_table_is_the_sum_over_the_rows_of_each_code(n_levels: int) -> None:
    layer = Inputs(2, (3, n_levels), (1, 4))
    rng = np.random.default_rng(0)
    codes = np.array([rng.integers(0, k, 90) for k in (3, n_levels)], np.int32).T
    batch = Batch(np.zeros((90, 2), np.float32), codes)
    tables = [np.zeros((3, 1)), np.zeros((n_levels, 4))]
    g = [np.full_like(table, np.nan) for table in tables]
    dy = rng.standard_normal((90, 7))
    tape = layer.tape(90, np.float64)
    before = Batch(batch.numeric, codes[::-1].copy())
    for step in (before, batch):  # what the first leaves in the buffers must not show
        layer.forward(tables, (), step, tape, None)
        layer.backward(tables, g, dy, tape)
    for column, part, found in ((0, slice(2, 3), g[0]), (1, slice(3, 7), g[1])):
        wanted = np.zeros_like(found)
        np.add.at(wanted, codes[:, column], dy[:, part])
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-14)


def test_the_first_layer_that_is_not_finite_is_named() -> None:
    net = Network(SPEC)
    theta = net.initial(np.random.default_rng(0), np.float32)
    views, tape, batch = net.bind(theta), net.tape(3, np.float32), rows(3)
    assert net.first_not_finite(views, batch, tape) is None
    theta[next(p.slice for p in net.places if p.name == "hidden2.bias")] = np.nan
    assert net.first_not_finite(views, batch, tape) == "hidden2"
    batch.numeric[0, 0] = np.inf
    assert net.first_not_finite(views, batch, tape) == "data"


def test_norms_by_layer_are_those_of_the_vector() -> None:
    net = Network(SPEC)
    theta = net.initial(np.random.default_rng(0), np.float64)
    norms = net.norms(theta)
    assert list(norms) == ["inputs", "hidden1", "hidden2", "output"]
    assert np.hypot.reduce(list(norms.values())) == pytest.approx(np.linalg.norm(theta))


def test_where_the_parts_of_a_network_lie() -> None:
    spec = dataclasses.replace(SPEC, batch_norm=True, parametric_activation=True)
    net = Network(spec)
    theta = np.arange(net.size, dtype=np.float64)
    views = net.bind(theta, net.initial_stats(np.float64))
    at = {place.name: place.slice for place in net.places}
    assert [w.shape for w in net.matrices(views)] == [(6, 5), (5, 4), (4, 2)]
    assert all(np.shares_memory(w, theta) for w in net.matrices(views))
    assert net.fan_ins() == {"hidden1": 6, "hidden2": 5, "output": 4}
    slices = net.layer_slices()
    assert slices["inputs"] == [at["inputs.embedding1"], at["inputs.embedding2"]]
    names = ("weight", "gamma", "beta", "alpha")
    assert slices["hidden2"] == [at[f"hidden2.{name}"] for name in names]
    covered = np.concatenate([theta[part] for parts in slices.values() for part in parts])
    assert sorted(covered) == sorted(theta)


def forwarded(net: Network, theta: np.ndarray, x: np.ndarray) -> dict[str, float]:
    tape = net.tape(len(x), theta.dtype)
    views = net.bind(theta, net.initial_stats(theta.dtype))
    net.forward(views, Batch(x), tape, None)
    return net.idle(views, tape)


@pytest.mark.parametrize(
    ("activation", "share"),
    [
        ("relu", 1 / 4),  # dead
        ("sigmoid", 2 / 4),  # saturated on either side
        ("tanh", 2 / 4),
        ("gelu", 1 / 4),
        ("silu", 1 / 4),
        ("identity", 0),
        ("tanh-linear", 2 / 4),
        ("sign", 0),
    ],
)
def test_idle_units_are_those_that_hardly_any_row_moves(activation: str, share: float) -> None:
    spec = NetworkSpec(n_numeric=1, hidden=(4,), activation=activation, n_outputs=1)
    net = Network(spec)
    theta = np.zeros(net.size)
    w, b = net.bind(theta).parameters[1]
    w[:] = 0.1
    b[:] = [-50, 50, 0, 0.5]
    x = np.linspace(-1, 1, 200, dtype=np.float32)[:, None]
    assert forwarded(net, theta, x) == {"hidden1": share}


def test_a_unit_that_two_rows_in_a_hundred_move_is_not_idle() -> None:
    net = Network(NetworkSpec(n_numeric=1, hidden=(1,), activation="relu", n_outputs=1))
    theta = np.array([1.0, 1.0, 0.0, 0.0])
    x = np.full((100, 1), -1, np.float32)
    x[0] = 1
    assert forwarded(net, theta, x) == {"hidden1": 1.0}
    x[1] = 1
    assert forwarded(net, theta, x) == {"hidden1": 0.0}


def test_a_parametric_unit_that_passes_its_input_on_is_not_idle() -> None:
    spec = NetworkSpec(
        n_numeric=1, hidden=(2,), activation="relu", n_outputs=1, parametric_activation=True
    )
    net = Network(spec)
    theta = net.initial(np.random.default_rng(0), np.float64)
    views = net.bind(theta)
    views.parameters[1][0][:] = 1
    views.parameters[2][0][:] = [1, 0.5]
    assert forwarded(net, theta, np.full((9, 1), -1, np.float32)) == {"hidden1": 0.5}


def test_a_parametric_unit_mixes_what_went_in_and_the_activation() -> None:
    spec = NetworkSpec(
        n_numeric=3, hidden=(4,), activation="sigmoid", n_outputs=1, parametric_activation=True
    )
    net = Network(spec)
    theta = net.initial(np.random.default_rng(0), np.float64)
    _, (w1, b1), (alpha,), (w2, b2) = net.bind(theta).parameters
    assert (alpha == 1).all()
    alpha[:] = [0, 0.5, 1, 2]
    b1[:] = 0.3
    x = np.random.default_rng(1).standard_normal((6, 3)).astype(np.float32)
    z = x @ w1 + b1
    wanted = (z + alpha * (1 / (1 + np.exp(-z)) - z)) @ w2 + b2
    found = net.forward(net.bind(theta), Batch(x), net.tape(6, np.float64), None)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    assert net.places[-2].name == "hidden1.alpha"
    assert net.places[-2].slice.start >= net.n_weights


def test_networks_of_units_without_a_gradient_say_so() -> None:
    spec = NetworkSpec(n_numeric=3, hidden=(4,), n_outputs=1)
    for activation, has_gradient in (("relu", True), ("step", False), ("sign", False)):
        net = Network(dataclasses.replace(spec, activation=activation))
        assert net.has_gradient is has_gradient
    assert Network(dataclasses.replace(spec, hidden=(), activation="step")).has_gradient
