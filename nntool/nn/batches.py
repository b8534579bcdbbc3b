"""Rows on their way into a network: one batch, and a source of batches held in memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from nntool.nn.arrays import Array


@dataclass(slots=True)
class Batch:
    """Some rows; its arrays are buffers that the next batch of the same source overwrites.

    ``numeric`` `(n, n_numeric)` float32, ``codes`` `(n, n_categorical)` int32 or None, ``target``
    `(n,)`, ``weight`` `(n,)` or None, ``rows`` `(n,)` the numbers of the rows in their source.
    """

    numeric: Array
    codes: Array | None = None
    target: Array | None = None
    weight: Array | None = None
    rows: Array | None = None

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return len(self.numeric)


class RowSource(Protocol):
    """Where rows come from: an array in memory, or a file read by blocks."""

    @property
    def n_rows(self) -> int:
        """How many rows one epoch has."""

    def batches(
        self, rng: np.random.Generator | None, batch_size: int, min_rows: int = 1
    ) -> Iterator[Batch]:
        """Yield all rows once: shuffled by ``rng``, or in order where it is None.

        Only the last batch differs from ``batch_size``: it is shorter, or, where it would have
        fewer than ``min_rows``, it joins the one before it.
        """


class ArrayRows:
    """Rows ``index`` of arrays in memory, gathered batch by batch into fixed buffers.

    >>> source = ArrayRows(np.eye(3, dtype=np.float32), target=np.arange(3))
    >>> [batch.target.tolist() for batch in source.batches(None, 2)]
    [[0, 1], [2]]
    """

    def __init__(
        self,
        numeric: Array,
        codes: Array | None = None,
        target: Array | None = None,
        weight: Array | None = None,
        index: Array | None = None,
    ) -> None:
        """Take whole arrays of the same length; ``index`` None means all of their rows."""
        for name, array in (("codes", codes), ("target", target), ("weight", weight)):
            if array is not None and len(array) != len(numeric):
                raise ValueError(f"{name} has {len(array)} rows, numeric has {len(numeric)}")
        self.index = np.arange(len(numeric)) if index is None else np.asarray(index)
        if len(self.index) and not 0 <= self.index.min() <= self.index.max() < len(numeric):
            raise ValueError(f"index goes beyond the {len(numeric)} rows")
        self._arrays = (numeric, codes, target, weight)
        self._buffers: dict[int, Batch] = {}

    @property
    def n_rows(self) -> int:
        """How many rows one epoch has."""
        return len(self.index)

    def batches(
        self, rng: np.random.Generator | None, batch_size: int, min_rows: int = 1
    ) -> Iterator[Batch]:
        """Yield all rows once, as `RowSource` says."""
        order = self.index if rng is None else rng.permutation(self.index)
        for start, stop in stretches(len(order), batch_size, min_rows):
            yield self._gather(order[start:stop])

    def _gather(self, rows: Array) -> Batch:
        batch = self._buffers.get(len(rows))
        if batch is None:
            n = len(rows)
            batch = Batch(
                *(None if a is None else np.empty((n, *a.shape[1:]), a.dtype) for a in self._arrays)  # type: ignore[arg-type]  # numeric, the first, is never None
            )
            self._buffers[n] = batch
        buffers = (batch.numeric, batch.codes, batch.target, batch.weight)
        for array, buffer in zip(self._arrays, buffers, strict=True):
            if array is not None:
                # any other mode allocates; the index was checked when the source was made
                np.take(array, rows, axis=0, out=buffer, mode="clip")
        batch.rows = rows
        return batch


def stretches(n_rows: int, batch_size: int, min_rows: int = 1) -> Iterator[tuple[int, int]]:
    """Yield the start and stop of each batch.

    >>> list(stretches(5, 2)), list(stretches(5, 2, min_rows=2))
    ([(0, 2), (2, 4), (4, 5)], [(0, 2), (2, 5)])
    """
    start = 0
    while start < n_rows:
        stop = min(start + batch_size, n_rows)
        if 0 < n_rows - stop < min_rows:
            stop = n_rows
        yield start, stop
        start = stop
