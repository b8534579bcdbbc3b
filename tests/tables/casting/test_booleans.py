"""Booleans as text: one meaning, whatever program wrote them."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nntool.tables.casting.booleans import SPELLINGS, respelled, spelling_of

WORDS = st.sampled_from(["true", "false", "True", "False", "TRUE", "FALSE"])


@given(st.lists(WORDS), st.sampled_from(SPELLINGS))
def test_no_cell_changes_its_meaning_and_all_have_one_spelling(cells, spelling):
    found, n_changed = respelled(pa.array(cells, pa.string()), spelling)
    assert [cell.lower() for cell in found.to_pylist()] == [cell.lower() for cell in cells]
    assert set(found.to_pylist()) <= set(spelling)
    assert n_changed == sum(a != b for a, b in zip(found.to_pylist(), cells, strict=True))


def test_other_text_and_missing_cells_stay_as_they_are():
    cells = pa.array([None, "tRUE", "t", "yes", ""])
    assert respelled(cells, ("False", "True")) == (cells, 0)


@pytest.mark.parametrize(
    ("cells", "spelling"),
    [
        ({"true": 2, "FALSE": 3}, ("FALSE", "TRUE")),
        ({"TRUE": 2, "True": 2}, ("False", "True")),
        ({"True": 1}, ("False", "True")),
        ({"True": 9, "unknown": 1}, None),
        ({"t": 1, "f": 1}, None),
        ({}, None),
    ],
)
def test_most_cells_say_the_spelling_where_there_is_nothing_else(cells, spelling):
    assert spelling_of(cells) == spelling
