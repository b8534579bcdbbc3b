import numpy as np
from scipy.special import ndtri

from nntool.tables.operations.normal import normal_quantile


def test_normal_quantiles_agree_with_scipy() -> None:
    p = np.concatenate([np.linspace(1e-7, 1 - 1e-7, 10_001), [1e-10, 1 - 1e-10, 0.075, 0.925]])
    np.testing.assert_allclose(normal_quantile(p), ndtri(p), rtol=1e-13, atol=1e-15)
    assert np.isnan(normal_quantile(np.array([np.nan]))).all()
