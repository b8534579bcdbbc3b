"""From collected text to typed columns: what each column is, what is missing, what is left out."""

from collections.abc import Sequence
from enum import IntEnum
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


class Reason(IntEnum):
    """Why a row is left out; the values stand in ``clean/left_out.npy`` and never change."""

    KEPT = 0
    TARGET_MISSING = 1
    DUPLICATE = 2


REASONS: dict[int, str] = {
    Reason.KEPT: "kept",
    Reason.TARGET_MISSING: "target missing",
    Reason.DUPLICATE: "repeats an earlier row",
}


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


def repeated(hashes: NDArray[np.uint64], parts: NDArray[np.int8] | None) -> NDArray[np.bool_]:
    """Which rows `(n_rows,)` repeat an earlier row of their own part.

    >>> repeated(np.array([7, 7, 8, 7], np.uint64), np.array([0, 1, 0, 0], np.int8)).tolist()
    [False, False, False, True]
    """
    repeats = np.ones(hashes.size, bool)
    groups = (
        [np.arange(hashes.size)]
        if parts is None
        else [np.flatnonzero(parts == part) for part in np.unique(parts)]
    )
    for group in groups:
        _, first = np.unique(hashes[group], return_index=True)
        repeats[group[first]] = False
    return repeats


def mark(
    hashes: NDArray[np.uint64],
    target_is_missing: NDArray[np.bool_],
    settings: CleanSettings,
    parts: NDArray[np.int8] | None,
) -> NDArray[np.int8]:
    """The reason `(n_rows,)` for which each row is left out, or 0.

    ``parts`` is None before a split: then all rows are one part. Duplicates are looked for within
    a part only, so that no row's fate depends on another part.
    """
    left_out = np.full(hashes.size, Reason.KEPT, np.int8)
    if settings.duplicates == "leave-out":
        left_out[repeated(hashes, parts)] = Reason.DUPLICATE
    left_out[target_is_missing] = Reason.TARGET_MISSING
    return left_out


def report(
    state: dict[str, Any],
    counts: Counts,
    hashes: NDArray[np.uint64],
    left_out: NDArray[np.int8],
    settings: CleanSettings,
    parts: NDArray[np.int8] | None,
) -> dict[str, Any]:
    """Numbers by column and by reason, and ``notes``: sentences with the option that helps.

    ``counts`` are those of ``apply`` over all rows.
    """
    n_repeated = int(repeated(hashes, parts).sum())
    columns = {
        column["name"]: {
            "role": column["role"],
            "reason": column["reason"],
            "missing": n_missing(counts.get(column["name"], {})),
            **counts.get(column["name"], {}),
        }
        for column in state["columns"]
    }
    left = {
        REASONS[reason]: int(np.count_nonzero(left_out == reason))
        for reason in Reason
        if reason is not Reason.KEPT
    }
    target = state["target"]
    return {
        "rows": int(hashes.size),
        "kept": int(np.count_nonzero(left_out == Reason.KEPT)),
        "left_out": left,
        "repeated_rows": n_repeated,
        "columns": columns,
        "target": {
            **{key: target[key] for key in ("name", "task", "reason", "classes", "class_counts")},
            **counts.get(target["name"], {}),
        },
        "notes": [
            f"the task is {target['task']}: {target['reason']} (--task to choose another)",
            *_role_notes(state),
            *_missing_notes(state, counts),
            *_row_notes(int(hashes.size), left, n_repeated, settings),
        ],
    }


def n_missing(counts: Counts) -> int:
    """The number of cells that are missing, for whatever cause.

    >>> n_missing({"empty": 2, "tokens": {"?": 3}, "unfit": 1})
    6
    """
    return sum(sum(n.values()) if isinstance(n, dict) else n for n in counts.values())


def _role_notes(state: dict[str, Any]) -> list[str]:
    by_role: dict[str, list[str]] = {}
    for column in state["columns"]:
        by_role.setdefault(column["role"], []).append(column["name"])
    summary = ", ".join(f"{len(names)} {role}" for role, names in by_role.items())
    notes = [f"columns beside the target: {summary or 'none'} (--roles COLUMN=ROLE to change)"]
    unused = [*by_role.get("identifier", []), *by_role.get("ignored", [])]
    if unused:
        named = ", ".join(repr(name) for name in unused)
        notes.append(f"not used to learn from: {named} (identifiers, or without a value; --roles)")
    return notes + [f"{c['name']!r}: {c['note']}" for c in state["columns"] if c["note"]]


def _missing_notes(state: dict[str, Any], counts: Counts) -> list[str]:
    notes = []
    tokens: dict[str, list[int]] = {}
    for found in counts.values():
        for token, n in found.get("tokens", {}).items():
            tokens.setdefault(token, []).append(n)
    for token, numbers in sorted(tokens.items()):
        where = "1 column" if len(numbers) == 1 else f"{len(numbers)} columns"
        notes.append(
            f"{_cells(sum(numbers))} with {token!r} read as missing, in {where} (--missing-values)"
        )
    types = {column["name"]: column["role"] for column in state["columns"]}
    for name, found in counts.items():
        if found.get("unfit"):
            what = "dates" if types.get(name) == "date" else "numbers"
            notes.append(f"{name!r}: {_cells(found['unfit'])} not {what}: missing (--roles)")
        if found.get("inf") or found.get("nan"):
            n = found.get("inf", 0) + found.get("nan", 0)
            notes.append(f"{name!r}: {_cells(n)} not finite: missing")
    return notes


def _row_notes(
    n_rows: int, left: dict[str, int], n_repeated: int, settings: CleanSettings
) -> list[str]:
    notes = []
    without_target = left[REASONS[Reason.TARGET_MISSING]]
    if without_target:
        notes.append(f"{without_target:,} of {n_rows:,} rows left out: their target is missing")
    if n_repeated and settings.duplicates == "keep":
        notes.append(
            f"{n_repeated:,} of {n_rows:,} rows repeat an earlier one: kept"
            " (--duplicates leave-out)"
        )
    elif n_repeated:
        out = left[REASONS[Reason.DUPLICATE]]
        notes.append(
            f"{out:,} of {n_rows:,} rows left out: they repeat an earlier one (--duplicates keep)"
        )
    return notes


def _cells(n: int) -> str:
    return "1 cell" if n == 1 else f"{n:,} cells"
