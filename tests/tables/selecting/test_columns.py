import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from nntool.tables import arrays
from nntool.tables.selecting import columns as module
from nntool.tables.selecting.columns import Columns, InMemory

MATRIX = np.arange(5 * 40, dtype=np.float32).reshape(40, 5)
NO_CODES = InMemory(np.zeros((40, 0), np.int32))


@pytest.fixture
def file(tmp_path):
    arrays.save(tmp_path / "matrix.npy", MATRIX)
    with arrays.MatrixReader(tmp_path / "matrix.npy") as reader:
        yield reader


@given(
    rows=st.sets(st.integers(0, 39), min_size=1),
    picked=st.lists(st.integers(0, 4), unique=True),
    block=st.integers(1, 50),
)
@examples(max_examples=50, deadline=None)
def test_rows_and_columns_are_those_asked_for_however_they_are_read(rows, picked, block) -> None:
    rows = np.array(sorted(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK_ROWS", block)
        patch.setattr(module, "BYTES_AT_ONCE", 4 * len(rows) * 2)
        columns = Columns(InMemory(MATRIX), NO_CODES, rows)
        np.testing.assert_array_equal(columns.take("numeric", picked), MATRIX[np.ix_(rows, picked)])
        one_by_one = list(columns.one_by_one("numeric", picked))
    assert [position for position, _ in one_by_one] == picked
    for position, values in one_by_one:
        np.testing.assert_array_equal(values, MATRIX[rows, position])


def test_a_file_is_read_as_an_array_is(file, monkeypatch) -> None:
    monkeypatch.setattr(module, "BLOCK_ROWS", 7)
    columns = Columns(file, NO_CODES, np.array([0, 3, 6, 7, 39]))
    np.testing.assert_array_equal(
        columns.take("numeric", [4, 0]), MATRIX[[0, 3, 6, 7, 39]][:, [4, 0]]
    )
    places = [place for place, _ in columns.blocks("numeric", [1])]
    assert places == [0, 3, 4]
