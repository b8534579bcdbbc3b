"""Which cells of a column are valid: a rule that was typed, for numbers, dates or words."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nntool.tables.formulas.evaluating import as_array, is_missing, kind_of
from nntool.tables.formulas.mistakes import mistake, shown
from nntool.tables.formulas.operations import DATE, NUMBER, TEXT
from nntool.tables.formulas.validity import ACTIONS, EXAMPLES, OneOf, Range, Validity, Value

WHOLE = "whole"

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?")
_DAY = np.timedelta64(1, "D")
_INSTANT = np.timedelta64(1, "us")

Mask = NDArray[np.bool_]
Values = NDArray[Any]
"""Numbers or dates, missing as NaN or NaT."""


@dataclass(frozen=True)
class InRange:
    """Between two bounds; None is no bound. A day without a time is meant from begin to end."""

    low: Any
    high: Any
    without_low: bool
    without_high: bool
    nearest_high: Any
    """Where a value above is moved to: the day itself, where ``high`` is its end."""

    def holds(self, values: Values) -> Mask:
        """Which values are within."""
        valid = np.ones(values.size, bool)
        if self.low is not None:
            valid &= values > self.low if self.without_low else values >= self.low
        if self.high is not None:
            valid &= values < self.high if self.without_high else values <= self.high
        return valid

    def clipped(self, values: Values) -> Values:
        """Values moved to the nearest bound; missing stays missing."""
        if self.low is not None:
            values = np.where(values < self.low, self.low, values)
        if self.high is not None:
            values = np.where(values > self.high, self.nearest_high, values)
        return values


@dataclass(frozen=True)
class IsWhole:
    """Without a fraction."""

    def holds(self, values: Values) -> Mask:
        """Which values are whole."""
        valid: Mask = np.floor(values) == values
        return valid


@dataclass(frozen=True)
class IsIn:
    """One of some values."""

    listed: tuple[Any, ...]

    def holds(self, values: Values) -> Mask:
        """Which values are listed."""
        return np.isin(values, np.array(self.listed))


Test = InRange | IsWhole | IsIn


def bind(rule: Validity, kind: str) -> tuple[Test, ...]:
    """The rule for a column of a kind; raises ``UsageError`` where its values are of another."""
    if (kind == TEXT and rule.action in ("abs", "clip")) or (kind == DATE and rule.action == "abs"):
        holds = "text" if kind == TEXT else "dates"
        raise mistake(
            rule.text,
            rule.text.rindex(":") + 1,
            f"the column holds {holds}, and {rule.action} is for numbers",
            "write :missing or :leave-out",
        )
    return tuple(_bound(rule, part, kind) for part in rule.parts)


def _bound(rule: Validity, part: Range | OneOf, kind: str) -> Test:
    if isinstance(part, OneOf):
        words = [value.text for value in part.values]
        if kind == NUMBER and words == [WHOLE]:
            return IsWhole()
        if kind == TEXT:
            return IsIn(tuple(words))
        return IsIn(tuple(_read(rule, value, kind) for value in part.values))
    if kind == TEXT:
        raise mistake(
            rule.text,
            part.at,
            "the column holds text, and a range is for numbers and dates",
            "list its words, as in sex=M|F; or say what it holds: --roles COLUMN=numeric",
        )
    low = None if part.low is None else _read(rule, part.low, kind)
    high = None if part.high is None else _read(rule, part.high, kind)
    if low is not None and high is not None and low > high:
        raise mistake(rule.text, part.at, "the range ends before it begins", EXAMPLES)
    return InRange(
        low=_end_of(part.low, low) if part.without_low else low,
        high=high if part.without_high else _end_of(part.high, high),
        without_low=part.without_low,
        without_high=part.without_high,
        nearest_high=high,
    )


def _read(rule: Validity, value: Value, kind: str) -> Any:
    """A value as a number or an instant."""
    if kind == NUMBER:
        number = float(value.text) if _NUMBER.fullmatch(value.text) else np.inf
        if np.isfinite(number):
            return number
        stated = f"expected a number, not {shown(value.text)}"
        hint = f"{EXAMPLES}; the actions are {', '.join(ACTIONS)}"
        raise mistake(rule.text, value.at, stated, hint)
    try:
        if _DATE.fullmatch(value.text):
            return np.datetime64(value.text.replace(" ", "T"), "us")
    except ValueError:
        pass
    stated = f"expected a date as YYYY-MM-DD, not {shown(value.text)}"
    raise mistake(rule.text, value.at, stated, EXAMPLES)


def _end_of(value: Value | None, read: Any) -> Any:
    """The last instant of a day that is named without a time; all else is what it is."""
    if value is not None and isinstance(read, np.datetime64) and len(value.text) == 10:
        return read + _DAY - _INSTANT
    return read


def holds(tests: tuple[Test, ...], column: pa.Array) -> Mask:
    """Which cells are valid; one that is missing is.

    >>> from nntool.tables.formulas.validity import parse
    >>> holds(bind(parse("age=0..120"), "number"), pa.array([30.0, -1.0, None])).tolist()
    [True, False, True]
    """
    valid: Mask = np.ones(len(column), bool)
    if kind_of(column.type) == TEXT:
        for test in tests:
            words = test.listed if isinstance(test, IsIn) else ()
            valid &= np.asarray(pc.is_in(column, value_set=pa.array(words, pa.string())))
        valid |= np.asarray(pc.is_null(column))
        return valid
    values = as_array(column)
    for test in tests:
        valid &= test.holds(values)
    return valid | is_missing(values)


def clipped(tests: tuple[Test, ...], values: Values) -> Values:
    """Values moved to the nearest bound of each range."""
    for test in tests:
        if isinstance(test, InRange):
            values = test.clipped(values)
    return values
