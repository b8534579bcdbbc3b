"""What the leakage guard sees, and what it finds."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nntool.settings.clean import CleanSettings
from nntool.settings.wording import counted
from nntool.tables.column_types import ARROW_TYPES, learn, missing_by_column, typed
from nntool.tables.columns import resolve_all

PART_WORDS = ("training", "validation", "test")
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Finding:
    """One leak: what is known of it, and what to type.

    ``kind`` is duplicates, group, time, identifier or target; ``rows`` are examples, from 1. The
    run is RUN in hints, as a report does not know where it lies.
    """

    kind: str
    columns: list[str]
    message: str
    hint: str
    counts: dict[str, int] = field(default_factory=dict)
    score: float | None = None
    rows: list[int] = field(default_factory=list)

    def as_plain(self) -> dict[str, Any]:
        """Plain data for the report."""
        return asdict(self)


@dataclass(frozen=True)
class View:
    """A table of text that was dealt, and what is known of its columns.

    ``hashes`` `(n,)` are equal for equal rows; ``parts`` `(n,)` are 0 train, 1 validation, 2 test,
    −1 none. ``settings`` are those of clean, with target and task as the split has them: only what
    they say of columns is used. ``learned_target`` is the target's state, as the split has it.
    ``used`` says which column the split went by, as ``{"group": "patient"}``. ``rows`` are the
    training rows that are looked at one by one: all, or a seeded sample.
    """

    table: pa.Table
    hashes: NDArray[np.uint64]
    parts: NDArray[np.int8]
    settings: CleanSettings
    learned_target: Mapping[str, Any]
    used: Mapping[str, str] = field(default_factory=dict)
    rows: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def target(self) -> str:
        """The name of the target."""
        return self.settings.target

    @property
    def keeps_together(self) -> str | None:
        """The column whose rows of one value the split keeps in one part, if there is one."""
        return self.used.get("group") or self.used.get("hash")

    @cached_property
    def sample(self) -> pa.Table:
        """The training rows that are looked at."""
        return self.table.take(pa.array(self.rows))

    @cached_property
    def missing(self) -> dict[str, list[str]]:
        """The cells that mean "missing" in each column."""
        return missing_by_column(self.table.column_names, self.settings)

    @cached_property
    def columns(self) -> dict[str, dict[str, Any]]:
        """What clean would say of each column but the target, from the rows looked at."""
        found = learn(self.sample, self.settings, self.target)
        return {column["name"]: column for column in found}

    @cached_property
    def asked(self) -> set[str]:
        """The columns whose role someone has named."""
        named = list(self.settings.roles)
        return set(resolve_all(self.table.column_names, named, "--roles"))

    def named(self, role: str) -> list[str]:
        """The columns that have a role."""
        return [name for name, column in self.columns.items() if column["role"] == role]

    def typed(self, name: str, text: pa.ChunkedArray) -> pa.ChunkedArray:
        """Cells of a column as the type that it has; what is missing or does not fit is null."""
        column = self.columns[name]
        chunks = [typed(chunk, column, self.missing[name])[0] for chunk in text.chunks]
        return pa.chunked_array(chunks, ARROW_TYPES[column["type"]])


def by_part(parts: NDArray[np.int8], mask: Mask) -> dict[str, int]:
    """How many of the rows are in each part, training apart.

    >>> by_part(np.array([0, 1, 2, 2], np.int8), np.array([True, True, True, True]))
    {'validation': 1, 'test': 2}
    """
    found = {PART_WORDS[part]: int(np.count_nonzero(mask & (parts == part))) for part in (1, 2)}
    return {part: n for part, n in found.items() if n}


def in_words(counts: Mapping[str, int]) -> str:
    """Counts by part as a person says them.

    >>> in_words({"validation": 1, "test": 1200})
    '1 validation row and 1,200 test rows'
    """
    return " and ".join(counted(n, f"{part} row") for part, n in counts.items())


def examples(mask: Mask, most: int = 3) -> list[int]:
    """The numbers of the first rows, from 1."""
    return [int(i) + 1 for i in np.flatnonzero(mask)[:most]]
