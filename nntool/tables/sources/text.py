"""Typed values as text that reads back exactly; null stays null.

Numbers are the shortest that give the same number, decimals are exact, dates and times are
ISO 8601 (with a zone: in UTC, with Z), booleans `true` and `false`, durations seconds, lists and
records JSON. Bytes are no text.
"""

from __future__ import annotations

import datetime
import decimal
import json
import math
import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nntool.errors import DataError
from nntool.tables.csv.writing import as_text as simple_text

SECONDS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


class Number(str):
    """A number as it was written, kept so that no digit is lost."""

    __slots__ = ()


def as_text(array: pa.Array, column: str, source: str) -> pa.Array:
    """An array of any type as text; raises ``DataError`` for bytes.

    >>> as_text(pa.array([0.1, 2.0, None]), "x", "x.parquet").to_pylist()
    ['0.1', '2', None]
    """
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        if getattr(kind, "extension_name", "") == "arrow.uuid":
            return column_text(_python_values(array, column, source), column, source)
        return as_text(array.storage, column, source)
    if pa.types.is_dictionary(kind):
        return as_text(array.dictionary_decode(), column, source)
    if pa.types.is_timestamp(kind) and kind.tz:
        return _in_utc(array)
    if pa.types.is_float16(kind):
        return _halves(array)
    if pa.types.is_decimal(kind) or pa.types.is_nested(kind) or pa.types.is_binary(kind):
        return column_text(_python_values(array, column, source), column, source)
    if pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return column_text(_python_values(array, column, source), column, source)
    if pa.types.is_duration(kind):
        per_second = SECONDS[kind.unit]
        return column_text(
            [
                None if v is None else decimal.Decimal(v) / per_second
                for v in array.cast(pa.int64()).to_pylist()
            ],
            column,
            source,
        )
    try:
        return pc.cast(simple_text(array), pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise _no_text(column, source, str(kind)) from None


def _python_values(array: pa.Array, column: str, source: str) -> list[Any]:
    try:
        values: list[Any] = array.to_pylist()
    except ValueError:  # Python's times end at microseconds
        raise _no_text(column, source, f"{array.type} with nanoseconds") from None
    return values


def _in_utc(array: pa.Array) -> pa.Array:
    """Times of a zone as UTC, with Z; midnight keeps its time, as it is one of UTC only."""
    naive = pc.cast(
        pc.cast(array, pa.timestamp(array.type.unit, "UTC")), pa.timestamp(array.type.unit)
    )
    text = pc.replace_substring(pc.cast(naive, pa.string()), " ", "T")
    for end in (r"(\.\d*?)0+$", r"(.)\.$"):
        text = pc.replace_substring_regex(text, end, r"\1")
    return pc.binary_join_element_wise(text, "Z", "")


def _halves(array: pa.Array) -> pa.Array:
    """Half floats: NumPy knows their shortest numbers, pyarrow does not."""
    values = np.asarray(array.fill_null(0)).astype(np.float16)
    text = [number[:-2] if number.endswith(".0") else number for number in map(str, values)]
    return pa.array(text, pa.string(), mask=np.asarray(array.is_null()))


def column_text(values: Sequence[Any], column: str, source: str) -> pa.Array:
    """Python values, each of any type, as text; raises ``DataError`` for what is no text."""
    if all(value is None or type(value) is str for value in values):
        return _strings(values, column, source)
    try:
        return _strings([cell_text(value) for value in values], column, source)
    except TypeError as error:
        raise _no_text(column, source, str(error)) from None


def _strings(values: Sequence[str | None], column: str, source: str) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can spell
        raise DataError(
            f"{source}: the column {column!r} has a cell that is no Unicode text",
            f"leave the column out: --drop {column!r}",
        ) from None


def cell_text(value: Any) -> str | None:
    """One Python value as text; raises ``TypeError`` that names a type that is no text.

    >>> [cell_text(v) for v in (True, 2.0, 0.1, datetime.date(2024, 2, 29), [1, "a"])]
    ['true', '2', '0.1', '2024-02-29', '[1,"a"]']
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float):
        return shortest(value)
    if isinstance(value, decimal.Decimal):
        return f"{value:f}" if value.is_finite() else str(value)
    if isinstance(value, datetime.datetime):
        return _time_text(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return cell_text(_seconds(value))
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, dict | list | tuple):
        return json_text(value)
    raise TypeError(type(value).__name__)


def shortest(value: float) -> str:
    """The shortest number that reads back as this one, as pyarrow writes it.

    >>> shortest(2.0), shortest(1e-7), shortest(123456789.5)
    ('2', '1e-7', '123456789.5')
    """
    if value.is_integer() and 0 < abs(value) < 1e10:
        return str(int(value))
    if math.isfinite(value) and 1e-4 <= abs(value) < 1e10:
        return repr(value)
    text: str = pc.cast(pa.scalar(value, pa.float64()), pa.string()).as_py()
    return text


def _seconds(value: datetime.timedelta) -> decimal.Decimal:
    whole = decimal.Decimal(value.days * 86400 + value.seconds)
    return whole + decimal.Decimal(value.microseconds) / 10**6


def _time_text(value: datetime.datetime) -> str:
    """ISO 8601; midnight without a zone is a date; a zone is turned into UTC."""
    zone = ""
    if value.tzinfo is not None:
        value, zone = value.astimezone(datetime.UTC).replace(tzinfo=None), "Z"
    if not zone and value.time() == datetime.time():
        return value.date().isoformat()
    text = value.isoformat()
    return (text.rstrip("0") if "." in text else text) + zone


def json_text(value: Any) -> str:
    """A list or record as JSON, its numbers as they were written."""
    if isinstance(value, dict):
        inner = ",".join(f"{json_text(str(k))}:{json_text(v)}" for k, v in value.items())
        return "{" + inner + "}"
    if isinstance(value, list | tuple | np.ndarray):
        return "[" + ",".join(map(json_text, value)) + "]"
    if value is None:
        return "null"
    if isinstance(value, str) and not isinstance(value, Number):
        return json.dumps(value, ensure_ascii=False)
    text = str(cell_text(value))
    is_bare = isinstance(value, Number | bool | int | float | decimal.Decimal | np.generic)
    return text if is_bare else json.dumps(text, ensure_ascii=False)


def _no_text(column: str, source: str, kind: str) -> DataError:
    return DataError(
        f"{source}: the column {column!r} holds {kind}, which is no text",
        f"leave the column out: --drop {column!r}",
    )
