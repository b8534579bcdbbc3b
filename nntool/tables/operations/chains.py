"""The chains of operations that columns go through: which, what they learn, how they are named."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nntool.settings.transform import TransformSettings
from nntool.tables.choices import build
from nntool.tables.operations import (
    CATEGORICAL_IMPUTERS,
    ENCODERS,
    NUMERIC_IMPUTERS,
    OPERATIONS,
    SCALERS,
)
from nntool.tables.operations.dates import CYCLES, Cycle, Days
from nntool.tables.operations.imputation import IsMissing, Median
from nntool.tables.operations.operation import LIMIT, Operation, State, Values

MICROSECONDS_PER_DAY = 86_400_000_000


def values_of(column: pa.Array | pa.ChunkedArray, role: str) -> Values:
    """Give what operations work on: texts of a category, numbers, or days with their fractions."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if role == "categorical":
        return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
    if role == "date":
        moments = pc.cast(column, pa.timestamp("us")).cast(pa.int64())
        return np.asarray(moments.to_numpy(zero_copy_only=False)) / MICROSECONDS_PER_DAY
    numbers = np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
    return np.clip(numbers, -LIMIT, LIMIT)


def fit_source(source: str, role: str, values: Values, settings: TransformSettings) -> list[State]:
    """Learn the chains of one source column from its training values."""
    is_text = role == "categorical"
    n_missing = int(values.null_count if is_text else np.count_nonzero(np.isnan(values)))
    shared = {"source": source, "role": role, "missing": n_missing, "range": None}
    if not is_text and n_missing < len(values):
        shared["range"] = [float(np.nanmin(values)), float(np.nanmax(values))]
    return [
        {**shared, **_fit_chain(chain, role, values)}
        for chain in _chains(role, values, n_missing > 0, settings)
    ]


def _chains(
    role: str, values: Values, has_gaps: bool, settings: TransformSettings
) -> Iterator[list[Operation]]:
    """Say which operations a column of this role goes through, by the settings."""
    scaler = build(SCALERS, "SCALERS", settings.scale)
    if role == "categorical":
        imputer = build(CATEGORICAL_IMPUTERS, "CATEGORICAL_IMPUTERS", settings.impute_categorical)
        encoder = build(ENCODERS, "ENCODERS", settings.encode)
        yield [imputer, encoder, scaler] if encoder.gives_numbers else [imputer, encoder]
        return
    if role == "numeric":
        yield [build(NUMERIC_IMPUTERS, "NUMERIC_IMPUTERS", settings.impute_numeric), scaler]
    else:
        yield [Median(), Days(), scaler]
        times = values[~np.isnan(values)] % 1
        has_times = len(times) > 0 and times.min() < times.max()
        for cycle in CYCLES:
            if cycle != "hour" or has_times:
                yield [Median(), Cycle(cycle)]
    if has_gaps and settings.missing_indicators:
        yield [IsMissing()]


def _fit_chain(operations: list[Operation], role: str, values: Values) -> State:
    """Learn each operation from what the one before makes of the training values."""
    names = {cls: name for name, cls in OPERATIONS[role].items()}
    chain = []
    for operation in operations:
        learned = operation.fit(values)
        chain.append({"name": names[type(operation)], **learned})
        if operation is not operations[-1]:
            values = operation.apply(values, learned, {})
    kind = operations[-1].kind
    levels = len(chain[-1]["levels"]) + 1 if kind == "codes" else None
    return {"kind": kind, "chain": chain, "levels": levels}


def give_names(entries: list[State]) -> None:
    """Name features and their columns after the source, no name twice and none another's source."""
    taken = {entry["source"] for entry in entries}

    def free(name: str, source: str) -> str:
        found, n = name, 1
        while found in taken and found != source:
            n += 1
            found = f"{name}_{n}"
        taken.add(found)
        return found

    for entry in entries:
        source, links = entry["source"], entry["chain"]
        chain = [OPERATIONS[entry["role"]][link["name"]] for link in links]
        labels = [cls.label(link) for cls, link in zip(chain, links, strict=True)]
        entry["block"] = free(source + "".join(labels), source)
        entry["produces"] = [
            free(entry["block"] + suffix, source) if suffix else entry["block"]
            for suffix in chain[-1].suffixes(links[-1])
        ]
