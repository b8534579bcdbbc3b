"""Batches cut anew to a fixed number of rows, so that results do not depend on the reader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def cut(batches: Iterable[pa.RecordBatch], n_rows: int) -> Iterator[pa.RecordBatch]:
    """Yield batches of exactly ``n_rows`` rows, the last one of what is left.

    >>> parts = [pa.record_batch({"x": [1, 2]}), pa.record_batch({"x": [3]})]
    >>> [batch.num_rows for batch in cut(parts, 2)]
    [2, 1]
    """
    waiting: list[pa.RecordBatch] = []
    n_waiting = 0
    for batch in batches:
        start = 0
        while n_waiting + batch.num_rows - start >= n_rows:
            taken = n_rows - n_waiting
            yield _joined([*waiting, batch.slice(start, taken)])
            waiting, n_waiting = [], 0
            start += taken
        if start < batch.num_rows:
            waiting.append(batch.slice(start))
            n_waiting += batch.num_rows - start
    if waiting:
        yield _joined(waiting)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)


def whole(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield all rows as one batch: for what follows the order of rows."""
    every = list(batches)
    if every:
        yield _joined(every)


def n_empty_rows(batch: pa.RecordBatch) -> int:
    """How many rows of text have no value in any column.

    >>> n_empty_rows(pa.record_batch({"x": ["1", " ", None], "y": ["", "", ""]}))
    2
    """
    at = np.arange(batch.num_rows)
    for column in batch.columns:
        some = column if at.size == batch.num_rows else column.take(pa.array(at))
        is_empty = pc.equal(pc.utf8_trim_whitespace(some), "").fill_null(True)
        at = at[is_empty.to_numpy(zero_copy_only=False)]
        if not at.size:
            break
    return int(at.size)
