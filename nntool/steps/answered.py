"""Rows on their way through prediction: as text, then with their answers and what was met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass
class Counts:
    """What was met on the way, by column."""

    rows: int = 0
    empty_rows: int = 0
    """Rows without any value: answered, as each line in has a line out."""
    cells: dict[str, Any] = field(default_factory=dict)
    """Cells that became missing, by column and kind."""
    features: dict[str, Any] = field(default_factory=dict)
    """Missing, unseen and out-of-range values, by kind and column."""
    predicted: Any = 0
    """How many rows were given to each class, in the order of classes; 0 for a regression."""
    bad_rows: int = 0
    """Rows that could not be read, and are not answered."""
    status: dict[str, int] = field(default_factory=dict)
    """Rows by what was met in them, where that was asked for."""
    bins: dict[str, Any] = field(default_factory=dict)
    """How many rows fall into each bin of each column, where drift is asked for."""

    def add(self, other: Counts) -> None:
        """Take in what was met in other rows."""
        from nntool.tables import casting, drift, transforming

        self.rows += other.rows
        self.empty_rows += other.empty_rows
        self.predicted = self.predicted + other.predicted
        casting.merge_counts(self.cells, other.cells)
        transforming.add_counts(self.features, other.features)
        self.bad_rows += other.bad_rows
        for word, n in other.status.items():
            self.status[word] = self.status.get(word, 0) + n
        drift.add(self.bins, other.bins)

    def plain(self, classes: Sequence[str] | None) -> dict[str, Any]:
        """What was met, as JSON says it."""
        import numpy as np

        by_class = np.zeros(len(classes or ()), int) + self.predicted
        return {
            "rows": self.rows,
            "bad_rows": self.bad_rows,
            "empty_rows": self.empty_rows,
            **({"status": self.status} if self.status else {}),
            "predicted": dict(zip(classes or (), by_class.tolist(), strict=True)),
            "cells": self.cells,
            "missing": {},
            "unseen": {},
            "outside": {},
            **self.features,
        }

    def sort(self, columns: Sequence[str]) -> None:
        """Put columns in this order, and the rest by name: not in that of their first sight."""
        place = {name: (at, "") for at, name in enumerate(columns)}
        self.cells = _sorted(self.cells, place)
        self.features = _sorted(self.features, place)


def _sorted(counts: dict[str, Any], place: dict[str, tuple[int, str]]) -> dict[str, Any]:
    last = len(place)
    return {
        key: _sorted(value, place) if isinstance(value, dict) else value
        for key, value in sorted(counts.items(), key=lambda e: place.get(e[0], (last, e[0])))
    }


class Chunk(NamedTuple):
    """Consecutive rows of an input as text, and how many rows came before them."""

    first: int
    text: pa.RecordBatch
    bad: Any = None
    """A mask ``(n,)`` of the rows that could not be read, or None where all could."""


class Answers(NamedTuple):
    """Some rows of text, their features, what the model says of them and what was met."""

    first: int
    """How many rows of the input came before these."""
    text: pa.RecordBatch
    numeric: Any
    """What the network takes ``(n, n_numeric)``, 0 in rows that could not be read."""
    codes: Any
    """The same of categories ``(n, n_codes)``."""
    decided: Any
    """Class codes, or values in the target's own unit; ``(n,)``."""
    probabilities: Any
    """``(n, n_classes)``, or None."""
    counts: Counts
    bad: Any = None
    """A mask ``(n,)`` of the rows that could not be read, or None where all could."""
    spread: Any = None
    """The standard deviation over the passes of --mc-dropout ``(n,)``, or None."""
    status: Any = None
    """What was met in each row `(n,)`, where that was asked for: codes of row_status."""
