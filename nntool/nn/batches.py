"""Rows on their way into a network: one batch, and a source of batches held in memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from nntool.nn.arrays import Array
from nntool.nn.sampling import SHUFFLED, Sampler


@dataclass(slots=True)
class Batch:
    """Some rows; its arrays are buffers that the next batch of the same source overwrites.

    ``numeric`` `(n, n_numeric)` float32, ``codes`` `(n, n_categorical)` int32 or None, ``target``
    `(n,)`, ``weight`` `(n,)` or None, ``rows`` `(n,)` the numbers of the rows in their source.
    Where mixup has blended each row with a partner, ``share`` `(n,)` is the part of the row's own
    loss, and the rest goes to the loss of ``partner_target``, weighted by ``partner_weight``.
    """

    numeric: Array
    codes: Array | None = None
    target: Array | None = None
    weight: Array | None = None
    rows: Array | None = None
    partner_target: Array | None = None
    partner_weight: Array | None = None
    share: Array | None = None

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
        self,
        rng: np.random.Generator | None,
        batch_size: int,
        min_rows: int = 1,
        sampler: Sampler | None = None,
    ) -> Iterator[Batch]:
        """Yield all rows once: shuffled by ``rng``, or in order where it is None.

        A ``sampler`` draws the rows by ``rng`` instead, as many as there are.
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
        self.numeric = numeric
        self.codes = codes
        self.target = target
        self.weight = weight
        self._buffers = BatchBuffers(numeric, codes, target, weight)

    @property
    def n_rows(self) -> int:
        """How many rows one epoch has."""
        return len(self.index)

    def batches(
        self,
        rng: np.random.Generator | None,
        batch_size: int,
        min_rows: int = 1,
        sampler: Sampler | None = None,
    ) -> Iterator[Batch]:
        """Yield all rows once, as `RowSource` says."""
        order = self.index if rng is None else self.order(rng, sampler)
        for start, stop in stretches(len(order), batch_size, min_rows):
            yield self._gather(order[start:stop])

    def order(self, rng: np.random.Generator, sampler: Sampler | None = None) -> Array:
        """Return the numbers of the rows of one epoch in the order in which they come."""
        return np.asarray(self.index[(sampler or SHUFFLED).order(rng, self.index, self.target)])

    def _gather(self, rows: Array) -> Batch:
        batch = self._buffers[len(rows)]
        arrays = (self.numeric, self.codes, self.target, self.weight)
        for array, buffer in zip(arrays, buffers_of(batch), strict=True):
            if array is not None and buffer is not None:
                # any other mode allocates; the index was checked when the source was made
                np.take(array, rows, axis=0, out=buffer, mode="clip")
        batch.rows = rows
        return batch


class BatchBuffers:
    """One batch of buffers for each number of rows, made when it is first asked for."""

    def __init__(self, *likes: Array | None) -> None:
        """Make rows like those of numeric, codes, target and weight; None has no buffer."""
        self._rows = [None if like is None else (like.shape[1:], like.dtype) for like in likes]
        self._batches: dict[int, Batch] = {}

    def __getitem__(self, n: int) -> Batch:
        """Return the batch of ``n`` rows, without a trace of what was mixed into it before."""
        batch = self._batches.get(n)
        if batch is None:
            batch = Batch(
                *(None if row is None else np.empty((n, *row[0]), row[1]) for row in self._rows)  # type: ignore[arg-type]  # numeric, the first, is never None
            )
            self._batches[n] = batch
        batch.partner_target = batch.partner_weight = batch.share = None
        return batch


def buffers_of(batch: Batch) -> tuple[Array, Array | None, Array | None, Array | None]:
    """Return the arrays of a batch that rows are gathered into."""
    return batch.numeric, batch.codes, batch.target, batch.weight


def count_batches(n_rows: int, batch_size: int, min_rows: int = 1) -> int:
    """Return how many batches `stretches` yields.

    >>> count_batches(5, 2), count_batches(5, 2, min_rows=2)
    (3, 2)
    """
    whole, rest = divmod(n_rows, batch_size)
    return whole + (rest >= min_rows if whole else rest > 0)


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
