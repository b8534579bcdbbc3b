"""Files of rows: what the engine needs of a reader, and picking rows and columns on the way."""

from typing import Any, Protocol

import numpy as np

from nntool.nn.arrays import Array

CHUNK = 2**20
"""Bytes read at once where only some rows or columns are wanted: they are picked in the cache."""


class Reader(Protocol):
    """A file of rows of one type and length; it serves one `Buffers` and one thread at a time."""

    @property
    def shape(self) -> tuple[int, ...]:
        """How many rows and columns there are."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of a cell."""

    def read(self, start: int, out: Array) -> Array:
        """Fill ``out`` with the rows from ``start`` and return the part that was filled."""


class Columns:
    """Some columns of a file, read for the rows that a mask names."""

    def __init__(self, reader: Reader, columns: Array | None) -> None:
        n_all = reader.shape[1]
        self._reader = reader
        self._columns = None if columns is None else np.asarray(columns, dtype=np.intp)
        if self._columns is not None and len(self._columns):
            if not 0 <= self._columns.min() <= self._columns.max() < n_all:
                raise ValueError(f"columns go beyond the {n_all} of the file")
            if np.array_equal(self._columns, np.arange(n_all)):
                self._columns = None
        n = n_all if self._columns is None else len(self._columns)
        self.like = np.empty((0, n), reader.dtype)
        self.bytes_per_row = n * reader.dtype.itemsize
        self._chunk_rows = max(1, CHUNK // max(1, n_all * reader.dtype.itemsize))
        self._scratch: tuple[Array, Array] | None = None

    def read(self, start: int, member: Array, out: Array) -> None:
        """Fill ``out`` with the rows that ``member`` marks of those from ``start``."""
        if not self.bytes_per_row:
            return
        if self._columns is None and len(out) == len(member):
            self._read_all(start, out)
            return
        read, picked = self._buffers()
        n = 0
        for at in range(0, len(member), self._chunk_rows):
            wanted = np.flatnonzero(member[at : at + self._chunk_rows])
            if not len(wanted):
                continue
            rows = read[: wanted[-1] + 1]
            self._read_all(start + at, rows)
            into = out[n : n + len(wanted)]
            n += len(wanted)
            if self._columns is None:
                np.take(rows, wanted, axis=0, out=into, mode="clip")
                continue
            if len(wanted) < len(rows):
                rows = np.take(rows, wanted, axis=0, out=picked[: len(wanted)], mode="clip")
            np.take(rows, self._columns, axis=1, out=into, mode="clip")

    def _read_all(self, start: int, out: Array) -> None:
        filled = self._reader.read(start, out)
        if len(filled) != len(out):
            raise ValueError(f"rows {start} to {start + len(out)} are not all there")

    def _buffers(self) -> tuple[Array, Array]:
        if self._scratch is None:
            shape = (self._chunk_rows, self._reader.shape[1])
            self._scratch = (
                np.empty(shape, self._reader.dtype),
                np.empty(shape, self._reader.dtype),
            )
        return self._scratch
