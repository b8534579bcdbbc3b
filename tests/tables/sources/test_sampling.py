"""Samples: their size, their shares, their order."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nntool.errors import DataError
from nntool.tables.sources import sampling

COUNTS = st.lists(st.integers(0, 300), min_size=1, max_size=12).filter(any)


def rng():
    return np.random.default_rng(3)


@given(st.integers(1, 2000), st.integers(1, 2500))
def test_a_sample_has_its_size_and_keeps_the_order(n_rows, size):
    rows = sampling.draw(n_rows, size, rng())
    assert len(rows) == min(size, n_rows)
    assert (np.diff(rows) > 0).all()
    assert rows[0] >= 0
    assert rows[-1] < n_rows


def test_each_row_is_as_likely_as_any_other():
    generator = np.random.default_rng(0)
    counts = sum(np.bincount(sampling.draw(20, 5, generator), minlength=20) for _ in range(4000))
    # 1,000 expected, standard deviation 27
    assert np.abs(counts - 1000).max() < 5 * 27


@given(COUNTS, st.data())
def test_each_group_has_its_share_and_one_row_at_least(counts, data):
    counts = np.array(counts)
    total, groups = int(counts.sum()), int((counts > 0).sum())
    size = data.draw(st.integers(groups, total))
    taken = sampling.shares(counts, size)
    assert taken.sum() == size
    assert (taken <= counts).all()
    assert (taken[counts > 0] >= 1).all()
    # Beyond the rows that small groups get by right, no group is far from its share.
    owed = np.maximum(0, 1 - counts * size / total)[counts > 0].sum()
    assert np.abs(taken - counts * size / total).max() <= 1 + owed


def test_a_size_below_the_number_of_groups_is_refused():
    with pytest.raises(DataError, match="--sample 2 is less than the 3 groups"):
        sampling.shares(np.array([5, 0, 5, 5]), 2)


def test_rows_are_drawn_within_groups():
    strata = np.array([0, 1, 1] * 100)
    rows = sampling.draw_stratified(strata, 30, rng())
    assert np.bincount(strata[rows]).tolist() == [10, 20]
    assert (np.diff(rows) > 0).all()


def test_missing_cells_are_a_group_of_their_own():
    text = pa.chunked_array([["a", None], ["", " a", "b"]])
    codes, words = sampling.strata_of(text, "x", ["?"])
    assert codes.tolist() == [0, 1, 1, 0, 2]
    assert words == "3 values of 'x'"


def test_many_numbers_are_cut_into_tenths():
    values = np.random.default_rng(0).permutation(1000)
    text = pa.chunked_array([[*map(str, values), "", None]])
    codes, words = sampling.strata_of(text, "x", ["?"])
    assert words == "tenths of 'x'"
    assert np.bincount(codes).tolist() == [100] * 10 + [2]
    assert codes[np.argmin(values)] == 0
    assert codes[np.argmax(values)] == 9


def test_much_text_is_its_values():
    codes, words = sampling.strata_of(pa.chunked_array([[f"t{i}" for i in range(30)]]), "x", [])
    assert (len(set(codes.tolist())), words) == (30, "30 values of 'x'")


def test_numbers_with_a_decimal_comma_are_cut_into_tenths_and_it_is_said():
    values = [f"1.{i:03},5" for i in range(100)]
    codes, words = sampling.strata_of(pa.chunked_array([values, ["?"]]), "x", ["?"])
    assert words == "tenths of 'x', its numbers as '1.234,56'"
    assert codes.tolist() == [*np.repeat(np.arange(10), 10), 10]
