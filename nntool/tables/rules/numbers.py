"""What rules on numeric columns share: which columns are meant, and their numbers."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nntool.errors import UsageError
from nntool.tables.columns import resolve_listed
from nntool.tables.rules.rule import Columns

LIMIT = 1e100
"""Numbers beyond it are judged as if they were it: their squares, and sums of those, are finite."""


def numeric_columns(columns: Columns, wanted: Sequence[str], option: str) -> list[str]:
    """All numeric columns, or those that were named; raises for one that holds no numbers."""
    if not wanted:
        return [name for name, role in columns.items() if role == "numeric"]
    names = resolve_listed(list(columns), wanted, option)
    require_role(columns, names, "numeric", option)
    return names


def require_role(columns: Columns, names: Sequence[str], role: str, option: str) -> None:
    """Raise ``UsageError`` for the first column that is something else."""
    for name in names:
        if columns[name] != role:
            raise UsageError(
                f"{option}: {name!r} is {columns[name]}, and only {role} columns are of use here",
                f"leave it out, or --roles {name}={role}",
            )


def refuse_without(given: bool, option: str, other: str) -> None:
    """Raise ``UsageError`` where an option is given that does nothing without another."""
    if given:
        raise UsageError(f"{option} does nothing without {other.split()[0]}", f"add {other}")


def known_numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """The numbers of a column that are not missing, within ±LIMIT."""
    values: NDArray[np.float64] = np.clip(column.drop_null().to_numpy(), -LIMIT, LIMIT)
    return values
