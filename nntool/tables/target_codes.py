"""Cells of the target as codes of classes, or as numbers; and the order of classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nntool.tables.casting import Counts, booleans, merge_counts, missing_mask, to_numbers
from nntool.tables.casting.missing import Text, chunks_of
from nntool.tables.casting.numbers import format_in

FIRST_INEXACT = 2.0**53
"""Whole numbers from here on are not all told apart by a float64."""


def trimmed(text: Text) -> Text:
    """Cells without the blanks around them, as all cells are read: ' yes' is the class 'yes'."""
    return pc.utf8_trim_whitespace(text) if pa.types.is_string(text.type) else text


def trimmed_chunks(text: Text) -> list[pa.Array]:
    """The arrays that a column consists of, as ``trimmed`` gives them."""
    return chunks_of(trimmed(text))


def has_inexact(values: pa.Array) -> bool:
    """Whether any number is so large that a float64 no longer tells it from its neighbours."""
    return bool(len(values) and pc.max(pc.abs(values)).as_py() >= FIRST_INEXACT)


def class_order(texts: Sequence[str]) -> tuple[list[str], bool]:
    """Classes in order, and whether that is by value: if all are numbers, else by code point.

    Numbers that are equal are one class, written as the shortest of them.

    >>> class_order(["10", "9", "9.0"])
    (['9', '10'], True)
    >>> class_order(["b", "a ", "10"])
    (['10', 'a ', 'b'], False)
    """
    values = to_numbers(pa.array(texts, pa.string()), [])[0].to_pylist()
    if not texts or any(value is None or abs(value) >= FIRST_INEXACT for value in values):
        return sorted(set(texts)), False
    best: dict[float, str] = {}
    for value, cell in zip(values, texts, strict=True):
        known = best.get(value)
        if known is None or (len(cell), cell) < (len(known), known):
            best[value] = cell
    return [best[value] for value in sorted(best)], True


def encode_classes(text: Text, state: dict[str, Any]) -> tuple[NDArray[np.int32], Counts]:
    """Codes `(n,)` of the classes; −1 where the cell is missing or no class (counted apart).

    >>> state = {"classes": ["1", "2"], "by_value": True, "missing_values": []}
    >>> encode_classes(pa.array(["2.0", "1", "", "7"]), state)[0].tolist()
    [1, 0, -1, -1]
    """
    codes = [np.empty(0, np.int32)]
    total: Counts = {}
    for chunk in trimmed_chunks(text):
        found, counts = _encode_chunk(chunk, state)
        codes.append(found)
        merge_counts(total, counts)
    return np.concatenate(codes), total


def _encode_chunk(text: pa.Array, state: dict[str, Any]) -> tuple[NDArray[np.int32], Counts]:
    encoded = text.dictionary_encode()
    levels = encoded.dictionary
    is_missing = np.asarray(missing_mask(levels, state["missing_values"])[0], dtype=bool)
    spelled = levels
    if tuple(state["classes"]) in booleans.SPELLINGS:
        spelled, _ = booleans.respelled(levels, state["classes"])
    keys: list[Any] = spelled.to_pylist()
    classes: list[Any] = list(state["classes"])
    if state["by_value"]:
        keys = to_numbers(levels, [])[0].to_pylist()
        classes = to_numbers(pa.array(classes, pa.string()), [])[0].to_pylist()
    index = {key: code for code, key in enumerate(classes)}
    # The last entry is for null cells, whose dictionary index is taken as −1.
    codes = np.array(
        [-1 if absent else index.get(key, -1) for key, absent in zip(keys, is_missing, strict=True)]
        + [-1],
        np.int32,
    )
    at = np.asarray(encoded.indices.fill_null(-1), dtype=np.int64)
    uses = np.bincount(np.where(at < 0, len(levels), at), minlength=len(levels) + 1)
    missing = int(uses[-1]) + int(uses[:-1][is_missing].sum())
    counts: Counts = {"missing": missing} if missing else {}
    if spelled is not levels:
        is_respelled = np.asarray(pc.not_equal(spelled, levels).fill_null(False))
        counts["respelled"] = int(uses[:-1][is_respelled].sum())
    unseen = np.flatnonzero((codes[:-1] < 0) & ~is_missing)
    if unseen.size:
        counts["unseen"] = {levels[int(i)].as_py(): int(uses[i]) for i in unseen}
    return codes[at], counts


def encode_values(text: Text, state: dict[str, Any]) -> tuple[NDArray[np.float64], Counts]:
    """Numbers `(n,)` of a regression target; NaN where missing, counted as ``to_numbers`` does."""
    values = [np.empty(0)]
    total: Counts = {}
    for chunk in trimmed_chunks(text):
        if pa.types.is_floating(chunk.type):
            numbers, counts = chunk, ({"empty": chunk.null_count} if chunk.null_count else {})
        else:
            numbers, counts = to_numbers(chunk, state["missing_values"], format_in(state))
        values.append(numbers.to_numpy(zero_copy_only=False))
        merge_counts(total, counts)
    return np.concatenate(values), total
