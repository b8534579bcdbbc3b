import numpy as np
import pyarrow as pa
import pytest

from nntool.tables.casting import read_numbers, to_numbers
from nntool.tables.casting.forced_formats import forced_number_format


def test_plain_numbers_are_read_without_looking_for_another_way_of_writing() -> None:
    reading = read_numbers(pa.chunked_array([["1.5", "?"], ["", "-2"]]), ["?"])
    assert reading.are_all
    assert reading.found is None
    assert reading.counts == {"tokens": {"?": 1}, "empty": 1}
    np.testing.assert_array_equal(reading.to_numpy(4), [1.5, np.nan, np.nan, -2])


def test_what_all_cells_show_is_how_they_are_read() -> None:
    reading = read_numbers(pa.chunked_array([["1.234,5", "?"], ["99,25"]]), ["?"])
    assert reading.are_all
    assert reading.written is not None
    assert reading.written.decimal == ","
    np.testing.assert_array_equal(reading.to_numpy(3), [1234.5, np.nan, 99.25])


@pytest.mark.parametrize("hint", ["table", "asked"])
def test_a_decimal_comma_elsewhere_makes_points_separate_thousands(hint: str) -> None:
    cells = pa.array(["1.234", "5.678"])
    assert read_numbers(cells, []).to_numpy(2).tolist() == [1.234, 5.678]
    assert read_numbers(cells, [], **{hint: ","}).to_numpy(2).tolist() == [1234, 5678]


def test_some_words_among_numbers_leave_the_numbers_and_much_text_leaves_nothing() -> None:
    some = read_numbers(pa.array(["1", "2", "x"]), [])
    assert not some.are_all
    np.testing.assert_array_equal(some.to_numpy(3), [1, 2, np.nan])
    much = read_numbers(pa.array(["1", "x", "y"]), [])
    assert much.values is None
    assert np.isnan(much.to_numpy(3)).all()


def test_no_value_at_all_is_no_number() -> None:
    assert not read_numbers(pa.array(["", None, "?"]), ["?"]).are_all
    assert not read_numbers(pa.chunked_array([], pa.string()), []).are_all


@pytest.mark.parametrize("around", ['="{}"', "'{}", "{}\u200b", "\ufeff{}"])
@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["24244.33", "-7", "1e3"], [24244.33, -7, 1000]),
        (["1.234,5", "-7,25", "10,5"], [1234.5, -7.25, 10.5]),
    ],
)
def test_numbers_in_one_disguise_are_numbers(
    around: str, cells: list[str], values: list[float]
) -> None:
    reading = read_numbers(pa.array([*map(around.format, cells), "", "?"]), ["?"])
    assert reading.are_all
    np.testing.assert_array_equal(reading.to_numpy(5), [*values, np.nan, np.nan])


@pytest.mark.parametrize(
    "cells",
    [
        ['="00123"', '="00124"'],
        ['="12345678901234567890"', '="1"'],
        ["'1", "2", "'x"],
        ["'tis", "'twas"],
        ['="1"', "'2", '="3"'],
    ],
)
def test_codes_words_and_mixed_disguises_stay_text(cells: list[str]) -> None:
    assert not read_numbers(pa.array(cells), []).are_all


def test_codes_in_disguise_are_numbers_where_a_person_says_so() -> None:
    cells = pa.chunked_array([['="00123"', '="00124 kg"']])
    written = forced_number_format(cells, None, None).written
    assert to_numbers(cells.chunk(0), [], written)[0].to_pylist() == [123, 124]
