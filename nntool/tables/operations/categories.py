"""How the levels of a category become numbers.

A level is a text, or None for a missing cell (where the imputer left it missing). Levels that are
too rare to learn from, and levels that training never saw, share one slot. Each state keeps the
rare levels apart, so that what is counted as unseen was never seen.
"""

# ruff: noqa: D102  (what each method is for is said once, in Operation)

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nntool.tables.choices import setting
from nntool.tables.operations.operation import Counts, Gives, Numbers, Operation, State

Level = str | None


@dataclass(frozen=True)
class OneHot(Operation):
    """One 0/1 column for each level, and one called ``other`` where training has rare levels.

    A level that training never saw is 1 in ``other``; where there is no such column, it is 0 in
    all of them. Two levels give two columns.
    """

    min_count: int = setting(2, "Levels with fewer training rows share one slot.", ge=1)
    max_levels: int = setting(50, "So many levels, the most frequent, have their own slot.", ge=1)

    gives: ClassVar[Gives] = "block"

    def fit(self, values: pa.Array) -> State:
        frequent, rare = levels_of(values, self.min_count, self.max_levels)
        return {"levels": in_order(frequent), "rare": in_order(rare)}

    @staticmethod
    def apply(values: pa.Array, state: State, counts: Counts) -> npt.NDArray[np.float32]:
        n_levels = len(state["levels"])
        slots = codes_of(values, state["levels"], state["rare"], counts)
        # rare levels and, by −1, unseen ones take the last row, whose 1 is cut off without `other`
        np.copyto(slots, -1, where=slots >= n_levels)
        table = np.eye(n_levels + 1, dtype=np.float32)
        return table[:, : n_levels + bool(state["rare"])][slots]

    @staticmethod
    def suffixes(state: State) -> list[str]:
        named = ["=missing" if level is None else f"={level}" for level in state["levels"]]
        return named + ["=other"] * bool(state["rare"])


@dataclass(frozen=True)
class Ordinal(Operation):
    """The place of the level in their order, from 0; −1 where training never saw it.

    Levels are in order of value if all are numbers, else by code point; missing comes last. No
    level is too rare for a place. Scaling follows.
    """

    def fit(self, values: pa.Array) -> State:
        return {"levels": in_order(levels_of(values, 1, None)[0])}

    @staticmethod
    def apply(values: pa.Array, state: State, counts: Counts) -> Numbers:
        return codes_of(values, state["levels"], [], counts).astype(np.float64)


@dataclass(frozen=True)
class Embedding(Operation):
    """A code for each level, for which the network learns a vector: 1 is the most frequent.

    Code 0 stands for rare levels, which train it, and for those that training never saw.
    """

    min_count: int = setting(2, "Levels with fewer training rows share code 0.", ge=1)
    max_levels: int = setting(
        100_000, "So many levels, the most frequent, have their own code.", ge=1
    )

    gives: ClassVar[Gives] = "codes"

    def fit(self, values: pa.Array) -> State:
        frequent, rare = levels_of(values, self.min_count, self.max_levels)
        return {"levels": frequent, "rare": in_order(rare)}

    @staticmethod
    def apply(values: pa.Array, state: State, counts: Counts) -> npt.NDArray[np.int32]:
        codes = codes_of(values, state["levels"], state["rare"], counts)
        codes += 1
        np.copyto(codes, 0, where=codes > len(state["levels"]))
        return codes


ENCODERS: dict[str, type[Operation]] = {
    "one-hot": OneHot,
    "ordinal": Ordinal,
    "embedding": Embedding,
}


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
    counts["unseen"] = counts.get("unseen", 0) + places.null_count - n_missing
    return codes
