"""Unusual rows are those of scikit-learn, found once, and nothing is left to apply."""

import numpy as np
import pyarrow as pa
import pytest
from sklearn.ensemble import IsolationForest as Forest
from sklearn.neighbors import LocalOutlierFactor as Factor

from nntool.errors import DataError
from nntool.settings.building import build
from nntool.settings.clean import CleanSettings
from nntool.tables.rules.row_outliers import (
    ROW_OUTLIER_RULES,
    IsolationForest,
    LocalOutlierFactor,
    RowOutliers,
    features,
)
from nntool.tables.rules.rule import Findings

ROLES = {"x": "numeric", "c": "categorical", "id": "identifier"}
ROWS = np.random.default_rng(5).normal(size=(300, 3))
ROWS[17] = 9.0


def asked(roles=ROLES, **values):
    return RowOutliers.asked_for(build(CleanSettings, {"target": "y", **values}), roles)


def table(n=60):
    x = np.random.default_rng(0).normal(size=n).tolist()
    x[50], x[9] = 99.0, None
    return pa.table({"x": x, "c": ["a", "b", None] * (n // 3), "id": [str(i) for i in range(n)]})


def test_the_forest_is_that_of_scikit_learn():
    found = IsolationForest(contamination=0.05, trees=20, rows=64).judge(ROWS, 3)
    forest = Forest(n_estimators=20, max_samples=64, contamination=0.05, random_state=3).fit(ROWS)
    np.testing.assert_array_equal(found.unusual, forest.predict(ROWS) == -1)
    np.testing.assert_allclose(found.scores, -forest.score_samples(ROWS))
    assert np.argmax(found.scores) == 17


def test_the_local_factors_are_those_of_scikit_learn():
    found = LocalOutlierFactor(contamination=0.05, neighbors=10).judge(ROWS, 0)
    factor = Factor(n_neighbors=10, contamination=0.05)
    np.testing.assert_array_equal(found.unusual, factor.fit_predict(ROWS) == -1)
    np.testing.assert_allclose(found.scores, -factor.negative_outlier_factor_)


def test_beyond_the_bound_neighbours_are_those_of_a_seeded_sample():
    rule = LocalOutlierFactor(contamination=0.05, neighbors=10, rows=100)
    found = rule.judge(ROWS, 1)
    assert found.scores.shape == (300,)
    assert np.argmax(found.scores) == 17
    assert found.unusual.sum() == 15
    np.testing.assert_array_equal(rule.judge(ROWS, 1).scores, found.scores)
    assert (rule.judge(ROWS, 2).scores != found.scores).any()


@pytest.mark.parametrize("name", ROW_OUTLIER_RULES)
def test_the_same_seed_gives_the_same_verdict(name):
    rule = ROW_OUTLIER_RULES[name]()
    np.testing.assert_array_equal(rule.judge(ROWS, 4).scores, rule.judge(ROWS, 4).scores)


def test_rows_are_seen_by_scaled_numbers_and_levels_without_gaps():
    x = [0.0, 1.0, 2.0, 3.0, 4.0, None]
    found = features(pa.table({"x": x, "c": ["b", "a", None, "b", "a", "a"]}), (
        ("x", "numeric"),
        ("c", "categorical"),
    ))  # fmt: skip
    # median 2, quartiles 1 and 3
    assert found[:, 0].tolist() == [-1.0, -0.5, 0.0, 0.5, 1.0, 0.0]
    assert found[:, 1:].tolist() == [[0, 1], [1, 0], [0, 0], [0, 1], [1, 0], [1, 0]]


def test_columns_without_spread_or_with_many_levels_say_nothing():
    columns = {
        "x": [5.0] * 30,
        "rare": [0.0] * 29 + [3.0],
        "gone": pa.array([None] * 30, pa.float64()),
        "c": [str(i) for i in range(30)],
    }
    roles = (("x", "numeric"), ("rare", "numeric"), ("gone", "numeric"), ("c", "categorical"))
    found = features(pa.table(columns), roles)
    assert found.shape == (30, 3)
    assert not found[:, 0].any()
    assert not found[:, 2].any()
    sigma = np.array(columns["rare"]).std()
    np.testing.assert_allclose(found[:, 1], np.array(columns["rare"]) / sigma)


@pytest.mark.parametrize("action", ["report", "leave-out"])
@pytest.mark.parametrize("name", ROW_OUTLIER_RULES)
def test_the_verdict_stands_beside_the_state_and_nothing_is_applied(name, action):
    state = asked(row_outliers={"name": name, "contamination": 0.05}, row_outlier_action=action)
    learned = state.fit(table())
    judgement = learned.pop("judged")
    assert judgement.rows[0] == 50
    assert judgement.leave_out is (action == "leave-out")
    assert learned["unusual"] == len(judgement.rows) == 3
    assert (np.diff(judgement.scores) <= 0).all()
    found = Findings()
    batch = table().to_batches()[0]
    assert RowOutliers.apply(batch, learned, found) is batch
    assert (found.counts, found.rows) == ({}, None)


@pytest.mark.parametrize("name", ROW_OUTLIER_RULES)
@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_a_few_rows_are_no_error(name, n):
    learned = asked(row_outliers=name).fit(table().slice(0, n))
    assert learned["rows"] == n


def test_there_must_be_columns_to_judge_by():
    assert asked() is None
    with pytest.raises(DataError, match="no numeric or categorical column"):
        asked({"id": "identifier"}, row_outliers="isolation-forest")
