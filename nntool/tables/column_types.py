"""What type each column has: learned from text, then used on every chunk of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nntool.errors import UsageError
from nntool.settings.clean import CleanSettings
from nntool.settings.roles import AskedRole, parse
from nntool.tables import target as targets
from nntool.tables.asked_roles import forced, says_how
from nntool.tables.casting import (
    Counts,
    booleans,
    present_cells,
    to_dates,
    to_numbers,
    to_text,
)
from nntool.tables.casting.number_formats import shows_point
from nntool.tables.casting.numbers import format_in, names_a_number
from nntool.tables.columns import resolve_all
from nntool.tables.roles import Hints, Role, infer
from nntool.tables.target_codes import encode_classes

TYPES = {"numeric": "float64", "date": "timestamp", "weight": "float64"}
ARROW_TYPES = {"float64": pa.float64(), "timestamp": pa.timestamp("us"), "string": pa.string()}


def check_columns(names: Sequence[str], settings: CleanSettings, target: str) -> None:
    """Raise ``DataError`` or ``UsageError`` for what the settings say of columns, without cells."""
    _asked_roles(names, settings, target)
    missing_by_column(names, settings)


def settle(
    found: Mapping[str, Role],
    column: Callable[[str], pa.ChunkedArray],
    settings: CleanSettings,
    target: str,
) -> dict[str, Role]:
    """What columns are at last: by their own cells, by those of the others, by what was asked.

    ``found`` is what each is by its own cells, in the order of the table; ``column`` gives the
    text of the rows that are learned from. Raises ``DataError`` for a column that is not what it
    is said to be.
    """
    names = [*found, target]
    missing = missing_by_column(names, settings)
    settled = _settled_by_table(found, column, missing, asked_decimal(settings).asked_decimal)
    hints = Hints(asked_decimal(settings).asked_decimal, *_evidence(settled.values()))
    for name, role in _asked_roles(names, settings, target).items():
        if role.role != settled[name].role or says_how(role):
            settled[name] = forced(column(name), name, role, missing[name], hints)
    return settled


def learn(table: pa.Table, settings: CleanSettings, target: str) -> list[dict[str, Any]]:
    """Learn the role and the type of each column but the target from rows of text, in their order.

    Raises ``DataError`` for a column in the settings that is not there, or that is not what it
    is said to be.
    """
    missing = missing_by_column(table.column_names, settings)
    hints = asked_decimal(settings)
    names = [name for name in table.column_names if name != target]
    found = {name: infer(table.column(name), missing[name], hints) for name in names}
    settled = settle(found, table.column, settings, target)
    return [entry(n, role, missing[n], settings.missing_values) for n, role in settled.items()]


def learn_target(
    table: pa.Table,
    target: str,
    settings: CleanSettings,
    missing: Mapping[str, Sequence[str]],
    rows: NDArray[np.bool_] | None = None,
) -> dict[str, Any]:
    """Learn what the target is from all rows of text.

    ``table`` may hold the target alone, unless its cells leave the decimal mark in doubt: then
    the other columns decide it, by the training ``rows`` `(n,)` alone (None: all). ``missing`` is
    that of ``missing_by_column``.
    """
    decimal = asked_decimal(settings).asked_decimal
    others = [name for name in table.column_names if name != target]
    if decimal is None and others:
        seen = table.select(others)
        seen = seen if rows is None else seen.filter(pa.array(rows))
        found = {name: infer(seen.column(name), missing[name]) for name in others}
        decimal = _evidence(_settled_by_table(found, seen.column, missing, None).values())[0]
    return targets.fit(
        table.column(target), target, settings.task, settings.positive, missing[target], decimal
    )


def _settled_by_table(
    found: Mapping[str, Role],
    column: Callable[[str], pa.ChunkedArray],
    missing: Mapping[str, Sequence[str]],
    asked: str | None,
) -> dict[str, Role]:
    """Columns whose cells leave a doubt are decided by what the others show."""
    decimal, day_first = _evidence(found.values())
    plain = [n for n, role in found.items() if role.role == "numeric" and not role.number_format]
    if decimal == "," and any(
        shows_point(present_cells(column(name), missing[name])) for name in plain
    ):
        decimal = None  # some columns say one thing, some the other
    hints = Hints(asked, decimal, day_first)
    again = (
        [name for name, role in found.items() if role.is_unclear] if hints != Hints(asked) else []
    )
    again += plain if decimal == "," else []
    return {**found, **{name: infer(column(name), missing[name], hints) for name in again}}


def _evidence(roles: Any) -> tuple[str | None, bool | None]:
    """The decimal mark and the order of day and month that columns show, where they agree."""
    decimals = {role.decimal for role in roles if role.decimal}
    orders = {role.day_first for role in roles if role.day_first is not None}
    return (
        next(iter(decimals)) if len(decimals) == 1 else None,
        next(iter(orders)) if len(orders) == 1 else None,
    )


def asked_decimal(settings: CleanSettings) -> Hints:
    """What a person says of the decimal mark: all that is known before the cells are looked at."""
    return Hints(None if settings.decimal == "auto" else settings.decimal)


def entry(
    name: str, found: Role, missing: Sequence[str], everywhere: Sequence[str]
) -> dict[str, Any]:
    """What stands in the state of a column; an entry that says nothing is left out."""
    written = found.number_format
    kind = TYPES.get(found.role, "string")
    if found.role == "time":
        kind = "timestamp" if found.date_formats else "float64"
    facts = {
        "name": name,
        "role": found.role,
        "type": kind,
        "number_format": asdict(written) if written else None,
        "date_formats": list(found.date_formats),
        "booleans": list(found.booleans or ()),
        "missing_values": list(missing) if list(missing) != list(everywhere) else None,
        "reason": found.reason,
        "note": found.note,
        "suspects": found.suspects,
    }
    return {key: value for key, value in facts.items() if key == "note" or value not in (None, [])}


def missing_by_column(names: Sequence[str], settings: CleanSettings) -> dict[str, list[str]]:
    """The cells that mean "missing" in each column: everywhere, and in this one."""
    everywhere = list(settings.missing_values)
    own = settings.missing_values_in
    resolved = resolve_all(names, list(own), "--missing-values-in")
    found = dict.fromkeys(names, everywhere)
    for name, tokens in zip(resolved, own.values(), strict=True):
        more = [token.strip() for token in tokens.split(",")]
        found[name] = list(dict.fromkeys([*found[name], *more]))
    return found


def _asked_roles(
    names: Sequence[str], settings: CleanSettings, target: str
) -> dict[str, AskedRole]:
    resolved = resolve_all(names, list(settings.roles), "--roles")
    asked: dict[str, AskedRole] = {}
    for name, text in zip(resolved, settings.roles.values(), strict=True):
        role = parse(text)
        if name == target:
            raise UsageError(
                f"--roles: {name!r} is the target", "what a target is, is said with --task"
            )
        if asked.setdefault(name, role) != role:
            raise UsageError(
                f"--roles: {name!r} is given two roles: {asked[name].role} and {role.role}",
                "give it one",
            )
    return asked


def schema(state: dict[str, Any], *, with_target: bool = True) -> pa.Schema:
    """What a typed table has: the columns of the state in order, then the target."""
    fields = [(column["name"], ARROW_TYPES[column["type"]]) for column in state["columns"]]
    if with_target:
        fields.append((state["target"]["name"], target_type(state["target"])))
    return pa.schema(fields)


def target_type(target: dict[str, Any]) -> pa.DataType:
    """The type of the target: numbers, or the text of a class."""
    return pa.float64() if target["task"] == "regression" else pa.string()


def is_plain_number(column: dict[str, Any], missing: Sequence[str]) -> bool:
    """Whether a column is of numbers such as 1234.56, none of which means "missing"."""
    tokens = column.get("missing_values") or missing
    return column["type"] == "float64" and not format_in(column) and not names_a_number(tokens)


def typed(
    text: pa.Array, column: dict[str, Any], missing: Sequence[str]
) -> tuple[pa.Array, Counts]:
    """Cells of a column as its type; what does not fit is missing, and counted.

    The text of plain numbers may have been read as float64 before, see `is_plain_number`.
    ``missing`` is what means so in every column; a column may have tokens of its own.
    """
    missing = column.get("missing_values") or missing
    if pa.types.is_floating(text.type):
        return text, {"empty": text.null_count} if text.null_count else {}
    if column["type"] == "float64":
        return to_numbers(text, missing, format_in(column))
    if column["type"] == "timestamp":
        # one format, in the runs of older versions
        formats = column.get("date_formats") or [column["date_format"]]
        return to_dates(text, formats, missing)
    cells, counts = to_text(text, missing)
    if column.get("booleans"):
        cells, n_respelled = booleans.respelled(cells, column["booleans"])
        counts |= {"respelled": n_respelled} if n_respelled else {}
    return cells, counts


def typed_target(text: pa.Array, target: dict[str, Any]) -> tuple[pa.Array, Counts]:
    """Numbers, or the text of the class that a cell is (``1.0`` becomes ``1`` where it is one)."""
    if target["task"] == "regression":
        return to_numbers(text, target["missing_values"], format_in(target))
    codes, counts = encode_classes(text, target)
    classes = pa.array(target["classes"], pa.string())
    return pc.take(classes, pa.array(codes, pa.int32(), mask=codes < 0)), counts
