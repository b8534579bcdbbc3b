"""Predicting with several members: each as it would alone, and together whatever the cuts."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nntool.nn.combining import combined
from nntool.nn.dropout_passes import DropoutPasses
from nntool.nn.heads import Head
from nntool.nn.links import IdentityLink, SoftmaxLink
from nntool.nn.members.predicting import MembersPredictor
from nntool.nn.network import Network, NetworkSpec
from nntool.nn.predicting import Predictor
from nntool.nn.registry import InvalidChoice

RNG = np.random.default_rng(1)
NUMERIC = RNG.standard_normal((2500, 7)).astype(np.float32)
CODES = RNG.integers(0, 3, (2500, 1)).astype(np.int32)
NET = Network(
    NetworkSpec(n_numeric=7, levels=(3,), hidden=(33, 9), n_outputs=3, batch_norm=True, dropout=0.4)
)
THETA = np.stack([NET.initial(np.random.default_rng(k), np.float32) for k in range(4)])
STATS = (RNG.random((4, NET.n_stats)) + 0.5).astype(np.float32)
HEAD = Head(task="multiclass", n_classes=3, n_outputs=3, link=SoftmaxLink())


def members(averaging="arithmetic", n_members=4):
    return MembersPredictor(NET, HEAD, THETA[:n_members], STATS[:n_members], averaging=averaging)


def test_each_member_says_what_it_says_alone_to_the_byte():
    found = members().of_members(NUMERIC, CODES)
    for k in range(4):
        alone = Predictor(NET, THETA[k], STATS[k]).outputs(NUMERIC, CODES)
        assert found[k].tobytes() == alone.tobytes()


@pytest.mark.parametrize("averaging", ["arithmetic", "geometric"])
def test_outputs_are_those_of_the_members_put_together(averaging):
    predictor = members(averaging)
    each = predictor.of_members(NUMERIC, CODES)
    together = combined(HEAD, each, averaging)
    assert predictor.outputs(NUMERIC, CODES).tobytes() == together.tobytes()
    said = predictor.with_spread(NUMERIC, CODES, HEAD.probabilities)
    assert said.outputs.tobytes() == together.tobytes()
    p = np.array([HEAD.probabilities(z) for z in each])
    np.testing.assert_allclose(said.members.mean, p.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(said.members.deviation, p.std(axis=0), rtol=1e-9, atol=1e-12)
    assert said.members.deviation.max() > 0.1


def test_one_member_is_the_network_itself():
    found = members(n_members=1).outputs(NUMERIC, CODES)
    alone = Predictor(NET, THETA[0], STATS[0]).outputs(NUMERIC, CODES)
    np.testing.assert_array_equal(found, alone)
    assert not members(n_members=1).with_spread(NUMERIC, CODES).members.deviation.any()


@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(0, 2500), max_size=8))
def test_the_bytes_do_not_depend_on_how_the_input_was_cut(cuts):
    predictor = members()
    whole = predictor.with_spread(NUMERIC, CODES, HEAD.probabilities)
    ends = sorted({0, *cuts, 2500})
    parts = [
        predictor.with_spread(NUMERIC[a:b], CODES[a:b], HEAD.probabilities, first=a)
        for a, b in itertools.pairwise(ends)
    ]
    together = np.concatenate([part.outputs for part in parts])
    deviation = np.concatenate([part.members.deviation for part in parts])
    assert together.tobytes() == whole.outputs.tobytes()
    assert deviation.tobytes() == whole.members.deviation.tobytes()
    cut = [predictor.outputs(NUMERIC[a:b], CODES[a:b], a) for a, b in itertools.pairwise(ends)]
    assert np.concatenate(cut).tobytes() == whole.outputs.tobytes()


def test_no_rows_give_no_outputs():
    found = members().with_spread(NUMERIC[:0], CODES[:0])
    shapes = {array.shape for array in (found.outputs, *found.members)}
    assert shapes == {(0, 3)}
    assert members().of_members(NUMERIC[:0], CODES[:0]).shape == (4, 0, 3)


def test_what_makes_no_sense_is_refused():
    head = Head(task="regression", n_classes=0, n_outputs=1, link=IdentityLink())
    with pytest.raises(InvalidChoice, match="geometric"):
        MembersPredictor(NET, head, THETA, STATS, averaging="geometric")
    with pytest.raises(ValueError, match="in front"):
        MembersPredictor(NET, HEAD, THETA, STATS[:2])
    with pytest.raises(ValueError, match="in front"):
        MembersPredictor(NET, HEAD, THETA[0], STATS[0])
    with pytest.raises(ValueError, match="needs categorical codes"):
        members().outputs(NUMERIC)


def test_dropout_passes_go_through_every_member():
    """One pass of the first member is that of a network alone; the mean is over all K·N passes."""
    rows = NUMERIC[:50], CODES[:50]
    alone = DropoutPasses(NET, THETA[0], STATS[0], n_passes=3, seed=5).said_of(*rows)
    first = DropoutPasses(NET, THETA[:1], STATS[:1], n_passes=3, seed=5).said_of(*rows)
    assert first.mean.tobytes() == alone.mean.tobytes()
    assert first.deviation.tobytes() == alone.deviation.tobytes()
    twins = np.stack([THETA[0], THETA[0]]), np.stack([STATS[0], STATS[0]])
    both = DropoutPasses(NET, *twins, n_passes=3, seed=5).said_of(*rows)
    six = DropoutPasses(NET, THETA[0], STATS[0], n_passes=6, seed=5).said_of(*rows)
    assert both.mean.tobytes() == six.mean.tobytes()
    assert both.deviation.tobytes() == six.deviation.tobytes()
    different = DropoutPasses(NET, THETA, STATS, n_passes=3, seed=5).said_of(*rows)
    assert different.deviation.mean() > 1.2 * six.deviation.mean()


def test_the_mean_of_passes_of_a_linear_network_converges_to_its_output():
    """With one over the root of their number: 100 times as many, a tenth of the distance."""
    net = Network(NetworkSpec(n_numeric=7, n_outputs=1, hidden=(), input_dropout=0.5))
    theta = np.random.default_rng(3).standard_normal((2, net.size)).astype(np.float32)
    still = np.mean([Predictor(net, t).outputs(NUMERIC[:300]) for t in theta], axis=0)
    off = []
    for n in (10, 1000):
        mean = DropoutPasses(net, theta, n_passes=n, seed=0).said_of(NUMERIC[:300]).mean
        off.append(np.sqrt(np.mean((mean - still) ** 2)))
    assert 0.08 < off[1] / off[0] < 0.12
