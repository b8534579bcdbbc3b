"""What fills a missing cell of a column by itself, and the column that says where one was."""

# ruff: noqa: D102  (what each method is for is said once, in Operation)

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nntool.tables.choices import setting
from nntool.tables.operations.operation import Counts, Gives, Numbers, Operation, State


class _FillNumbers(Operation):
    """Write the learned value where a number is missing."""

    gives: ClassVar[Gives] = "same"

    @staticmethod
    def apply(values: Numbers, state: State, counts: Counts) -> Numbers:
        missing = np.isnan(values)
        return np.where(missing, state["value"], values) if missing.any() else values


@dataclass(frozen=True)
class Median(_FillNumbers):
    """Fill with the median of training; 0 where training has no value.

    Use: for numbers, as a rule: a few wild values do not move it.
    """

    def fit(self, values: Numbers) -> State:
        known = _known(values)
        if not len(known):
            return {"value": 0.0}
        k = (len(known) - 1) // 2
        low, high = np.partition(known, (k, len(known) // 2))[[k, len(known) // 2]]
        return {"value": float((low + high) / 2)}


@dataclass(frozen=True)
class Mean(_FillNumbers):
    """Fill with the mean of training; 0 where training has no value.

    Use: for numbers without long tails.
    """

    def fit(self, values: Numbers) -> State:
        known = _known(values)
        return {"value": float(known.mean()) if len(known) else 0.0}


@dataclass(frozen=True)
class MostFrequentNumber(_FillNumbers):
    """Fill with the number that is most frequent in training, the smallest of equals.

    Use: for counts and codes that are numbers.
    """

    def fit(self, values: Numbers) -> State:
        known = _known(values)
        if not len(known):
            return {"value": 0.0}
        numbers, times = np.unique(known, return_counts=True)
        return {"value": float(numbers[np.argmax(times)])}


@dataclass(frozen=True)
class ConstantNumber(_FillNumbers):
    """Fill with a given number.

    Use: where a gap has a meaning, as 0 for "has none".
    """

    value: float = setting(0.0, "The number that is filled in.")

    def fit(self, values: Numbers) -> State:
        return {"value": self.value}


@dataclass(frozen=True)
class IsMissing(Operation):
    """Give 1 where the cell is missing, else 0.

    Use: where that a value is missing says something itself.
    """

    reads_gaps: ClassVar[bool] = True

    def fit(self, values: Numbers) -> State:
        return {}

    @staticmethod
    def apply(values: Numbers, state: State, counts: Counts) -> Numbers:
        return np.isnan(values).astype(np.float64)

    @staticmethod
    def label(state: State) -> str:
        return "_missing"


class _FillTexts(Operation):
    """Write the learned text where a category is missing."""

    gives: ClassVar[Gives] = "same"

    @staticmethod
    def apply(values: pa.Array, state: State, counts: Counts) -> pa.Array:
        if state["value"] is None or not values.null_count:
            return values
        return pc.fill_null(values, pa.scalar(state["value"], values.type))


@dataclass(frozen=True)
class MissingLevel(_FillTexts):
    """Leave it missing: encoders take that as a level of its own where training has it.

    Use: for categories, as a rule: nothing is made up.
    """

    def fit(self, values: pa.Array) -> State:
        return {"value": None}


@dataclass(frozen=True)
class MostFrequentText(_FillTexts):
    """Fill with the level that is most frequent in training, the first by code point of equals.

    Use: where gaps are few, and no sign of anything.
    """

    def fit(self, values: pa.Array) -> State:
        times = pc.value_counts(values.drop_null())
        pairs = [(-pair["counts"], pair["values"]) for pair in times.to_pylist()]
        return {"value": min(pairs)[1] if pairs else None}


@dataclass(frozen=True)
class ConstantText(_FillTexts):
    """Fill with a given text.

    Use: where a gap has a meaning that a level should bear.
    """

    value: str = setting("missing", "The text that is filled in.")

    def fit(self, values: pa.Array) -> State:
        return {"value": self.value}


def _known(values: Numbers) -> Numbers:
    missing = np.isnan(values)
    return values[~missing] if missing.any() else values
