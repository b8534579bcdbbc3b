"""What means "missing" in a column of text: counted by cause, so that nothing is lost unsaid.

Counts are dicts with the entries that are not zero: ``empty``, ``tokens`` (by token), ``inf``,
``nan`` and ``unfit`` (cells that are neither missing nor of the column's type). Of numbers that are
read also ``passed_over`` (by word: units and signs) and ``percent`` (divided by 100).
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

Counts = dict[str, Any]
Text: TypeAlias = "pa.ChunkedArray | pa.Array"

# Words that often stand for a missing value. They are named to the person, never taken for one.
_WORDS = r"""
na nan null none nil n.a. n.a n/a n.d. s/d k.a. unk unknown missing undefined nodata
no-data not-available not-applicable not-known no-answer tba tbd <na> (null) (none)
(blank) \n #n/a #na #null! #div/0! #value! #ref! #num! #name? desconocido inconnu
unbekannt
"""
BLANK = r"[\s\p{Zs}]"
"""A blank of any kind, in a pattern of pyarrow."""
LOOKALIKES = frozenset(_WORDS.split())
_SIGNS_ONLY = r"^[-–—*.?_~/]+$"


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


def chunks_of(text: Text) -> list[pa.Array]:
    """The arrays that a column consists of."""
    return list(text.chunks) if isinstance(text, pa.ChunkedArray) else [text]


def missing_mask(text: pa.Array, missing_values: Sequence[str]) -> tuple[pa.Array, Counts]:
    """Which cells mean "missing" (but for blanks around them), and how often by token."""
    return _missing(pc.utf8_trim_whitespace(text), missing_values)


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


def without_missing(text: pa.Array, missing_values: Sequence[str]) -> tuple[pa.Array, Counts]:
    """As ``to_text``, for cells that have no blanks around them: half the time."""
    mask, counts = _missing(text, missing_values)
    return (pc.if_else(mask, pa.scalar(None, pa.string()), text) if counts else text), counts


def without_empty(text: pa.Array) -> pa.Array:
    """Text with its empty cells null; it has no nulls, and hardly a byte is copied.

    >>> without_empty(pa.array(["a", "", " "])).to_pylist()
    ['a', None, ' ']
    """
    is_filled = pc.not_equal(pc.binary_length(text), 0)
    if pc.all(is_filled).as_py():
        return text
    if text.offset:  # a slice: its bits would begin in the middle
        return pc.if_else(is_filled, text, None)
    _, offsets, data = text.buffers()
    return pa.StringArray.from_buffers(len(text), offsets, data, is_filled.buffers()[1])


def present_cells(text: Text, missing_values: Sequence[str]) -> pa.ChunkedArray:
    """The cells that are not missing, without blanks around them."""
    present = [to_text(chunk, missing_values)[0].drop_null() for chunk in chunks_of(text)]
    return pa.chunked_array([chunk for chunk in present if len(chunk)], pa.string())


def looks_missing(distinct: pa.Array) -> pa.Array:
    """Which texts look as if they meant "missing", though nobody has said so.

    >>> looks_missing(pa.array(["Unknown", "--", "none", "Rome", "N.A."])).to_pylist()
    [True, True, True, False, True]
    """
    plain = pc.replace_substring(pc.utf8_lower(distinct), " ", "-")
    words = pc.is_in(plain, value_set=pa.array(sorted(LOOKALIKES), pa.string()))
    return pc.or_(words, pc.match_substring_regex(distinct, _SIGNS_ONLY))
