"""What type each column has: learned from text, then used on every chunk of it."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

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
from nntool.tables.columns import resolve_all
from nntool.tables.roles import Role, infer
from nntool.tables.target import encode_classes

TYPES = {"numeric": "float64", "date": "timestamp"}
ARROW_TYPES = {"float64": pa.float64(), "timestamp": pa.timestamp("us"), "string": pa.string()}


def learn(table: pa.Table, settings: CleanSettings, target: str) -> list[dict[str, Any]]:
    """Learn the role and the type of each column but the target: plain data, in table order.

    Raises ``DataError`` for a column in ``settings.roles`` that is not there.
    """
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
    return columns


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
    """What a typed table has: the columns of the state in order, then the target."""
    fields = [(column["name"], ARROW_TYPES[column["type"]]) for column in state["columns"]]
    if with_target:
        fields.append((state["target"]["name"], target_type(state["target"])))
    return pa.schema(fields)


def target_type(target: dict[str, Any]) -> pa.DataType:
    """The type of the target: numbers, or the text of a class."""
    return pa.float64() if target["task"] == "regression" else pa.string()


def typed(
    text: pa.Array, column: dict[str, Any], missing: Sequence[str]
) -> tuple[pa.Array, Counts]:
    """Cells of a column as its type; what does not fit is missing, and counted."""
    if column["type"] == "float64":
        return to_numbers(text, missing)
    if column["type"] == "timestamp":
        return to_dates(text, column["date_format"], missing)
    return to_text(text, missing)


def typed_target(text: pa.Array, target: dict[str, Any]) -> tuple[pa.Array, Counts]:
    """Numbers, or the text of the class that a cell is (``1.0`` becomes ``1`` where it is one)."""
    if target["task"] == "regression":
        return to_numbers(text, target["missing_values"])
    codes, counts = encode_classes(text, target)
    classes = pa.array(target["classes"], pa.string())
    return pc.take(classes, pa.array(codes, pa.int32(), mask=codes < 0)), counts
