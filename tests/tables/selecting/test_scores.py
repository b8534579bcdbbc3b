import numpy as np
import pytest
from scipy import stats
from sklearn.feature_selection import (
    chi2,
    f_classif,
    f_regression,
    mutual_info_classif,
    mutual_info_regression,
)
from sklearn.metrics import mutual_info_score

from nntool.tables.choices import build
from nntool.tables.selecting import SCORES
from nntool.tables.selecting.judged import binned
from nntool.tables.selecting.scores import ChiSquare, FTest, MutualInformation

RNG = np.random.default_rng(0)
N = 150
X = RNG.normal(size=(N, 2)).astype(np.float32)
LEVEL = RNG.integers(0, 3, N)
MIXED = {"x": X[:, 0], "y": X[:, 1], "level": LEVEL}
DISCRETE = np.array([False, False, True])
LABELS = (X[:, 0] + RNG.normal(size=N) > 0).astype(int) + (LEVEL == 1)
VALUES = X[:, 1] + 0.3 * LEVEL + RNG.normal(size=N)


@pytest.fixture
def scores(features, no_tools):
    def of(scorer, columns, target, task="multiclass", categories=("level",)):
        judged = features(columns, target, task, categories)
        return scorer.rank(judged, None, no_tools).scores

    return of


def test_mutual_information_agrees_with_scikit_learn(scores) -> None:
    x = np.column_stack((X, LEVEL)).astype(float)
    asked = {"discrete_features": DISCRETE, "n_neighbors": 5, "random_state": 0}
    scorer = build(SCORES, "SCORES", {"name": "mutual-information", "neighbors": 5})
    expected = mutual_info_classif(x, LABELS, **asked)
    np.testing.assert_allclose(scores(scorer, MIXED, LABELS), expected)
    expected = mutual_info_regression(x, VALUES, **asked)
    np.testing.assert_allclose(scores(scorer, MIXED, VALUES, "regression"), expected)


def test_mutual_information_of_two_categories_is_counted(scores) -> None:
    labels = (RNG.integers(0, 3, N) == LEVEL).astype(int)
    found = scores(MutualInformation(), MIXED, labels)
    assert found[2] == pytest.approx(mutual_info_score(LEVEL, labels))


def test_mutual_information_of_a_few_rows_is_no_error(scores) -> None:
    found = scores(MutualInformation(), {"x": [0.1, 0.2, 0.3]}, [1.0, 2, 3], "regression")
    assert np.isfinite(found).all()


def significance(p):
    return [pytest.approx(-np.log10(value)) for value in np.atleast_1d(p)]


def test_the_f_test_has_the_p_of_scikit_learn(scores) -> None:
    found = scores(FTest(), MIXED, LABELS)
    assert found[:2] == significance(f_classif(X.astype(float), LABELS)[1])
    found = scores(FTest(), MIXED, VALUES, "regression")
    assert found[:2] == significance(f_regression(X.astype(float), VALUES)[1])


def test_the_f_test_takes_a_category_as_a_whole(scores) -> None:
    groups = [VALUES[np.equal(LEVEL, i)] for i in range(3)]
    found = scores(FTest(), MIXED, VALUES, "regression")
    assert [found[2]] == significance(stats.f_oneway(*groups).pvalue)
    table = stats.contingency.crosstab(LEVEL, LABELS).count
    expected = stats.chi2_contingency(table, correction=False).pvalue
    assert [scores(FTest(), MIXED, LABELS)[2]] == significance(expected)


def test_a_feature_of_several_numbers_has_the_score_of_its_best(scores) -> None:
    for scorer in (FTest(), ChiSquare(), MutualInformation()):
        both = scores(scorer, {"pair": X}, VALUES, "regression", ())
        each = scores(scorer, {"x": X[:, 0], "y": X[:, 1]}, VALUES, "regression", ())
        assert both == [pytest.approx(max(each), rel=0.01)]


def test_chi2_of_a_category_is_the_sum_over_its_columns_and_that_of_its_table(scores) -> None:
    one_hot = LEVEL[:, None] == np.arange(3)
    statistic = chi2(one_hot, LABELS)[0].sum()
    expected = stats.chi2.sf(statistic, 2 * 2)
    assert [scores(ChiSquare(), MIXED, LABELS)[2]] == significance(expected)


def test_chi2_cuts_numbers_and_a_numeric_target_into_bins(scores) -> None:
    found = scores(ChiSquare(bins=4), MIXED, VALUES, "regression")
    for score, codes in zip(found, [binned(X[:, 0], 4), binned(X[:, 1], 4), LEVEL], strict=True):
        table = stats.contingency.crosstab(codes, binned(VALUES, 4)).count
        expected = stats.chi2_contingency(table, correction=False).pvalue
        assert [score] == significance(expected)


def test_bins_are_of_equal_frequency() -> None:
    assert np.bincount(binned(RNG.normal(size=1000), 10)).tolist() == [100] * 10
    skewed = np.array([0.0] * 90 + list(range(1, 11)))
    assert np.bincount(binned(skewed, 4))[0] == 90


@pytest.mark.parametrize("name", ["f-test", "chi2", "mrmr", "rfe", "forward"])
def test_a_constant_feature_scores_nothing(scores, name) -> None:
    columns = {"x": X[:, 0], "constant": np.ones(N)}
    for target, task in ((LABELS, "multiclass"), (VALUES, "regression")):
        found = scores(build(SCORES, "SCORES", name), columns, target, task, ())
        assert found[1] == pytest.approx(0, abs=1e-9)
        assert np.isfinite(found).all()


@pytest.mark.parametrize("name", ["mutual-information", "f-test", "chi2", "mrmr", "rfe", "forward"])
def test_the_three_that_matter_come_first(planted, no_tools, name) -> None:
    ranking = build(SCORES, "SCORES", name).rank(planted, None, no_tools)
    assert set(ranking.order[:3]) == {4, 11, 17}
    assert sorted(ranking.order) == list(range(20))
    again = build(SCORES, "SCORES", name).rank(planted, None, no_tools)
    assert again == ranking


@pytest.mark.parametrize("name", ["mutual-information", "f-test", "chi2", "mrmr", "rfe", "forward"])
def test_a_category_that_matters_comes_first(features, no_tools, name) -> None:
    rng = np.random.default_rng(3)
    level, x = rng.integers(0, 6, 600), rng.normal(size=(600, 3))
    y = np.array([0, 3, -1, 2, 0, -3])[level] + rng.normal(size=600)
    judged = features({"a": x[:, 0], "b": x[:, 1], "level": level}, y, categories=("level",))
    assert build(SCORES, "SCORES", name).rank(judged, None, no_tools).order[0] == 2
    classes = features(
        {"a": x[:, 0], "b": x[:, 1], "level": level}, (y > 0).astype(int), "binary", ("level",)
    )
    assert build(SCORES, "SCORES", name).rank(classes, None, no_tools).order[0] == 2
