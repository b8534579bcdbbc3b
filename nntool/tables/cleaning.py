"""From collected text to typed columns: what each column is, and what is missing."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nntool.errors import DataError, UsageError
from nntool.settings.clean import CleanSettings
from nntool.tables.casting import (
    DATE_FORMATS,
    Counts,
    find_date_format,
    to_dates,
    to_numbers,
    to_text,
)
from nntool.tables.columns import find, resolve_all
from nntool.tables.roles import Role, infer
from nntool.tables.target import encode_classes

TYPES = {"numeric": "float64", "date": "timestamp"}
ARROW_TYPES = {"float64": pa.float64(), "timestamp": pa.timestamp("us"), "string": pa.string()}


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
    target = target_state["name"]
    forced = _forced_roles(table.column_names, settings, target)
    missing = list(settings.missing_values)
    columns = []
    for name in table.column_names:
        if name == target:
            continue
        found = infer(table.column(name), missing)
        if name in forced and forced[name] != found.role:
            found = _forced(table.column(name), name, forced[name], missing)
        columns.append(
            {
                "name": name,
                "role": found.role,
                "type": TYPES.get(found.role, "string"),
                "date_format": found.date_format,
                "reason": found.reason,
                "note": found.note,
            }
        )
    return {"missing_values": missing, "columns": columns, "target": target_state}


def _forced_roles(names: Sequence[str], settings: CleanSettings, target: str) -> dict[str, str]:
    resolved = resolve_all(names, list(settings.roles), "--roles")
    forced: dict[str, str] = {}
    for name, role in zip(resolved, settings.roles.values(), strict=True):
        if name == target:
            raise UsageError(
                f"--roles: {name!r} is the target", "what a target is, is said with --task"
            )
        if forced.setdefault(name, role) != role:
            raise UsageError(f"--roles: {name!r} is given two roles: {forced[name]} and {role}")
    return forced


def _forced(text: pa.ChunkedArray, name: str, role: str, missing: Sequence[str]) -> Role:
    """The role that a person has named, where the cells say another."""
    reason = "asked for (--roles)"
    if role != "date":
        return Role(role, reason)
    best, _ = find_date_format(text, missing)
    if best is None:
        best = _most_fitting_format(text, name, missing)
    return Role("date", f"{reason}, {best}", best)


def _most_fitting_format(text: pa.ChunkedArray, name: str, missing: Sequence[str]) -> str:
    """The format that most cells have; of equals the one that stands first (day before month)."""
    fitting = {
        date_format: sum(
            len(chunk) - to_dates(chunk, date_format, missing)[0].null_count
            for chunk in text.chunks
        )
        for date_format in DATE_FORMATS
    }
    best = max(fitting, key=lambda date_format: fitting[date_format])
    if not fitting[best]:
        raise DataError(
            f"--roles {name}=date: no cell of {name!r} is a date",
            f"the formats are {', '.join(DATE_FORMATS)}",
        )
    return best


def schema(state: dict[str, Any], *, with_target: bool = True) -> pa.Schema:
    """What ``apply`` gives: the columns of the state in order, then the target."""
    fields = [(column["name"], ARROW_TYPES[column["type"]]) for column in state["columns"]]
    if with_target:
        fields.append((state["target"]["name"], _target_type(state["target"])))
    return pa.schema(fields)


def _target_type(target: dict[str, Any]) -> pa.DataType:
    return pa.float64() if target["task"] == "regression" else pa.string()


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
        typed, found = _typed(batch.column(name), column, state["missing_values"])
        fields.append((column["name"], ARROW_TYPES[column["type"]]))
        arrays.append(typed)
        if found:
            counts[column["name"]] = found
    # A feature that differs from the target by blanks only is not taken for an absent target.
    features = {column["name"] for column in state["columns"]}
    at = find([name for name in names if name not in features], target["name"])
    if at is not None and (columns is None or target["name"] in columns):
        typed, found = _typed_target(batch.column(at), target)
        fields.append((target["name"], _target_type(target)))
        arrays.append(typed)
        if found:
            counts[target["name"]] = found
    if not arrays:
        raise DataError("no column is needed", "name at least one column")
    return pa.record_batch(arrays, schema=pa.schema(fields)), counts


def _typed(
    text: pa.Array, column: dict[str, Any], missing: Sequence[str]
) -> tuple[pa.Array, Counts]:
    if column["type"] == "float64":
        return to_numbers(text, missing)
    if column["type"] == "timestamp":
        return to_dates(text, column["date_format"], missing)
    return to_text(text, missing)


def _typed_target(text: pa.Array, target: dict[str, Any]) -> tuple[pa.Array, Counts]:
    """Numbers, or the text of the class that a cell is (``1.0`` becomes ``1`` where it is one)."""
    if target["task"] == "regression":
        return to_numbers(text, target["missing_values"])
    codes, counts = encode_classes(text, target)
    classes = pa.array(target["classes"], pa.string())
    return pc.take(classes, pa.array(codes, pa.int32(), mask=codes < 0)), counts
