"""The oldest rows train, the newest test."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nntool.errors import DataError
from nntool.tables.splitting.by_time import Time, cut, read_times

TIME = Time(column="when")


@settings(deadline=None)
@given(st.lists(st.integers(0, 60), min_size=40, max_size=200), st.integers(0, 3))
def test_no_row_is_older_than_any_of_a_part_before_and_equal_times_stay(by_column, times, seed):
    parts, _, _ = by_column(TIME, times, seed=seed)
    times = np.array(times)
    for early, late in ((0, 1), (0, 2), (1, 2)):
        if (parts == early).any() and (parts == late).any():
            assert times[parts == early].max() < times[parts == late].min()
    largest = np.bincount(times).max()
    for part, share in enumerate((0.7, 0.15, 0.15)):
        assert abs((parts == part).sum() - share * times.size) <= largest


def test_different_times_meet_the_shares_exactly(by_column):
    times = np.random.default_rng(0).permutation(1000)
    parts, _, _ = by_column(TIME, times)
    assert np.bincount(parts).tolist() == [700, 150, 150]
    assert (parts == np.searchsorted([700, 850], times, side="right")).all()


def test_what_the_shares_leave_over_is_the_newest(by_column):
    parts, _, _ = by_column(TIME, np.arange(100), shares=(0.6, 0.1, 0.1))
    assert parts.tolist() == [0] * 60 + [1] * 10 + [2] * 10 + [-1] * 20
    parts, _, _ = by_column(TIME, np.arange(100), shares=(0.8, 0.0, 0.2))
    assert parts.tolist() == [0] * 80 + [2] * 20


def test_text_is_read_as_numbers_or_dates_not_as_text(by_column):
    numbers = ["9", "10", "100.5", "2e3"] * 10
    parts, _, _ = by_column(TIME, numbers, shares=(0.5, 0.25, 0.25))
    assert parts.tolist() == [0, 0, 1, 2] * 10
    dates = ["31.12.2021", "1.2.2022", "15.1.2022", "02.02.2022"] * 10
    parts, _, report = by_column(TIME, dates, shares=(0.5, 0.25, 0.25))
    assert parts.tolist() == [0, 1, 0, 2] * 10
    assert report["notes"][-1] == (
        "by time in 'when': train 31.12.2021 to 15.1.2022, validation 1.2.2022 to 1.2.2022,"
        " test 02.02.2022 to 02.02.2022"
    )


def test_dates_that_fit_two_formats_are_asked_about(by_column):
    dates = ["01/02/2022", "03/01/2022", "02/03/2022", "04/04/2022"] * 5
    with pytest.raises(DataError, match="DD/MM/YYYY and MM/DD/YYYY") as raised:
        by_column(TIME, dates)
    assert "date_format=DD/MM/YYYY" in raised.value.hint
    assert "date_format=MM/DD/YYYY" in raised.value.hint
    assert "date_format=MM/DD/YY " not in raised.value.hint + " "
    halves = (0.5, 0.0, 0.5)
    of_format = {
        f: by_column(Time(column="when", date_format=f), dates, shares=halves)[0][:4].tolist()
        for f in ("DD/MM/YYYY", "MM/DD/YYYY")
    }
    assert of_format == {"DD/MM/YYYY": [0, 0, 2, 2], "MM/DD/YYYY": [0, 2, 0, 2]}


def test_cells_that_are_no_times_are_shown(by_column):
    with pytest.raises(DataError, match=r"neither numbers alone nor dates .*'soon' \(row 3\)"):
        by_column(TIME, ["1", "2", "soon", "4"] * 5)
    with pytest.raises(DataError, match=r"no dates YYYY-MM-DD: 'soon' \(row 2\)"):
        by_column(Time(column="when", date_format="YYYY-MM-DD"), ["2022-01-01", "soon"] * 5)
    with pytest.raises(DataError, match="no time at all"):
        by_column(Time(column="when", missing="train"), [""] * 9)


def test_rows_without_a_time_are_refused_or_go_where_it_is_said(by_column):
    times = [*range(1, 21), "", "?"]
    with pytest.raises(DataError, match="2 rows have no 'when': row 21, 22") as raised:
        by_column(TIME, times)
    assert raised.value.hint == "--method time:column=when,missing=train, or missing=none"
    for missing, part in (("train", 0), ("none", -1)):
        parts, _, report = by_column(Time(column="when", missing=missing), times)
        assert parts[20:].tolist() == [part, part]
        assert "2 rows without 'when'" in report["notes"][-1]


def test_folds_are_stretches_of_time_the_oldest_first(by_column):
    times = np.random.default_rng(1).permutation(200)
    parts, folds, report = by_column(TIME, times, n_folds=4)
    assert report["folds"]["in_order"] is True
    for early in range(3):
        assert times[folds == early].max() < times[folds == early + 1].min()
    assert report["folds"]["sizes"] == [35, 35, 35, 35]
    assert (folds[parts != 0] == -1).all()


def test_too_few_times_for_the_folds_are_refused(by_column):
    with pytest.raises(DataError, match=r"leave \d of 5 folds empty \(rows of one time stay"):
        by_column(TIME, [1, 2, 3, 4] * 10, shares=(0.5, 0.25, 0.25), n_folds=5)


def test_equal_times_go_where_the_middle_of_their_rows_falls():
    assert cut(np.array([1.0, 1, 1, 2, 2]), np.array([0.5, 0.5])).tolist() == [0, 0, 0, 1, 1]
    assert cut(np.array([1.0, 2, 2, 2, 2]), np.array([0.5, 0.5])).tolist() == [0, 1, 1, 1, 1]


def test_times_across_chunks_and_zones_are_in_order():
    text = pa.chunked_array([["2022-01-01 12:00", "2022-01-01T12:30+01:00"], ["2022-01-01", "NA"]])
    times = read_times(text, ["NA"])
    assert np.argsort(times[:3]).tolist() == [2, 1, 0]
    assert np.isnan(times[3])
