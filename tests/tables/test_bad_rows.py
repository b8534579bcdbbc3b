"""The mark of a bad row goes where the row goes, and good rows find their places again."""

import numpy as np
import pyarrow as pa

from nntool.tables import bad_rows

ROWS = pa.record_batch({"x": ["a", "b", "c"]})
BAD = np.array([False, True, False])


def test_a_mark_is_taken_as_it_was_given():
    rows, mask = bad_rows.take_mark(bad_rows.marked(ROWS, BAD))
    assert rows == ROWS
    assert mask.tolist() == BAD.tolist()


def test_rows_that_are_all_good_have_no_mask():
    assert bad_rows.take_mark(bad_rows.marked(ROWS)) == (ROWS, None)
    assert bad_rows.take_mark(ROWS) == (ROWS, None)


def test_a_mark_survives_slices_and_joins():
    marked = bad_rows.marked(ROWS, BAD)
    joined = pa.concat_batches([marked.slice(1), marked.slice(0, 1)])
    assert bad_rows.take_mark(joined)[1].tolist() == [True, False, False]


def test_good_rows_and_what_is_made_of_them_find_their_places():
    good = bad_rows.without(ROWS, BAD)
    assert good.column("x").to_pylist() == ["a", "c"]
    assert bad_rows.with_gaps(good, BAD).column("x").to_pylist() == ["a", None, "c"]
    assert bad_rows.spread(np.array([[1, 2], [3, 4]]), BAD).tolist() == [[1, 2], [0, 0], [3, 4]]
    every = np.ones(2, bool)
    none = ROWS.slice(0, 0)
    assert bad_rows.with_gaps(none, every).column("x").to_pylist() == [None, None]
