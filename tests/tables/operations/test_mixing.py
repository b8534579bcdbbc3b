"""New columns made of several, against scikit-learn."""

import json

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import PolynomialFeatures

from nntool.errors import DataError
from nntool.tables import states
from nntool.tables.operations.mixing import Polynomial, PrincipalComponents


def data(n=60, d=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)


def fitted(mixer, matrix):
    plain, arrays = states.separate(mixer.fit(matrix, [f"x{j}" for j in range(matrix.shape[1])]))
    return states.join(json.loads(json.dumps(plain)), arrays)


@pytest.mark.parametrize("degree", [2, 3])
@pytest.mark.parametrize("interactions_only", [False, True])
def test_terms_and_their_names_are_those_of_scikit_learn(degree, interactions_only):
    matrix = data()
    theirs = PolynomialFeatures(degree, interaction_only=interactions_only, include_bias=False)
    expected = theirs.fit_transform(matrix)[:, 4:]
    names = [n.replace(" ", "*") for n in theirs.get_feature_names_out([f"x{j}" for j in range(4)])]
    state = fitted(Polynomial(degree, interactions_only), matrix)
    np.testing.assert_allclose(Polynomial.apply(matrix, state), expected, rtol=1e-6)
    assert Polynomial.names(state) == names[4:]


def test_too_many_terms_are_refused_with_their_number():
    with pytest.raises(DataError, match="100 columns of numbers have 176,750 terms of degree 3"):
        Polynomial(3).fit(np.zeros((2, 100)), [str(j) for j in range(100)])


@pytest.mark.parametrize("whiten", [False, True])
@pytest.mark.parametrize("kept", [{"share": 0.9}, {"count": 3}, {"share": 1.0}])
def test_components_are_those_of_scikit_learn_but_for_their_sign(whiten, kept):
    train, new = data(), data(seed=1)
    n = kept.get("count") or {0.9: 0.9, 1.0: None}[kept["share"]]
    theirs = PCA(n, whiten=whiten, svd_solver="full").fit(train)
    state = fitted(PrincipalComponents(**kept, whiten=whiten), train)
    ours, expected = PrincipalComponents.apply(new, state), theirs.transform(new)
    assert ours.shape == expected.shape
    np.testing.assert_allclose(np.abs(ours), np.abs(expected), rtol=1e-5, atol=1e-6)
    assert PrincipalComponents.names(state) == [f"pc_{i + 1}" for i in range(ours.shape[1])]


def test_the_largest_weight_of_a_component_is_positive():
    weights = fitted(PrincipalComponents(share=1.0), data())["weights"]
    largest = np.abs(weights).argmax(axis=1)
    assert (weights[np.arange(len(weights)), largest] > 0).all()


def test_all_components_decorrelate_and_whitening_scales_them():
    matrix = data(500)
    state = fitted(PrincipalComponents(share=1.0, whiten=True), matrix)
    covariance = np.cov(PrincipalComponents.apply(matrix, state), rowvar=False)
    np.testing.assert_allclose(covariance, np.eye(4), atol=1e-5)


def test_directions_without_spread_are_left_out():
    matrix = data()
    doubled = np.column_stack([matrix, matrix[:, 0] * 2, np.ones(60)])
    state = fitted(PrincipalComponents(share=1.0, whiten=True), doubled)
    assert len(state["weights"]) == 4
    assert np.isfinite(PrincipalComponents.apply(doubled, state)).all()


def test_what_cannot_be_is_refused():
    with pytest.raises(DataError, match="2 training rows"):
        PrincipalComponents().fit(np.zeros((1, 2)), ["a", "b"])
    with pytest.raises(DataError, match="no column of numbers differs"):
        PrincipalComponents().fit(np.ones((5, 2)), ["a", "b"])
    with pytest.raises(DataError, match="more than the 2 columns"):
        PrincipalComponents(count=3).fit(data(d=2), ["a", "b"])
    with pytest.raises(DataError, match="no products"):
        Polynomial(2, interactions_only=True).fit(np.ones((5, 1)), ["a"])
