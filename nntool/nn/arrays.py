"""The names of array types, and walking through long vectors in blocks that fit the cache."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike as DTypeLike
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Arrays: TypeAlias = Sequence[Array]
Codes: TypeAlias = NDArray[np.int32]

BLOCK = 49_152
"""Floats in one block: the five arrays of an Adam step then fit a second-level cache of 1 MB.

Where a million parameters are updated, two thirds as many cost 4 % more, in calls and slices.
"""


HUGE_PAGE = 2 << 20
"""Bytes of a large page of memory on Linux for x86-64 and most ARM."""


def in_blocks(*vectors: Array) -> Iterable[tuple[Array, ...]]:
    """Return the same stretch of each vector in turn; short vectors whole, without slicing.

    >>> [len(a) for a, b in in_blocks(np.zeros(80_000), np.zeros(80_000))]
    [49152, 30848]
    """
    return (vectors,) if len(vectors[0]) <= BLOCK else _cut(vectors)


def _cut(vectors: tuple[Array, ...]) -> Iterator[tuple[Array, ...]]:
    for start in range(0, len(vectors[0]), BLOCK):
        # from a list: of a tuple made by a generator Python keeps the memory for a while
        yield tuple([vector[start : start + BLOCK] for vector in vectors])


def scratch_for(vector: Array) -> Array:
    """Return a buffer for one block of ``vector``: the last block uses its beginning.

    It has at least two numbers, since some who borrow it take it in halves.
    """
    return np.empty(min(max(len(vector), 2), BLOCK), vector.dtype)


def vector_like(vector: Array) -> Array:
    """Return zeros of the same length and type; a long vector has huge pages to itself.

    Linux gives large memory in pages of 2 MiB where it is aligned to them; looking up the small
    ones at both ends of each vector took 5 % of a step with a million weights.

    >>> vector_like(np.ones(3))
    array([0., 0., 0.])
    """
    n_bytes = vector.nbytes
    if n_bytes < HUGE_PAGE:
        return np.zeros_like(vector)
    whole = -(-n_bytes // HUGE_PAGE) * HUGE_PAGE
    memory = np.empty(whole + HUGE_PAGE, np.uint8)
    start = -memory.ctypes.data % HUGE_PAGE
    found: Array = memory[start : start + n_bytes].view(vector.dtype)
    found.fill(0)
    return found


def mask_for(vector: Array) -> Array:
    """Return a buffer of truth values for one block of ``vector``."""
    return np.empty(min(len(vector), BLOCK), np.bool_)


@cache
def zeros(dtype: np.dtype[Any], size: int) -> Array:
    """Return zeros, at most a block of them, that are the same for all: not to be written."""
    if size < BLOCK:
        return zeros(dtype, BLOCK)[:size]
    block = np.zeros(size, dtype)
    block.flags.writeable = False
    return block


def scalars(dtype: np.dtype[Any], *values: float) -> list[Array]:
    """Return numbers as arrays without axes: they save NumPy 0.3 µs in each call.

    >>> [a.ndim for a in scalars(np.dtype(np.float32), 0.9, 0.999)]
    [0, 0]
    """
    return [np.array(value, dtype) for value in values]
