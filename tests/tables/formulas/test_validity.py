"""What is valid in a column: how it is typed, what it means, and that nothing else comes out."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nntool.errors import UsageError
from nntool.tables.formulas.valid_values import bind, clipped, holds
from nntool.tables.formulas.validity import parse

NUMBERS = pa.array([-1.0, 0.0, 0.5, 1.0, 120.0, 121.0, None])
LAST = dt.datetime(2023, 12, 31, 18)
DAYS = pa.array(
    [dt.datetime(1999, 12, 31, 23, 59), dt.datetime(2000, 1, 1), LAST, None], pa.timestamp("us")
)
WORDS = pa.array(["M", "F", "m", "5..6", "", None])


def kept(rule, column):
    kind = {"double": "number", "string": "text"}.get(str(column.type), "date")
    valid = holds(bind(parse(rule), kind), column)
    return [value for value, keep in zip(column.to_pylist(), valid, strict=True) if keep]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("x=0..120", [0, 0.5, 1, 120]),
        ("x = 0 .. 120", [0, 0.5, 1, 120]),
        ("x=1..", [1, 120, 121]),
        ("x=..0", [-1, 0]),
        ("x>0", [0.5, 1, 120, 121]),
        ("x>=0,<120", [0, 0.5, 1]),
        ("x=>0,<=1", [0.5, 1]),
        ("x=whole", [-1, 0, 1, 120, 121]),
        ("x=whole,0..1", [0, 1]),
        ("x=0|1|121", [0, 1, 121]),
        ("x=-1..-.5", [-1]),
        ("x=1.2e2..1e3", [120, 121]),
        ('"x y">=1', [1, 120, 121]),
    ],
)
def test_numbers_that_are_valid_stay_and_missing_ones_too(rule, expected):
    assert kept(rule, NUMBERS) == [*expected, None]


@pytest.mark.parametrize(
    ("rule", "n"),
    [
        ("d=2000-01-01..2023-12-31", 2),  # the last day to its end
        ("d<2023-12-31", 2),
        ("d<=2023-12-31 17:59", 2),
        ("d>1999-12-31", 2),  # after that day, not after its first second
        ("d=..1999-12-31", 1),
        ("d=2000-01-01", 1),
    ],
)
def test_dates_are_meant_as_whole_days(rule, n):
    assert len(kept(rule, DAYS)) == n + 1


def test_words_are_compared_as_they_are():
    assert kept("sex=M|F", WORDS) == ["M", "F", None]
    assert kept("sex='5..6'|\"M\"", WORDS) == ["M", "5..6", None]
    assert kept("sex=whole", pa.array(["whole", "x"])) == ["whole"]


def test_clipping_goes_to_the_nearest_bound():
    tests = bind(parse("x=0..120:clip"), "number")
    assert clipped(tests, np.array([-1, 0.5, 121, np.nan]))[:3].tolist() == [0, 0.5, 120]
    days = bind(parse("d=2000-01-01..2023-12-31:clip"), "date")
    later = np.array(["2024-05-05", "NaT"], "datetime64[us]")
    found = clipped(days, later)
    assert found[0] == np.datetime64("2023-12-31")
    assert np.isnat(found[1])


@pytest.mark.parametrize(
    ("rule", "kind", "stated", "at"),
    [
        ("Age", "number", "expected a column, then = or a comparison", 3),
        ("=1..2", "number", "expected a column, then = or a comparison", 0),
        ("Age=", "number", "expected a value, a range or a comparison, not nothing", 4),
        ("Age=..", "number", "expected a value on one side of '..', not nothing", 6),
        ("Age=0..x", "number", "expected a number, not 'x'", 7),
        ("Age=0..120:drop", "number", "expected a number, not '120:drop'", 7),
        ("Age=5..1", "number", "the range ends before it begins", 4),
        ("Age>0:clip", "number", "clip needs a bound that is valid itself", 3),
        ("Age=1|2:clip", "number", "clip needs ranges: there is no nearest value", 4),
        ("Age>0>1", "number", "expected '..', '|', ',', an action or the end, not '>'", 5),
        ("Age='1", "number", "the value that begins with ' does not end", 4),
        ("Age=inf", "number", "expected a number, not 'inf'", 4),
        ("sex=0..1", "text", "the column holds text, and a range is for numbers and dates", 4),
        ("sex=M:abs", "text", "the column holds text, and abs is for numbers", 6),
        ("d=2023-02-30..", "date", "expected a date as YYYY-MM-DD, not '2023-02-30'", 2),
        ("d=1..2:abs", "date", "the column holds dates, and abs is for numbers", 7),
    ],
)  # fmt: skip
def test_a_mistake_is_shown_with_its_place(rule, kind, stated, at):
    with pytest.raises(UsageError) as caught:
        bind(parse(rule), kind)
    first, shown, caret = caught.value.message.split("\n")
    where = f"at character {at + 1}" if at < len(rule) else "at the end"
    assert (first, shown) == (f"{stated} ({where})", f"  {rule}")
    assert caret == "  " + " " * at + "^"
    assert caught.value.hint


PIECES = st.sampled_from(
    [*"=<>.,|:'\"`-+ \n\te0129", "..", ">=", ":abs", ":clip", "whole", "x", "2020-01-01", "９",
     "\x00", "é", "__", "2020-99-99", "1e999"]
)  # fmt: skip


@settings(max_examples=400, deadline=2000)
@given(
    st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=30).map("".join)),
    st.sampled_from([(NUMBERS, "number"), (DAYS, "date"), (WORDS, "text")]),
)
def test_whatever_is_typed_only_a_usage_error_comes_out(text, of):
    column, kind = of
    try:
        tests = bind(parse(text), kind)
    except UsageError:
        return
    assert holds(tests, column).shape == (len(column),)
