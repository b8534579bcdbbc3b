"""The chains of operations that columns go through: which, what they learn, how they are named."""

import shlex
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nntool.errors import UsageError
from nntool.settings.choices import name_and_settings, parse_chain
from nntool.settings.model import Choice
from nntool.settings.transform import TransformSettings
from nntool.tables.choices import build
from nntool.tables.columns import resolve_all
from nntool.tables.operations import (
    CATEGORICAL_IMPUTERS,
    ENCODERS,
    NUMERIC_IMPUTERS,
    OPERATIONS,
    SCALERS,
    TEXT_ENCODERS,
)
from nntool.tables.operations.dates import operations_of
from nntool.tables.operations.imputation import IsMissing
from nntool.tables.operations.operation import (
    LIMIT,
    Operation,
    State,
    TableImputer,
    Training,
    Values,
)

MICROSECONDS_PER_DAY = 86_400_000_000

IMPUTED_BY: dict[str, tuple[Any, str]] = {
    "numeric": (NUMERIC_IMPUTERS, "NUMERIC_IMPUTERS"),
    "categorical": (CATEGORICAL_IMPUTERS, "CATEGORICAL_IMPUTERS"),
    "date": (NUMERIC_IMPUTERS, "NUMERIC_IMPUTERS"),
}
"""What fills the gaps of a column of each role, where a setting or its chain says so."""

STARTS = {"numeric": "numbers", "categorical": "texts", "date": "days", "text": "prose"}
"""What the cells of each role are when their chain begins."""

WORDS = {"numbers": "numbers", "texts": "categories", "days": "dates", "prose": "free text"}


class Plan(NamedTuple):
    """What is to be done with one source column."""

    source: str
    role: str
    joint: TableImputer | None
    """What fills its gaps together with those of other columns, before its chains."""
    imputer: Operation | None
    """What fills its gaps at the beginning of its chains."""
    asked: list[Operation] | None
    """The rest of the chain, where a person has written one; None for that of its role."""


def values_of(column: pa.Array | pa.ChunkedArray) -> Values:
    """Give what operations work on: texts, numbers, or days with their fractions."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    if pa.types.is_string(column.type) or pa.types.is_null(column.type):
        return column.cast(pa.string())
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        moments = pc.cast(column, pa.timestamp("us")).cast(pa.int64())
        return np.asarray(moments.to_numpy(zero_copy_only=False)) / MICROSECONDS_PER_DAY
    numbers = np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
    return np.clip(numbers, -LIMIT, LIMIT)


def gaps_in(values: Values) -> int:
    """Count the missing cells."""
    return int(values.null_count if isinstance(values, pa.Array) else np.isnan(values).sum())


def plan(columns: Sequence[tuple[str, str]], settings: TransformSettings) -> list[Plan]:
    """Say what is done with each column that can be a feature.

    Raises ``DataError`` for a column that is not there and ``UsageError`` for a chain that cannot
    be, before anything is learned.
    """
    used = [(name, role) for name, role in columns if role in STARTS]
    names = resolve_all([name for name, _ in columns], list(settings.columns), "--columns")
    written = dict(zip(names, settings.columns.values(), strict=True))
    roles = dict(columns)
    for name in written:
        if roles[name] not in STARTS:
            raise UsageError(
                f"--columns: {name!r} is no feature, its role is {roles[name]}",
                f"clean again with --roles {shlex.quote(f'{name}=categorical')}, or another role"
                " of features: numeric, date, text",
            )
    shared: dict[str, TableImputer] = {}
    return [_plan_of(name, role, written.get(name), settings, shared) for name, role in used]


def _plan_of(
    source: str,
    role: str,
    written: Any,
    settings: TransformSettings,
    shared: dict[str, TableImputer],
) -> Plan:
    """Read the chain that is written for a column, and find what fills its gaps."""
    links = None if written is None else parse_chain(written)
    imputer: Any = None
    if role in IMPUTED_BY:
        registry, name = IMPUTED_BY[role]
        chosen = {
            "numeric": settings.impute_numeric,
            "categorical": settings.impute_categorical,
            "date": "median",
        }[role]
        if links and _name_of(links[0]) in registry:
            chosen = links.pop(0)
        imputer = build(registry, name, chosen)
    asked = None if links is None else _read_chain(source, role, links)
    if asked and asked[0].reads_gaps:
        imputer = None
    if isinstance(imputer, TableImputer):
        joint = shared.setdefault(repr(imputer), imputer)
        return Plan(source, role, joint, None, asked)
    return Plan(source, role, None, imputer, asked)


def _read_chain(source: str, role: str, links: Sequence[Choice]) -> list[Operation]:
    """Build the operations of a chain that a person has written, each fit for the one before."""
    chain: list[Operation] = []
    current = STARTS[role]
    for link in links:
        name = _name_of(link)
        if current not in OPERATIONS:
            raise UsageError(
                f"--columns {source}: {name!r} cannot follow {_name_of(links[len(chain) - 1])!r},"
                " which gives what the network reads",
                f"end the chain before {name!r}",
            )
        if name in NUMERIC_IMPUTERS and name not in OPERATIONS["numbers"]:
            raise UsageError(
                f"--columns {source}: {name!r} fills gaps with the help of other columns",
                f"let the chain begin with {name!r}",
            )
        if name not in OPERATIONS[current]:
            raise UsageError(
                f"--columns {source}: {name!r} does not work on {WORDS[current]}",
                f"choose from {', '.join(OPERATIONS[current])}",
            )
        try:
            chain.append(build(OPERATIONS[current], "operations", link))
        except UsageError as error:
            raise UsageError(f"--columns {source}: {error.message}", error.hint) from None
        current = after(current, type(chain[-1]))
    if current == "texts":
        raise UsageError(
            f"--columns {source}: the chain ends with texts, which no network reads",
            f"add an encoder: {', '.join(ENCODERS)}",
        )
    return chain


def _name_of(link: Choice) -> str:
    return name_and_settings(link)[0]


def after(current: str, cls: type[Operation]) -> str:
    """What an operation makes of cells that are ``current``: their kind, for the next one."""
    return current if cls.gives == "same" else cls.gives


def classes_of(role: str, links: Sequence[State]) -> list[type[Operation]]:
    """Find the classes of a learned chain by the names in its links."""
    found: list[type[Operation]] = []
    current = STARTS[role]
    for link in links:
        found.append(OPERATIONS[current][link["name"]])
        current = after(current, found[-1])
    return found


def chains_of(
    planned: Plan, values: Values, n_missing: int, settings: TransformSettings
) -> Iterator[list[Operation]]:
    """Say which operations a column goes through, by its plan and its training values."""
    first = [] if planned.imputer is None else [planned.imputer]
    scaler = build(SCALERS, "SCALERS", settings.scale)
    if planned.asked is not None:
        yield [*first, *planned.asked]
    elif planned.role == "categorical":
        encoder = build(ENCODERS, "ENCODERS", settings.encode)
        yield [*first, encoder, scaler] if encoder.gives == "numbers" else [*first, encoder]
    elif planned.role == "numeric":
        yield [*first, scaler]
    elif planned.role == "text":
        yield [build(TEXT_ENCODERS, "TEXT_ENCODERS", settings.text)]
    else:
        for part in operations_of(settings.dates, values):
            yield [*first, part, scaler] if part.gives == "numbers" else [*first, part]
    has_numbers = planned.role in ("numeric", "date")
    asked_for = planned.asked and planned.asked[0].reads_gaps
    if n_missing and settings.missing_indicators and has_numbers and not asked_for:
        yield [IsMissing()]


def fit_chain(
    operations: Sequence[Operation], role: str, values: Values, training: Training
) -> tuple[State, Values | None]:
    """Learn each operation from what the one before makes of the training values.

    Also gives what the training values become, where that is not what `apply` gives.
    """
    chain, apart = [], False
    current = STARTS[role]
    for place, operation in enumerate(operations):
        names = {cls: name for name, cls in OPERATIONS[current].items()}
        other = None
        if operation.needs_target:
            learned, other = operation.fit_to(values, training)
        else:
            learned = operation.fit(values)
        chain.append({"name": names[type(operation)], **learned})
        current = after(current, type(operation))
        apart = apart or other is not None
        if other is not None:
            values = other
        elif apart or place < len(operations) - 1:
            values = operation.apply(values, learned, {})
    kind = "codes" if current == "codes" else "numeric"
    gives = "gaps" if operations[-1].reads_gaps else current
    levels = len(chain[-1]["levels"]) + 1 if kind == "codes" else None
    learned = {"kind": kind, "gives": gives, "chain": chain, "levels": levels}
    return learned, values if apart else None


def give_names(entries: list[State], taken: set[str]) -> None:
    """Name features and their columns after the source, no name twice and none another's source.

    ``taken`` are names that are not free; what is given is added to it.
    """
    for entry in entries:
        source, links = entry["source"], entry["chain"]
        chain = classes_of(entry["role"], links)
        labels = [cls.label(link) for cls, link in zip(chain, links, strict=True)]
        entry["block"] = free(source + "".join(labels), source, taken)
        entry["produces"] = [
            free(entry["block"] + suffix, source, taken) if suffix else entry["block"]
            for suffix in chain[-1].suffixes(links[-1])
        ]


def free(name: str, source: str, taken: set[str]) -> str:
    """Give the name, or the name with the first number that makes it a new one."""
    found, n = name, 1
    while found in taken and found != source:
        n += 1
        found = f"{name}_{n}"
    taken.add(found)
    return found
