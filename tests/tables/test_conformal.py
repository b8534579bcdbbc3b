"""Split-conformal limits by hand, their coverage by simulation, and how sets are written."""

import json
import math
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom

from nntool.tables import conformal
from nntool.tables.conformal import ClassSet, Interval, limit, members, rank, rows_needed
from nntool.tables.csv.writing import as_text


@given(n=st.integers(0, 5000), thousandths=st.integers(1, 999))
def test_the_rank_is_that_of_exact_arithmetic(n, thousandths):
    exact = math.ceil((n + 1) * Fraction(thousandths, 1000))
    assert rank(n, thousandths / 1000) == exact


@pytest.mark.parametrize(
    ("level", "needed"), [(0.9, 9), (0.95, 19), (0.99, 99), (0.999, 999), (0.8, 4), (0.5, 1)]
)
def test_the_rows_that_a_level_needs(level, needed):
    assert rows_needed(level) == needed
    with pytest.raises(ValueError, match=f"{needed - 1} scores"):
        limit(np.arange(needed - 1.0), level)
    assert limit(np.arange(float(needed)), level) == needed - 1  # the largest of them


@given(thousandths=st.integers(1, 999))
def test_no_fewer_rows_would_do(thousandths):
    level = thousandths / 1000
    n = rows_needed(level)
    assert rank(n, level) <= n
    assert n == 1 or rank(n - 1, level) > n - 1


@given(n=st.integers(1, 20_000))
def test_the_highest_level_of_so_many_rows_can_be_had(n):
    level = conformal.highest_level(n)
    assert rows_needed(level) <= n
    assert level == pytest.approx(n / (n + 1), abs=1e-3)


@pytest.mark.parametrize(("n", "level"), [(9, 0.9), (50, 0.9), (95, 0.9), (50, 0.5), (200, 0.95)])
def test_coverage_of_intervals_is_the_level_to_the_level_and_one_over_n_plus_1(n, level):
    rng, splits, n_new = np.random.default_rng(n), 400, 500
    found = []
    for _ in range(splits):
        y = rng.gamma(2, size=n + n_new)
        predicted = rng.normal(1, 0.3, size=n + n_new)  # a poor network is promised as much
        scores = conformal.scores_of_values(y[:n], predicted[:n])
        found.append(
            conformal.coverage_of_values(y[n:], predicted[n:], limit(scores, level)).covered
        )
    error = 3 * np.std(found) / np.sqrt(splits)
    assert level - error <= np.mean(found) <= level + 1 / (n + 1) + error
    assert np.std(found) == pytest.approx(conformal.chance(n, n_new, level), rel=0.15)


def test_coverage_of_sets_is_the_level_at_least_and_sets_are_small_where_it_is_easy():
    rng, n, n_new, level = np.random.default_rng(1), 60, 400, 0.9
    found, sizes = [], []
    for _ in range(200):
        z = 1.5 * rng.normal(size=(n + n_new, 3))
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        y = (p.cumsum(axis=1) < rng.random((n + n_new, 1))).sum(axis=1)
        q = limit(conformal.scores_of_classes(y[:n], p[:n]), level)
        cover = conformal.coverage_of_classes(y[n:], p[n:], q)
        found.append(cover.covered)
        sizes.append(cover.mean_size)
    error = 3 * np.std(found) / np.sqrt(len(found))
    assert level - error <= np.mean(found) <= level + 1 / (n + 1) + error
    assert 1 < np.mean(sizes) < 2.5


@pytest.mark.parametrize(("n", "n_rows", "level"), [(43, 85, 0.9), (9, 300, 0.9), (99, 20, 0.95)])
def test_the_chance_of_a_share_is_that_of_the_beta_binomial(n, n_rows, level):
    k = rank(n, level)
    exact = betabinom(n_rows, k, n + 1 - k).std() / n_rows
    assert conformal.chance(n, n_rows, level) == pytest.approx(exact, rel=1e-9)


def test_rows_without_a_target_are_not_counted():
    target, predicted = np.array([1.0, np.nan, 5.0]), np.array([2.0, 2.0, 2.0])
    assert conformal.coverage_of_values(target, predicted, 1.0) == (2, 0.5, 2.0)
    assert conformal.coverage_of_values(target[1:2], predicted[1:2], 1.0) is None
    p = np.array([[0.7, 0.3], [0.5, 0.5], [0.2, 0.8]])
    assert conformal.coverage_of_classes(np.array([1, -1, 1]), p, 0.65) == (2, 0.5, 1.0)
    assert conformal.coverage_of_classes(np.array([-1]), p[:1], 0.5) is None


def test_a_prediction_that_is_no_number_counts_as_far_off():
    scores = conformal.scores_of_values(np.array([1.0, 2.0]), np.array([np.nan, 2.5]))
    assert scores.tolist() == [0.5, np.inf]


def test_a_set_has_each_class_that_is_likely_enough_and_the_likeliest_always():
    p = np.array([[0.5, 0.3, 0.2], [0.34, 0.33, 0.33], [0.1, 0.9, 0.0]])
    assert members(p, 0.7).tolist() == [[1, 1, 0], [1, 1, 1], [0, 1, 0]]
    assert members(p, 0.05).sum(axis=1).tolist() == [1, 1, 1]
    assert members(p, 1.0).all()


@given(st.data())
def test_a_class_of_a_calibration_row_is_in_its_own_set_where_its_score_is_within(data):
    """The very floating-point numbers are compared: no row is lost to rounding."""
    n_classes = data.draw(st.integers(2, 5))
    raw = data.draw(
        st.lists(
            st.lists(st.floats(0.001, 1), min_size=n_classes, max_size=n_classes),
            min_size=9,
            max_size=30,
        )
    )
    p = np.array(raw)
    p /= p.sum(axis=1, keepdims=True)
    codes = np.array([data.draw(st.integers(0, n_classes - 1)) for _ in raw])
    q = limit(conformal.scores_of_classes(codes, p), 0.9)
    inside = members(p, q)[np.arange(len(p)), codes]
    assert inside.sum() >= rank(len(p), 0.9)


@pytest.mark.parametrize("n_classes", [2, 8, 9, 70])
def test_sets_are_json_lists_in_the_order_of_classes(n_classes):
    rng = np.random.default_rng(n_classes)
    classes = ['a "quoted", one', "ä", *(f"c{i}" for i in range(n_classes - 2))]
    found = rng.random((300, n_classes)) < 0.3
    written = as_text(conformal.set_column(found, classes)).to_pylist()
    for row, text in zip(found, written, strict=True):
        assert json.loads(text) == [name for name, is_in in zip(classes, row, strict=True) if is_in]
    assert "ä" in "".join(written)  # not \u00e4


def test_the_columns_of_values_and_of_classes():
    answers = SimpleNamespace(decided=np.array([3.0, -1.0]), probabilities=None)
    part = Interval(2.5)
    assert [field.name for field in part.fields()] == ["lower", "upper"]
    assert [column.to_pylist() for column in part.arrays(answers)] == [[0.5, -3.5], [5.5, 1.5]]
    answers = SimpleNamespace(
        decided=np.array([1, 0]), probabilities=np.array([[0.4, 0.6], [1, 0]])
    )
    (column,) = ClassSet(("no", "yes"), 0.6).arrays(answers)
    assert column.to_pylist() == [["no", "yes"], ["no"]]
