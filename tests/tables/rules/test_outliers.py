"""Fences of outliers against SciPy and closed forms, and what is done beyond them."""

import json
import math

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from nntool.errors import UsageError
from nntool.settings.building import build
from nntool.settings.clean import CleanSettings
from nntool.tables.rules.outliers import (
    OUTLIER_RULES,
    InterquartileRange,
    MedianDeviation,
    Outliers,
    ZScore,
)
from nntool.tables.rules.rule import Findings

ROLES = {"x": "numeric", "flag": "numeric", "city": "categorical"}
X = [1.0, 2.0, 2.5, 3.0, 3.5, 4.0, 50.0, None]
"""Without the gap Q₁ 2.25, Q₃ 3.75: by iqr usual values are from 0 to 6."""


def asked(**values):
    return Outliers.asked_for(build(CleanSettings, {"target": "y", **values}), ROLES)


def fitted(**values):
    flag = [0.0] * 7 + [1.0]
    return asked(**values).fit(pa.table({"x": X, "flag": flag, "city": ["a"] * 8}))


def applied(state, cells):
    found = Findings()
    batch = pa.record_batch({"x": pa.array(cells, pa.float64())})
    done = Outliers.apply(batch, state, found)
    return done.column("x").to_pylist(), found


VALUES = np.random.default_rng(3).standard_t(2, 500)


def by_scipy_zscore(values):
    return np.abs(stats.zscore(values)) > 3


def by_scipy_iqr(values):
    low, high = np.quantile(values, (0.25, 0.75))
    reach = 1.5 * stats.iqr(values)
    return (values < low - reach) | (values > high + reach)


def by_scipy_mad(values):
    modified = 0.6745 * (values - np.median(values)) / stats.median_abs_deviation(values)
    return np.abs(modified) > 3.5


ORACLES = {"zscore": by_scipy_zscore, "iqr": by_scipy_iqr, "mad": by_scipy_mad}


@pytest.mark.parametrize("name", OUTLIER_RULES)
def test_the_outliers_are_those_that_scipy_gives(name):
    low, high = OUTLIER_RULES[name]().fences(VALUES)
    wanted = ORACLES[name](VALUES)
    assert 0 < wanted.sum() < 100
    np.testing.assert_array_equal(~((low <= VALUES) & (high >= VALUES)), wanted)


@pytest.mark.parametrize(
    ("rule", "fences"),
    [
        (ZScore(limit=2), (5 - 2 * 2, 5 + 2 * 2)),
        (InterquartileRange(factor=1), (4 - 1.5, 5.5 + 1.5)),
        (MedianDeviation(limit=2), (4.5 - 2 * 0.5 / 0.6745, 4.5 + 2 * 0.5 / 0.6745)),
    ],
)
def test_fences_are_those_of_the_equations(rule, fences):
    """Mean 5, σ 2; quartiles 4 and 5.5; median 4.5, MAD 0.5."""
    values = np.array([2.0, 4, 4, 4, 5, 5, 7, 9])
    assert rule.fences(values) == pytest.approx(fences)


@pytest.mark.parametrize("name", OUTLIER_RULES)
@pytest.mark.parametrize("values", [[0.1] * 7, [1e100] * 3, [7.0]])
def test_a_constant_column_has_no_fences(name, values):
    assert OUTLIER_RULES[name]().fences(np.array(values)) is None


def test_a_column_of_which_half_is_equal_has_no_spread_for_quartiles():
    values = np.array([0.0] * 80 + list(range(20)))
    assert InterquartileRange().fences(values) is None
    assert MedianDeviation().fences(values) is None
    assert ZScore().fences(values) is not None


ACTIONS = {
    "report": ([-1.0, 0.0, 6.0, 7.0, None], {"too_low": 1, "too_high": 1}),
    "clip": ([0.0, 0.0, 6.0, 6.0, None], {"too_low": 1, "too_high": 1, "clipped": 2}),
    "missing": ([None, 0.0, 6.0, None, None], {"too_low": 1, "too_high": 1, "made_missing": 2}),
    "leave-out": ([None, 0.0, 6.0, None, None], {"too_low": 1, "too_high": 1, "made_missing": 2}),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_what_is_done_with_a_cell_beyond_the_fences(action):
    state = fitted(outliers="iqr", outlier_action=action)
    assert json.loads(json.dumps(state)) == state
    cells, found = applied(state, [-1.0, 0.0, 6.0, 7.0, None])
    wanted, counts = ACTIONS[action]
    assert cells == wanted
    assert found.counts == {"x": counts}
    objected = None if found.rows is None else found.rows.tolist()
    assert objected == ([True, False, False, True, False] if action == "leave-out" else None)


def test_a_chunk_without_outliers_is_not_touched():
    cells, found = applied(fitted(outliers="iqr", outlier_action="clip"), [1.0, None])
    assert (cells, found.counts, found.rows) == ([1.0, None], {}, None)


def test_a_column_of_two_values_is_judged_only_where_it_is_named():
    """The rare one of 0 and 1 would be an outlier of every rule."""
    state = fitted(outliers="zscore")
    assert [c["name"] for c in state["columns"]] == ["x"]
    assert [(c["name"], c["reason"]) for c in state["passed_over"]] == [
        ("flag", "it has two values or fewer")
    ]
    state = fitted(outliers={"name": "zscore", "limit": 2}, outlier_columns=["flag"])
    assert [c["name"] for c in state["columns"]] == ["flag"]


def test_settings_of_a_rule_are_kept_with_the_state():
    state = fitted(outliers={"name": "iqr", "factor": 3})
    assert state["rule"] == {"name": "iqr", "factor": 3.0}
    assert state["columns"] == [{"name": "x", "low": 2.25 - 4.5, "high": 3.75 + 4.5}]


def test_huge_numbers_do_not_overflow():
    table = pa.table({"x": [1e308, -1e308, 1e307, 0.0, 1.0]})
    for name in OUTLIER_RULES:
        state = Outliers(OUTLIER_RULES[name](), name, "clip", ("x",), True).fit(table)
        assert all(math.isfinite(c["low"] + c["high"]) for c in state["columns"])


def test_only_columns_of_numbers_have_outliers():
    assert asked() is None
    assert asked(outliers="iqr").columns == ("x", "flag")
    with pytest.raises(UsageError, match="'city' is categorical"):
        asked(outliers="iqr", outlier_columns=["city"])
