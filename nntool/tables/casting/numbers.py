"""Text to numbers, plain ones and those that a person or a spreadsheet has written."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nntool.tables.casting.disguises import DISGUISES, undisguised
from nntool.tables.casting.missing import (
    BLANK,
    Counts,
    Text,
    to_text,
    without_empty,
    without_missing,
)
from nntool.tables.casting.units import split_words, tally

NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
NOT_FINITE = r"(?i)^[+-]?(inf|infinity|nan)$"

_MINUS = "[-\N{MINUS SIGN}\N{EN DASH}]"
_APOSTROPHE = "['\N{RIGHT SINGLE QUOTATION MARK}]"
_CODES = (
    "AED|ARS|AUD|BGN|BRL|CAD|CHF|CLP|CNY|COP|CZK|DKK|EUR|GBP|HKD|HUF|IDR|ILS|INR|JPY|KRW|MXN|MYR"
    "|NOK|NZD|PEN|PHP|PLN|RON|RUB|SAR|SEK|SGD|THB|TRY|UAH|USD|VND|ZAR"
)
_AFFIX = r"(?:[A-Z]{0,3}\p{Sc}|%|kr\.?|zł|Kč|Fr\.|" + _CODES + ")"


@dataclass(frozen=True)
class NumberFormat:
    """How the numbers of a column are written, where that is not plain ``1234.56``."""

    decimal: str = "."
    """The decimal mark; what else stands between groups of three digits separates thousands."""
    affix: str = ""
    """A currency before or after the number, or a disguise; ``%`` must stand in every cell."""
    negative: str = "-1"
    """Beside a minus in front: ``(1)`` or ``1-``, where the column has them."""
    words: list[str] = field(default_factory=list)
    """What may stand with a number and is passed over (units, signs), the most frequent first."""
    percent: bool = False
    """``5%`` is 0.05."""

    @property
    def example(self) -> str:
        """A number in this format.

        >>> NumberFormat(",", "€").example
        '€ 1.234,56'
        """
        number = "1,234.56" if self.decimal == "." else "1.234,56"
        if self.words:
            return f"{number} {self.words[0]}"
        if self.affix in DISGUISES:
            return number
        if self.affix == "%":
            return f"{number} %"
        return f"{self.affix} {number}" if self.affix else number


def format_in(state: Mapping[str, Any]) -> NumberFormat | None:
    """How the numbers of a column or a target are written, by its state; None is plainly."""
    written = state.get("number_format")
    return NumberFormat(**written) if written else None


class Parts(NamedTuple):
    """Cells taken apart under one decimal mark."""

    fits: pa.Array
    """Whether a cell is a number by its grammar."""
    negative: pa.Array
    """How its sign is written: empty, ``-1``, ``(1)`` or ``1-``."""
    affix: pa.Array
    whole: pa.Array
    """The digits before the decimal mark with what separates thousands."""
    fraction: pa.Array
    """The decimal mark with the digits after it, or nothing."""
    plain: pa.Array
    """The number without its sign as float64 is read."""


def _pattern(decimal: str) -> str:
    thousands = "," if decimal == "." else r"\."
    mark = r"\." if decimal == "." else ","
    groups = "|".join(
        rf"[1-9]\d{{0,2}}(?:{sign}\d{{3}})+" for sign in (thousands, r"\p{Zs}", _APOSTROPHE)
    )
    return (
        rf"^(?P<open>\()?{BLANK}*(?P<sign>[+]|{_MINUS})?{BLANK}*(?P<before>{_AFFIX})?{BLANK}*"
        rf"(?P<inner>{_MINUS})?"
        rf"(?P<whole>{groups}|\d*)(?P<fraction>{mark}\d*)?(?P<power>[eE][+-]?\d+)?"
        rf"{BLANK}*(?P<after>{_AFFIX})?{BLANK}*(?P<last>{_MINUS})?{BLANK}*(?P<close>\))?$"
    )


PATTERNS = {mark: _pattern(mark) for mark in ".,"}


def take_apart(cells: Text, decimal: str) -> Parts:
    """Read cells under one decimal mark; null is no number.

    >>> take_apart(pa.array(["€ 1.234,5", "(12)", "1,2,3"]), ",").plain.to_pylist()
    ['1234.5', '12', None]
    """
    found = pc.extract_regex(cells, PATTERNS[decimal])
    parts = {
        name: pc.fill_null(pc.struct_field(found, name), "")
        for name in ("open", "sign", "before", "inner", "whole", "fraction", "power", "after")
    }
    last, close = (pc.fill_null(pc.struct_field(found, name), "") for name in ("last", "close"))

    def has(part: Any) -> Any:
        return pc.not_equal(part, "")

    minus = pc.and_(has(parts["sign"]), pc.not_equal(parts["sign"], "+"))
    minus = pc.or_(minus, has(parts["inner"]))
    signs = [has(parts["open"]), has(parts["sign"]), has(parts["inner"]), has(last)]
    n_signs = pc.cast(signs[0], pa.int8())
    for sign in signs[1:]:
        n_signs = pc.add(n_signs, pc.cast(sign, pa.int8()))
    digits = pc.or_(has(parts["whole"]), pc.greater(pc.utf8_length(parts["fraction"]), 1))
    fits = pc.and_(pc.is_valid(found), digits)
    fits = pc.and_(fits, pc.equal(has(parts["open"]), has(close)))
    fits = pc.and_(fits, pc.invert(pc.and_(has(parts["before"]), has(parts["after"]))))
    fits = pc.fill_null(pc.and_(fits, pc.less_equal(n_signs, 1)), False)
    negative = pc.if_else(has(parts["open"]), "(1)", pc.if_else(has(last), "1-", ""))
    negative = pc.if_else(minus, "-1", negative)
    whole = pc.replace_substring_regex(parts["whole"], r"[^\d]", "")
    fraction = pc.replace_substring(parts["fraction"], decimal, ".")
    plain = pc.binary_join_element_wise(whole, fraction, parts["power"], "")
    affix = pc.binary_join_element_wise(parts["before"], parts["after"], "")
    return Parts(
        fits, negative, affix, parts["whole"], parts["fraction"], pc.if_else(fits, plain, None)
    )


def to_numbers(
    text: pa.Array, missing_values: Sequence[str], written: NumberFormat | None = None
) -> tuple[pa.Array, Counts]:
    """Text as float64; null where a cell is missing, not finite or no number so written.

    >>> numbers, counts = to_numbers(pa.array([" 1.5", "x", "?", "inf"]), ["?"])
    >>> numbers.to_pylist(), counts
    ([1.5, None, None, None], {'tokens': {'?': 1}, 'unfit': 1, 'inf': 1})
    >>> to_numbers(pa.array(["1.234,5"]), [], NumberFormat(","))[0].to_pylist()
    [1234.5]
    """
    if written is not None:
        return _to_written_numbers(text, missing_values, written)
    if not text.null_count and not names_a_number(missing_values):
        # Most columns are numbers and empty cells: one cast, a fifth of the time of what follows.
        filled = without_empty(text)
        values = _cast(filled)
        if values is not None and pc.all(pc.is_finite(values), min_count=0).as_py():
            return values, {"empty": filled.null_count} if filled.null_count else {}
    present, counts = without_missing(text, missing_values)
    values = _cast(present)
    if values is None:
        present, counts = to_text(text, missing_values)
        values = _cast(present)
    if values is None:
        fits = pc.or_(
            pc.match_substring_regex(present, NUMBER), pc.match_substring_regex(present, NOT_FINITE)
        )
        counts["unfit"] = pc.sum(pc.invert(fits)).as_py()
        values = pc.cast(pc.if_else(fits, present, None), pa.float64())
    for name, mask in (("inf", pc.is_inf(values)), ("nan", pc.is_nan(values))):
        values = _without(values, mask, name, counts)
    return values, counts


def _to_written_numbers(
    text: pa.Array, missing_values: Sequence[str], written: NumberFormat
) -> tuple[pa.Array, Counts]:
    present, counts = to_text(text, missing_values)
    # Each different cell is read once: patterns are slow, and amounts and units repeat.
    encoded = present.dictionary_encode()
    distinct = encoded.dictionary
    if written.affix in DISGUISES:
        distinct = undisguised(distinct, written.affix)
    at = encoded.indices.drop_null()
    times = np.bincount(np.asarray(at, np.int64), minlength=len(distinct))
    cells, word = split_words(distinct)[:2] if written.words else (distinct, None)
    parts = take_apart(cells, written.decimal)
    fits = pc.and_(
        parts.fits,
        pc.is_in(parts.negative, value_set=pa.array(["", "-1", written.negative])),
    )
    affixes = [written.affix] if written.affix == "%" else ["", written.affix, *written.words]
    fits = pc.and_(fits, pc.is_in(parts.affix, value_set=pa.array(affixes)))
    if word is not None:
        fits = pc.and_(fits, pc.is_in(word, value_set=pa.array(["", *written.words])))
    if unfit := int(times[~np.asarray(fits, bool)].sum()):
        counts["unfit"] = unfit
    values = pc.cast(pc.if_else(fits, parts.plain, None), pa.float64())
    values = pc.if_else(pc.equal(parts.negative, ""), values, pc.negate(values))
    if word is not None:
        times = np.where(np.asarray(fits, bool), times, 0)
        values = _without_words(values, times, [word, parts.affix], written, counts)
    values = values.take(encoded.indices)
    return _without(values, pc.is_inf(values), "inf", counts), counts


def _without_words(
    values: pa.Array,
    times: NDArray[np.int64],
    words: Sequence[pa.Array],
    written: NumberFormat,
    counts: Counts,
) -> pa.Array:
    """The numbers, percents divided where that was asked for; counts what was passed over.

    ``times`` `(n,)` says how many cells each value is of.
    """
    found: dict[str, int] = {}
    for own in words:
        for name, n in tally(own, times).items():
            found[name] = found.get(name, 0) + n
    if written.percent and (n := found.pop("%", 0)):
        counts["percent"] = n
        values = pc.if_else(pc.equal(words[0], "%"), pc.divide(values, 100.0), values)
    if found:
        counts["passed_over"] = dict(sorted(found.items()))
    return values


def _without(values: pa.Array, mask: pa.Array, name: str, counts: Counts) -> pa.Array:
    number = pc.sum(mask).as_py() or 0
    if not number:
        return values
    counts[name] = number
    return pc.if_else(mask, pa.scalar(None, pa.float64()), values)


def _cast(text: pa.Array) -> pa.Array | None:
    try:
        return pc.cast(text, pa.float64())
    except pa.ArrowInvalid:
        return None


def names_a_number(tokens: Sequence[str]) -> bool:
    """Whether one of the cells that mean "missing" looks like a number, as -999."""
    return any(re.match(NUMBER, token.strip()) for token in tokens)


def unfit_cells(text: Text, most: int = 3, decimal: str | None = None) -> list[str]:
    """The first different cells, of those that are not missing (null), that are no numbers."""
    if decimal is None:
        fits = pc.or_(
            pc.match_substring_regex(text, NUMBER), pc.match_substring_regex(text, NOT_FINITE)
        )
    else:
        fits = take_apart(text, decimal).fits
    unfit = pc.filter(text, pc.invert(fits).fill_null(False))
    return list(pc.unique(unfit).slice(0, most).to_pylist())
