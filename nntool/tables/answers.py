"""The columns of a prediction: ``prediction`` and, for classes, ``p_<class>``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def names(classes: Sequence[str] | None, *, probabilities: bool) -> list[str]:
    """The column names, in order.

    >>> names(["no", "yes"], probabilities=True)
    ['prediction', 'p_no', 'p_yes']
    """
    return ["prediction", *(f"p_{name}" for name in classes or () if probabilities)]


def class_columns(
    codes: npt.NDArray[np.int32],
    probabilities: npt.NDArray[np.float64] | None,
    classes: Sequence[str],
) -> list[pa.Array]:
    """The decided class names of ``(n,)`` codes, then the ``(n, K)`` probabilities by column.

    A code below 0 is no class: null.
    """
    named = pa.array(codes, mask=codes < 0)
    decided = pa.array(classes, pa.string()).take(named)
    shares = () if probabilities is None else probabilities.T
    return [decided, *(pa.array(np.ascontiguousarray(share)) for share in shares)]


def value_columns(values: npt.NDArray[np.float64]) -> list[pa.Array]:
    """The predicted values ``(n,)`` in the target's own unit."""
    return [pa.array(values)]


def batch(columns: Sequence[pa.Array], column_names: Sequence[str]) -> pa.RecordBatch:
    """Columns side by side."""
    return pa.RecordBatch.from_arrays(list(columns), names=list(column_names))


def row_numbers(numbers: npt.NDArray[np.int64]) -> pa.Array:
    """The places of rows as a column."""
    return pa.array(numbers)
