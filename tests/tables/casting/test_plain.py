import math
from datetime import UTC, datetime

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nntool.tables.casting import (
    DATE_FORMATS,
    find_date_format,
    merge_counts,
    to_dates,
    to_numbers,
    to_text,
)


def array(*cells):
    return pa.array(cells, pa.string())


CELL = st.one_of(
    st.floats().map(repr),
    st.integers().map(str),
    st.text(st.sampled_from("0123456789.+-eE_ xinfa"), max_size=6),
)


def python_number(cell):
    """Python's own reading, without the underscores that it also takes."""
    try:
        return math.nan if "_" in cell else float(cell)
    except ValueError:
        return None


@given(st.lists(CELL, max_size=8))
def test_numbers_are_what_python_reads_and_the_rest_is_counted(cells):
    cells = [cell for cell in cells if "_" not in cell]
    values, counts = to_numbers(array(*cells), [])
    expected = [python_number(cell) for cell in cells]
    finite = [v if v is not None and math.isfinite(v) else None for v in expected]
    assert values.to_pylist() == finite
    assert counts.get("inf", 0) == sum(v is not None and math.isinf(v) for v in expected)
    assert counts.get("nan", 0) == sum(v is not None and math.isnan(v) for v in expected)
    assert counts.get("empty", 0) == sum(not cell.strip() for cell in cells)
    unfit = sum(v is None and bool(c.strip()) for c, v in zip(cells, expected, strict=True))
    assert counts.get("unfit", 0) == unfit


@given(st.lists(CELL | st.just(""), max_size=20), st.data())
def test_a_slice_is_read_as_the_whole(cells, data):
    start = data.draw(st.integers(0, len(cells)))
    whole, _ = to_numbers(array(*cells), ["?"])
    values, counts = to_numbers(array(*cells).slice(start), ["?"])
    values.validate(full=True)
    assert values.equals(whole.slice(start))
    assert (values, counts) == to_numbers(array(*cells[start:]), ["?"])


@pytest.mark.parametrize("cell", ["1_000", "0x10", "1,5", "٣", "1e", "--1", "true"])
def test_what_only_looks_like_a_number_is_none(cell):
    assert to_numbers(array("1", cell), []) == (pa.array([1.0, None]), {"unfit": 1})


def test_tokens_are_counted_by_token_even_when_they_are_numbers():
    values, counts = to_numbers(array("1", "-999", " ? ", "nan", "", "-999"), ["-999", "?", "nan"])
    assert values.to_pylist() == [1.0] + [None] * 5
    assert counts == {"empty": 1, "tokens": {"-999": 2, "?": 1, "nan": 1}}


def test_a_token_that_is_a_number_is_missing_in_a_column_of_numbers():
    assert to_numbers(array("1", "-999"), ["-999"])[0].to_pylist() == [1.0, None]


def test_text_loses_the_blanks_around_it_and_nothing_else():
    values, counts = to_text(array(" a b ", "A", "NA", "  ", None), ["NA"])
    assert values.to_pylist() == ["a b", "A", None, None, None]
    assert counts == {"empty": 2, "tokens": {"NA": 1}}


WRITTEN = {
    "YYYY-MM-DD": "%Y-%m-%d",
    "YYYY/MM/DD": "%Y/%m/%d",
    "DD.MM.YYYY": "%d.%m.%Y",
    "DD/MM/YYYY": "%d/%m/%Y",
    "MM/DD/YYYY": "%m/%d/%Y",
}


@given(st.sampled_from(sorted(WRITTEN)), st.lists(st.datetimes(datetime(1000, 1, 1)), min_size=1))
def test_dates_read_back_as_they_were_written(name, moments):
    moments = [m.replace(microsecond=0) for m in moments]
    cells = array(*(m.strftime(WRITTEN[name] + " %H:%M:%S") for m in moments))
    values, counts = to_dates(cells, name, [])
    assert (values.to_pylist(), counts) == (moments, {})
    assert set(DATE_FORMATS) >= set(WRITTEN)


@pytest.mark.parametrize(
    "cell",
    ["2024-02-29", "2024-02-29T13:05", "2024-02-29 13:05:09.5", "2024-02-29T23:30:00Z",
     "2024-02-29T23:30:00+02:00", "2024-02-29T23:30:00.123456-0530"],
)  # fmt: skip
def test_iso_8601_is_what_pandas_reads_in_utc(cell):
    expected = pd.Timestamp(cell)
    expected = expected.tz_convert("UTC").tz_localize(None) if expected.tz else expected
    value = to_dates(array(cell), "YYYY-MM-DD", [])[0][0].as_py()
    assert value.replace(tzinfo=UTC) == expected.to_pydatetime().replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "cell",
    ["2023-02-29", "2023-13-01", "2023-00-10", "2023-1-32", "2023-01-01x", "2023-01-01 24:00"],
)
def test_days_that_do_not_exist_are_missing_and_counted(cell):
    values, counts = to_dates(array("2023-01-31", cell, "?"), "YYYY-MM-DD", ["?"])
    assert values.to_pylist() == [datetime(2023, 1, 31), None, None]
    assert counts == {"tokens": {"?": 1}, "unfit": 1}


def test_the_order_of_day_and_month_follows_the_evidence():
    assert find_date_format(array("01/02/2023", "13/02/2023"), []) == ("DD/MM/YYYY", None)
    assert find_date_format(array("01/02/2023", "", "02/13/2023"), []) == ("MM/DD/YYYY", None)
    chunked = pa.chunked_array([array("01/02/2023"), array("31/12/2023")])
    assert find_date_format(chunked, [])[0] == "DD/MM/YYYY"
    name, note = find_date_format(array("01/02/2023", "03/04/2023"), [])
    assert name is None
    assert "DD/MM/YYYY and MM/DD/YYYY" in note
    name, note = find_date_format(array("13/02/2023", "02/13/2023"), [])
    assert name is None
    assert "the day stands first in '13/02/2023' and the month in '02/13/2023'" in note
    assert find_date_format(array("", "?"), ["?"]) == (None, None)


def test_counts_of_chunks_add_up_to_those_of_the_whole():
    cells = ["1", "x", "?", "inf", "", "y", "?"]
    whole = to_numbers(array(*cells), ["?"])[1]
    total = {}
    for cell in cells:
        merge_counts(total, to_numbers(array(cell), ["?"])[1])
    assert total == whole
