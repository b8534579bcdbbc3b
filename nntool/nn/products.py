"""Matrix products, each in the way that is fastest for its size; axes in front make it several.

The choices follow sizes and the BLAS library alone, never timings: the same machine gives the same
bytes. The figures beside them were measured on Zen 4 with NumPy's own OpenBLAS 0.3.31, one thread.
"""

import os
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from nntool.nn.arrays import Array

READ_IN_PLACE = 1_000_000
"""Multiplications up to which OpenBLAS' AVX-512 kernels read both matrices where they lie.

For larger products it copies them first, in the order in which its kernel wants them. Where one
side is short the copy takes as long as the product: 32 rows times 512 x 512 weights need 285 µs
whole and 170 µs in strips that are not copied.
"""
SHORT = 64
"""Length of a side up to which copying is worth avoiding.

Over 270 shapes that are cut, tiles are 1.3 times as fast as the whole, and never slower by a fifth.
"""
WORTH_THREADS = 50_000_000
"""Multiplications above which a product is left whole: tiles are too small for several threads.

The same number decides in `nntool.steps.learning` whether training takes more than one.
"""
TRANSPOSED_OUTPUTS = 1200
"""Elements of the result up to which a·bᵀ is read in place."""


class Tile(NamedTuple):
    """How much of a result is computed by one product."""

    rows: int
    columns: int


class Product:
    """out = a·b with either side transposed; slices are made once for the same three arrays.

    >>> a, b, out = np.ones((2, 3)), np.full((2, 4), 5.0), np.empty((3, 4))
    >>> Product(left_transposed=True)(a, b, out)
    >>> out[0]
    array([10., 10., 10., 10.])
    """

    __slots__ = ("_a", "_b", "_calls", "_left", "_out", "_right")

    def __init__(self, *, left_transposed: bool = False, right_transposed: bool = False) -> None:
        self._left = left_transposed
        self._right = right_transposed
        self._a: Array | None = None
        self._b: Array | None = None
        self._out: Array | None = None
        self._calls: list[tuple[Callable[..., object], Array, Array, Array]] = []

    def __call__(self, a: Array, b: Array, out: Array) -> None:
        """Write the product of ``a`` and ``b`` into ``out``, which overlaps neither."""
        if a is not self._a or b is not self._b or out is not self._out:
            self._a, self._b, self._out = a, b, out
            left = a.swapaxes(-1, -2) if self._left else a
            right = b.swapaxes(-1, -2) if self._right else b
            self._calls = self._cut(left, right, out)
        for multiply, left, right, part in self._calls:
            multiply(left, right, part)

    def _cut(
        self, a: Array, b: Array, out: Array
    ) -> list[tuple[Callable[..., object], Array, Array, Array]]:
        (m, k), n = a.shape[-2:], b.shape[-1]
        if k == 1 and n > 512:
            return [(np.multiply, a, b, out)]  # half the time: np.dot goes down the columns
        tile = tile_for(m, k, n, right_transposed=self._right) if _reads_in_place(out) else None
        if tile is None:
            return [(np.dot if out.ndim == 2 else np.matmul, a, b, out)]
        # np.matmul takes 0.5 µs longer to begin, but writes into columns of an array too
        multiply = np.dot if out.ndim == 2 and tile.columns >= n else np.matmul
        return [
            (multiply, a[..., i : i + tile.rows, :], b[..., j : j + tile.columns], part)
            for j in range(0, n, tile.columns)
            for i in range(0, m, tile.rows)
            for part in [out[..., i : i + tile.rows, j : j + tile.columns]]
        ]


def tile_for(m: int, k: int, n: int, *, right_transposed: bool = False) -> Tile | None:
    """Return how to cut an `(m, k)` by `(k, n)` product so that OpenBLAS copies nothing.

    None where that is so without cutting, or where tiles would be too narrow to be fast. The kernel
    takes 12 rows and 64 columns at a time; where it must skip from row to row, fewer are slow. Of a
    transposed right side it wants long rows.

    >>> tile_for(512, 32, 512)
    Tile(rows=60, columns=512)
    >>> tile_for(32, 1024, 1024)
    Tile(rows=12, columns=64)
    >>> tile_for(256, 256, 256) is None
    True
    """
    if min(m, k, n) > SHORT or min(m, n) == 1 or m * k * n > WORTH_THREADS:
        return None
    if right_transposed:
        columns = min(TRANSPOSED_OUTPUTS // m, READ_IN_PLACE // (m * k)) // 8 * 8
        return Tile(m, columns) if 16 <= columns < n and k >= 128 else None
    if m * k * n <= READ_IN_PLACE:
        return None
    for columns in (n, 64):
        rows = READ_IN_PLACE // (k * columns) // 12 * 12
        if rows >= (12 if columns >= 16 else 48):
            return Tile(rows, columns)
    return None


def _reads_in_place(out: Array) -> bool:
    return out.dtype == np.float32 and _blas_reads_in_place()


@cache
def _blas_reads_in_place() -> bool:
    """Whether NumPy's BLAS is OpenBLAS with one of its AVX-512 kernels."""
    built = np.show_config(mode="dicts")  # leaves out what is empty
    blas = built.get("Build Dependencies", {}).get("blas", {}).get("name", "")
    found = built.get("SIMD Extensions", {}).get("found", [])
    usual = "skylakex" if {"AVX512_SKX", "X86_V4"} & set(found) else ""
    kernel = os.environ.get("OPENBLAS_CORETYPE") or usual
    return "openblas" in blas and kernel.lower() in ("skylakex", "cooperlake", "sapphirerapids")
