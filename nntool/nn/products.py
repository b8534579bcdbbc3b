"""Matrix products of two-dimensional arrays, each in the way that is fastest for its size.

The choices follow sizes and the BLAS library alone, never timings: the same machine gives the same
bytes. The figures beside them were measured on Zen 4 with NumPy's own OpenBLAS 0.3.31, one thread.
"""

import os
from collections.abc import Callable
from functools import cache
from typing import Literal, NamedTuple

import numpy as np

from nntool.nn.arrays import Array

READ_IN_PLACE = 1_000_000
"""Multiplications up to which OpenBLAS' AVX-512 kernels read both matrices where they lie.

For larger products it copies them first, in the order in which its kernel wants them. Where one
side is short the copy takes as long as the product: 32 rows times 512 x 512 weights need 285 µs
whole and 170 µs in strips that are not copied.
"""
SHORT = 64
"""Length of a side up to which copying is worth avoiding."""
TRANSPOSED_OUTPUTS = 1200
"""Elements of the result up to which a·bᵀ is read in place."""


class Strips(NamedTuple):
    """How a product is cut: along which axis of the result, in strips of which size."""

    axis: Literal[0, 1]
    size: int


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
            self._calls = self._cut(a.T if self._left else a, b.T if self._right else b, out)
        for multiply, left, right, part in self._calls:
            multiply(left, right, part)

    def _cut(
        self, a: Array, b: Array, out: Array
    ) -> list[tuple[Callable[..., object], Array, Array, Array]]:
        (m, k), n = a.shape, b.shape[1]
        if k == 1 and n > 512:
            return [(np.multiply, a, b, out)]  # half the time: np.dot goes down the columns
        strips = cut(m, k, n, right_transposed=self._right) if _reads_in_place(out) else None
        if strips is None:
            return [(np.dot, a, b, out)]  # np.matmul takes 0.5 µs longer to begin
        axis, size = strips
        starts = range(0, out.shape[axis], size)
        if axis == 0:
            return [(np.dot, a[i : i + size], b, out[i : i + size]) for i in starts]
        return [(np.matmul, a, b[:, i : i + size], out[:, i : i + size]) for i in starts]


def cut(m: int, k: int, n: int, *, right_transposed: bool = False) -> Strips | None:
    """Return how to cut an `(m, k)` by `(k, n)` product so that OpenBLAS copies nothing.

    None where that is so without cutting, or where the strips would be too narrow to be fast.

    >>> cut(32, 512, 512)
    Strips(axis=1, size=32)
    >>> cut(512, 32, 512)
    Strips(axis=0, size=60)
    >>> cut(256, 256, 256) is None
    True
    """
    if min(m, k, n) > SHORT or min(m, n) == 1:
        return None
    if right_transposed:
        columns = min(TRANSPOSED_OUTPUTS // m, READ_IN_PLACE // (m * k)) // 8 * 8
        return Strips(1, columns) if 16 <= columns < n and k >= 32 else None
    if m * k * n <= READ_IN_PLACE:
        return None
    rows, columns = READ_IN_PLACE // (k * n), READ_IN_PLACE // (m * k)
    if rows >= 12:
        return Strips(0, rows // 12 * 12)
    return Strips(1, columns // 32 * 32) if columns >= 32 else None


def _reads_in_place(out: Array) -> bool:
    return out.dtype == np.float32 and _blas_reads_in_place()


@cache
def _blas_reads_in_place() -> bool:
    """Whether NumPy's BLAS is OpenBLAS with one of its AVX-512 kernels."""
    built = np.show_config(mode="dicts")
    blas = built["Build Dependencies"]["blas"]["name"]
    wide = {"AVX512_SKX", "X86_V4"} & set(built["SIMD Extensions"]["found"])
    kernel = os.environ.get("OPENBLAS_CORETYPE") or ("skylakex" if wide else "")
    return "openblas" in blas and kernel.lower() in ("skylakex", "cooperlake", "sapphirerapids")
