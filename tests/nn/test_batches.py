"""Rows in memory: every row once in each epoch, in the order of the stream."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nntool.nn.batches import ArrayRows, stretches

NUMERIC = np.arange(20, dtype=np.float32).reshape(10, 2)
CODES = np.arange(10, dtype=np.int32).reshape(10, 1)


def source(index: np.ndarray | None = None) -> ArrayRows:
    return ArrayRows(NUMERIC, CODES, np.arange(10), np.arange(10.0) + 100, index)


@given(n=st.integers(0, 50), size=st.integers(1, 20), least=st.integers(1, 20))
def test_stretches_cover_every_row_once(n: int, size: int, least: int) -> None:
    cut = list(stretches(n, size, least))
    assert [row for start, stop in cut for row in range(start, stop)] == list(range(n))
    assert all(stop - start == size for start, stop in cut[:-1])
    if n >= least:
        assert all(stop - start >= min(least, size) for start, stop in cut)


def test_the_arrays_of_a_batch_belong_to_the_same_rows() -> None:
    index = np.array([7, 1, 4, 2, 9])
    met = []
    for batch in source(index).batches(np.random.default_rng(0), 2):
        assert batch.codes is not None
        assert batch.target is not None
        assert batch.weight is not None
        np.testing.assert_array_equal(batch.numeric[:, 0], 2 * batch.target)
        np.testing.assert_array_equal(batch.codes[:, 0], batch.target)
        np.testing.assert_array_equal(batch.weight, batch.target + 100)
        np.testing.assert_array_equal(batch.rows, batch.target)
        met += batch.target.tolist()
    assert sorted(met) == sorted(index)
    assert met != index.tolist()


def test_without_a_stream_rows_come_in_order_and_with_one_each_epoch_differs() -> None:
    rows, rng = source(), np.random.default_rng(0)

    def epoch(stream: np.random.Generator | None) -> list[int]:
        return [int(v) for batch in rows.batches(stream, 4) for v in batch.rows]  # type: ignore[union-attr]  # this source numbers its rows

    assert epoch(None) == list(range(10))
    assert epoch(rng) != epoch(rng)


def test_arrays_and_indices_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="target has 3 rows, numeric has 10"):
        ArrayRows(NUMERIC, target=np.zeros(3))
    with pytest.raises(ValueError, match="index goes beyond the 10 rows"):
        ArrayRows(NUMERIC, index=np.array([0, 10]))
