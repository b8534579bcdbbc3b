import numpy as np
import pytest
from nntool.tables.relevance import SCORES, MutualInformation
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression
from sklearn.metrics import mutual_info_score

from nntool.tables.choices import build

RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, 2))
LEVEL = RNG.integers(0, 3, 150)
MIXED = np.column_stack((X, LEVEL))
DISCRETE = np.array([False, False, True])


def test_it_agrees_with_scikit_learn_for_classes_and_numbers() -> None:
    labels = (X[:, 0] > 0).astype(int)
    asked = {"discrete_features": DISCRETE, "n_neighbors": 5, "random_state": 3}
    scorer = build(SCORES, "SCORES", {"name": "mutual-information", "neighbors": 5})
    found = scorer.score(MIXED, DISCRETE, labels, "binary", 3)
    np.testing.assert_allclose(found, mutual_info_classif(MIXED, labels, **asked))
    found = scorer.score(MIXED, DISCRETE, X[:, 1], "regression", 3)
    np.testing.assert_allclose(found, mutual_info_regression(MIXED, X[:, 1], **asked))


def test_of_two_categories_it_is_counted() -> None:
    labels = (RNG.integers(0, 3, 150) == LEVEL).astype(int)
    found = MutualInformation().score(MIXED, DISCRETE, labels, "binary", 0)
    assert found[2] == pytest.approx(mutual_info_score(LEVEL, labels))


def test_mutual_information_of_a_few_rows_is_no_error() -> None:
    x = np.array([[0.1], [0.2], [0.3]])
    found = MutualInformation().score(x, np.array([False]), np.array([1.0, 2, 3]), "regression", 0)
    assert np.isfinite(found).all()
