"""Rows that could not be read: they keep their place, all cells missing, and bear a mark.

The mark is a column of its own, so that it goes wherever the rows go: through chunks that are cut
anew, and through threads.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

MARK = "\0bad row"
"""The column that is true for a row that could not be read; no CSV has a NUL in a name."""

Mask = npt.NDArray[np.bool_]


def marked(batch: pa.RecordBatch, is_bad: Mask | None = None) -> pa.RecordBatch:
    r"""The rows with their mark; None is for rows that are all good.

    >>> marked(pa.record_batch({"x": ["1"]})).to_pylist()
    [{'x': '1', '\x00bad row': False}]
    """
    return with_mark(batch, pa.array(np.zeros(batch.num_rows, bool) if is_bad is None else is_bad))


def with_mark(batch: pa.RecordBatch, mark: pa.Array | None) -> pa.RecordBatch:
    """The rows with a mark that they had before; None where they had none."""
    if mark is None:
        return batch
    schema = batch.schema.append(pa.field(MARK, pa.bool_()))
    return pa.RecordBatch.from_arrays([*batch.columns, mark], schema=schema)


def without_mark(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.Array | None]:
    """The rows without their mark, and the mark; None where they have none."""
    if batch.schema.names[-1:] != [MARK]:
        return batch, None
    return batch.select(batch.schema.names[:-1]), batch.column(batch.num_columns - 1)


def take_mark(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, Mask | None]:
    """The rows without their mark, and which are bad: None where all are good."""
    rows, mark = without_mark(batch)
    is_bad = None if mark is None else mark.to_numpy(zero_copy_only=False)
    return rows, None if is_bad is None or not is_bad.any() else is_bad


def with_gaps(good: pa.RecordBatch, is_bad: Mask) -> pa.RecordBatch:
    """Good rows at their places among bad ones `(n,)`, whose cells are all missing.

    >>> with_gaps(pa.record_batch({"x": ["1"]}), np.array([True, False])).to_pylist()
    [{'x': None}, {'x': '1'}]
    """
    places = np.cumsum(~is_bad) - 1
    return good.take(pa.array(places, mask=is_bad))


def without(batch: pa.RecordBatch, is_bad: Mask) -> pa.RecordBatch:
    """The good rows."""
    return batch.filter(pa.array(~is_bad))


def spread(values: npt.NDArray[Any], is_bad: Mask) -> npt.NDArray[Any]:
    """What was made of good rows, `(n_good, …)`, at their places among bad ones: those are 0."""
    found = np.zeros((len(is_bad), *values.shape[1:]), values.dtype)
    found[~is_bad] = values
    return found
