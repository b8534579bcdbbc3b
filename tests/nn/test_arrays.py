"""Vectors in memory: where long ones lie."""

import numpy as np
import pytest

from nntool.nn.arrays import HUGE_PAGE, vector_like


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 1000, HUGE_PAGE // 4, HUGE_PAGE // 4 + 3, 1_100_000])
def test_a_new_vector_is_of_zeros_and_a_long_one_begins_a_huge_page(
    dtype: type[np.floating], size: int
) -> None:
    like = np.ones(size, dtype)
    vectors = [vector_like(like) for _ in range(3)]
    for number, vector in enumerate(vectors, start=1):
        assert (vector.shape, vector.dtype) == (like.shape, like.dtype)
        assert vector.flags.c_contiguous
        assert vector.flags.writeable
        assert not vector.any()
        if like.nbytes >= HUGE_PAGE:
            assert vector.ctypes.data % HUGE_PAGE == 0
        vector.fill(number)
    assert [float(v[0]) for v in vectors] == [1, 2, 3], "none lies in another"
    assert [float(v[-1]) for v in vectors] == [1, 2, 3]
