"""Dates: how late (days since 1970-01-01), their parts, and where in the year, week and day."""

# ruff: noqa: D102  (what each method is for is said once, in Operation)

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from nntool.errors import UsageError
from nntool.tables.choices import setting
from nntool.tables.operations.operation import Counts, Gives, Numbers, Operation, State

CYCLES = ("month", "weekday", "hour", "day-of-year")
_TIMES = ("hour", "minute", "hour-cycle")
"""What is left out where no time of day varies in training."""


@dataclass(frozen=True)
class Days(Operation):
    """Days since 1970-01-01, times of day as fractions. Scaling follows.

    Use: what changes as time goes on: prices, wear, fashion.
    """

    def fit(self, values: Numbers) -> State:
        return {}

    @staticmethod
    def apply(values: Numbers, state: State, counts: Counts) -> Numbers:
        return values

    @staticmethod
    def label(state: State) -> str:
        return "_days"


@dataclass(frozen=True)
class Elapsed(Operation):
    """Days since a given date, or since the first one of training. Scaling follows.

    Use: as `days`, where a later operation, such as log1p, needs a beginning.
    """

    since: str = setting("", "The date that is 0, as 2020-01-31; unset: the first of training.")

    def __post_init__(self) -> None:
        if self.since:
            _day(self.since)

    def fit(self, values: Numbers) -> State:
        known = values[~np.isnan(values)]
        first = float(known.min()) if len(known) else 0.0
        return {"first": _day(self.since) if self.since else first}

    @staticmethod
    def apply(values: Numbers, state: State, counts: Counts) -> Numbers:
        elapsed: Numbers = values - state["first"]
        return elapsed

    @staticmethod
    def label(state: State) -> str:
        return "_elapsed"


@dataclass(frozen=True)
class Part(Operation):
    """A part of the date as a number; weekdays from Monday, 0, weeks by ISO 8601. Scaling follows.

    Use: years and quarters; months, weekdays and hours come round, so `cycle` suits them better.
    """

    of: str = setting(
        "year",
        "Which part.",
        choices=(
            "year",
            "quarter",
            "month",
            "week",
            "day",
            "day-of-year",
            "weekday",
            "hour",
            "minute",
            "is-weekend",
        ),
    )

    def fit(self, values: Numbers) -> State:
        return {"of": self.of}

    @staticmethod
    def apply(values: Numbers, state: State, counts: Counts) -> Numbers:
        missing = np.isnan(values)
        found = _PARTS[state["of"]](np.where(missing, 0.0, values)).astype(np.float64)
        found[missing] = np.nan
        return found

    @staticmethod
    def label(state: State) -> str:
        return _PART_LABELS.get(state["of"], f"_{state['of'].replace('-', '_')}")


@dataclass(frozen=True)
class Cycle(Operation):
    """The sine and cosine of 2π·phase, so that December is beside January, 23:59 beside 0:00.

    Months, weekdays and days of the year go in steps, the hour goes with the time of day.

    Use: what comes round with the season, the week or the day.
    """

    of: str = setting("month", "What comes round.", choices=CYCLES)

    gives: ClassVar[Gives] = "block"

    def fit(self, values: Numbers) -> State:
        return {"cycle": self.of}

    @staticmethod
    def apply(values: Numbers, state: State, counts: Counts) -> npt.NDArray[np.float32]:
        missing = np.isnan(values)
        angle = 2 * np.pi * phase(np.where(missing, 0.0, values), state["cycle"])
        block = np.column_stack((np.sin(angle), np.cos(angle))).astype(np.float32)
        block[missing] = 0  # the middle of the circle
        return block

    @staticmethod
    def label(state: State) -> str:
        return f"_{state['cycle'].replace('-', '_')}"

    @staticmethod
    def suffixes(state: State) -> list[str]:
        return ["_sin", "_cos"]


DATE_OPERATIONS: dict[str, type[Operation]] = {
    "days": Days,
    "elapsed": Elapsed,
    "part": Part,
    "cycle": Cycle,
}


def operations_of(parts: Sequence[str], values: Numbers) -> list[Operation]:
    """Give the operation of each part that ``--dates`` names, for a column's training values.

    Times of day are left out where they do not vary.

    >>> operations_of(["days", "hour-cycle", "weekday-cycle"], np.array([0.0, 1.0]))
    [Days(), Cycle(of='weekday')]
    """
    times = values[~np.isnan(values)] % 1
    has_times = len(times) > 0 and times.min() < times.max()
    return [_operation(part) for part in parts if has_times or part not in _TIMES]


def _operation(part: str) -> Operation:
    if part in ("days", "elapsed"):
        return Days() if part == "days" else Elapsed()
    if part.endswith("-cycle"):
        return Cycle(part.removesuffix("-cycle"))
    return Part(part)


def phase(days: Numbers, cycle: str) -> Numbers:
    """Give where in the cycle a day lies, in [0, 1): January and Monday are 0.

    >>> phase(np.array([0.0, 31.25]), "month") * 12  # 1 January and 1 February 1970
    array([0., 1.])
    >>> phase(np.array([0.0, 31.25]), "weekday") * 7  # a Thursday, a Sunday
    array([3., 6.])
    >>> phase(np.array([0.0, 31.25]), "hour") * 24
    array([0., 6.])
    """
    if cycle == "hour":
        return days - np.floor(days)
    if cycle == "weekday":
        return _weekday(days) / 7
    if cycle == "month":
        return (_month(days) - 1) / 12
    return (_day_of_year(days) - 1) / 366


def _day(text: str) -> float:
    """Days since 1970-01-01 of a date as it is written in ISO 8601."""
    try:
        return float(np.datetime64(text, "us").astype(np.int64)) / 86_400e6
    except ValueError:
        raise UsageError(f"elapsed: {text!r} is not a date", "elapsed:since=2020-01-31") from None


def _in_units(days: Numbers, unit: str) -> Numbers:
    """Whole months (M) or years (Y) since 1970."""
    dates = np.floor(days).astype(np.int64).astype("datetime64[D]")
    units: Numbers = dates.astype(f"datetime64[{unit}]").astype(np.int64).astype(np.float64)
    return units


def _start_of(days: Numbers, unit: str) -> Numbers:
    """The day on which the month (M) or year (Y) begins."""
    begun = _in_units(days, unit).astype(np.int64).astype(f"datetime64[{unit}]")
    starts: Numbers = begun.astype("datetime64[D]").astype(np.int64).astype(np.float64)
    return starts


def _year(days: Numbers) -> Numbers:
    return _in_units(days, "Y") + 1970


def _month(days: Numbers) -> Numbers:
    return _in_units(days, "M") % 12 + 1


def _day_of_year(days: Numbers) -> Numbers:
    return np.floor(days) - _start_of(days, "Y") + 1


def _weekday(days: Numbers) -> Numbers:
    return (np.floor(days) + 3) % 7


def _week(days: Numbers) -> Numbers:
    """Weeks begin on Monday, and belong to the year of their Thursday."""
    thursday = np.floor(days) - _weekday(days) + 3
    return (_day_of_year(thursday) - 1) // 7 + 1


def _minutes(days: Numbers) -> Numbers:
    """Whole minutes of the day; a date's microseconds are more than its fraction can hold."""
    return np.floor(np.round((days - np.floor(days)) * 86_400e3) / 60e3) % 1440


_PARTS: dict[str, Callable[[Numbers], Numbers]] = {
    "year": _year,
    "quarter": lambda days: (_month(days) - 1) // 3 + 1,
    "month": _month,
    "week": _week,
    "day": lambda days: np.floor(days) - _start_of(days, "M") + 1,
    "day-of-year": _day_of_year,
    "weekday": _weekday,
    "hour": lambda days: _minutes(days) // 60,
    "minute": lambda days: _minutes(days) % 60,
    "is-weekend": lambda days: (_weekday(days) >= 5).astype(np.float64),
}
# A part that also comes round has a name of its own beside the cycle's.
_PART_LABELS = {
    "month": "_month_number",
    "weekday": "_weekday_number",
    "hour": "_hour_number",
    "day-of-year": "_day_of_year_number",
}
