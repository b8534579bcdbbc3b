"""The produced columns as they are judged: some rows of some columns at a time.

The matrices of a large table stay in their files; only what is asked for is ever copied.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Rows = npt.NDArray[np.int64]

BYTES_AT_ONCE = 64 << 20
"""So much of the columns is held at a time where they are judged one by one."""
BLOCK_ROWS = 16_384


class Blocks(Protocol):
    """An array file, as `nntool.tables.arrays.MatrixReader` reads it."""

    @property
    def shape(self) -> tuple[int, ...]:
        """How many rows and columns there are."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of a cell."""

    def blocks(self, n_rows: int) -> Iterator[tuple[int, Array]]:
        """Give the first row number and the rows of each block; all may share one buffer."""


@dataclass(frozen=True)
class InMemory:
    """An array that is read as a file is."""

    array: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """How many rows and columns there are."""
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of a cell."""
        return self.array.dtype

    def blocks(self, n_rows: int) -> Iterator[tuple[int, Array]]:
        """Give views of the array, block by block."""
        for start in range(0, len(self.array), n_rows):
            yield start, self.array[start : start + n_rows]


@dataclass(frozen=True)
class Columns:
    """The produced columns of both kinds and the rows, in rising order, that are judged."""

    numeric: Blocks
    codes: Blocks
    rows: Rows

    def __len__(self) -> int:
        """How many rows are judged."""
        return len(self.rows)

    def of(self, rows: Rows) -> "Columns":
        """Give the same columns for other rows, in rising order."""
        return Columns(self.numeric, self.codes, rows)

    def take(self, kind: str, positions: Sequence[int]) -> Array:
        """Copy columns `(n, m)`; one pass through the file."""
        found = np.empty((len(self.rows), len(positions)), self._matrix(kind).dtype)
        for start, block in self.blocks(kind, positions):
            found[start : start + len(block)] = block
        return found

    def blocks(self, kind: str, positions: Sequence[int]) -> Iterator[tuple[int, Array]]:
        """Give the place of the first row and the cells `(m, k)` of each block of judged rows."""
        picked = np.asarray(positions, np.intp)
        done = 0
        for start, block in self._matrix(kind).blocks(BLOCK_ROWS):
            end = done + int(np.searchsorted(self.rows[done:], start + len(block)))
            if end > done:
                yield done, block[np.ix_(self.rows[done:end] - start, picked)]
            done = end

    def one_by_one(self, kind: str, positions: Sequence[int]) -> Iterator[tuple[int, Array]]:
        """Give each position and its column `(n,)`; the file is read for several at a time."""
        bytes_each = max(1, len(self.rows) * self._matrix(kind).dtype.itemsize)
        step = max(1, BYTES_AT_ONCE // bytes_each)
        for start in range(0, len(positions), step):
            some = list(positions[start : start + step])
            columns = np.ascontiguousarray(self.take(kind, some).T)
            yield from zip(some, columns, strict=True)

    def _matrix(self, kind: str) -> Blocks:
        return self.numeric if kind == "numeric" else self.codes
