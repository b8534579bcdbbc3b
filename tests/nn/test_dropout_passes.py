"""Passes with dropout left on: their mean and variance in closed form, and bytes that stay."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nntool.nn.dropout_passes import DropoutPasses, has_dropout
from nntool.nn.network import Network, NetworkSpec
from nntool.nn.predicting import Predictor, outputs

RNG = np.random.default_rng(0)
NUMERIC = RNG.standard_normal((2500, 5)).astype(np.float32)
CODES = RNG.integers(0, 3, (2500, 1)).astype(np.int32)
DEEP = Network(
    NetworkSpec(
        n_numeric=5, levels=(3,), hidden=(16, 8), n_outputs=2, dropout=0.4, input_dropout=0.1
    )
)
THETA = DEEP.initial(np.random.default_rng(1), np.float32)


def linear(rate):
    """A network of one weight for each input and no hidden layer, with its parameters."""
    net = Network(NetworkSpec(n_numeric=5, n_outputs=1, hidden=(), input_dropout=rate))
    return net, np.array([0.5, -1, 2, 0.25, 3, 10], np.float32)


def passes(net=DEEP, theta=THETA, n_passes=3, seed=0):
    return DropoutPasses(net, theta, n_passes=n_passes, seed=seed)


@pytest.mark.parametrize("rate", [0.125, 0.5])
def test_a_linear_networks_mean_and_variance_are_those_of_the_closed_form(rate):
    """Inverted scaling keeps the mean; Var = Σ w²x²·p/(1 − p) for independent masks."""
    n_passes = 2000
    net, theta = linear(rate)
    x = NUMERIC[:200]
    mean, deviation = passes(net, theta, n_passes).said_of(x)
    variance = (theta[:5].astype(float) ** 2 * x.astype(float) ** 2).sum(axis=1) * rate / (1 - rate)
    off = (mean[:, 0] - outputs(net, theta, x)[:, 0]) / np.sqrt(variance / n_passes)
    assert np.abs(off).max() < 4.5
    assert abs((off**2).mean() - 1) < 0.5
    ratio = deviation[:, 0] ** 2 / variance
    assert abs(ratio.mean() - 1) < 0.01
    assert np.abs(ratio - 1).max() < 0.2


def test_mean_and_deviation_are_those_of_the_single_passes():
    """Each pass alone is the difference that it makes to the mean of those before it."""
    means = [passes(n_passes=n).said_of(NUMERIC[:50], CODES[:50]).mean for n in range(1, 6)]
    single = [
        means[0],
        *(n * b - (n - 1) * a for n, (a, b) in enumerate(itertools.pairwise(means), 2)),
    ]
    found = passes(n_passes=5).said_of(NUMERIC[:50], CODES[:50])
    np.testing.assert_allclose(found.mean, np.mean(single, axis=0), rtol=1e-9)
    np.testing.assert_allclose(found.deviation, np.std(single, axis=0), rtol=1e-6, atol=1e-9)
    assert (found.deviation > 0.01).all()


def test_hidden_dropout_alone_is_drawn_too_and_half_of_it_is_off():
    """relu(x)·mask·w with one unit: each pass gives 0 or twice the output."""
    net = Network(NetworkSpec(n_numeric=1, n_outputs=1, hidden=(1,), dropout=0.5))
    theta = np.array([1, 3, 0, 0], np.float32)  # weights, then biases
    one = [
        passes(net, theta, 1, seed).said_of(np.ones((500, 1), np.float32)).mean for seed in (0, 1)
    ]
    for mean in one:
        assert set(mean[:, 0].tolist()) == {0.0, 6.0}
        assert 200 < np.count_nonzero(mean) < 300


def test_the_meaning_is_taken_of_each_pass():
    net, theta = linear(0.5)
    squared = passes(net, theta, 7).said_of(
        NUMERIC[:9], None, lambda z: np.c_[z, z.astype(float) ** 2]
    )
    mean, deviation = squared
    np.testing.assert_allclose(mean[:, 1], mean[:, 0] ** 2 + deviation[:, 0] ** 2, rtol=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 2500), max_size=8))
def test_the_bytes_do_not_depend_on_how_the_input_was_cut(cuts):
    ends = sorted({0, *cuts, 2500})
    one = passes()
    parts = [one.said_of(NUMERIC[a:b], CODES[a:b], first=a) for a, b in itertools.pairwise(ends)]
    whole = passes().said_of(NUMERIC, CODES)
    for cut, uncut in zip(zip(*parts, strict=True), whole, strict=True):
        assert np.concatenate(cut).tobytes() == uncut.tobytes()


def test_rows_blocks_passes_and_seeds_have_masks_of_their_own():
    net, theta = linear(0.5)
    same = np.ones((3 * 1024, 5), np.float32)
    mean = passes(net, theta, 1).said_of(same).mean.reshape(3, 1024)
    other = passes(net, theta, 1, seed=1).said_of(same).mean.reshape(3, 1024)
    second = 2 * passes(net, theta, 2).said_of(same).mean.reshape(3, 1024) - mean
    drawn = [*mean, *other, *second]
    for a, b in itertools.combinations(drawn, 2):
        assert abs(np.corrcoef(a, b)[0, 1]) < 0.15
    assert all(len(np.unique(row)) > 20 for row in drawn)


def test_only_dropout_draws_and_batch_norm_predicts():
    shape = {"n_numeric": 5, "n_outputs": 1, "hidden": (6,)}
    spec = shape | {"batch_norm": True, "input_dropout": 0.2}
    quiet = Network(NetworkSpec(**spec))
    noisy = Network(NetworkSpec(**spec, input_noise=5.0, activation_noise=5.0))
    theta = quiet.initial(np.random.default_rng(2), np.float32)
    stats = np.arange(1.0, 1 + quiet.n_stats, dtype=np.float32)
    before = stats.copy()
    found = [
        DropoutPasses(net, theta, stats, n_passes=3, seed=0).said_of(NUMERIC)
        for net in (quiet, noisy)
    ]
    assert found[0].mean.tobytes() == found[1].mean.tobytes()
    assert stats.tobytes() == before.tobytes()
    alone = DropoutPasses(quiet, theta, stats, n_passes=3, seed=0).said_of(NUMERIC[:1])
    assert alone.mean.tobytes() == found[0].mean[:1].tobytes()


def test_a_network_without_dropout_is_refused():
    net = Network(NetworkSpec(n_numeric=5, n_outputs=1, hidden=(3,)))
    assert not has_dropout(net)
    assert has_dropout(DEEP)
    with pytest.raises(ValueError, match="the same in every pass"):
        passes(net, np.zeros(net.size, np.float32))


def test_missing_codes_are_asked_for_and_no_rows_give_none():
    with pytest.raises(ValueError, match="needs categorical codes"):
        passes().said_of(NUMERIC)
    found = passes().said_of(NUMERIC[:0], CODES[:0])
    assert found.mean.shape == found.deviation.shape == (0, 2)


def test_prediction_without_passes_is_not_touched():
    before = outputs(DEEP, THETA, NUMERIC, CODES)
    predictor = Predictor(DEEP, THETA)
    passes().said_of(NUMERIC, CODES)
    assert predictor.outputs(NUMERIC, CODES).tobytes() == before.tobytes()
