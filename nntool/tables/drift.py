"""What the columns of the training rows looked like, in bins, and how new rows fall into these.

The reference of a column is plain data. Numbers (and dates, as days) have the edges of the bins
between their deciles; categories have the most frequent levels, one bin each, and the others that
training saw, which share one. The last bins are "missing" and, for categories, "unseen", where
rare levels are too.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nntool.tables.deciles import deciles
from nntool.tables.operations.levels import codes_of

WATCHED = ("numeric", "categorical", "date")
"""The roles of columns that have a reference; free text has no bins."""
LEVELS_WITH_A_BIN = 100
LEVELS_KNOWN = 10_000
"""Levels that are kept, to be known again."""
ROWS_OF_A_LEVEL = 5
"""A level of fewer training rows counts as unseen, in training and later: see ``_of_texts``."""

Reference = dict[str, Any]
Bins = npt.NDArray[np.int64]
"""How many rows fall into each bin of a column."""


def learn(values: Any, role: str) -> Reference:
    """What is kept of the training rows of a column: numbers with NaN for missing, or texts."""
    found = _of_texts(values) if isinstance(values, pa.Array) else _of_numbers(values)
    return {"role": role, **found}


def _of_numbers(values: npt.NDArray[np.float64]) -> Reference:
    edges, counts = deciles(values)
    n_missing = len(values) - int(counts.sum())
    return {"edges": edges.tolist(), "counts": [*counts.tolist(), n_missing]}


def _of_texts(values: pa.Array) -> Reference:
    """The levels by how frequent they are, equally frequent ones in code-point order.

    Rare levels are of one kind with unseen ones: of names, tickets or small towns some are always
    new, and which of them come back says nothing. A bin for both has one share in training rows
    and in later ones; apart, such columns would drift in every file.
    """
    times = pc.value_counts(values)
    table = pa.table({"level": times.field("values"), "n": times.field("counts")})
    table = table.filter(pc.field("level").is_valid() & (pc.field("n") >= ROWS_OF_A_LEVEL))
    table = table.take(pc.sort_indices(table, [("n", "descending"), ("level", "ascending")]))
    table = table.slice(0, LEVELS_KNOWN)
    levels, n = table.column("level").to_pylist(), table.column("n").to_numpy()
    shown, others = levels[:LEVELS_WITH_A_BIN], levels[LEVELS_WITH_A_BIN:]
    counts = n[: len(shown)].tolist()
    if others:
        counts.append(int(n[len(shown) :].sum()))
    n_rare = len(values) - values.null_count - int(n.sum())
    return {"levels": shown, "others": others, "counts": [*counts, values.null_count, n_rare]}


def count(values: Any, reference: Reference) -> Bins:
    """How many of some rows fall into each bin of their column's reference."""
    if "edges" in reference:
        return _count_numbers(values, reference["edges"])
    return _count_texts(values, reference["levels"], reference["others"])


def _count_numbers(values: npt.NDArray[np.float64], edges: list[float]) -> Bins:
    there = values[~np.isnan(values)]
    bins = np.searchsorted(np.array(edges), there)
    counts = np.bincount(bins, minlength=len(edges) + 2)
    counts[-1] = len(values) - len(there)
    return counts.astype(np.int64, copy=False)


def _count_texts(values: pa.Array, levels: list[str], others: list[str]) -> Bins:
    codes = codes_of(values, levels, others, {})
    last = len(levels) + bool(others)
    known = np.minimum(codes[codes >= 0], len(levels))
    counts = np.bincount(known, minlength=last + 2).astype(np.int64, copy=False)
    counts[last:] = values.null_count, len(codes) - len(known) - values.null_count
    return counts


def add(total: dict[str, Bins], counts: Mapping[str, Bins]) -> None:
    """Add the bins of some rows, by column, to those of the rows before them.

    >>> total = {"age": np.array([1, 0])}
    >>> add(total, {"age": np.array([2, 5])})
    >>> total["age"].tolist()
    [3, 5]
    """
    for column, bins in counts.items():
        total[column] = total[column] + bins if column in total else bins


def bin_names(reference: Reference) -> list[str]:
    """What to call each bin of a column.

    >>> bin_names({"role": "numeric", "edges": [2.0, 4.0], "counts": [5, 5, 0, 1]})
    ['up to 2', 'above 2 up to 4', 'above 4', 'missing']
    >>> bin_names({"role": "categorical", "levels": ["a"], "others": ["b"], "counts": [5, 1, 0, 0]})
    ["'a'", 'other levels', 'missing', 'unseen']
    """
    if "levels" in reference:
        others = ["other levels"] if reference["others"] else []
        unseen = "rare or unseen" if reference["counts"][-1] else "unseen"
        return [*map(repr, reference["levels"]), *others, "missing", unseen]
    edges = [_edge(edge, reference["role"]) for edge in reference["edges"]]
    if not edges:
        return ["any value", "missing"]
    between = [f"above {a} up to {b}" for a, b in pairwise(edges)]
    return [f"up to {edges[0]}", *between, f"above {edges[-1]}", "missing"]


def _edge(edge: float, role: str) -> str:
    if role != "date":
        return f"{edge:.6g}"
    return str(np.datetime64(round(edge * 86_400), "s")).removesuffix("T00:00:00")
