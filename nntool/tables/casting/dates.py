"""Text to dates by formats such as ``DD/MM/YYYY``; a time of day may follow."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nntool.settings.date_formats import tokens
from nntool.tables.casting.missing import Counts, to_text

FIRST_OF_1900S = 69
"""Two-digit years from here on are of the 1900s, those below of the 2000s (POSIX)."""

_TIME = (
    r"(?:(?:T|,? )(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,](?P<f>\d{1,6})\d*)?)?"
    r" ?(?P<p>[AaPp]\.?[Mm]\.?)?"
    r" ?(?P<z>Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?)?$"
)
_LETTER = "[A-Za-z\u0080-\U0010ffff]"
_DIGITS = {
    "YYYY": r"(?P<y>\d{4})",
    "YY": r"(?P<y>\d{2})",
    "MM": r"(?P<m>\d{1,2})",
    "MON": rf"(?P<b>{_LETTER}{{3,12}})\.?",
    "DD": r"(?P<d>\d{1,2})",
}

# One row for each month: English, German, Spanish, French, Italian, Portuguese, Dutch, and short.
_MONTHS = """
january januar jänner enero janvier gennaio janeiro januari jan ene janv gen
february februar febrero février fevrier febbraio fevereiro februari feb fév fev févr fevr
march märz maerz marzo mars março marco maart mar mär mrz mrt
april abril avril aprile apr abr avr
may mai mayo maggio maio mei mag
june juni junio juin giugno junho jun giu
july juli julio juillet luglio julho jul juil lug
august agosto août aout augustus aug ago aoû aou set
september septiembre septembre settembre setembro sep sept
october oktober octubre octobre ottobre outubro oct okt ott out
november noviembre novembre novembro nov
december dezember diciembre décembre decembre dicembre dezembro dec dez dic déc
"""
MONTHS = {
    name: number
    for number, names in enumerate(_MONTHS.strip().splitlines(), start=1)
    for name in names.split()
}


@cache
def pattern(date_format: str) -> str:
    """The regular expression of a format: groups ``y m b d`` and those of the time."""
    parts = tokens(date_format)
    is_solid = all(token in _DIGITS for token in parts)
    words = [_DIGITS.get(token, re.escape(token).replace("\\ ", " ")) for token in parts]
    found = "".join(words)
    if is_solid:  # without a sign in between, only the number of digits tells the parts apart
        found = found.replace(r"\d{1,2}", r"\d{2}")
    return "^" + found + _TIME


FAMILIES: tuple[tuple[str, ...], ...] = (
    ("YYYY-MM-DD",),
    ("YYYY/MM/DD",),
    ("YYYY.MM.DD",),
    ("DD.MM.YYYY",),
    ("DD/MM/YYYY", "MM/DD/YYYY"),
    ("DD-MM-YYYY", "MM-DD-YYYY"),
    ("DD/MM/YY", "MM/DD/YY"),
    ("DD.MM.YY",),
    ("DD-MON-YYYY",),
    ("DD-MON-YY",),
    ("DD/MON/YYYY",),
    ("DDMONYYYY",),
    ("DD MON YYYY",),
    ("DD. MON YYYY",),
    ("MON DD, YYYY",),
    ("MON DD YYYY",),
)
"""Formats that are looked for. No cell fits two families; of two members the first has the day
first."""
ORDERED = frozenset(name for family in FAMILIES if len(family) == 2 for name in family)
"""Formats in which only the order tells the day from the month."""
DATE_FORMATS: dict[str, str] = {name: pattern(name) for family in FAMILIES for name in family}


def to_dates(
    text: pa.Array, formats: str | Sequence[str], missing_values: Sequence[str]
) -> tuple[pa.Array, Counts]:
    """Text as ``timestamp("us")`` by the first format that fits, in UTC where a zone is given.

    >>> to_dates(pa.array(["29.2.2024", "30.2.2024"]), "DD.MM.YYYY", [])[1]
    {'unfit': 1}
    """
    present, counts = to_text(text, missing_values)
    # Dates come back again and again: each text is read once.
    encoded = present.dictionary_encode()
    distinct = encoded.dictionary
    values = pa.nulls(len(distinct), pa.timestamp("us"))
    for date_format in [formats] if isinstance(formats, str) else formats:
        values = pc.coalesce(values, read_dates(distinct, date_format))
    dates = pc.take(values, encoded.indices)
    unfit = dates.null_count - present.null_count
    if unfit:
        counts["unfit"] = unfit
    return dates, counts


def read_dates(cells: pa.Array, date_format: str) -> pa.Array:
    """Cells as ``timestamp("us")``; null where they do not fit, or no such day exists."""
    parts = pc.extract_regex(cells, pattern(date_format))
    names = {field.name for field in parts.type}
    year, month, day = (_part(parts, name, names) for name in "ymd")
    if "YYYY" not in date_format:
        year = year + np.where(year >= FIRST_OF_1900S, 1900, 2000)
    if "b" in names:
        month = _months(pc.struct_field(parts, "b"))
    elif "m" not in names:
        month = np.ones_like(year)
    if "d" not in names:
        day = np.ones_like(year)
    hour, minute, second, micro = (_part(parts, name, names) for name in "HMSf")
    hour, is_hour = _of_24(hour, pc.struct_field(parts, "p"))
    days = ((year - 1970) * 12 + month - 1).astype("datetime64[M]").astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    days = days + (day - 1)
    fits = (
        ~np.asarray(pc.is_null(parts))
        & ((month >= 1) & (month <= 12) & (day >= 1))
        & (days.astype("datetime64[M]") == months)
        & (is_hour & (minute < 60) & (second < 60))
    )
    seconds = (hour * 60 + minute - _zone_minutes(parts)) * 60 + second
    at = days.astype("datetime64[us]") + (seconds * 1_000_000 + micro)
    return pa.array(at, pa.timestamp("us"), mask=~fits)


def _part(parts: pa.Array, name: str, names: set[str]) -> NDArray[np.int64]:
    """One part of the dates as whole numbers; 0 where it is absent."""
    if name not in names:
        return np.zeros(len(parts), np.int64)
    text = pc.struct_field(parts, name).fill_null("")
    if name == "f":
        text = pc.utf8_rpad(text, 6, "0")
    numbers = pc.cast(pc.if_else(pc.equal(text, ""), "0", text), pa.int64())
    return np.asarray(numbers, dtype=np.int64)


def _by_word(text: pa.Array, meaning: Any) -> NDArray[np.int64]:
    """What each text means, each different one asked once; 0 for null."""
    encoded = text.fill_null("").dictionary_encode()
    means = [meaning(word) for word in encoded.dictionary.to_pylist()]
    return np.array([*means, 0], np.int64)[np.asarray(encoded.indices, dtype=np.int64)]


def _months(text: pa.Array) -> NDArray[np.int64]:
    """Months by their names; 0 for a word that is none."""
    return _by_word(text, lambda word: MONTHS.get(word.casefold(), 0))


def _of_24(hour: NDArray[np.int64], half: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Hours of 24 from those with AM and PM, and which of them exist."""
    which = _by_word(half, lambda word: {"": 0, "a": 1, "p": 2}[word[:1].casefold()])
    exists = np.where(which == 0, hour < 24, (hour >= 1) & (hour <= 12))
    return np.where(which == 0, hour, hour % 12 + 12 * (which == 2)), exists


def _zone_minutes(parts: pa.Array) -> NDArray[np.int64]:
    return _by_word(pc.struct_field(parts, "z"), _minutes)


def _minutes(zone: str) -> int:
    if not zone or zone[0] not in "+-":
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    return (-1 if zone[0] == "-" else 1) * (int(digits[:2]) * 60 + int(digits[2:]))
