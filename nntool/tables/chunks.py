"""Batches of rows put together, and looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)


def whole(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield all rows as one batch: for what follows the order of rows."""
    every = list(batches)
    if every:
        yield _joined(every)


def at_most(batches: Iterable[pa.RecordBatch], n_rows: int) -> Iterator[pa.RecordBatch]:
    """Cut batches that have more rows; nothing is copied.

    >>> [batch.num_rows for batch in at_most([pa.record_batch({"x": [1, 2, 3]})], 2)]
    [2, 1]
    """
    for batch in batches:
        for start in range(0, batch.num_rows, n_rows):
            yield batch.slice(start, n_rows)


def n_empty_rows(batch: pa.RecordBatch) -> int:
    """How many rows have no value in any column: of text, or of numbers that were text.

    >>> n_empty_rows(pa.record_batch({"x": ["1", " ", None], "y": ["", "", ""]}))
    2
    """
    at = np.arange(batch.num_rows)
    for column in batch.columns:
        some = column if at.size == batch.num_rows else column.take(pa.array(at))
        is_empty = pc.is_null(some)
        if pa.types.is_string(some.type):
            is_empty = pc.equal(pc.utf8_trim_whitespace(some), "").fill_null(True)
        at = at[is_empty.to_numpy(zero_copy_only=False)]
        if not at.size:
            break
    return int(at.size)


def all_finite(numbers: pa.Array) -> bool:
    """Whether every float64 is finite, nulls apart; False may be said in doubt.

    >>> all_finite(pa.array([1.0, None])), all_finite(pa.array([float("nan")]))
    (True, False)
    """
    if not len(numbers):
        return True
    # What lies in the place of a null is 0, as arrays are made by readers; were it not, the answer
    # could only be False. A look at the buffer takes a fifth of the time of one without nulls.
    values = np.frombuffer(numbers.buffers()[1], np.float64)
    return bool(np.isfinite(values[numbers.offset : numbers.offset + len(numbers)]).all())
