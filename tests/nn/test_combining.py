"""Raw outputs put together: what one network would have to say."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp

from nntool.nn.combining import combined
from nntool.nn.heads import Head, TargetMap
from nntool.nn.links import ExpLink, IdentityLink, SigmoidLink, SoftmaxLink, TanhLink
from nntool.nn.registry import InvalidChoice

RNG = np.random.default_rng(0)
CLASSES = {
    "softmax": Head(task="multiclass", n_classes=3, n_outputs=3, link=SoftmaxLink()),
    "sigmoids": Head(task="multiclass", n_classes=3, n_outputs=3, link=SigmoidLink()),
    "tanhs": Head(task="multiclass", n_classes=3, n_outputs=3, link=TanhLink(), coding="bipolar"),
    "two by softmax": Head(task="binary", n_classes=2, n_outputs=2, link=SoftmaxLink()),
    "sigmoid": Head(task="binary", n_classes=2, n_outputs=1, link=SigmoidLink()),
    "tanh": Head(task="binary", n_classes=2, n_outputs=1, link=TanhLink(), coding="bipolar"),
}
SCORES = Head(task="multiclass", n_classes=3, n_outputs=3, link=IdentityLink())


def regression(link, **target_map):
    return Head(
        task="regression", n_classes=0, n_outputs=1, link=link, target_map=TargetMap(**target_map)
    )


VALUES = {
    "plain": regression(IdentityLink()),
    "standardized": regression(IdentityLink(), location=20, scale=7),
    "log1p": regression(IdentityLink(), location=3, scale=0.5, log1p=True),
    "exp": regression(ExpLink()),
    "exp of log1p": regression(ExpLink(), log1p=True),
    "sigmoid": regression(SigmoidLink()),
    "tanh": regression(TanhLink(), location=1, scale=2),
}


def raw(n_members, head, n=40, scale=1.0):
    return (scale * RNG.standard_normal((n_members, n, head.n_outputs))).astype(np.float32)


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("n_members", [1, 2, 9])
def test_the_arithmetic_mean_is_that_of_the_probabilities(name, n_members):
    head, z = CLASSES[name], raw(n_members, CLASSES[name])
    expected = np.mean([head.probabilities(one) for one in z], axis=0)
    found = combined(head, z)
    assert (found.dtype, found.shape) == (np.float64, z.shape[1:])
    np.testing.assert_allclose(head.probabilities(found), expected, rtol=1e-11)


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("n_members", [1, 2, 9])
def test_the_geometric_mean_is_that_of_the_probabilities_made_to_sum_to_1(name, n_members):
    head, z = CLASSES[name], raw(n_members, CLASSES[name])
    product = np.exp(np.mean(np.log([head.probabilities(one) for one in z]), axis=0))
    expected = product / product.sum(axis=1, keepdims=True)
    found = head.probabilities(combined(head, z, "geometric"))
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize("name", CLASSES)
def test_the_checked_example_holds_under_every_link(name):
    """(.3, .2, .5) and (.1, .8, .1) → (.2174, .5020, .2806); two classes: of the first two."""
    head = CLASSES[name]
    p = np.array([[[0.3, 0.2, 0.5]], [[0.1, 0.8, 0.1]]])
    if head.n_classes == 2:
        p = p[..., :2] / p[..., :2].sum(axis=2, keepdims=True)
    z = np.log(p) if name.endswith("softmax") else np.log(p / (1 - p))
    z = z / 2 if name.startswith("tanh") else z
    z = z[..., 1:] if head.n_outputs == 1 else z
    found = head.probabilities(combined(head, z, "geometric"))[0]
    expected = np.array([0.2174, 0.5020, 0.2806])[: head.n_classes]
    np.testing.assert_allclose(found, expected / expected.sum(), atol=5e-5)


@pytest.mark.parametrize("name", VALUES)
def test_the_value_is_the_mean_in_the_targets_own_unit(name):
    head, z = VALUES[name], raw(5, VALUES[name])
    expected = np.mean([head.values(one) for one in z], axis=0)
    np.testing.assert_allclose(head.values(combined(head, z)), expected, rtol=1e-12)


def test_scores_are_averaged_as_they_are():
    z = raw(4, SCORES)
    np.testing.assert_allclose(combined(SCORES, z), z.astype(float).mean(axis=0), rtol=1e-12)


@pytest.mark.parametrize("averaging", ["arithmetic", "geometric"])
@pytest.mark.parametrize("name", CLASSES)
def test_logits_of_ten_thousand_stay_finite_and_are_right(name, averaging):
    """ln p̄ of sure members that disagree: SciPy's logsumexp is the oracle."""
    head = CLASSES[name]
    grid = [np.array(signs, float) * 1e4 for signs in itertools.product((-1, 0, 1), repeat=4)]
    z = np.stack([np.stack([g[:2], g[2:]]) for g in grid], axis=1)  # (2, n, 2)
    z = np.concatenate([z, -z[..., :1] / 3], axis=2)[..., : head.n_outputs]
    found = combined(head, z, averaging)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(
        log_probabilities(head, found), oracle(head, z, averaging), rtol=1e-9, atol=1e-9
    )


def log_probabilities(head, z):
    """ln p `(…, n_classes)` without any exponential that vanishes."""
    a = 2 * z if isinstance(head.link, TanhLink) else z
    if isinstance(head.link, SoftmaxLink):
        return a - logsumexp(a, axis=-1, keepdims=True)
    logs = -np.logaddexp(0, -a)
    if head.n_outputs == 1:
        return np.concatenate([-np.logaddexp(0, a), logs], axis=-1)
    return logs - logsumexp(logs, axis=-1, keepdims=True)


def oracle(head, z, averaging):
    logs = log_probabilities(head, z)
    if averaging == "arithmetic":
        return logsumexp(logs, axis=0) - np.log(len(z))
    mean = logs.mean(axis=0)
    return mean - logsumexp(mean, axis=-1, keepdims=True)


@pytest.mark.parametrize("name", [*CLASSES, *VALUES])
def test_saturated_members_give_no_infinities(name):
    head = (CLASSES | VALUES)[name]
    far = 300.0 if "exp" in name or "log1p" in name else 1e4
    for k in (far, -far):
        z = np.full((3, 2, head.n_outputs), k)
        np.testing.assert_allclose(combined(head, z)[:, 0].std(), 0, atol=1e-9)
        assert np.isfinite(combined(head, z)).all()


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_a_member_without_any_doubt_is_one_vote(name):
    """Raw outputs of ±∞, from weights that have grown too large for their type."""
    head = CLASSES[name]
    for sure, p in ((np.inf, 0.75), (-np.inf, 0.25)):
        found = combined(head, np.array([[[sure]], [[0.0]]]))
        np.testing.assert_allclose(head.probabilities(found), [[1 - p, p]], rtol=1e-12)


@pytest.mark.parametrize("head", [SCORES, VALUES["plain"]])
def test_geometric_averaging_is_for_probabilities(head):
    with pytest.raises(InvalidChoice, match="choose arithmetic"):
        combined(head, raw(2, head), "geometric")


@pytest.mark.parametrize("averaging", ["arithmetic", "geometric"])
@pytest.mark.parametrize("name", CLASSES)
@settings(max_examples=10, deadline=None)
@given(cut=st.integers(0, 41))
def test_the_bytes_of_a_row_do_not_depend_on_the_others(name, averaging, cut):
    head = CLASSES[name]
    z = np.random.default_rng(1).standard_normal((9, 41, head.n_outputs)).astype(np.float32)
    whole = combined(head, z, averaging)
    parts = [combined(head, z[:, :cut], averaging), combined(head, z[:, cut:], averaging)]
    assert np.concatenate(parts).tobytes() == whole.tobytes()


@pytest.mark.parametrize("name", CLASSES)
def test_members_that_agree_are_left_as_they_are(name):
    """Up to the constant that softmax does not see."""
    head = CLASSES[name]
    one = raw(1, head).astype(float)
    found = combined(head, np.repeat(one, 4, axis=0))
    np.testing.assert_allclose(head.probabilities(found), head.probabilities(one[0]), rtol=1e-10)
    assert (head.decide(found) == head.decide(one[0])).all()


@pytest.mark.parametrize("head", [*CLASSES.values(), *VALUES.values(), SCORES])
def test_one_member_says_what_it_says(head):
    z = raw(1, head)
    assert combined(head, z).tobytes() == z[0].astype(np.float64).tobytes()


@pytest.mark.parametrize("outputs", [[np.inf, 1.0], [np.inf, np.inf], [-np.inf, -np.inf]])
def test_values_without_end_stay_without_end_on_their_side(outputs):
    z = np.array(outputs)[:, np.newaxis, np.newaxis]
    for head in (VALUES["plain"], VALUES["log1p"]):
        assert combined(head, z).tolist() == [[outputs[0]]]
