"""The scores against scikit-learn, and against the same thing said row by row."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeRegressor

from nntool.tables.leakage.giveaway import PRIOR, cuts, score_classes, score_numbers

CODES = st.lists(st.integers(0, 5), min_size=60, max_size=120)


def numbers(values):
    """Numbers as clean has them, None where missing."""
    return pa.chunked_array([pa.array(values, pa.float64(), from_pandas=False)])


def words(values):
    return pa.chunked_array([pa.array(values, pa.string())])


@settings(deadline=None, max_examples=30)
@given(CODES, st.integers(0, 9))
def test_the_score_of_classes_is_what_row_by_row_prediction_gives(codes, seed):
    rng = np.random.default_rng(seed)
    codes = np.array(codes)
    y = (codes + rng.integers(0, 2, codes.size)) % 3
    if np.bincount(y, minlength=3).min() < 10:
        return
    folds = rng.permutation(codes.size) % 5
    error = spread = 0.0
    for label in range(3):
        is_label = (y == label).astype(float)
        for row in range(codes.size):
            others = (codes == codes[row]) & (folds != folds[row])
            if not others.any():
                continue
            share = (is_label[others].sum() + PRIOR * is_label.mean()) / (others.sum() + PRIOR)
            error += (is_label[row] - share) ** 2
            spread += (is_label[row] - is_label.mean()) ** 2
    found = score_classes([codes], y, folds)
    assert np.isclose(found.value, max(0.0, 1 - error / spread))


def test_the_score_of_numbers_is_near_that_of_a_tree_and_of_a_line():
    rng = np.random.default_rng(0)
    n = 2000
    folds = rng.permutation(n) % 5
    x = rng.normal(size=n)
    levels = rng.integers(0, 8, n)
    cv = PredefinedSplit(folds)
    bent = np.sin(2 * x) + 0.3 * rng.normal(size=n)
    tree = cross_val_predict(DecisionTreeRegressor(max_leaf_nodes=30), x[:, None], bent, cv=cv)
    found = score_numbers(*cuts(numbers(x)), bent, folds)
    assert abs(found.value - r2_score(bent, tree)) < 0.04
    stepped = levels % 3 + 0.5 * rng.normal(size=n)
    one_hot = OneHotEncoder().fit_transform(levels[:, None])
    line = cross_val_predict(LinearRegression(), one_hot, stepped, cv=cv)
    found = score_numbers(*cuts(words(map(str, levels))), stepped, folds)
    assert abs(found.value - r2_score(stepped, line)) < 0.01


def test_one_class_of_iris_stands_apart_and_that_is_no_leak():
    iris = load_iris()
    folds = np.random.default_rng(0).permutation(150) % 5
    for j in range(4):
        codes, _ = cuts(numbers(iris.data[:, j]))
        assert score_classes(codes, iris.target, folds).value < 0.9


def test_missing_cells_are_a_level_and_numbers_are_cut_where_they_are_many():
    (codes,), x = cuts(numbers([3, 1, None, 1, None] * 10))
    assert codes.tolist() == [1, 0, 2, 0, 2] * 10
    assert np.isnan(x).tolist() == [False, False, True, False, True] * 10
    (codes,), x = cuts(numbers(np.arange(1000) * 0.5))
    assert np.bincount(codes).tolist() == [10] * 100
    bins, values = cuts(numbers(np.arange(1000) // 4))[0]
    assert np.bincount(values).tolist() == [4] * 250
    assert bins.max() == 99
    (codes,), x = cuts(words(["b", "a", None, "b"]))
    assert codes.tolist() == [0, 1, 2, 0]
    assert x is None


def test_a_column_that_says_nothing_scores_nothing():
    rng = np.random.default_rng(0)
    folds = rng.permutation(500) % 5
    x, y = rng.normal(size=500), rng.integers(0, 2, 500)
    assert score_classes(cuts(numbers(x))[0], y, folds).value < 0.05
    assert score_numbers(*cuts(numbers(x)), rng.normal(size=500), folds).value < 0.05
    assert score_numbers([y], None, np.ones(500), folds).value == 0
