"""Typed values as text: what is read back from the text is the value."""

import datetime
import json
import uuid
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nntool.errors import DataError
from nntool.tables.sources.text import Number, as_text, cell_text, json_text, shortest

MADRID = "Europe/Madrid"
TEN = datetime.datetime(2020, 1, 2, 10)
MIDNIGHT = datetime.datetime(2020, 1, 2)


def text(array):
    return as_text(array, "x", "x.parquet").to_pylist()


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([1.0, 0.1, None]), ["1", "0.1", None]),
        (pa.array([0.1, 16777216.0], pa.float32()), ["0.1", "16777216"]),
        (pa.array(np.array([0.1, 2.0], np.float16)), ["0.1", "2"]),
        (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
        (pa.array([-(2**63)]), ["-9223372036854775808"]),
        (pa.array([True, None, False]), ["true", None, "false"]),
        (pa.array([Decimal("1.20"), None]), ["1.20", None]),
        (pa.array([Decimal("0.0000000001")], pa.decimal128(20, 10)), ["0.0000000001"]),
        (pa.array([Decimal("1E+2")], pa.decimal128(5, -2)), ["100"]),
        (pa.array([datetime.date(2024, 2, 29)]), ["2024-02-29"]),
        (pa.array([datetime.datetime(2024, 2, 29)]), ["2024-02-29"]),
        (pa.array([datetime.datetime(2024, 2, 29, 7, 5, 0, 120000)]), ["2024-02-29T07:05:00.12"]),
        (pa.array([TEN], pa.timestamp("us", MADRID)), ["2020-01-02T10:00:00Z"]),
        (pa.array([MIDNIGHT], pa.timestamp("s", "UTC")), ["2020-01-02T00:00:00Z"]),
        (pa.array([1_500_000_001], pa.timestamp("ns", "UTC")), ["1970-01-01T00:00:01.500000001Z"]),
        (pa.array([datetime.time(1, 2, 3)], pa.time32("s")), ["01:02:03"]),
        (pa.array([datetime.timedelta(hours=1, milliseconds=5)]), ["3600.005"]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.array(["", "0012", " x"], pa.large_string()), ["", "0012", " x"]),
        (pa.nulls(2), [None, None]),
        (pa.array([[1, 2], None]), ["[1,2]", None]),
        (pa.array([{"a": 0.5, "b": "é\""}]), ['{"a":0.5,"b":"é\\""}']),
    ],
)  # fmt: skip
def test_each_type_has_its_text(array, expected):
    assert text(array) == expected


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary(2)])
def test_bytes_are_no_text_and_the_way_out_is_named(kind):
    with pytest.raises(DataError, match="'x' holds bytes") as caught:
        text(pa.array([b"ab"], kind))
    assert caught.value.hint == "leave the column out: --drop 'x'"


@given(st.floats(allow_nan=False))
def test_a_float_reads_back_as_itself_and_as_pyarrow_writes_it(value):
    written = shortest(value)
    assert float(written) == value
    assert written == pc.cast(pa.scalar(value), pa.string()).as_py()


MOMENTS = st.datetimes(
    timezones=st.timezones(),
    min_value=datetime.datetime(1900, 1, 1),
    max_value=datetime.datetime(2200, 1, 1),
)


@given(MOMENTS)
def test_a_time_with_a_zone_is_the_same_moment_in_utc(moment):
    written = cell_text(moment)
    assert datetime.datetime.fromisoformat(written).timestamp() == moment.timestamp()
    assert written.endswith("Z")


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_decimal_keeps_every_digit(value):
    assert Decimal(cell_text(value)) == value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.lists(JSON))
def test_a_list_as_json_is_read_back_as_it_was(value):
    assert json.loads(json_text(value)) == value


def test_numbers_inside_json_keep_their_digits():
    assert json_text([Number("1.50"), Number("12345678901234567890.10")]) == (
        "[1.50,12345678901234567890.10]"
    )


def test_identifiers_of_databases_are_text():
    value = uuid.UUID(int=5)
    assert cell_text(value) == str(value)
