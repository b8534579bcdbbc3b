"""Rows that are dealt by a column."""

import numpy as np
import pyarrow as pa
import pytest

from nntool.tables.splitting import split


@pytest.fixture(scope="session")
def by_column():
    """Deal rows by the values of a column: the parts, the folds and the report."""

    def deal(
        method, values, y=None, shares=(0.7, 0.15, 0.15), seed=0, hashes=None, n_folds=None, **more
    ):
        n = len(values)
        y = np.arange(n) % 2 if y is None else y
        texts = [None if v is None else str(v) for v in values]
        return split(
            pa.chunked_array([pa.array([str(v) for v in y], pa.string())]),
            np.arange(n, dtype=np.uint64) if hashes is None else np.asarray(hashes, np.uint64),
            shares,
            method,
            "binary" if len(set(y)) == 2 else "multiclass",
            np.random.default_rng(seed),
            column=pa.chunked_array([pa.array(texts, pa.string())]),
            n_folds=n_folds,
            **more,
        )

    return deal
