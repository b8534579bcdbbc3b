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
        yield tuple(vector[start : start + BLOCK] for vector in vectors)


def scratch_for(vector: Array) -> Array:
    """Return a buffer for one block of ``vector``: the last block uses its beginning."""
    return np.empty(min(len(vector), BLOCK), vector.dtype)


def flat(array: Array) -> Array:
    """Return a view of all elements in one row; ValueError where they do not lie together."""
    return np.reshape(array, -1, copy=False)


@cache
def zeros(dtype: DTypeLike) -> Array:
    """Return one block of zeros, the same for all: not to be written."""
    block = np.zeros(BLOCK, dtype)
    block.flags.writeable = False
    return block
