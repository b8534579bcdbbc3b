"""A fitted state applied to rows: gaps filled, chains gone through, columns mixed."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nntool.errors import DataError
from nntool.tables.operations import MIXERS
from nntool.tables.operations.operation import (
    LIMIT,
    Mixer,
    Operation,
    State,
    TableImputer,
    Values,
)
from nntool.tables.transforming.chains import IMPUTED_BY, classes_of, gaps_in, values_of
from nntool.tables.transforming.features import is_in_order, mixed_from, produced, sources

BLOCK = 16_384  # rows worked on at a time: columns and their part of the matrix stay in the cache

WIDEST = 1e15
"""Produced numbers beyond it are clipped: layers that add up many of them stay within float32,
whose overflow would make the answer to such a row no number."""

AllCounts = dict[str, dict[str, int]]


def apply(
    batch: pa.RecordBatch | pa.Table, state: State, columns: Sequence[str] | None = None
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32], AllCounts]:
    """Turn a chunk of rows into numbers `(n, d)` and codes `(n, k)`, in C order.

    ``columns`` are the names of the produced columns wanted, in the order wanted; None is all.
    The counts say, by source column, how many cells were missing, held a category that training
    never saw, lay outside the range of training, or were too large for a network and clipped.
    Raises ``DataError`` where a needed source column is absent. Where the state `is_in_order`, the
    chunk must be all rows of a part.
    """
    plan = _plan(state, columns)
    require(batch, plan.sources)
    n_rows = batch.num_rows
    numeric = np.empty((n_rows, len(plan.numeric)), np.float32)
    codes = np.empty((n_rows, plan.n_codes), np.int32)
    counts: AllCounts = {}
    block = max(n_rows, 1) if is_in_order(state) else BLOCK
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is clipped and counted
        for start in range(0, n_rows, block):
            here = slice(start, start + block)
            _apply_block(batch.slice(start, block), plan, numeric[here], codes[here], counts)
    if plan.n_wanted < len(plan.numeric):  # the others were only read by mixers
        numeric = np.ascontiguousarray(numeric[:, : plan.n_wanted])
    return numeric, codes, counts


def training_rounds(
    table: pa.Table,
    rows: npt.NDArray[np.int64],
    state: State,
    names: Sequence[str],
    apart: Mapping[str, npt.NDArray[np.float32]],
) -> npt.NDArray[np.float64]:
    """Give produced columns of numbers for the training rows, `(n, d)`, as training has them."""
    matrix = np.empty((len(rows), len(names)))
    needed = table.select(sources(state, names))
    block = len(rows) if is_in_order(state) else 8 * BLOCK
    for start in range(0, len(rows), block):
        some = needed.take(pa.array(rows[start : start + block]))
        matrix[start : start + block] = apply(some, state, names)[0]
    for place, name in enumerate(names):
        if name in apart:
            matrix[:, place] = apart[name]
    return matrix


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


class _Feature(NamedTuple):
    """One entry of the state, made ready: what is called, and where its columns go."""

    source: str
    kind: str
    chain: list[tuple[type[Operation], State]]
    reads_gaps: bool
    extent: tuple[float, float] | None
    picks: slice | list[int]
    positions: slice | list[int]


class _Mixing(NamedTuple):
    """A mixer made ready: the columns that it reads, those that it makes and where they go."""

    name: str
    mixer: type[Mixer]
    state: State
    inputs: list[int]
    picks: slice | list[int]
    positions: slice | list[int]


class _Plan(NamedTuple):
    """All that is done with a chunk."""

    sources: list[str]
    imputers: list[tuple[type[TableImputer], State]]
    features: list[_Feature]
    mixers: list[_Mixing]
    numeric: list[str]
    """The columns of numbers: those wanted, then those that only mixers read."""
    n_wanted: int
    n_codes: int


def _plan(state: State, columns: Sequence[str] | None) -> _Plan:
    """Make ready the entries that produce what is wanted."""
    kinds = {column["name"]: column["kind"] for column in produced(state)}
    wanted = list(kinds) if columns is None else list(columns)
    mixed = mixed_from(state, set(wanted))
    if unknown := [name for name in wanted if name not in kinds]:
        raise DataError(
            f"transform does not produce {', '.join(map(repr, unknown))}",
            "run select-features again",
        )
    codes = [name for name in wanted if kinds.get(name) == "codes"]
    numeric = [name for name in wanted if kinds.get(name) != "codes"]
    n_wanted = len(numeric)
    numeric += [name for name in _in_order(state) if name in mixed and name not in set(numeric)]
    position = {name: place for of_kind in (numeric, codes) for place, name in enumerate(of_kind)}
    features = [
        _feature(entry, position)
        for entry in state["columns"]
        if any(name in position for name in entry["produces"])
    ]
    used = {feature.source for feature in features}
    return _Plan(
        sources(state, wanted),
        [
            (IMPUTED_BY[imputer["role"]][0][imputer["name"]], imputer)
            for imputer in state.get("imputers", [])
            if used.intersection(imputer["fills"])
        ],
        features,
        [
            _mixing(mixer, position)
            for mixer in state.get("mixers", [])
            if any(name in position for name in mixer["produces"])
        ],
        numeric,
        n_wanted,
        len(codes),
    )


def _in_order(state: State) -> list[str]:
    """Every column that is made on the way, in the order in which it is made."""
    entries = [*state["columns"], *state.get("mixers", [])]
    return [name for entry in entries for name in entry["produces"]]


def _feature(entry: State, position: Mapping[str, int]) -> _Feature:
    links = entry["chain"]
    classes = classes_of(entry["role"], links)
    extent = entry["range"] and tuple(entry["range"])
    return _Feature(
        entry["source"],
        entry["kind"],
        list(zip(classes, links, strict=True)),
        classes[0].reads_gaps,
        extent,
        *_places(entry["produces"], position),
    )


def _mixing(mixer: State, position: Mapping[str, int]) -> _Mixing:
    return _Mixing(
        mixer["block"],
        MIXERS[mixer["name"]],
        mixer,
        [position[name] for name in mixer["inputs"]],
        *_places(mixer["produces"], position),
    )


def _places(
    produces: Sequence[str], position: Mapping[str, int]
) -> tuple[slice | list[int], slice | list[int]]:
    """Which of the columns that are made are wanted, and where they go."""
    picks = [i for i, name in enumerate(produces) if name in position]
    return _as_slice(picks), _as_slice([position[produces[i]] for i in picks])


def _as_slice(places: list[int]) -> slice | list[int]:
    """Give consecutive places as a slice, which NumPy copies much faster."""
    run = slice(places[0], places[0] + len(places))
    return run if places == list(range(run.start, run.stop)) else places


def _apply_block(
    batch: pa.RecordBatch | pa.Table,
    plan: _Plan,
    numeric: npt.NDArray[np.float32],
    codes: npt.NDArray[np.int32],
    counts: AllCounts,
) -> None:
    """Work on a few rows, column by column, and write into their part of the matrices."""
    originals: dict[str, Values] = {}
    clipped: dict[str, int] = {}
    for feature in plan.features:
        if feature.source not in originals:
            values = values_of(batch.column(feature.source))
            originals[feature.source] = values
            _count(counts, "missing", feature.source, batch.column(feature.source).null_count)
            clipped[feature.source] = _look_at(values, feature, counts)
    filled = _filled(batch, plan, originals)
    for feature in plan.features:
        source = feature.source
        values = originals[source] if feature.reads_gaps else filled.get(source, originals[source])
        happened: dict[str, int] = {}
        for operation, learned in feature.chain:
            values = operation.apply(values, learned, happened)
        if happened.get("unseen"):
            happened["unseen"] -= _new_fillings(feature, originals[source])
        matrix = codes if feature.kind == "codes" else numeric
        if values.ndim == 1:
            values = values[:, None]
        matrix[:, feature.positions] = values[:, feature.picks]
        for what, n in happened.items():
            _count(counts, what, source, n)
    for mixing in plan.mixers:
        inputs = np.nan_to_num(numeric[:, mixing.inputs]).astype(np.float64)
        mixed = mixing.mixer.apply(inputs, mixing.state)
        numeric[:, mixing.positions] = mixed[:, mixing.picks]
    made = [*((f.source, f.positions) for f in plan.features if f.kind != "codes")]
    made += [(mixing.name, mixing.positions) for mixing in plan.mixers]
    if not (numeric.max(initial=0) <= WIDEST and numeric.min(initial=0) >= -WIDEST):  # NaN too
        for source, positions in made:
            n_wild = np.count_nonzero(~(np.abs(numeric[:, positions]) <= WIDEST))
            clipped[source] = max(clipped.get(source, 0), int(n_wild))
        np.nan_to_num(numeric, copy=False)
        np.clip(numeric, -WIDEST, WIDEST, out=numeric)
    for source, n in clipped.items():
        _count(counts, "clipped", source, n)


def _new_fillings(feature: _Feature, original: Values) -> int:
    """How many gaps are filled by a word that training had not: they are missing, not unseen."""
    if not gaps_in(original) or not isinstance(original, pa.Array):
        return 0
    values: Values = original.filter(original.is_null())
    happened: dict[str, int] = {}
    for operation, learned in feature.chain:
        values = operation.apply(values, learned, happened)
    return happened.get("unseen", 0)


def _filled(
    batch: pa.RecordBatch | pa.Table, plan: _Plan, originals: Mapping[str, Values]
) -> dict[str, Values]:
    """The columns whose gaps are filled together with those of others."""
    found: dict[str, Values] = {}
    for imputer, learned in plan.imputers:
        names = [name for name in learned["fills"] if name in originals]
        if any(gaps_in(originals[name]) for name in names):
            needed = dict.fromkeys([*names, *learned["reads"]])
            columns = {
                name: originals[name] if name in originals else values_of(batch.column(name))
                for name in needed
            }
            found.update(imputer.apply(columns, learned))
    return found


def _look_at(values: Values, feature: _Feature, counts: AllCounts) -> int:
    """Count the numbers outside the range of training; give how many were clipped on reading."""
    if feature.extent is None:
        return 0
    low, high = feature.extent
    n_outside = np.count_nonzero(values < low) + np.count_nonzero(values > high)
    _count(counts, "outside", feature.source, int(n_outside))
    may_be_clipped = n_outside or max(-low, high) >= LIMIT
    return int(np.count_nonzero(np.abs(values) >= LIMIT)) if may_be_clipped else 0


def require(batch: pa.RecordBatch | pa.Table, needed: Sequence[str]) -> None:
    """Raise ``DataError`` naming all the columns that are not there."""
    present = set(batch.schema.names)
    if absent := [name for name in needed if name not in present]:
        stated = ", ".join(map(repr, absent))
        raise DataError(f"needed columns are not there: {stated}", "add them, or rename")


def _count(counts: AllCounts, what: str, column: str, n: int) -> None:
    if n:
        by_column = counts.setdefault(what, {})
        by_column[column] = by_column.get(column, 0) + n
