"""The columns of a prediction: ``prediction`` and, for classes, ``p_<class>``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


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
    return [named(pa.array(codes, mask=codes < 0), classes), *share_columns(probabilities)]


def named(codes: pa.Array, classes: Sequence[str]) -> pa.Array:
    """Class names by their codes: each name is kept once, so that it is also quoted once."""
    return pa.DictionaryArray.from_arrays(codes, pa.array(classes, pa.string()))


def share_columns(probabilities: npt.NDArray[np.float64] | None) -> list[pa.Array]:
    """The probabilities ``(n, K)`` by column; none where there are none."""
    shares = () if probabilities is None else probabilities.T
    return [pa.array(np.ascontiguousarray(share)) for share in shares]


def top_columns(
    probabilities: npt.NDArray[np.float64], classes: Sequence[str], k: int
) -> list[tuple[pa.Array, pa.Array]]:
    """The ``k`` likeliest classes of each row and their probabilities, a pair for each rank.

    Of equally likely classes the first comes first.

    >>> pairs = top_columns(np.array([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2]]), ["a", "b", "c"], 2)
    >>> [names.to_pylist() for names, _ in pairs]
    [['b', 'a'], ['c', 'b']]
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    shares = np.take_along_axis(probabilities, order, axis=1)
    return [
        (named(pa.array(order[:, rank]), classes), pa.array(np.ascontiguousarray(shares[:, rank])))
        for rank in range(k)
    ]


def at_threshold(
    probabilities: npt.NDArray[np.float64], positive: int, threshold: float
) -> npt.NDArray[np.int32]:
    """The codes of two classes: the positive one where its probability reaches the threshold.

    >>> at_threshold(np.array([[0.7, 0.3], [0.8, 0.2]]), positive=1, threshold=0.3).tolist()
    [1, 0]
    """
    is_positive = probabilities[:, positive] >= threshold
    return np.where(is_positive, positive, 1 - positive).astype(np.int32)


def emptied(column: pa.Array, bad: npt.NDArray[np.bool_]) -> pa.Array:
    """The column with nothing in the rows of a mask."""
    if isinstance(column, pa.DictionaryArray):
        return pa.DictionaryArray.from_arrays(emptied(column.indices, bad), column.dictionary)
    return pc.if_else(pa.array(bad), pa.scalar(None, column.type), column)


def value_columns(values: npt.NDArray[np.float64]) -> list[pa.Array]:
    """The predicted values ``(n,)`` in the target's own unit."""
    return [pa.array(values)]


def batch(columns: Sequence[pa.Array], column_names: Sequence[str]) -> pa.RecordBatch:
    """Columns side by side."""
    return pa.RecordBatch.from_arrays(list(columns), names=list(column_names))


def row_numbers(numbers: npt.NDArray[np.int64]) -> pa.Array:
    """The places of rows as a column."""
    return pa.array(numbers)
