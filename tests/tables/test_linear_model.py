"""The linear baseline is the optimum that scikit-learn also goes for, dense or sparse."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression, Ridge

from nntool.tables import linear_model

RNG = np.random.default_rng(3)
X = RNG.normal(size=(300, 5)) @ RNG.normal(size=(5, 5))
Z = X @ RNG.normal(size=(5, 4)) + [0.5, -1.0, 0.0, 2.0] + RNG.gumbel(size=(300, 4))


def as_csr(x):
    return sparse.csr_array(np.where(np.abs(x) > 0.7, x, 0.0))


@pytest.mark.parametrize("kind", [np.asarray, as_csr])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_logistic_regression_is_that_of_scikit_learn(kind, n_classes):
    x, codes = kind(X), Z[:, :n_classes].argmax(axis=1)
    expected = LogisticRegression(tol=1e-9, max_iter=10_000).fit(x, codes)
    found = linear_model.logistic(x, codes, n_classes)
    p = linear_model.probabilities(found, x)
    np.testing.assert_allclose(p, expected.predict_proba(x), atol=1e-4)
    assert found.has_converged


@pytest.mark.parametrize("kind", [np.asarray, as_csr])
@pytest.mark.parametrize(("scale", "middle"), [(1, 0), (1e6, 3e9), (1e-6, -2e-4)])
def test_ridge_regression_is_that_of_scikit_learn(kind, scale, middle):
    x, y = kind(X), middle + scale * Z[:, 0]
    expected = Ridge(solver="lsqr" if sparse.issparse(x) else "auto", tol=1e-12).fit(x, y)
    found = linear_model.ridge(x, y).outputs(x)[:, 0]
    np.testing.assert_allclose(found, expected.predict(x), atol=1e-4 * y.std())


def test_classes_that_a_line_parts_and_huge_features_overflow_nothing():
    x = np.linspace(-1, 1, 40)[:, None] * 1e4
    codes = (x[:, 0] > 0).astype(int)
    with np.errstate(all="raise", under="ignore"):
        p = linear_model.probabilities(linear_model.logistic(x, codes, 2), x)
        several = linear_model.logistic(x, codes + (x[:, 0] > 5000), 3)
        q = linear_model.probabilities(several, x)
    assert (p.argmax(axis=1) == codes).all()
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_allclose(q.sum(axis=1), 1)


def test_a_target_that_is_always_the_same_is_answered():
    found = linear_model.ridge(X, np.full(300, 7.5))
    np.testing.assert_allclose(found.outputs(X), 7.5)


def test_without_a_column_the_shares_of_the_classes_are_answered():
    codes = np.repeat([0, 1], [75, 225])
    p = linear_model.probabilities(linear_model.logistic(np.empty((300, 0)), codes, 2), X[:, :0])
    np.testing.assert_allclose(p, np.tile([0.25, 0.75], (300, 1)), atol=1e-4)


def test_a_baseline_does_not_wait_for_scikit_learn():
    script = """
import sys, numpy as np
from nntool.tables import baselines
x, codes = np.eye(6, 2, dtype=np.float32), np.zeros((6, 1), np.int32)
rows = baselines.Rows(x, codes, np.arange(6) % 2)
baselines.score("binary", rows, rows, [1], np.random.default_rng(0), classes=["a", "b"])
sys.exit("sklearn" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
