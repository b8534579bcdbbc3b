"""Dates in the formats of the world; the order of day and month is never guessed."""

from datetime import datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nntool.errors import UsageError
from nntool.settings.date_formats import tokens
from nntool.tables.casting import find_date_formats, to_dates
from nntool.tables.casting.date_formats import most_fitting_formats


def column(*cells):
    return pa.chunked_array([cells], pa.string())


def dates(*cells, day_first=None):
    formats = find_date_formats(column(*cells), day_first).formats
    return formats and to_dates(pa.array(cells, pa.string()), formats, [])[0].to_pylist()


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("02-NOV-2023", datetime(2023, 11, 2)),
        ("2-Nov-23", datetime(2023, 11, 2)),
        ("01JAN2020", datetime(2020, 1, 1)),
        ("3 Jan 2020", datetime(2020, 1, 3)),
        ("3 Sept. 2020", datetime(2020, 9, 3)),
        ("January 3, 2020", datetime(2020, 1, 3)),
        ("Jan 3 2020 14:05", datetime(2020, 1, 3, 14, 5)),
        ("3. März 2020", datetime(2020, 3, 3)),
        ("1 août 2021", datetime(2021, 8, 1)),
        ("2020.02.29", datetime(2020, 2, 29)),
        ("2020-2-9", datetime(2020, 2, 9)),
        ("12/31/2020 11:59 PM", datetime(2020, 12, 31, 23, 59)),
        ("12/31/2020 12:01 am", datetime(2020, 12, 31, 0, 1)),
        ("3/13/13 21:53", datetime(2013, 3, 13, 21, 53)),
        ("12/31/69", datetime(1969, 12, 31)),
        ("12/31/68", datetime(2068, 12, 31)),
        ("2020-01-01T00:30:00+01:00", datetime(2019, 12, 31, 23, 30)),
    ],
)
def test_a_date_that_is_clear_alone(cell, moment):
    assert dates(cell) == [moment]


@pytest.mark.parametrize(
    "cells",
    [
        ["20200101"],
        ["10:30"],
        ["3 Foo 2020"],
        ["2020-13-01"],
        ["13/02/2020", "02/13/2020"],
        ["2020-01-01", "soon"],
        ["1.2.10"],
        ["12-05-20"],
        ["12/31/2020 13:00 PM"],
    ],
)
def test_what_is_no_date_or_not_one_format(cells):
    assert dates(*cells) == ()


def test_a_column_may_have_formats_that_no_cell_shares():
    found = find_date_formats(column("13/02/2023", "02-NOV-2023", "05/06/2023", "2023-01-01"))
    assert dict(zip(found.formats, found.cells, strict=True)) == {
        "YYYY-MM-DD": 1,
        "DD/MM/YYYY": 2,
        "DD-MON-YYYY": 1,
    }
    assert dates("2024/12/12", "2024/12/13 10:00") == [
        datetime(2024, 12, 12),
        datetime(2024, 12, 13, 10),
    ]


def test_other_columns_decide_the_order_and_nothing_else_does():
    found = find_date_formats(column("01/02/2023"))
    assert found.is_unclear
    assert "--roles COLUMN=date:DD/MM/YYYY or COLUMN=date:MM/DD/YYYY" in found.note
    assert dates("01/02/2023", day_first=True) == [datetime(2023, 2, 1)]
    assert dates("01/02/2023", day_first=False) == [datetime(2023, 1, 2)]
    assert dates("01/13/2023", day_first=True) == [datetime(2023, 1, 13)]


def test_short_dates_with_points_are_dates_where_a_number_is_no_month():
    assert dates("31.12.20", "01.02.69 10:30", "16.10.68") == [
        datetime(2020, 12, 31),
        datetime(1969, 2, 1, 10, 30),
        datetime(2068, 10, 16),
    ]


@pytest.mark.parametrize(
    ("cells", "formats"),
    [
        (["1.2.10", "1.12.11", "13.1.12"], ["DD.MM.YY"]),
        (["01.02.20", "12.12.20"], ["DD.MM.YY"]),
        (["22.01.13", "22.01.31", "23.02.28"], ["DD.MM.YY", "YY.MM.DD"]),
        (["2020-01-01", "1.2.10"], ["DD.MM.YY"]),
    ],
)
def test_short_dates_that_may_be_something_else_are_said(cells, formats):
    found = find_date_formats(column(*cells))
    assert found.formats == ()
    assert [f"COLUMN=date:{name}" in found.note for name in formats] == [True] * len(formats)


def test_a_version_is_no_date_and_nothing_is_said():
    assert find_date_formats(column("1.2.3", "1.13.10", "14.30.11")) == (
        (),
        (),
        None,
        False,
        None,
        0,
    )


def test_dates_without_a_sign_in_between_are_dates_beside_others():
    cells = ["2020-01-31", "13/2/2020", "31.12.2020", "16-MAY-2020", "20200229", "28.02.20"]
    found = find_date_formats(column(*cells))
    assert sorted(found.formats) == sorted(
        ["YYYY-MM-DD", "DD/MM/YYYY", "DD.MM.YYYY", "DD-MON-YYYY", "YYYYMMDD", "DD.MM.YY"]
    )
    assert dates(*cells)[-2:] == [datetime(2020, 2, 29), datetime(2020, 2, 28)]


def test_orders_that_differ_in_one_column_are_said():
    note = find_date_formats(column("13/02/2020", "02/13/2020", "01/01/2020")).note
    assert "'13/02/2020'" in note
    assert "'02/13/2020'" in note
    assert "--roles COLUMN=date" in note


@given(
    st.lists(st.datetimes(datetime(1970, 1, 1), datetime(2068, 12, 31)), min_size=1),
    st.sampled_from(
        ["%d.%m.%Y", "%Y/%m/%d", "%d-%b-%Y", "%B %d, %Y", "%d %b %Y", "%Y-%m-%dT%H:%M"]
    ),
)
def test_what_strftime_writes_is_read_back(moments, pattern):
    cells = [moment.strftime(pattern) for moment in moments]
    assert dates(*cells) == [datetime.strptime(cell, pattern) for cell in cells]


@pytest.mark.parametrize(
    ("date_format", "cell", "moment"),
    [
        ("YYYYMMDD", "20200131", datetime(2020, 1, 31)),
        ("DD-MM-YY", "31-01-20", datetime(2020, 1, 31)),
        ("MM/YYYY", "7/2020", datetime(2020, 7, 1)),
        ("YYYY", "2020", datetime(2020, 1, 1)),
    ],
)
def test_a_format_that_is_asked_for_may_be_any(date_format, cell, moment):
    assert to_dates(pa.array([cell]), date_format, [])[0].to_pylist() == [moment]


@pytest.mark.parametrize("text", ["", "DD", "DD/YYYY", "DD/MM/YYYY/YY", "yyyy-mm-dd", "MM/DD"])
def test_a_format_without_meaning_is_refused(text):
    with pytest.raises(UsageError, match="the date format"):
        tokens(text)


def test_most_cells_say_the_format_of_a_column_that_is_called_dates():
    assert most_fitting_formats(column("x", "01/02/2023", "2023-01-01"), None) == (
        "YYYY-MM-DD",
        "DD/MM/YYYY",
    )
    assert most_fitting_formats(column("01/02/2023"), False) == ("MM/DD/YYYY",)
    assert most_fitting_formats(column("20230101"), None) == ("YYYYMMDD",)
    assert most_fitting_formats(column("x"), None) == ()
