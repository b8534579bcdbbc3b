"""Features: blocks of produced columns that are judged as one, and what was decided of each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from nntool.tables.selecting.columns import Array, Columns

DROPPED = "dropped by name"
Codes = npt.NDArray[np.int64]


@dataclass
class Feature:
    """A block of produced columns and what was decided about it."""

    name: str
    source: str
    role: str
    kind: str
    columns: list[tuple[str, int]]
    """Name and position of the columns that are still kept."""
    all_columns: list[str] = field(default_factory=list)
    is_wanted: bool = False
    """Kept by name: no reason drops it."""
    spared: list[str] = field(default_factory=list)
    """Why it would have been dropped, had it not been kept by name."""
    dropped: list[tuple[str, str]] = field(default_factory=list)
    reason: str = ""
    score: float | None = None
    rank: int | None = None

    @property
    def kept(self) -> bool:
        """Whether any of its columns is left."""
        return bool(self.columns)

    @property
    def is_number(self) -> bool:
        """Whether it is one column of numbers, whatever it was made from."""
        return self.kind == "numeric" and len(self.all_columns) == 1

    @property
    def is_category(self) -> bool:
        """Whether its columns are codes, or say together which level a cell has."""
        return self.role == "categorical" and not self.is_number

    @property
    def positions(self) -> list[int]:
        """Where its kept columns stand in the matrix of their kind."""
        return [position for _, position in self.columns]

    @property
    def dropped_by_name(self) -> list[str]:
        """The columns that a person left out."""
        return [name for name, reason in self.dropped if reason == DROPPED]

    def drop(self, reason: str) -> None:
        """Drop what is left of it, unless it is kept by name."""
        if self.is_wanted:
            self.spared.append(reason)
            return
        self.dropped += [(name, reason) for name, _ in self.columns]
        self.columns, self.reason = [], reason

    def drop_column(self, column: tuple[str, int], reason: str) -> None:
        """Drop one column alone; the last one takes the feature with it."""
        self.dropped.append((column[0], reason))
        self.columns.remove(column)
        if not self.columns:
            self.reason = reason


def gather(produced: Sequence[dict[str, Any]]) -> list[Feature]:
    """Gather the columns of each block, in order."""
    by_block: dict[str, Feature] = {}
    for column in produced:
        block = column["block"]
        shared = (block, column["source"], column["role"], column["kind"])
        feature = by_block.setdefault(block, Feature(*shared, columns=[]))
        feature.columns.append((column["name"], column["position"]))
        feature.all_columns.append(column["name"])
    return list(by_block.values())


def wanted_first(features: Sequence[Feature]) -> list[Feature]:
    """Give the features in the order in which one that repeats another goes: the later one.

    Those that are kept by name come first, since they stay in any case.
    """
    return sorted(features, key=lambda feature: not feature.is_wanted)


def level_codes(columns: Array) -> Codes:
    """Number the distinct rows of the columns `(n, m)` of a category from 0, by their values.

    >>> level_codes(np.array([[0, 1], [1, 0], [0, 1]])).tolist()
    [0, 1, 0]
    """
    if columns.shape[1] > 1 and not _is_one_hot(columns):
        return np.unique(columns, axis=0, return_inverse=True)[1].reshape(-1)
    keys = columns[:, 0]
    if columns.shape[1] > 1:  # in the order of the rows as texts: no 1 first, then from the right
        keys = np.where(columns.any(axis=1), columns.shape[1] - columns.argmax(axis=1), 0)
    return np.unique(keys, return_inverse=True)[1].reshape(-1)


def _is_one_hot(columns: Array) -> bool:
    """Whether each row has at most one 1 and no other number than 0 beside it."""
    return bool(((columns == 0) | (columns == 1)).all() and (columns.sum(axis=1) <= 1).all())


def codes_of(feature: Feature, columns: Columns) -> Codes:
    """Number the levels of a category in the judged rows."""
    return level_codes(columns.take(feature.kind, feature.positions))
