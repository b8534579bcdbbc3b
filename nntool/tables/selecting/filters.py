"""Features dropped for what they are, whatever the target: constant, mostly missing, repeated."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from nntool.tables.selecting.columns import Array, Columns
from nntool.tables.selecting.features import Feature, codes_of, wanted_first

Place = tuple[str, int]
"""Kind and position of a column."""


def drop_constant(features: Sequence[Feature], columns: Columns) -> None:
    """Drop each column that has one value in all rows, also alone from its block."""
    constant = {place for place, values in _each(features, columns) if values.min() == values.max()}
    for feature in features:
        found = [c for c in feature.columns if (feature.kind, c[1]) in constant]
        if feature.is_wanted:
            if len(found) == len(feature.columns):
                feature.drop("constant in training")
            continue
        for column in found:
            feature.drop_column(column, "constant in training")


def drop_near_constant(features: Sequence[Feature], columns: Columns, limit: float) -> None:
    """Drop each feature one of whose values, or levels, has a larger share of the rows."""
    for feature in features:
        if not feature.kept:
            continue
        share = np.bincount(codes_of(feature, columns)).max() / len(columns)
        if share > limit:
            feature.drop(f"{share:.2%} of training has one value")


def drop_missing(features: Sequence[Feature], missing: Mapping[str, float], limit: float) -> None:
    """Drop each feature whose source column is missing in a larger share of the training rows."""
    for feature in features:
        share = missing.get(feature.source, 0.0)
        if feature.kept and share > limit:
            feature.drop(f"{feature.source} is missing in {share:.2%} of training")


def drop_duplicates(features: Sequence[Feature], columns: Columns) -> None:
    """Drop a feature each of whose columns repeats one that was kept before it."""
    digests = {place: _digest(values) for place, values in _each(features, columns)}
    first: dict[tuple[str, bytes], str] = {}
    for feature in wanted_first(features):
        repeated, fresh = [], {}
        for name, position in feature.columns:
            key = (feature.kind, digests[feature.kind, position])
            if key in first:
                repeated.append(first[key])
            else:
                fresh[key] = name
        if feature.kept and not fresh:
            feature.drop(f"repeats {', '.join(repeated)} in training")
        first.update(fresh)


def _digest(values: Array) -> bytes:
    plain = values + values.dtype.type(0)  # −0 becomes 0: equal numbers, equal bytes
    return hashlib.blake2b(plain.data).digest()


def _each(features: Sequence[Feature], columns: Columns) -> Iterator[tuple[Place, Array]]:
    """Give every column that is still kept, read one pass after the other."""
    for kind in ("numeric", "codes"):
        positions = [p for f in features if f.kind == kind for p in f.positions]
        for position, values in columns.one_by_one(kind, positions):
            yield (kind, position), values
