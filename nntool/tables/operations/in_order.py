"""Gaps filled along an order column: by the value before, or by a line to the value after."""

# ruff: noqa: D102  (what each method is for is said once, in TableImputer)

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nntool.errors import UsageError
from nntool.tables.choices import setting
from nntool.tables.columns import resolve
from nntool.tables.operations.filling import Median
from nntool.tables.operations.grouped import groups_among, places_of
from nntool.tables.operations.operation import Numbers, State, TableImputer, Training, Values

HAS_NO_ORDER = ("categorical", "text", "group")


class _AlongAnOrder(TableImputer):
    """What both share: the rows of a part are put in order, series by series."""

    in_order: ClassVar[bool] = True
    order: str
    series: str

    def __post_init__(self) -> None:
        if not self.order:
            raise UsageError(f"{self.name} needs an order column", f"write {self.name}:order=NAME")

    name: ClassVar[str]

    def reads(self, roles: Mapping[str, str]) -> list[str]:
        order = resolve(list(roles), self.order, f"{self.name}: the order")
        if roles[order] in HAS_NO_ORDER:
            raise UsageError(
                f"{self.name}: {order!r} is {roles[order]}, and has no order",
                f"name a column of numbers or dates, or clean with --roles {order}=date",
            )
        if not self.series:
            return [order]
        return [order, resolve(list(roles), self.series, f"{self.name}: the series")]

    def fit(self, columns: Mapping[str, Values], fills: list[str], training: Training) -> State:
        order, *series = self.reads(dict.fromkeys(columns, ""))
        return {
            "order": order,
            "series": series[0] if series else None,
            "otherwise": {name: Median().fit(columns[name])["value"] for name in fills},
            "note": f"gaps are filled along {order!r}: the rows of a part, or all rows of an input"
            " of predict, are read at once",
        }

    @classmethod
    def apply(cls, columns: Mapping[str, Values], state: State) -> dict[str, Values]:
        order = as_numbers(columns[state["order"]])
        if state["series"] is None:
            series = np.zeros(len(order), np.int64)
        else:
            of_row = columns[state["series"]]
            series = places_of(of_row, groups_among(of_row))
        placed = np.lexsort((order, series))
        placed = placed[~np.isnan(order[placed])]
        starts = np.flatnonzero(np.diff(series[placed], prepend=-2))
        filled: dict[str, Values] = {}
        for name in set(state["fills"]).intersection(columns):
            values = np.array(columns[name], np.float64)
            for rows in np.split(placed, starts[1:]):
                values[rows] = cls.in_series(order[rows], values[rows])
            filled[name] = np.where(np.isnan(values), state["otherwise"][name], values)
        return filled

    @staticmethod
    def in_series(order: Numbers, values: Numbers) -> Numbers:
        """Fill the gaps of one series, its rows in order; what cannot be filled stays missing."""
        raise NotImplementedError


@dataclass(frozen=True)
class Forward(_AlongAnOrder):
    """Fill with the last value known before, in the order of a column.

    Rows of the same part only; of equal places in the order the earlier row is before. What comes
    before the first value, and a row without a place, takes the median of training.

    Use: for measurements over time that hold until the next one.
    """

    name: ClassVar[str] = "forward"

    order: str = setting("", "The column that says the order: numbers or dates.")
    series: str = setting("", "A column that says which rows belong to one series; none: all.")

    @staticmethod
    def in_series(order: Numbers, values: Numbers) -> Numbers:
        last = np.where(np.isnan(values), -1, np.arange(len(values)))
        last = np.maximum.accumulate(last)
        return np.where(last >= 0, values[last], np.nan)


@dataclass(frozen=True)
class Linear(_AlongAnOrder):
    """Fill on the straight line between the values known before and after, in a column's order.

    y = y₀ + (y₁ − y₀)(t − t₀)/(t₁ − t₀); before the first and after the last value, that value.
    Values known at the same t are averaged. Rows of the same part only; a series without a value,
    and a row without a place, takes the median of training.

    Use: for measurements of something that changes steadily, where later rows are at hand too.
    """

    name: ClassVar[str] = "linear"

    order: str = setting("", "The column that says the order: numbers or dates.")
    series: str = setting("", "A column that says which rows belong to one series; none: all.")

    @staticmethod
    def in_series(order: Numbers, values: Numbers) -> Numbers:
        known = ~np.isnan(values)
        if not known.any():
            return values
        at, place, times = np.unique(order[known], return_inverse=True, return_counts=True)
        mean = np.bincount(place.reshape(-1), values[known]) / times
        return np.where(known, values, np.interp(order, at, mean))


def as_numbers(values: Any) -> npt.NDArray[np.float64]:
    """Numbers as they are; texts of identifiers as the numbers that they are, NaN where not.

    >>> as_numbers(pa.array(["2", None, "x"]))
    array([ 2., nan, nan])
    """
    if not isinstance(values, pa.Array):
        return np.asarray(values, dtype=np.float64)
    numbers = pc.if_else(pc.match_substring_regex(values, r"^[+-]?\d+(\.\d+)?$"), values, None)
    return np.asarray(pc.cast(numbers, pa.float64()).to_numpy(zero_copy_only=False))
