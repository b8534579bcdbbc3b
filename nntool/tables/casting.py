"""Text to numbers and dates, column by column; what does not fit is missing, and counted.

Counts are dicts with the entries that are not zero: ``empty``, ``tokens`` (by token), ``inf``,
``nan`` and ``unfit`` (cells that are neither missing nor of the type).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Counts = dict[str, Any]

NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
NOT_FINITE = r"(?i)^[+-]?(inf|infinity|nan)$"

_TIME = (
    r"(?:[T ](?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,](?P<f>\d{1,6})\d*)?)?"
    r" ?(?P<z>Z|[+-]\d{2}:?\d{2})?)?$"
)
DATE_FORMATS: dict[str, str] = {
    "YYYY-MM-DD": r"^(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})" + _TIME,
    "YYYY/MM/DD": r"^(?P<y>\d{4})/(?P<m>\d{1,2})/(?P<d>\d{1,2})" + _TIME,
    "DD.MM.YYYY": r"^(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})" + _TIME,
    "DD/MM/YYYY": r"^(?P<d>\d{1,2})/(?P<m>\d{1,2})/(?P<y>\d{4})" + _TIME,
    "MM/DD/YYYY": r"^(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4})" + _TIME,
}


def merge_counts(total: Counts, more: Counts) -> None:
    """Add nested counts in place: for columns that are worked chunk by chunk.

    >>> total = {"age": {"empty": 1}}
    >>> merge_counts(total, {"age": {"empty": 2, "tokens": {"?": 1}}})
    >>> total
    {'age': {'empty': 3, 'tokens': {'?': 1}}}
    """
    for key, value in more.items():
        if isinstance(value, dict):
            merge_counts(total.setdefault(key, {}), value)
        else:
            total[key] = total.get(key, 0) + value


def missing_mask(text: pa.Array, missing_values: Sequence[str]) -> tuple[pa.Array, Counts]:
    """Which cells mean "missing" (but for blanks around them), and how often by token."""
    stripped = pc.utf8_trim_whitespace(text)
    return _missing(stripped, missing_values)


def _missing(stripped: pa.Array, missing_values: Sequence[str]) -> tuple[pa.Array, Counts]:
    tokens = pa.array(sorted({"", *(token.strip() for token in missing_values)}), pa.string())
    mask = pc.or_(pc.is_null(stripped), pc.is_in(stripped, value_set=tokens))
    if not pc.any(mask).as_py():
        return mask, {}
    found: dict[str, int] = {}
    for entry in pc.value_counts(pc.filter(stripped, mask).fill_null("")).to_pylist():
        found[entry["values"]] = entry["counts"]
    empty = found.pop("", 0)
    counts: Counts = {"empty": empty} if empty else {}
    if found:
        counts["tokens"] = dict(sorted(found.items()))
    return mask, counts


def to_text(text: pa.Array, missing_values: Sequence[str]) -> tuple[pa.Array, Counts]:
    """Text without blanks around it, missing cells null.

    >>> to_text(pa.array([" a ", "?", ""]), ["?"])[1]
    {'empty': 1, 'tokens': {'?': 1}}
    """
    stripped = pc.utf8_trim_whitespace(text)
    mask, counts = _missing(stripped, missing_values)
    if not counts:
        return stripped, counts
    return pc.if_else(mask, pa.scalar(None, pa.string()), stripped), counts


def to_numbers(text: pa.Array, missing_values: Sequence[str]) -> tuple[pa.Array, Counts]:
    """Text as float64; null where a cell is missing, not finite or no number.

    >>> numbers, counts = to_numbers(pa.array([" 1.5", "x", "?", "inf"]), ["?"])
    >>> numbers.to_pylist(), counts
    ([1.5, None, None, None], {'tokens': {'?': 1}, 'unfit': 1, 'inf': 1})
    """
    if not text.null_count and not _names_a_number(missing_values):
        # Most columns are clean: one cast of the raw text, five times as fast as what follows.
        values = _cast(text)
        if values is not None and pc.all(pc.is_finite(values), min_count=0).as_py():
            return values, {}
    present, counts = to_text(text, missing_values)
    values = _cast(present)
    if values is None:
        fits = pc.or_(
            pc.match_substring_regex(present, NUMBER), pc.match_substring_regex(present, NOT_FINITE)
        )
        counts["unfit"] = pc.sum(pc.invert(fits)).as_py()
        values = pc.cast(pc.if_else(fits, present, None), pa.float64())
    for name, mask in (("inf", pc.is_inf(values)), ("nan", pc.is_nan(values))):
        number = pc.sum(mask).as_py() or 0
        if number:
            counts[name] = number
            values = pc.if_else(mask, pa.scalar(None, pa.float64()), values)
    return values, counts


def _cast(text: pa.Array) -> pa.Array | None:
    try:
        return pc.cast(text, pa.float64())
    except pa.ArrowInvalid:
        return None


def _names_a_number(tokens: Sequence[str]) -> bool:
    return any(pc.match_substring_regex(pa.scalar(t.strip()), NUMBER).as_py() for t in tokens)


def unfit_cells(text: pa.Array | pa.ChunkedArray, most: int = 3) -> list[str]:
    """The first different cells, of those that are not missing (null), that are no numbers."""
    fits = pc.or_(
        pc.match_substring_regex(text, NUMBER), pc.match_substring_regex(text, NOT_FINITE)
    )
    unfit = pc.filter(text, pc.invert(fits).fill_null(False))
    return list(pc.unique(unfit).slice(0, most).to_pylist())


def to_dates(
    text: pa.Array, date_format: str, missing_values: Sequence[str]
) -> tuple[pa.Array, Counts]:
    """Text as ``timestamp("us")`` by one of ``DATE_FORMATS``; a zone is taken into account (UTC).

    >>> to_dates(pa.array(["29.2.2024", "30.2.2024"]), "DD.MM.YYYY", [])[1]
    {'unfit': 1}
    """
    present, counts = to_text(text, missing_values)
    parts = pc.extract_regex(present, DATE_FORMATS[date_format])
    year, month, day = (_part(parts, name) for name in "ymd")
    hour, minute, second, micro = (_part(parts, name) for name in "HMSf")
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1)
    fits = (
        ~np.asarray(pc.is_null(parts))
        & ((month >= 1) & (month <= 12) & (day >= 1))
        & (days.astype("datetime64[M]") == months)
        & ((hour < 24) & (minute < 60) & (second < 60))
    )
    seconds = (hour * 60 + minute - _zone_minutes(parts)) * 60 + second
    at = days.astype("datetime64[us]") + (seconds * 1_000_000 + micro)
    unfit = int(np.count_nonzero(~fits & np.asarray(pc.is_valid(present))))
    if unfit:
        counts["unfit"] = unfit
    return pa.array(at, pa.timestamp("us"), mask=~fits), counts


def _part(parts: pa.Array, name: str) -> NDArray[np.int64]:
    """One part of the dates as whole numbers; 0 where it is absent."""
    text = pc.struct_field(parts, name).fill_null("")
    if name == "f":
        text = pc.utf8_rpad(text, 6, "0")
    numbers = pc.cast(pc.if_else(pc.equal(text, ""), "0", text), pa.int64())
    return np.asarray(numbers, dtype=np.int64)


def _zone_minutes(parts: pa.Array) -> NDArray[np.int64]:
    zones = pc.struct_field(parts, "z").fill_null("").dictionary_encode()
    minutes = [0, *(_minutes(zone) for zone in zones.dictionary.to_pylist())]
    return np.array(minutes, np.int64)[np.asarray(zones.indices, dtype=np.int64) + 1]


def _minutes(zone: str) -> int:
    if zone in ("", "Z"):
        return 0
    digits = zone[1:].replace(":", "")
    return (-1 if zone[0] == "-" else 1) * (int(digits[:2]) * 60 + int(digits[2:]))


def find_date_format(
    text: pa.ChunkedArray | pa.Array, missing_values: Sequence[str]
) -> tuple[str | None, str | None]:
    """The one format that fits every cell that is not missing, and a note where two do.

    >>> find_date_format(pa.array(["13/2/2024", "1/2/2024"]), [])
    ('DD/MM/YYYY', None)
    """
    chunks = text.chunks if isinstance(text, pa.ChunkedArray) else [text]
    present = [to_text(chunk, missing_values)[0].drop_null() for chunk in chunks]
    present = [chunk for chunk in present if len(chunk)]
    fitting = [
        name
        for name in DATE_FORMATS
        if present
        and not to_dates(present[0].slice(0, 100), name, [])[1]
        and not any(to_dates(chunk, name, [])[1] for chunk in present)
    ]
    if len(fitting) == 1:
        return fitting[0], None
    if not fitting:
        return None, None
    return None, (
        f"could be dates, but all cells fit {' and '.join(fitting)}, such as"
        f" {present[0][0].as_py()!r}; kept as text (write them as YYYY-MM-DD to use them as dates)"
    )
