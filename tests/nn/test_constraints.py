"""Max-norm: units with long incoming vectors are shortened, the others left as they are."""

import numpy as np
import pytest

from nntool.nn.constraints import limit_norms


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_long_columns_are_shortened_and_keep_their_direction(dtype: type) -> None:
    rng = np.random.default_rng(0)
    w = rng.normal(size=(6, 5)).astype(dtype)
    w[:, 1] = 0
    w[:, 2] *= 0.01
    before = w.copy()
    limit_norms([w], 1.04)
    norms, old = np.linalg.norm(w, axis=0), np.linalg.norm(before, axis=0)
    assert (old > 1.04).sum() >= 2
    np.testing.assert_allclose(norms, np.minimum(old, 1.04), rtol=1e-6)
    np.testing.assert_array_equal(w[:, old <= 1.04], before[:, old <= 1.04])
    np.testing.assert_allclose(w * old, before * norms, rtol=1e-5)


def test_several_matrices_are_views_of_one_vector_and_members_each_for_themselves() -> None:
    theta = np.full(2 * 14, 2.0).reshape(2, 14)
    theta[1, :6] = 0.1
    first, second = theta[:, :6].reshape(2, 3, 2), theta[:, 6:12].reshape(2, 2, 3)
    assert np.shares_memory(first, theta)
    limit_norms([first, second], 1.0)
    np.testing.assert_allclose(np.linalg.norm(first[0], axis=0), 1)
    np.testing.assert_array_equal(first[1], 0.1)
    np.testing.assert_allclose(np.linalg.norm(second, axis=1), 1)
    np.testing.assert_array_equal(theta[:, 12:], 2)
