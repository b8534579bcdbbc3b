"""How the levels of a category become numbers.

Levels that are too rare to learn from, and levels that training never saw, share one slot. Each
state keeps the rare levels apart, so that what is counted as unseen was never seen.
"""

# ruff: noqa: D102  (what each method is for is said once, in Operation)

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nntool.errors import DataError, UsageError
from nntool.settings.wording import quoted
from nntool.tables.choices import setting
from nntool.tables.operations.levels import codes_of, in_order, levels_of
from nntool.tables.operations.murmur import hashed_places
from nntool.tables.operations.operation import Counts, Gives, Numbers, Operation, State
from nntool.tables.operations.target_mean import TargetMean


@dataclass(frozen=True)
class OneHot(Operation):
    """One 0/1 column for each level, and one called ``other`` where training has rare levels.

    A level that training never saw is 1 in ``other``; where there is no such column, it is 0 in
    all of them. Two levels give two columns.

    Use: up to some dozens of levels; it says nothing about their order.
    """

    min_count: int = setting(2, "Levels with fewer training rows share one slot.", ge=1)
    max_levels: int = setting(50, "So many levels, the most frequent, have their own slot.", ge=1)
    min_share: float = setting(
        0.0, "Levels with a smaller share of training rows share one slot.", ge=0, lt=1
    )

    gives: ClassVar[Gives] = "block"

    def fit(self, values: pa.Array) -> State:
        least = least_count(self.min_count, self.min_share, len(values))
        frequent, rare = levels_of(values, least, self.max_levels)
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

    Without an order, levels are in order of value if all are numbers, else by code point; missing
    comes last. No level is too rare for a place. Scaling follows.

    Use: levels that have an order (small, medium, large), which `order` gives; fill gaps first,
    unless missing may count as the highest.
    """

    order: tuple[str, ...] = setting((), "The levels from the lowest to the highest.")

    def __post_init__(self) -> None:
        if len(set(self.order)) < len(self.order):
            raise UsageError(
                f"ordinal: order names a level twice: {'/'.join(self.order)}", "name it once"
            )

    def fit(self, values: pa.Array) -> State:
        found = in_order(levels_of(values, 1, None)[0])
        if not self.order:
            return {"levels": found}
        if unknown := [level for level in found if level is not None and level not in self.order]:
            raise DataError(
                f"ordinal: the order {'/'.join(self.order)} does not name {quoted(unknown)}",
                f"add what is not named, in its place: order={'/'.join(filter(None, found))[:40]}"
                " (levels are told apart by case and blanks)",
            )
        return {"levels": [*self.order, *([None] if None in found else [])]}

    @staticmethod
    def apply(values: pa.Array, state: State, counts: Counts) -> Numbers:
        return codes_of(values, state["levels"], [], counts).astype(np.float64)


@dataclass(frozen=True)
class Embedding(Operation):
    """A code for each level, for which the network learns a vector: 1 is the most frequent.

    Code 0 stands for rare levels, which train it, and for those that training never saw; training
    also hides some known levels behind it, so that it is learned where no level is rare.

    Source: Guo & Berkhahn 2016, "Entity embeddings of categorical variables", arXiv:1604.06737.

    Use: many levels (towns, products), each with rows enough to learn a vector from.
    """

    min_count: int = setting(2, "Levels with fewer training rows share code 0.", ge=1)
    max_levels: int = setting(
        100_000, "So many levels, the most frequent, have their own code.", ge=1
    )
    min_share: float = setting(
        0.0, "Levels with a smaller share of training rows share code 0.", ge=0, lt=1
    )

    gives: ClassVar[Gives] = "codes"

    def fit(self, values: pa.Array) -> State:
        least = least_count(self.min_count, self.min_share, len(values))
        frequent, rare = levels_of(values, least, self.max_levels)
        return {"levels": frequent, "rare": in_order(rare)}

    @staticmethod
    def apply(values: pa.Array, state: State, counts: Counts) -> npt.NDArray[np.int32]:
        codes = codes_of(values, state["levels"], state["rare"], counts)
        codes += 1
        np.copyto(codes, 0, where=codes > len(state["levels"]))
        return codes


@dataclass(frozen=True)
class Frequency(Operation):
    """The share of training rows that have the level; 0 where training never saw it.

    Levels that are equally frequent become the same number. Scaling follows.

    Use: many levels, where what counts is how common one is; beside another encoding of it.
    """

    def fit(self, values: pa.Array) -> State:
        levels = levels_of(values, 1, None)[0]
        codes = codes_of(values, levels, [], {})
        times = np.bincount(codes, minlength=len(levels) + 1)  # the last is of what is unseen
        return {"levels": levels, "shares": times / max(1, len(values))}

    @staticmethod
    def apply(values: pa.Array, state: State, counts: Counts) -> Numbers:
        codes = codes_of(values, state["levels"], [], counts)
        shares: Numbers = state["shares"][codes]
        return shares

    @staticmethod
    def label(state: State) -> str:
        return "_frequency"


@dataclass(frozen=True)
class Binary(Operation):
    """The bits of the level's place, counted from 1, in ⌈log₂(levels + 1)⌉ columns of 0 and 1.

    The order is that of `ordinal`, missing is a level; one that training never saw is 0 in all.

    Use: more levels than one-hot columns are wanted, and too few rows for embeddings.
    """

    gives: ClassVar[Gives] = "block"

    def fit(self, values: pa.Array) -> State:
        return {"levels": in_order(levels_of(values, 1, None)[0])}

    @staticmethod
    def apply(values: pa.Array, state: State, counts: Counts) -> npt.NDArray[np.float32]:
        places = codes_of(values, state["levels"], [], counts) + 1
        bits = np.arange(_width(state), dtype=np.int32)
        return (places[:, None] >> bits & 1).astype(np.float32)

    @staticmethod
    def suffixes(state: State) -> list[str]:
        return [f"_bit{i}" for i in range(_width(state))]


@dataclass(frozen=True)
class Hashing(Operation):
    """±1 in column |h| mod `columns`, by the sign of the level's MurmurHash3 h; 0 in the others.

    Nothing is learned, so no level is rare or unseen; levels that meet in a column with the same
    sign are one. A missing cell is 0 in all.

    Source: Weinberger, Dasgupta, Langford, Smola & Attenberg 2009, arXiv:0902.2206.

    Use: very many levels of which new ones keep coming, as in addresses or user agents.
    """

    columns: int = setting(32, "So many columns.", ge=2, le=4096)

    gives: ClassVar[Gives] = "block"

    def fit(self, values: pa.Array) -> State:
        return {"columns": self.columns}

    @staticmethod
    def apply(values: pa.Array, state: State, counts: Counts) -> npt.NDArray[np.float32]:
        block = np.zeros((len(values), state["columns"]), np.float32)
        encoded = values.dictionary_encode()
        place, sign = hashed_places(encoded.dictionary, state["columns"])
        rows = np.flatnonzero(np.asarray(values.is_valid()))
        codes = np.asarray(encoded.indices.drop_null())
        block[rows, place[codes]] = sign[codes]
        return block

    @staticmethod
    def suffixes(state: State) -> list[str]:
        return [f"_hash{i}" for i in range(state["columns"])]


ENCODERS: dict[str, type[Operation]] = {
    "one-hot": OneHot,
    "ordinal": Ordinal,
    "embedding": Embedding,
    "frequency": Frequency,
    "target": TargetMean,
    "hashing": Hashing,
    "binary": Binary,
}


def least_count(min_count: int, min_share: float, n_rows: int) -> int:
    """Give the number of rows below which a level is rare: a count, or a share of the rows.

    >>> least_count(2, 0.01, 1000), least_count(2, 0.0, 1000)
    (10, 2)
    """
    return max(min_count, math.ceil(min_share * n_rows))


def _width(state: State) -> int:
    """How many bits the last place has."""
    return max(1, len(state["levels"]).bit_length())
