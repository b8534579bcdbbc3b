import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from nntool.tables.hashing import ROWS_AT_ONCE, column_hashes, row_hashes

CELL = st.text(st.sampled_from("ab\0é"), max_size=18) | st.none()


def table(rows):
    return pa.table({n: pa.array([r[i] for r in rows], pa.string()) for i, n in enumerate("xyz")})


@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=12), st.data())
def test_rows_are_equal_where_their_hashes_are(rows, data):
    rows += data.draw(st.lists(st.sampled_from(rows)))
    hashes = row_hashes(table(rows))
    for i, row in enumerate(rows):
        assert [bool(h) for h in hashes == hashes[i]] == [other == row for other in rows]


@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=2, max_size=9), st.data())
def test_chunks_and_slices_change_nothing(rows, data):
    cut = data.draw(st.integers(0, len(rows)))
    whole = table(rows)
    chunked = pa.concat_tables([table(rows[:cut]), table(rows[cut:])])
    assert (row_hashes(chunked) == row_hashes(whole)).all()
    assert (row_hashes(whole.slice(cut)) == row_hashes(whole)[cut:]).all()


def test_a_cell_does_not_run_into_the_next():
    hashes = row_hashes(table([("ab", "c", ""), ("a", "bc", ""), ("", "abc", ""), ("abc", "", "")]))
    assert len(set(hashes.tolist())) == 4


def test_a_million_short_cells_do_not_collide():
    cells = pa.array(np.arange(500_000)).cast(pa.string())
    hashes = row_hashes(pa.table({"a": cells, "b": cells}))
    assert np.unique(hashes).size == 500_000


def test_the_hash_of_a_row_never_changes_between_versions():
    assert row_hashes(table([("a", "", None)])).tolist() == [15459982935765512955]


def test_a_long_column_is_hashed_as_its_cells_are():
    some = ["", "a", "a much longer cell", None, "12345678", "é", "1"]
    cells = pa.array(some * (2 * ROWS_AT_ONCE // len(some)))
    hashes = column_hashes(pa.chunked_array([cells, cells.slice(3)]))
    each = dict(zip(some, column_hashes(pa.chunked_array([some])).tolist(), strict=True))
    expected = [each[cell] for cell in [*cells.to_pylist(), *cells.slice(3).to_pylist()]]
    assert hashes.tolist() == expected
