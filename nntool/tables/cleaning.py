"""From collected text to typed columns: what each column is, and what is missing."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nntool.errors import DataError
from nntool.settings.clean import CleanSettings
from nntool.tables import column_types
from nntool.tables.casting import Counts
from nntool.tables.column_types import ARROW_TYPES, schema
from nntool.tables.columns import find, resolve_all

__all__ = ["apply", "fit", "schema"]


def fit(
    table: pa.Table,
    settings: CleanSettings,
    rows: NDArray[np.bool_] | None,
    target_state: dict[str, Any],
) -> dict[str, Any]:
    """Learn what each column is from some rows of a table of text.

    ``rows`` is a mask `(n_rows,)`, or None for all. The state is plain data and knows nothing of
    other rows; the target's state is learned from all of them, before. Raises ``DataError`` for
    a column in ``settings.roles`` that is not there.
    """
    if rows is not None:
        table = table.filter(pa.array(rows))
    return {
        "missing_values": list(settings.missing_values),
        "columns": column_types.learn(table, settings, target_state["name"]),
        "target": target_state,
    }


def apply(
    batch: pa.RecordBatch, state: dict[str, Any], columns: Sequence[str] | None = None
) -> tuple[pa.RecordBatch, Counts]:
    """Type a chunk of rows of text; returns it and, by column, counts of cells that are missing.

    ``columns`` names the features that are needed, None means all; the target comes last where
    the batch has it and it is needed. Columns are found by name, in any order; others are passed
    over. A pure function of rows and state. Raises ``DataError`` naming all absent columns.
    """
    target = state["target"]
    needed = [c for c in state["columns"] if columns is None or c["name"] in columns]
    names = batch.schema.names
    present = resolve_all(names, [c["name"] for c in needed], "the data", positions=False)
    fields, arrays = [], []
    counts: Counts = {}
    for column, name in zip(needed, present, strict=True):
        typed, found = column_types.typed(batch.column(name), column, state["missing_values"])
        fields.append((column["name"], ARROW_TYPES[column["type"]]))
        arrays.append(typed)
        if found:
            counts[column["name"]] = found
    # A feature that differs from the target by blanks only is not taken for an absent target.
    features = {column["name"] for column in state["columns"]}
    at = find([name for name in names if name not in features], target["name"])
    if at is not None and (columns is None or target["name"] in columns):
        typed, found = column_types.typed_target(batch.column(at), target)
        fields.append((target["name"], column_types.target_type(target)))
        arrays.append(typed)
        if found:
            counts[target["name"]] = found
    if not arrays:
        raise DataError("no column is needed", "name at least one column")
    return pa.record_batch(arrays, schema=pa.schema(fields)), counts
