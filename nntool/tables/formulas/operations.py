"""What a formula can do with numbers and dates: each operation for the kinds that it takes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUMBER, DATE, DURATION, TEXT = "number", "date", "difference of dates", "text"
Array = NDArray[Any]

_DAY = np.timedelta64(1, "D")
_HOUR = np.timedelta64(1, "h")


@dataclass(frozen=True)
class Operation:
    """One meaning of a sign or a function; what cannot be computed comes out as NaN, inf or NaT."""

    takes: tuple[str, ...]
    gives: str
    compute: Callable[..., Array]
    repeats: bool = False
    """True where the last kind may come any number of times."""

    def fits(self, kinds: tuple[str, ...]) -> bool:
        """Whether it takes values of these kinds."""
        if self.repeats and len(kinds) > len(self.takes):
            return kinds == self.takes + self.takes[-1:] * (len(kinds) - len(self.takes))
        return kinds == self.takes


def _of_numbers(compute: Callable[..., Array], n: int = 1) -> tuple[Operation, ...]:
    return (Operation((NUMBER,) * n, NUMBER, compute),)


def _of_date(unit: str, first: int) -> tuple[Operation, ...]:
    """A part of a date: how many units have passed since the larger unit began, from ``first``."""
    larger = {"M": "Y", "D": "M", "h": "D"}.get(unit)

    def compute(dates: Array) -> Array:
        whole = dates.astype(f"datetime64[{unit}]")
        if larger is None:
            passed: Array = whole.astype(np.float64)
        else:
            begun = dates.astype(f"datetime64[{larger}]").astype(f"datetime64[{unit}]")
            passed = (whole - begun).astype(np.float64)
        return passed + first

    return (Operation((DATE,), NUMBER, compute),)


def _extreme(compute: Callable[[Array, Array], Array]) -> tuple[Operation, ...]:
    def over_all(first: Array, *others: Array) -> Array:
        for other in others:
            first = compute(first, other)
        return first

    return (
        Operation((NUMBER, NUMBER), NUMBER, over_all, repeats=True),
        Operation((DATE, DATE), DATE, over_all, repeats=True),
    )


def _date(year: Array, month: Array, day: Array) -> Array:
    """The day of that name; NaT where there is none."""
    year, month, day = np.broadcast_arrays(year, month, day)
    whole = (np.floor(year) == year) & (np.floor(month) == month) & (np.floor(day) == day)
    may_be = whole & (year >= 1) & (year <= 9999) & (month >= 1) & (month <= 12)
    may_be &= (day >= 1) & (day <= 31)
    y, m, d = (np.where(may_be, part, 1).astype(np.int64) for part in (year, month, day))
    months = ((y - 1970) * 12 + m - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (d - 1)
    is_there = may_be & (days.astype("datetime64[M]") == months)
    return np.where(is_there, days, np.datetime64("NaT", "D")).astype("datetime64[us]")


OPERATIONS: dict[str, tuple[Operation, ...]] = {
    "+": _of_numbers(np.add, 2),
    "-": (
        *_of_numbers(np.subtract, 2),
        Operation((DATE, DATE), DURATION, np.subtract),
    ),
    "*": _of_numbers(np.multiply, 2),
    "/": _of_numbers(np.divide, 2),
    "**": _of_numbers(np.power, 2),
    "neg": _of_numbers(np.negative),
    "abs": _of_numbers(np.abs),
    "min": _extreme(np.minimum),
    "max": _extreme(np.maximum),
    "round": _of_numbers(np.round),
    "floor": _of_numbers(np.floor),
    "ceil": _of_numbers(np.ceil),
    "sqrt": _of_numbers(np.sqrt),
    "log": _of_numbers(np.log),
    "exp": _of_numbers(np.exp),
    "year": _of_date("Y", 1970),
    "month": _of_date("M", 1),
    "day": _of_date("D", 1),
    "hour": _of_date("h", 0),
    "days": (Operation((DURATION,), NUMBER, lambda gap: gap / _DAY),),
    "hours": (Operation((DURATION,), NUMBER, lambda gap: gap / _HOUR),),
    "date": (Operation((NUMBER, NUMBER, NUMBER), DATE, _date),),
}
"""The operations by their sign or name; ``round`` goes to the even neighbour of a half."""


def arity(name: str) -> tuple[int, int | None]:
    """The least and the largest number of values that a function takes; None: no largest."""
    meanings = OPERATIONS[name]
    n = len(meanings[0].takes)
    return n, None if meanings[0].repeats else n
