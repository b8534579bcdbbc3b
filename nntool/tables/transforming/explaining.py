"""What would be done with each column, before anything is learned."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nntool.settings.transform import TransformSettings
from nntool.tables.operations import MIXERS, OPERATIONS, mixers_asked_for
from nntool.tables.operations.operation import Operation
from nntool.tables.transforming.chains import (
    IMPUTED_BY,
    STARTS,
    Plan,
    after,
    chains_of,
    gaps_in,
    plan,
    values_of,
)


class Intention(NamedTuple):
    """What is to happen to one source column, or to several at once."""

    column: str
    role: str
    missing: int | None
    """Cells without a value in the rows that would be learned from."""
    operations: str
    because: str
    """The option that says so."""


def explain(
    table: pa.Table,
    columns: Sequence[tuple[str, str]],
    settings: TransformSettings,
    rows: npt.NDArray[np.bool_],
) -> list[Intention]:
    """Say for each column of a clean table which chains it would go through, in source order."""
    found = []
    planned = plan(columns, settings)
    for one in planned:
        values = values_of(table.column(one.source).filter(pa.array(rows)))
        n_missing = gaps_in(values)
        for chain in chains_of(one, values, n_missing, settings):
            shown = _written(one, chain)
            found.append(Intention(one.source, one.role, n_missing, shown, _because(one, chain)))
    used = {one.source for one in planned}
    for name, role in columns:
        if name not in used:
            found.append(Intention(name, role, None, "", "no feature (clean --roles)"))
    for mixer in mixers_asked_for(settings):
        name = next(name for name, cls in MIXERS.items() if cls is type(mixer))
        found.append(Intention("all numbers", "", None, _with_settings(name, mixer), "asked for"))
    return found


def _written(one: Plan, chain: Sequence[Operation]) -> str:
    """A chain as one would write it, with what fills the gaps before it."""
    links = []
    if one.joint is not None and not chain[0].reads_gaps:
        registry, _ = IMPUTED_BY[one.role]
        name = next(name for name, cls in registry.items() if cls is type(one.joint))
        links.append(_with_settings(name, one.joint))
    current = STARTS[one.role]
    for operation in chain:
        names = {cls: name for name, cls in OPERATIONS[current].items()}
        links.append(_with_settings(names[type(operation)], operation))
        current = after(current, type(operation))
    return " → ".join(links)


def _with_settings(name: str, choice: Any) -> str:
    """A name and the settings that are not the default."""
    given = [
        f"{field.name}={_as_typed(getattr(choice, field.name))}"
        for field in fields(choice)
        if getattr(choice, field.name) != field.default
    ]
    return name + (":" + ",".join(given) if given else "")


def _as_typed(value: Any) -> str:
    """A value of a setting as one would type it."""
    if isinstance(value, tuple):
        items = [f"{item:g}" if isinstance(item, float) else str(item) for item in value]
        return ("|" if any("/" in item for item in items) else "/").join(items)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _because(one: Plan, chain: Sequence[Operation]) -> str:
    if chain[0].reads_gaps and (one.asked is None or one.asked[0] is not chain[0]):
        return "it has gaps (--no-missing-indicators)"
    if one.asked is not None:
        return "asked for (--columns)"
    return {
        "numeric": "a number (--impute-numeric, --scale)",
        "categorical": "a category (--impute-categorical, --encode)",
        "date": "a date (--dates, --scale)",
        "text": "free text (--text)",
    }[one.role]
