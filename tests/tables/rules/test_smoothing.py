"""Smoothing against pandas and the textbook's bins."""

import json
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nntool.errors import UsageError
from nntool.settings.building import build
from nntool.settings.clean import CleanSettings
from nntool.tables.rules import smoothers
from nntool.tables.rules.rule import Findings
from nntool.tables.rules.smoothers import SMOOTHERS, BinEdges, BinMeans, BinMedians, RollingMean
from nntool.tables.rules.smoothing import SmoothingByBins, SmoothingInOrder

VALUES = np.random.default_rng(1).normal(size=57).cumsum()
PRICES = np.array([4.0, 8, 9, 15, 21, 21, 24, 25, 26, 28, 29, 34])
"""The example of Han & Kamber, Data Mining: three bins of four prices."""
ROLES = {"price": "numeric", "t": "numeric", "day": "date", "id": "identifier", "c": "categorical"}


@pytest.mark.parametrize("window", [2, 3, 4, 5, 60])
@pytest.mark.parametrize("centered", [False, True])
@pytest.mark.parametrize("method", ["mean", "median"])
def test_rolling_windows_are_those_of_pandas(method, centered, window):
    wanted = getattr(pd.Series(VALUES).rolling(window, min_periods=1, center=centered), method)()
    found = SMOOTHERS[f"rolling-{method}"](window, centered).smooth(VALUES, {})
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_windows_are_worked_in_blocks_with_the_same_result(monkeypatch):
    whole = RollingMean(5, True).smooth(VALUES, {})
    monkeypatch.setattr(smoothers, "BLOCK", 20)
    np.testing.assert_array_equal(RollingMean(5, True).smooth(VALUES, {}), whole)


@pytest.mark.parametrize("alpha", [0.1, 0.5, 1.0])
def test_exponential_smoothing_is_that_of_pandas(alpha):
    wanted = pd.Series(VALUES).ewm(alpha=alpha, adjust=False).mean()
    found = SMOOTHERS["exponential"](alpha).smooth(VALUES, {})
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


@pytest.mark.parametrize("name", ["rolling-mean", "rolling-median", "exponential"])
def test_along_an_order_no_number_and_huge_numbers_are_fine(name):
    assert SMOOTHERS[name]().smooth(np.empty(0), {}).tolist() == []
    huge = SMOOTHERS[name]().smooth(np.full(9, 1.7e308), {})
    np.testing.assert_allclose(huge, 1.7e308)


BINNED = {
    BinMeans: [9.0] * 4 + [22.75] * 4 + [29.25] * 4,
    BinMedians: [8.5] * 4 + [22.5] * 4 + [28.5] * 4,
    BinEdges: [4.0, 4, 4, 15, 21, 21, 25, 25, 26, 26, 26, 34],
}


@pytest.mark.parametrize("method", BINNED)
def test_bins_give_what_the_textbook_has(method):
    smoother = method(bins=3)
    shuffled = np.random.default_rng(0).permutation(PRICES)
    assert smoother.smooth(PRICES, smoother.fit(shuffled)).tolist() == BINNED[method]


def test_bins_of_equal_width_have_the_means_of_pandas_cut():
    smoother = BinMeans(bins=4, equal="width")
    wanted = pd.Series(PRICES).groupby(pd.cut(PRICES, 4)).transform("mean")
    np.testing.assert_allclose(smoother.smooth(PRICES, smoother.fit(PRICES)), wanted)


def test_values_that_training_did_not_have_fall_into_the_nearest_bin():
    smoother = BinMeans(bins=3)
    learned = smoother.fit(PRICES)
    assert learned["cuts"] == [18.0, 25.5]
    assert smoother.smooth(np.array([-5.0, 18, 18.5, 25.5, 99]), learned).tolist() == [
        9.0,
        9.0,
        22.75,
        22.75,
        29.25,
    ]


def test_equal_values_at_a_cut_go_to_the_bin_below_it():
    values = np.array([1.0, 1, 2, 2, 2, 3])
    smoother = BinMeans(bins=2)
    wanted = pd.Series(values).groupby(pd.qcut(values, 2)).transform("mean")
    np.testing.assert_allclose(smoother.smooth(values, smoother.fit(values)), wanted)


def test_a_value_becomes_the_nearer_edge_and_of_two_as_near_the_lower():
    learned = {"cuts": [], "bins": [[0.0, 10.0]]}
    found = BinEdges().smooth(np.array([-1.0, 4.5, 5.0, 5.5, 99]), learned)
    assert found.tolist() == [0.0, 0.0, 0.0, 10.0, 10.0]


@given(
    st.sampled_from([BinMeans, BinMedians, BinEdges]),
    st.lists(st.integers(-5, 5).map(float), max_size=30),
    st.integers(2, 9),
    st.sampled_from(["depth", "width"]),
)
def test_equal_values_stay_equal_and_in_order_and_within_the_range(method, values, bins, equal):
    smoother = method(bins, equal)
    learned = smoother.fit(np.array(values))
    assert json.loads(json.dumps(learned)) == learned
    ordered = np.sort(np.array(values, float))
    found = smoother.smooth(ordered, learned)
    if len(values):
        assert (np.diff(found) >= -1e-12).all()
        assert ordered[0] - 1e-9 <= found[0] <= found[-1] <= ordered[-1] + 1e-9
    assert len({(v, s) for v, s in zip(ordered, found, strict=True)}) == len({*values})


def asked(kind, smooth, **values):
    settings = build(CleanSettings, {"target": "y", "smooth": smooth, **values})
    kind.check(settings)
    return kind.asked_for(settings, ROLES)


def done(rule, **columns):
    found = Findings()
    state = json.loads(json.dumps(rule.fit(pa.table(columns))))
    batch = type(rule).apply(pa.record_batch(columns), state, found)
    return batch.to_pydict(), found.counts, type(rule).needs(state)


def test_rows_follow_the_order_column_ties_as_they_stand_and_gaps_are_passed_over():
    rule = asked(SmoothingInOrder, {"price": "rolling-mean:window=2"}, order_by="t")
    cells, counts, needs = done(
        rule,
        t=[3.0, 1.0, 2.0, 1.0, None],
        price=[8.0, 0.0, None, 4.0, 7.0],
    )
    # in the order: 0, 4, (a gap), 8; the last row has no place
    assert cells["price"] == [6.0, 0.0, None, 2.0, 7.0]
    assert counts == {"price": {"smoothed": 2, "without_place": 1}}
    assert needs == {"price": ["t"]}


def test_many_rows_at_one_place_follow_each_other_as_they_stand():
    rule = asked(SmoothingInOrder, {"price": "rolling-mean:window=3"}, order_by="t")
    cells, _, _ = done(rule, t=[1.0] * 57 + [0.0], price=[*VALUES.tolist(), 0.0])
    wanted = pd.Series([0.0, *VALUES]).rolling(3, min_periods=1).mean()
    np.testing.assert_allclose(cells["price"][:57], wanted[1:])


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("day", pa.array([datetime(2024, 1, 3), datetime(2024, 1, 1), None], pa.timestamp("us"))),
        ("id", pa.array(["10", "9", "x"])),
    ],
)
def test_dates_and_numbers_of_an_identifier_are_an_order_too(name, order):
    rule = asked(SmoothingInOrder, {"price": "exponential:alpha=0.5"}, order_by=name)
    cells, counts, _ = done(rule, **{name: order, "price": [4.0, 2.0, 9.0]})
    assert cells["price"] == [3.0, 2.0, 9.0]
    assert counts == {"price": {"smoothed": 1, "without_place": 1}}


def test_bins_need_no_order_and_no_other_row():
    choice = {"name": "bin-means", "bins": 3}
    rule = asked(SmoothingByBins, {"price": choice})
    cells, counts, needs = done(rule, price=[*PRICES.tolist(), None])
    assert cells["price"] == [*BINNED[BinMeans], None]
    assert counts == {"price": {"smoothed": 11}}  # 9 stays 9
    assert needs == {"price": []}
    assert not SmoothingByBins.in_order
    assert SmoothingInOrder.in_order


def test_each_kind_takes_its_own_columns():
    smooth = {"price": "bin-edges", "t": "rolling-median"}
    assert [*asked(SmoothingByBins, smooth, order_by="day").smoothers] == ["price"]
    assert [*asked(SmoothingInOrder, smooth, order_by="day").smoothers] == ["t"]
    assert asked(SmoothingByBins, {}) is None


@pytest.mark.parametrize(
    ("smooth", "values", "message", "hint"),
    [
        ({"price": "rolling-mean"}, {}, "follows an order, and none is given", "--order-by COLUMN"),
        ({"price": "mean"}, {}, "'mean' is not a choice", "rolling-mean"),
        ({"price": "rolling-mean:window=1"}, {}, "window must be ≥ 2", None),
        ({"price": "rolling-mean:width=3"}, {}, "no setting 'width'", "window"),
        ({"price": "exponential:alpha=0"}, {}, "alpha must be > 0", None),
        ({"c": "bin-means"}, {}, "'c' is categorical", "--roles c=numeric"),
        ({"price": "exponential"}, {"order_by": "c"}, "which has no order", "--roles COLUMN=date"),
        ({"t": "exponential"}, {"order_by": "t"}, "'t' is the order itself", "another column"),
    ],
)
def test_what_cannot_be_smoothed_is_refused_with_the_next_thing_to_type(
    smooth, values, message, hint
):
    with pytest.raises(UsageError) as error:
        asked(SmoothingInOrder, smooth, **values)
        asked(SmoothingByBins, smooth, **values)
    assert message in error.value.message
    assert error.value.message.startswith(("--smooth", "--order-by"))
    assert hint is None or hint in str(error.value.hint)
