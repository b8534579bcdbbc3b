"""Gaps filled by what is usual in the group of the row: its mean, median or most frequent level."""

# ruff: noqa: D102  (what each method is for is said once, in TableImputer)

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nntool.errors import UsageError
from nntool.tables.choices import setting
from nntool.tables.columns import resolve
from nntool.tables.operations.operation import State, TableImputer, Training, Values


class _ByGroup(TableImputer):
    """What both kinds share: the groups, and the value of each column in each group."""

    column: str

    def __post_init__(self) -> None:
        if not self.column:
            raise UsageError("by-group needs a column", "write by-group:column=NAME")

    def reads(self, roles: Mapping[str, str]) -> list[str]:
        return [resolve(list(roles), self.column, "by-group")]

    def fit(self, columns: Mapping[str, Values], fills: list[str], training: Training) -> State:
        (name,) = self.reads(dict.fromkeys(columns, ""))
        groups = groups_among(columns[name])
        places = places_of(columns[name], groups)
        values, overall = {}, {}
        for fill in fills:
            usual = self.usual(columns[fill], np.zeros(len(places), np.int64), 1)[0]
            overall[fill] = usual
            by_group = self.usual(columns[fill], places, len(groups))
            values[fill] = [usual if one is None else one for one in by_group]
        return {"column": name, "groups": groups, "values": values, "overall": overall}

    def usual(self, column: Values, places: npt.NDArray[np.int64], n_groups: int) -> list[Any]:
        """The value of each group, None where none is known; −1 in ``places`` is no group."""
        raise NotImplementedError

    @staticmethod
    def apply(columns: Mapping[str, Values], state: State) -> dict[str, Values]:
        places = places_of(columns[state["column"]], state["groups"])
        filled: dict[str, Values] = {}
        for name in set(state["fills"]).intersection(columns):
            known = [*state["values"][name], state["overall"][name]]
            filled[name] = _filled(columns[name], known, places)
        return filled


@dataclass(frozen=True)
class ByGroupNumber(_ByGroup):
    """Fill with the median, mean or most frequent number of the rows of the same group.

    A group that training never saw, or in which no number is known, and a row without a group take
    that of all training rows; 0 where training has none.

    Use: where a second column says much about the missing one, as the class of a cabin about its
    fare.
    """

    column: str = setting("", "The column that says the group.")
    by: str = setting("median", "What is filled in.", choices=("median", "mean", "most-frequent"))

    def usual(self, column: Values, places: npt.NDArray[np.int64], n_groups: int) -> list[Any]:
        known = (places >= 0) & ~np.isnan(column)
        of, values = places[known], np.asarray(column)[known]
        found: list[Any] = [None] * n_groups
        if self.by == "most-frequent":
            for group, value in most_frequent(of, values).items():
                found[group] = float(values[value])
            return [0.0] if n_groups == 1 and not len(of) else found
        values = values[np.lexsort((values, of))]
        sizes = np.bincount(of, minlength=n_groups)
        for group, part in enumerate(np.split(values, np.cumsum(sizes)[:-1])):
            if len(part):
                found[group] = float(np.median(part) if self.by == "median" else np.mean(part))
        return [0.0] if n_groups == 1 and not len(of) else found


@dataclass(frozen=True)
class ByGroupText(_ByGroup):
    """Fill with the most frequent level of the rows of the same group.

    The first by code point of equals. A group that training never saw, or in which no level is
    known, and a row without a group take the most frequent level of all training rows.

    Use: where a second column nearly determines the missing one, as a postcode its town.
    """

    column: str = setting("", "The column that says the group.")

    def usual(self, column: Values, places: npt.NDArray[np.int64], n_groups: int) -> list[Any]:
        levels = column.dictionary_encode()
        by_point = pc.rank(levels.dictionary, tiebreaker="dense")  # the first by code point
        codes = by_point.take(levels.indices.fill_null(0)).to_numpy(zero_copy_only=False)
        known = np.flatnonzero((places >= 0) & np.asarray(column.is_valid()))
        found: list[Any] = [None] * n_groups
        for group, row in most_frequent(places[known], codes[known]).items():
            found[group] = column[int(known[row])].as_py()
        return found


def most_frequent(groups: npt.NDArray[np.int64], values: npt.NDArray[Any]) -> dict[int, int]:
    """Give for each group a row that holds its most frequent value, the smallest of equals.

    >>> most_frequent(np.array([0, 0, 0, 1]), np.array([5, 7, 7, 2]))
    {0: 1, 1: 3}
    """
    order = np.lexsort((values, groups))
    of, sorted_values = groups[order], values[order]
    starts = np.flatnonzero(
        np.r_[True, (of[1:] != of[:-1]) | (sorted_values[1:] != sorted_values[:-1])][: len(of)]
    )
    times = np.diff(np.r_[starts, len(of)])
    best = np.lexsort((starts, -times, of[starts]))
    first = best[np.flatnonzero(np.diff(of[starts][best], prepend=-1))]
    return {int(of[starts[run]]): int(order[starts[run]]) for run in first}


def groups_among(column: Values) -> list[Any]:
    """The groups that there are, in order of value or of code point.

    >>> groups_among(np.array([2.0, np.nan, 1.0, 2.0]))
    [1.0, 2.0]
    """
    if isinstance(column, pa.Array):
        return sorted(pc.unique(column.drop_null()).to_pylist())
    return [float(value) for value in np.unique(column[~np.isnan(column)])]


def places_of(column: Values, groups: list[Any]) -> npt.NDArray[np.int64]:
    """The place of each row's group in ``groups``; −1 where it is missing or not there.

    >>> places_of(pa.array(["b", None, "c"]), ["a", "b"])
    array([ 1, -1, -1])
    """
    if isinstance(column, pa.Array):
        known = pa.array(groups, column.type)
        return np.asarray(pc.index_in(column, value_set=known).fill_null(-1), dtype=np.int64)
    numbers = np.array([*groups, np.nan], np.float64)
    found = np.searchsorted(numbers[:-1], np.asarray(column))
    return np.where(numbers[found] == column, found, -1).astype(np.int64)


def _filled(column: Values, known: list[Any], places: npt.NDArray[np.int64]) -> Values:
    """Write the value of its group where a cell is missing; place −1 is the last of ``known``."""
    if isinstance(column, pa.Array):
        usual = pa.array(known, column.type).take(pa.array(places % len(known)))
        return pc.coalesce(column, usual)
    return np.where(np.isnan(column), np.array(known, np.float64)[places], column)
