"""From typed columns to the numbers that a network reads.

The state lists, in the order of the source columns, one entry for each feature: its source, its
chain of operations with what each learned, and the columns that it produces. A number with gaps
has a second entry, which says where they were; a date has one for its days and one for each cycle.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nntool.errors import DataError
from nntool.settings.transform import TransformSettings
from nntool.tables.operations import OPERATIONS
from nntool.tables.operations.chains import fit_source, give_names, values_of
from nntool.tables.operations.operation import LIMIT, Operation, State, Values
from nntool.tables.operations.targets import apply_target, fit_target, inverse_target

__all__ = [
    "add_counts",
    "apply",
    "apply_target",
    "fit",
    "fit_target",
    "inverse_target",
    "produced",
    "report",
    "sources",
]

BLOCK = 16_384  # rows worked on at a time: columns and their part of the matrix stay in the cache

Mask = npt.NDArray[np.bool_]
AllCounts = dict[str, dict[str, int]]


def fit(
    table: pa.Table,
    columns: Sequence[tuple[str, str]],
    settings: TransformSettings,
    rows: Mask | None = None,
) -> State:
    """Learn from the training rows how each column becomes numbers.

    ``columns`` are name and role of the features in source order; identifiers and ignored columns
    are passed over. ``rows`` `(n,)` marks the training rows, None is all. Raises ``DataError``
    where no column or no row is left, ``UsageError`` for a choice that is not known.
    """
    used = [(name, role) for name, role in columns if role in OPERATIONS]
    if not used:
        raise DataError(
            "no column is left that could be a feature",
            "clean again with --roles COLUMN=numeric or COLUMN=categorical",
        )
    n_rows = table.num_rows if rows is None else int(np.count_nonzero(rows))
    if not n_rows:
        raise DataError("there is no training row to learn from", "see the report of split")
    _require(table, [name for name, _ in used])
    entries = []
    for source, role in used:
        values = values_of(table.column(source), role)
        if rows is not None:
            values = values.filter(pa.array(rows)) if role == "categorical" else values[rows]
        entries += fit_source(source, role, values, settings)
    give_names(entries)
    return {"rows": n_rows, "columns": entries}


def apply(
    batch: pa.RecordBatch | pa.Table, state: State, columns: Sequence[str] | None = None
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32], AllCounts]:
    """Turn a chunk of rows into numbers `(n, d)` and codes `(n, k)`, in C order.

    ``columns`` are the names of the produced columns wanted, in the order wanted; None is all.
    The counts say, by source column, how many cells were missing, held a category that training
    never saw, lay outside the range of training, or were too large for float32 and clipped.
    Raises ``DataError`` where a needed source column is absent.
    """
    plan, n_numeric, n_codes = _plan(state, columns)
    _require(batch, list(dict.fromkeys(feature.source for feature in plan)))
    numeric = np.empty((batch.num_rows, n_numeric), np.float32)
    codes = np.empty((batch.num_rows, n_codes), np.int32)
    counts: AllCounts = {}
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is clipped and counted
        for start in range(0, batch.num_rows, BLOCK):
            here = slice(start, start + BLOCK)
            _apply_block(batch.slice(start, BLOCK), plan, numeric[here], codes[here], counts)
    return numeric, codes, counts


def produced(state: State) -> list[dict[str, Any]]:
    """List what `apply` gives: name, source, block, role, kind, position and number of levels.

    ``position`` is the column in the matrix of its kind; ``levels`` is the number of codes, with
    code 0 for what is rare or unseen, and None for numbers. Columns of one block are one feature.
    """
    positions = {"numeric": 0, "codes": 0}
    found = []
    for entry in state["columns"]:
        shared = {key: entry[key] for key in ("source", "block", "role", "kind", "levels")}
        for name in entry["produces"]:
            found.append({"name": name, **shared, "position": positions[entry["kind"]]})
            positions[entry["kind"]] += 1
    return found


def sources(state: State, columns: Sequence[str] | None = None) -> list[str]:
    """Give the source columns that the produced ones (None: all) depend on, in source order."""
    wanted = None if columns is None else set(columns)
    needed = [
        entry["source"]
        for entry in state["columns"]
        if wanted is None or wanted.intersection(entry["produces"])
    ]
    return list(dict.fromkeys(needed))


def add_counts(total: AllCounts, counts: AllCounts) -> None:
    """Add the counts of one chunk to those of the chunks before it.

    >>> total = {"missing": {"age": 1}}
    >>> add_counts(total, {"missing": {"age": 2}, "unseen": {"city": 1}})
    >>> total
    {'missing': {'age': 3}, 'unseen': {'city': 1}}
    """
    for what, by_column in counts.items():
        for column, n in by_column.items():
            _count(total, what, column, n)


def report(state: State, counts: AllCounts) -> dict[str, Any]:
    """Say what was learned and what happened to the cells: notes for a person, and the numbers."""
    columns: dict[str, Any] = {}
    for entry in state["columns"]:
        column = columns.setdefault(
            entry["source"], {"role": entry["role"], "missing": entry["missing"], "produces": []}
        )
        column["produces"] += entry["produces"]
        for link in entry["chain"]:
            if "value" in link:
                column["filled_with"] = link["value"]
            if link.get("rare"):
                column["rare_levels"] = len(link["rare"])
    return {"notes": _notes(state, columns, counts), "columns": columns, "counts": counts}


def _notes(state: State, columns: dict[str, Any], counts: AllCounts) -> list[str]:
    kinds = [column["kind"] for column in produced(state)]
    codes = f" and {kinds.count('codes')} of codes" if "codes" in kinds else ""
    notes = [
        f"{len(columns)} columns give {kinds.count('numeric')} columns of numbers{codes},"
        f" learned from {state['rows']:,} rows"
    ]
    numbers = {n: c for n, c in columns.items() if c["role"] == "numeric"}
    texts = {n: c for n, c in columns.items() if c["role"] == "categorical"}
    for of_role, option in ((numbers, "--impute-numeric"), (texts, "--impute-categorical")):
        gaps = {name: column["missing"] for name, column in of_role.items() if column["missing"]}
        if gaps:
            notes.append(
                f"cells missing in training: {_listed(gaps)} ({option} says what they become)"
            )
    if rare := {n: c["rare_levels"] for n, c in columns.items() if "rare_levels" in c}:
        notes.append(
            f"rare levels that share one slot: {_listed(rare)} (--encode one-hot:min_count=1)"
        )
    if unseen := counts.get("unseen"):
        notes.append(f"cells with a category that training never saw: {_listed(unseen)}")
    if clipped := counts.get("clipped"):
        notes.append(f"numbers too large for a network, clipped: {_listed(clipped)} (--scale)")
    return notes


def _listed(by_column: dict[str, int], most: int = 5) -> str:
    """Name the columns with the largest numbers.

    >>> _listed({"a": 1, "b": 3, "c": 2}, most=2)
    'b 3, c 2 and 1 more'
    """
    largest = sorted(by_column.items(), key=lambda pair: -pair[1])
    more = f" and {len(largest) - most} more" if len(largest) > most else ""
    return ", ".join(f"{name} {n:,}" for name, n in largest[:most]) + more


class _Feature(NamedTuple):
    """One entry of the state, made ready: what is called, and where its columns go."""

    source: str
    role: str
    kind: str
    chain: list[tuple[type[Operation], State]]
    extent: tuple[float, float] | None
    picks: slice | list[int]
    positions: slice | list[int]


def _plan(state: State, columns: Sequence[str] | None) -> tuple[list[_Feature], int, int]:
    """Make ready the entries that produce what is wanted; also count the columns of both kinds."""
    places = {column["name"]: column["kind"] for column in produced(state)}
    wanted = list(places) if columns is None else list(columns)
    if unknown := [name for name in wanted if name not in places]:
        raise DataError(
            f"transform does not produce {', '.join(map(repr, unknown))}",
            "run select-features again",
        )
    totals = {"numeric": 0, "codes": 0}
    position = {}
    for name in wanted:
        position[name] = totals[places[name]]
        totals[places[name]] += 1
    plan = []
    for entry in state["columns"]:
        picks = [i for i, name in enumerate(entry["produces"]) if name in position]
        if picks:
            chain = [(OPERATIONS[entry["role"]][link["name"]], link) for link in entry["chain"]]
            to = [position[entry["produces"][i]] for i in picks]
            extent = entry["range"] and tuple(entry["range"])
            plan.append(
                _Feature(
                    entry["source"],
                    entry["role"],
                    entry["kind"],
                    chain,
                    extent,
                    _as_slice(picks),
                    _as_slice(to),
                )
            )
    return plan, totals["numeric"], totals["codes"]


def _as_slice(places: list[int]) -> slice | list[int]:
    """Give consecutive places as a slice, which NumPy copies much faster."""
    run = slice(places[0], places[0] + len(places))
    return run if places == list(range(run.start, run.stop)) else places


def _apply_block(
    batch: pa.RecordBatch | pa.Table,
    plan: list[_Feature],
    numeric: npt.NDArray[np.float32],
    codes: npt.NDArray[np.int32],
    counts: AllCounts,
) -> None:
    """Work on a few rows, column by column, and write into their part of the matrices."""
    ready: dict[str, Values] = {}
    clipped: dict[str, int] = {}
    for feature in plan:
        source = feature.source
        if source not in ready:
            column = batch.column(source)
            _count(counts, "missing", source, column.null_count)
            ready[source] = values_of(column, feature.role)
            clipped[source] = _look_at(ready[source], feature, counts)
        values = ready[source]
        happened: dict[str, int] = {}
        for operation, learned in feature.chain:
            values = operation.apply(values, learned, happened)
        matrix = numeric if feature.kind == "numeric" else codes
        if values.ndim == 1:
            values = values[:, None]
        matrix[:, feature.positions] = values[:, feature.picks]
        for what, n in happened.items():
            _count(counts, what, source, n)
    if not np.isfinite(numeric).all():
        for feature in plan:
            if feature.kind == "numeric":
                n_wild = np.count_nonzero(~np.isfinite(numeric[:, feature.positions]))
                clipped[feature.source] = max(clipped[feature.source], int(n_wild))
        np.nan_to_num(numeric, copy=False)
    for source, n in clipped.items():
        _count(counts, "clipped", source, n)


def _look_at(values: Values, feature: _Feature, counts: AllCounts) -> int:
    """Count the numbers outside the range of training; give how many were clipped on reading."""
    if feature.extent is None:
        return 0
    low, high = feature.extent
    n_outside = np.count_nonzero(values < low) + np.count_nonzero(values > high)
    _count(counts, "outside", feature.source, int(n_outside))
    may_be_clipped = n_outside or max(-low, high) >= LIMIT
    return int(np.count_nonzero(np.abs(values) >= LIMIT)) if may_be_clipped else 0


def _require(batch: pa.RecordBatch | pa.Table, needed: Sequence[str]) -> None:
    present = set(batch.schema.names)
    if absent := [name for name in needed if name not in present]:
        stated = ", ".join(map(repr, absent))
        raise DataError(f"needed columns are not there: {stated}", "add them, or rename")


def _count(counts: AllCounts, what: str, column: str, n: int) -> None:
    if n:
        by_column = counts.setdefault(what, {})
        by_column[column] = by_column.get(column, 0) + n
