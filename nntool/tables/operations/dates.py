"""Dates: how late (days since 1970-01-01) and where in the year, the week and the day."""

# ruff: noqa: D102  (what each method is for is said once, in Operation)

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from nntool.tables.choices import setting
from nntool.tables.operations.operation import Counts, Gives, Numbers, Operation, State

CYCLES = ("month", "weekday", "hour")


@dataclass(frozen=True)
class Days(Operation):
    """Days since 1970-01-01, times of day as fractions."""

    def fit(self, values: Numbers) -> State:
        return {}

    @staticmethod
    def apply(values: Numbers, state: State, counts: Counts) -> Numbers:
        return values

    @staticmethod
    def label(state: State) -> str:
        return "_days"


@dataclass(frozen=True)
class Cycle(Operation):
    """The sine and cosine of 2π·phase, so that December is beside January, 23:59 beside 0:00."""

    cycle: str = setting("month", "What comes round.", choices=CYCLES)

    gives: ClassVar[Gives] = "block"

    def fit(self, values: Numbers) -> State:
        return {"cycle": self.cycle}

    @staticmethod
    def apply(values: Numbers, state: State, counts: Counts) -> npt.NDArray[np.float32]:
        angle = 2 * np.pi * phase(values, state["cycle"])
        return np.column_stack((np.sin(angle), np.cos(angle))).astype(np.float32)

    @staticmethod
    def label(state: State) -> str:
        return f"_{state['cycle']}"

    @staticmethod
    def suffixes(state: State) -> list[str]:
        return ["_sin", "_cos"]


DATE_OPERATIONS: dict[str, type[Operation]] = {"days": Days, "cycle": Cycle}


def phase(days: Numbers, cycle: str) -> Numbers:
    """Give where in the cycle a day lies, in [0, 1): January and Monday are 0.

    Months and weekdays go in steps, the hour goes with the time of day.

    >>> phase(np.array([0.0, 31.25]), "month") * 12  # 1 January and 1 February 1970
    array([0., 1.])
    >>> phase(np.array([0.0, 31.25]), "weekday") * 7  # a Thursday, a Sunday
    array([3., 6.])
    >>> phase(np.array([0.0, 31.25]), "hour") * 24
    array([0., 6.])
    """
    whole = np.floor(days)
    if cycle == "hour":
        return days - whole
    if cycle == "weekday":
        return (whole + 3) % 7 / 7
    months = whole.astype(np.int64).astype("datetime64[D]").astype("datetime64[M]")
    return months.astype(np.int64) % 12 / 12
