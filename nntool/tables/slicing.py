"""Groups of rows by the values of a column."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nntool.tables import cleaning, parquet

MOST_VALUES = 10
"""A column of more different numbers or dates is cut at the quartiles of training."""
QUARTERS = (0.25, 0.5, 0.75)


class Groups(NamedTuple):
    """Which group each row is in."""

    labels: list[str | None]
    """By code; None is the group of missing values."""
    codes: npt.NDArray[np.int64]
    """The group of each row, `(n,)`."""
    in_order: bool = False
    """Whether they stand from the least value to the greatest, missing ones last."""


def groups(column: pa.ChunkedArray, training: pa.ChunkedArray) -> Groups:
    """Give each row of a column its group: its value, or the quarter of training that it is in.

    ``training`` is the same column of the training rows. Missing values are a group.

    >>> found = groups(pa.chunked_array([["b", None, "b"]]), pa.chunked_array([["a", "b"]]))
    >>> found.labels, found.codes.tolist(), found.in_order
    (['b', None], [0, 1, 0], False)
    """
    kind = column.type
    is_ordered = pa.types.is_integer(kind) or pa.types.is_floating(kind) or _is_time(kind)
    if is_ordered and pc.count_distinct(training, mode="only_valid").as_py() > MOST_VALUES:
        return _quarters(column, training)
    encoded = pc.dictionary_encode(column.combine_chunks(), null_encoding="mask")
    values = encoded.dictionary
    codes = np.asarray(encoded.indices.fill_null(len(values)), dtype=np.int64)
    if is_ordered:
        order = pc.sort_indices(values)
        values = values.take(order)
        codes = np.append(np.argsort(order), len(values))[codes]
    labels: list[str | None] = [_label(value, kind) for value in values.to_pylist()]
    has_missing = bool(codes.size) and codes.max() == len(values)
    return Groups([*labels, None] if has_missing else labels, codes, is_ordered)


def quarters(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give the quartiles, each once; NaN is left out.

    >>> quarters(np.array([1.0, 2, 3, 4, 5, np.nan])).tolist()
    [2.0, 3.0, 4.0]
    """
    known = values[~np.isnan(values)]
    return np.unique(np.quantile(known, QUARTERS, method="inverted_cdf"))


def _quarters(column: pa.ChunkedArray, training: pa.ChunkedArray) -> Groups:
    kind = column.type
    edges = quarters(_numbers(training))
    values = _numbers(column)
    codes = np.searchsorted(edges, values, side="left").astype(np.int64)
    shown = [_edge(edge, kind) for edge in edges]
    labels: list[str | None] = [f"≤ {shown[0]}"]
    labels += [f"> {low}, ≤ {high}" for low, high in pairwise(shown)]
    labels.append(f"> {shown[-1]}")
    missing = np.isnan(values)
    codes[missing] = len(labels)
    return Groups([*labels, None] if missing.any() else labels, codes, in_order=True)


def _is_time(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))


def _numbers(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """Numbers, or seconds since 1970; NaN where missing."""
    if not _is_time(column.type):
        whole: npt.NDArray[np.float64] = column.cast(pa.float64()).to_numpy()
        return whole
    stamps = column.cast(pa.timestamp("us")).cast(pa.int64())
    found: npt.NDArray[np.float64] = stamps.cast(pa.float64(), safe=False).to_numpy() / 1e6
    return found


def _edge(edge: float, kind: pa.DataType) -> str:
    if not _is_time(kind):
        return f"{edge:.6g}"
    shown = str(np.datetime64(round(edge), "s"))
    return shown.removesuffix("T00:00:00").replace("T", " ")


def _label(value: Any, kind: pa.DataType) -> str:
    if pa.types.is_floating(kind):
        return f"{value:.15g}"
    if pa.types.is_boolean(kind):
        return "true" if value else "false"
    if _is_time(kind):
        return str(value).removesuffix(" 00:00:00")
    return str(value)


def rows_of(column: pa.ChunkedArray, index: npt.NDArray[np.int64]) -> pa.ChunkedArray:
    """Some rows of a column."""
    return column.take(pa.array(index))


def read(path: Any, names: Sequence[str]) -> dict[str, pa.ChunkedArray]:
    """Some columns of a table in a file."""
    table = parquet.read(path, list(names))
    return {name: table.column(name) for name in names}


def typed(text: pa.RecordBatch, clean: dict[str, Any], wanted: Sequence[str]) -> pa.RecordBatch:
    """Take columns of a chunk of text: as clean types them, or the text of those it has not."""
    known = {column["name"] for column in clean["columns"]} | {clean["target"]["name"]}
    by_clean = [name for name in wanted if name in known]
    cleaned = cleaning.apply(text, clean, by_clean)[0] if by_clean else text
    arrays = [(cleaned if name in known else text).column(name) for name in wanted]
    return pa.RecordBatch.from_arrays(arrays, names=list(wanted))


def joined(chunks: Sequence[pa.RecordBatch]) -> dict[str, pa.ChunkedArray]:
    """Put the columns of chunks behind each other."""
    table = pa.Table.from_batches(chunks)
    return {name: table.column(name) for name in table.column_names}
