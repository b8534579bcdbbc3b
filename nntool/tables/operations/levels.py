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
    known = pa.array([*levels, *rare], values.type)
    places = pc.index_in(values, value_set=known)
    if not places.null_count:
        return np.array(places, dtype=np.int32)
    codes = np.array(places.fill_null(-1), dtype=np.int32)
    n_missing = 0 if None in levels or None in rare else values.null_count
    count(counts, "unseen", places.null_count - n_missing)
    return codes


def count(counts: Counts, what: str, n: int) -> None:
    """Add to what is counted; what did not happen is not mentioned."""
    if n:
        counts[what] = counts.get(what, 0) + n
