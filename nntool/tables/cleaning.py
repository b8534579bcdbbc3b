"""From collected text to clean columns: their types first, then what rules do to their cells."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nntool.errors import DataError
from nntool.settings.clean import CleanSettings
from nntool.tables import column_types, marking
from nntool.tables.casting import Counts
from nntool.tables.column_types import ARROW_TYPES, schema
from nntool.tables.columns import find, resolve_all
from nntool.tables.hashing import Hashes
from nntool.tables.rules import following
from nntool.tables.rules.derive import new_columns
from nntool.tables.rules.following import Objections
from nntool.tables.rules.rule import Judgement
from nntool.tables.typing_pass import TextTable, Typed, type_table

FEATURES = ("numeric", "categorical", "date")
"""Roles of columns that become features; others are of no use to learn from, constant or not."""

__all__ = ["apply", "fit", "follow_rules", "is_in_order", "schema", "sources", "type_cells"]


def fit(
    table: TextTable,
    settings: CleanSettings,
    rows: NDArray[np.bool_] | None,
    target_state: dict[str, Any],
    judged: list[Judgement] | None = None,
    typed: Typed | None = None,
) -> dict[str, Any]:
    """Learn what each column is from some rows of a table of text, and what the rules need.

    ``rows`` is a mask `(n_rows,)`, or None for all. The state is plain data and knows nothing of
    other rows; the target's state is learned from all of them, before. What is found of single
    training rows is no part of it: it goes to ``judged``, by row of the whole table. Raises
    ``DataError`` for a column in ``settings.roles`` that is not there. ``typed`` is what
    ``type_table`` has made of the same, where that has been done.
    """
    places = np.arange(table.num_rows) if rows is None else np.flatnonzero(rows)
    typed = typed or type_table(table, settings, rows, target_state)
    columns = typed.columns
    if settings.constant_columns == "ignore":
        _ignore_constant(typed.constant, columns, table.column_names, settings)
    columns += new_columns(settings, columns)
    state: dict[str, Any] = {
        "missing_values": list(settings.missing_values),
        "columns": columns,
        "target": target_state,
        "rules": [],
    }
    asked = following.asked_for(settings, {c["name"]: c["role"] for c in columns})
    if asked:
        learned = as_typed(typed, state)
        learned = learned if rows is None else learned.filter(pa.array(rows))
        kept = _kept(table, learned, typed.hashes, rows, settings)
        state["rules"], found = following.learn(asked, _features(learned, state), kept)
        if judged is not None:
            judged += [replace(judgement, rows=places[judgement.rows]) for judgement in found]
    return state


def _ignore_constant(
    constant: Mapping[str, str],
    columns: list[dict[str, Any]],
    names: Sequence[str],
    settings: CleanSettings,
) -> None:
    """A feature with one and the same value in every row tells nothing, unless a role is asked for.

    One that is missing in some rows tells which these are, and stays.
    """
    asked = resolve_all(names, list(settings.roles), "--roles")
    for column in columns:
        if column["role"] not in FEATURES or column["name"] in asked:
            continue
        if column["name"] in constant:
            shown = repr(constant[column["name"]])
            column["role"] = "ignored"
            column["reason"] = f"{shown} in every row (--constant-columns keep)"


def _kept(
    text: TextTable,
    learned: pa.Table,
    hashes: Hashes,
    rows: NDArray[np.bool_] | None,
    settings: CleanSettings,
) -> NDArray[np.bool_]:
    """The training rows that are not left out whatever the rules say."""
    target_is_missing = np.asarray(learned.column(learned.num_columns - 1).is_null())
    if rows is None:
        repeats = marking.find_repeats(text, settings, None, hashes)
    else:
        parts = np.where(rows, marking.TRAINING, -1).astype(np.int8)
        found = marking.find_repeats(text, settings, parts, hashes)
        repeats = marking.Repeats(found.whole[rows], found.key[rows])
    kept: NDArray[np.bool_] = marking.mark(repeats, target_is_missing, settings) == 0
    return kept


def as_typed(typed: Typed, state: dict[str, Any]) -> pa.Table:
    """The columns as the state has them, with those that rules compute; the target last."""
    n_rows = typed.table.num_rows
    arrays = [
        pa.chunked_array([pa.nulls(n_rows, ARROW_TYPES[column["type"]])])
        if column.get("computed")
        else typed.table.column(column["name"])
        for column in state["columns"]
    ]
    target = typed.table.column(state["target"]["name"])
    return pa.table([*arrays, target], schema=schema(state))


def _features(typed: pa.Table, state: dict[str, Any]) -> pa.Table:
    """The columns without the target: no rule may look at it."""
    return typed.drop_columns([state["target"]["name"]])


def _without_target(typed: pa.RecordBatch, state: dict[str, Any]) -> pa.RecordBatch:
    return typed.select([name for name in typed.schema.names if name != state["target"]["name"]])


def apply(
    batch: pa.RecordBatch, state: dict[str, Any], columns: Sequence[str] | None = None
) -> tuple[pa.RecordBatch, Counts]:
    """Clean a chunk of rows of text; returns it and, by column, counts of what happened to cells.

    ``columns`` names the features that are needed, None means all; the target comes last where
    the batch has it and it is needed. Columns are found by name, in any order; others are passed
    over. A pure function of rows and state; no row is left out. Raises ``DataError`` naming all
    absent columns.
    """
    typed, counts = type_cells(batch, state, columns)
    cleaned, _ = follow_rules(typed, state, counts)
    if columns is not None:
        cleaned = cleaned.select([name for name in cleaned.schema.names if name in columns])
    return cleaned, counts


def sources(state: dict[str, Any], columns: Sequence[str]) -> list[str]:
    """The columns of text that must be there to make some clean columns, in the state's order."""
    needed = following.columns_read(state.get("rules", []), columns)
    return [c["name"] for c in state["columns"] if c["name"] in needed and not c.get("computed")]


def plain_numbers(state: dict[str, Any], columns: Sequence[str]) -> list[str]:
    """Those of the columns of text whose cells may be read as float64 at once.

    That is where a number is written as programs write it, and none means "missing".
    """
    return [
        c["name"]
        for c in state["columns"]
        if c["name"] in columns and column_types.is_plain_number(c, state["missing_values"])
    ]


def is_in_order(state: dict[str, Any]) -> bool:
    """Whether rows must be applied all at once, as a rule follows their order."""
    return following.is_in_order(state.get("rules", []))


def type_cells(
    batch: pa.RecordBatch, state: dict[str, Any], columns: Sequence[str] | None = None
) -> tuple[pa.RecordBatch, Counts]:
    """Type a chunk of rows of text: the columns that are needed, and those that rules then read."""
    target = state["target"]
    wanted = None
    if columns is not None:
        wanted = following.columns_read(state.get("rules", []), columns)
    needed = [c for c in state["columns"] if wanted is None or c["name"] in wanted]
    names = batch.schema.names
    read = [column["name"] for column in needed if not column.get("computed")]
    present = dict(zip(read, resolve_all(names, read, "the data", positions=False), strict=True))
    fields, arrays = [], []
    counts: Counts = {}
    found: Counts
    for column in needed:
        kind = ARROW_TYPES[column["type"]]
        if column.get("computed"):
            typed, found = pa.nulls(batch.num_rows, kind), {}
        else:
            text = batch.column(present[column["name"]])
            typed, found = column_types.typed(text, column, state["missing_values"])
        fields.append((column["name"], kind))
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


def follow_rules(
    typed: pa.RecordBatch, state: dict[str, Any], counts: Counts
) -> tuple[pa.RecordBatch, Objections]:
    """Apply the learned rules to typed rows, the target apart; what happened goes to ``counts``."""
    states = state.get("rules", [])
    if not states:
        return typed, np.zeros(typed.num_rows, np.int8)
    features, objections = following.follow(_without_target(typed, state), states, counts)
    name = state["target"]["name"]
    if name not in typed.schema.names:
        return features, objections
    arrays = [*features.columns, typed.column(name)]
    whole = pa.schema([*features.schema, typed.schema.field(name)])
    return pa.record_batch(arrays, schema=whole), objections
