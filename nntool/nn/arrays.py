"""The names of array types, and walking through long vectors in blocks that fit the cache."""

from collections.abc import Iterator
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike as DTypeLike
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Codes: TypeAlias = NDArray[np.int32]

BLOCK = 32_768
"""Floats in one block: the five arrays of an Adam step then fit a second-level cache."""


def in_blocks(*vectors: Array) -> Iterator[tuple[Array, ...]]:
    """Yield the same stretch of each vector in turn; short vectors whole, without slicing.

    >>> [len(a) for a, b in in_blocks(np.zeros(40_000), np.zeros(40_000))]
    [32768, 7232]
    """
    size = len(vectors[0])
    if size <= BLOCK:
        yield vectors
        return
    for start in range(0, size, BLOCK):
        # from a list: of a tuple made by a generator Python keeps the memory for a while
        yield tuple([vector[start : start + BLOCK] for vector in vectors])


def scratch_for(vector: Array) -> Array:
    """Return a buffer for one block of ``vector``: the last block uses its beginning."""
    return np.empty(min(len(vector), BLOCK), vector.dtype)


def in_row_blocks(*arrays: Array) -> Iterator[tuple[Array, ...]]:
    """Yield the same rows of each array in turn, at most `BLOCK` elements (but one row at least).

    >>> [a.shape for a, b in in_row_blocks(np.zeros((40, 1000)), np.zeros((40, 1000)))]
    [(32, 1000), (8, 1000)]
    """
    if arrays[0].size <= BLOCK:
        yield arrays
        return
    n_rows = len(arrays[0])
    size = max(1, BLOCK * n_rows // arrays[0].size)
    for start in range(0, n_rows, size):
        yield tuple([array[start : start + size] for array in arrays])


def zeros(dtype: np.dtype[Any], size: int) -> Array:
    """Return so many zeros in a row, the same for all who ask: not to be written."""
    return _zeros(dtype, max(size, BLOCK))[:size]


@cache
def _zeros(dtype: np.dtype[Any], size: int) -> Array:
    block = np.zeros(size, dtype)
    block.flags.writeable = False
    return block
