"""Groups of rows: by value, or by the quarter of training that a number or date is in."""

import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nntool.tables.slicing import groups


def of(values, training=None, kind=None):
    found = groups(
        pa.chunked_array([pa.array(values, kind)]),
        pa.chunked_array([pa.array(values if training is None else training, kind)]),
    )
    return [found.labels[code] for code in found.codes]


numbers = st.lists(st.floats(-1e6, 1e6) | st.none(), min_size=12, max_size=40)


@given(numbers, numbers)
def test_an_edge_is_the_least_value_with_its_share_of_training_below(values, training):
    training = [*training, *map(float, range(11))]  # more than ten different values
    known = np.array([value for value in training if value is not None])
    edges = {min(v for v in known if np.mean(known <= v) >= q) for q in (0.25, 0.5, 0.75)}
    found = groups(pa.chunked_array([values], pa.float64()), pa.chunked_array([training]))
    for value, code in zip(values, found.codes, strict=True):
        if value is None:
            assert found.labels[code] is None
        else:
            assert code == sum(value > edge for edge in edges)


def test_quarters_have_the_same_numbers_of_training_rows():
    labels = of([float(i) for i in range(1, 101)])
    assert labels[0] == labels[24] == "≤ 25"
    assert labels[25] == labels[49] == "> 25, ≤ 50"
    assert labels[75] == labels[99] == "> 75"


def test_the_quartiles_are_those_of_training_alone():
    training = [float(i) for i in range(100)]
    assert set(of([1e6, 2e6], training)) == {"> 74"}


def test_ten_values_are_groups_and_eleven_are_cut():
    assert len(set(of([float(i) for i in range(10)]))) == 10
    assert len(set(of([float(i) for i in range(11)]))) == 4


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.date32()])
def test_few_values_of_numbers_and_dates_stand_in_order_and_missing_ones_last(kind):
    values = [3, 1, None, 2, 10, 1]
    if pa.types.is_date(kind):
        values = [v and datetime.date(2024, 1, v) for v in values]
    column = pa.chunked_array([pa.array(values, kind)])
    found = groups(column, column)
    assert found.codes.tolist() == [2, 0, 4, 1, 3, 0]
    assert found.in_order
    assert found.labels[4] is None
    words = pa.chunked_array([["3", "1", "2"]])
    assert not groups(words, words).in_order


def test_a_value_that_most_rows_have_makes_fewer_quarters():
    assert set(of([0.0] * 90 + [float(i) for i in range(1, 12)])) == {"≤ 0", "> 0"}


@pytest.mark.parametrize(
    ("values", "kind", "labels"),
    [
        ([1.0, 2.5, None], pa.float64(), ["1", "2.5", None]),
        (["missing", None, ""], pa.string(), ["missing", None, ""]),
        ([True, None, False], pa.bool_(), ["true", None, "false"]),
        ([datetime.datetime(2024, 5, 1)], pa.timestamp("us"), ["2024-05-01"]),
        ([None, None], pa.string(), [None, None]),
        ([], pa.string(), []),
    ],
)
def test_values_as_a_person_reads_them(values, kind, labels):
    assert of(values, kind=kind) == labels


def test_dates_are_cut_by_dates():
    days = [datetime.datetime(2024, 1, 1) + datetime.timedelta(days=i) for i in range(100)]
    labels = of([*days, None], kind=pa.timestamp("us"))
    assert labels[0] == "≤ 2024-01-25"
    assert labels[99] == "> 2024-03-15"
    assert labels[100] is None
