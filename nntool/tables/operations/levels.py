"""The levels of a category: which there are, their order, and where each cell's level stands.

A level is a text, or None for a missing cell (where the imputer left it missing).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nntool.tables.operations.operation import Counts

Level = str | None

MANY = 2000  # levels from which a chunk of rows is not worth another index of all of them
N_INDEXES = 64  # that are kept


def levels_of(
    values: pa.Array, min_count: int, max_levels: int | None
) -> tuple[list[Level], list[Level]]:
    """Give the levels that are frequent enough, most frequent first, and the others.

    Equally frequent ones are in code-point order, so the order of rows does not matter.

    >>> levels_of(pa.array(["b", "a", "b", "c", None, None]), 2, None)
    (['b', None], ['a', 'c'])
    """
    times = pc.value_counts(values).to_pylist()
    times.sort(key=lambda pair: (-pair["counts"], pair["values"] is None, pair["values"] or ""))
    n_frequent = sum(pair["counts"] >= min_count for pair in times)
    if max_levels is not None:
        n_frequent = min(n_frequent, max_levels)
    levels = [pair["values"] for pair in times]
    return levels[:n_frequent], levels[n_frequent:]


def in_order(levels: Sequence[Level]) -> list[Level]:
    """Sort by value if all are numbers, else by code point; None comes last.

    >>> in_order(["10", None, "9"]), in_order(["10", "9", "x"])
    (['9', '10', None], ['10', '9', 'x'])
    """
    texts = sorted(level for level in levels if level is not None)
    try:
        numbers = [float(text) for text in texts]
    except ValueError:
        numbers = []
    if numbers and all(np.isfinite(numbers)):
        texts = [text for _, text in sorted(zip(numbers, texts, strict=True))]
    return [*texts, *([None] if None in levels else [])]


def codes_of(
    values: pa.Array, levels: Sequence[Level], rare: Sequence[Level], counts: Counts
) -> npt.NDArray[np.int32]:
    """Give the place of each cell in ``levels`` and then ``rare``, −1 where it is in neither.

    Texts of −1 are counted as unseen; a missing cell is not, it is counted as missing elsewhere.
    """
    if len(levels) + len(rare) > MANY:
        return _codes_of_many(values, levels, rare, counts)
    known = pa.array([*levels, *rare], values.type)
    places = pc.index_in(values, value_set=known)
    if not places.null_count:
        return np.array(places, dtype=np.int32)
    codes = np.array(places.fill_null(-1), dtype=np.int32)
    n_missing = 0 if None in levels or None in rare else values.null_count
    count(counts, "unseen", places.null_count - n_missing)
    return codes


def _codes_of_many(
    values: pa.Array, levels: Sequence[Level], rare: Sequence[Level], counts: Counts
) -> npt.NDArray[np.int32]:
    """Look up each distinct cell once, in an index that is kept from chunk to chunk."""
    index = _index(levels, rare)
    encoded = values.dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    # the last entry is for missing cells, whose place in the dictionary is taken as −1
    places = np.array([*(index.get(text, -1) for text in texts), index.get(None, -1)], np.int32)
    codes: npt.NDArray[np.int32] = places[np.asarray(encoded.indices.fill_null(-1))]
    n_missing = values.null_count if places[-1] < 0 else 0
    count(counts, "unseen", int(np.count_nonzero(codes < 0)) - n_missing)
    return codes


def _index(levels: Sequence[Level], rare: Sequence[Level]) -> dict[Level, int]:
    """Give the place of each level by its text; the last few indexes are kept.

    An entry holds the lists that it was made of, so no other list can have their identity.
    """
    rare = rare or ()  # one and the same, where there are none
    key = id(levels), id(rare)
    if key not in _INDEXES:
        if len(_INDEXES) >= N_INDEXES:
            del _INDEXES[next(iter(_INDEXES))]
        index = {level: place for place, level in enumerate((*levels, *rare))}
        _INDEXES[key] = levels, rare, index
    return _INDEXES[key][2]


_INDEXES: dict[tuple[int, int], tuple[Sequence[Level], Sequence[Level], dict[Level, int]]] = {}


def count(counts: Counts, what: str, n: int) -> None:
    """Add to what is counted; what did not happen is not mentioned."""
    if n:
        counts[what] = counts.get(what, 0) + n
