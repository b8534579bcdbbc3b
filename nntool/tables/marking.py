"""Rows that clean leaves out: marked with a reason, never moved or dropped."""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nntool.settings.clean import CleanSettings
from nntool.tables.casting import missing_mask
from nntool.tables.column_types import missing_by_column
from nntool.tables.columns import resolve_listed
from nntool.tables.hashing import Hashes, row_hashes
from nntool.tables.typing_pass import TextTable

TRAINING = 0
"""The code of a training row in ``rows.npy``."""

Mask = NDArray[np.bool_]


class Reason(IntEnum):
    """Why a row is left out; the values stand in ``clean/left_out.npy`` and never change."""

    KEPT = 0
    TARGET_MISSING = 1
    DUPLICATE = 2
    KEY_REPEATED = 3
    NOT_VALID = 4
    REQUIRED_MISSING = 5
    OUTLIER = 6
    UNUSUAL_ROW = 7


REASONS: dict[int, str] = {
    Reason.KEPT: "kept",
    Reason.TARGET_MISSING: "target missing",
    Reason.DUPLICATE: "repeats another row",
    Reason.KEY_REPEATED: "repeats the key of another row",
    Reason.NOT_VALID: "value not valid",
    Reason.REQUIRED_MISSING: "required value missing",
    Reason.OUTLIER: "value is an outlier",
    Reason.UNUSUAL_ROW: "unusual row",
}


class Repeats(NamedTuple):
    """Which rows `(n_rows,)` repeat another row of their own part."""

    whole: Mask
    """Cell by cell, as the text that was read."""
    key: Mask
    """In the columns of ``duplicates_by``; none where there are no such columns."""


def find_repeats(
    text: TextTable,
    settings: CleanSettings,
    parts: NDArray[np.int8] | None,
    hashes: Hashes,
) -> Repeats:
    """Find the rows that repeat another one, whatever is done with them then.

    ``hashes`` `(n_rows,)` are those of ``row_hashes``.

    A row with a missing cell in its key repeats nobody's key: two unknown numbers may differ.
    """
    keep = settings.duplicates_keep
    whole = repeated(hashes, parts, keep)
    names = resolve_listed(text.column_names, settings.duplicates_by, "--duplicates-by")
    if not names:
        return Repeats(whole, np.zeros(text.num_rows, bool))
    keys = _trimmed(text.select(names))
    known = np.flatnonzero(~_any_missing(keys, missing_by_column(text.column_names, settings)))
    key = np.zeros(text.num_rows, bool)
    key[known] = repeated(row_hashes(keys)[known], None if parts is None else parts[known], keep)
    return Repeats(whole, key)


def _trimmed(table: pa.Table) -> pa.Table:
    trimmed = [pc.utf8_trim_whitespace(column) for column in table.columns]
    return pa.table(trimmed, names=table.column_names)


def _any_missing(table: pa.Table, missing: Mapping[str, Sequence[str]]) -> Mask:
    """Which rows have a missing cell."""
    found = np.zeros(table.num_rows, bool)
    for name, column in zip(table.column_names, table.columns, strict=True):
        start = 0
        for chunk in column.chunks:
            found[start : start + len(chunk)] |= np.asarray(missing_mask(chunk, missing[name])[0])
            start += len(chunk)
    return found


def repeated(
    hashes: NDArray[np.uint64],
    parts: NDArray[np.int8] | None,
    keep: Literal["first", "last"] = "first",
) -> Mask:
    """Which rows `(n_rows,)` repeat another row of their own part, the one that is kept.

    >>> repeated(np.array([7, 7, 8, 7], np.uint64), np.array([0, 1, 0, 0], np.int8)).tolist()
    [False, False, False, True]
    """
    if keep == "last":
        return repeated(hashes[::-1], None if parts is None else parts[::-1])[::-1]
    ordered = np.sort(hashes)
    if not (ordered[1:] == ordered[:-1]).any():  # most tables: half the time of what follows
        return np.zeros(hashes.size, bool)
    repeats = np.ones(hashes.size, bool)
    groups = (
        [np.arange(hashes.size)]
        if parts is None
        else [np.flatnonzero(parts == part) for part in np.unique(parts)]
    )
    for group in groups:
        _, first = np.unique(hashes[group], return_index=True)
        repeats[group[first]] = False
    return repeats


def mark(
    repeats: Repeats,
    target_is_missing: Mask,
    settings: CleanSettings,
    objections: NDArray[np.int8] | None = None,
    parts: NDArray[np.int8] | None = None,
) -> NDArray[np.int8]:
    """The reason `(n_rows,)` for which each row is left out, or 0.

    ``objections`` are the reasons that rules have; ``parts`` is None before a split: then all rows
    are one part, the training part. Any rule may mark a training row; a validation or test row is
    marked only where its target is missing or it repeats another row of its own part, as rows to
    be predicted are never left out. So no row's fate depends on another part.
    """
    left_out = np.full(target_is_missing.size, Reason.KEPT, np.int8)
    if objections is not None:
        left_out[:] = objections if parts is None else objections * (parts == TRAINING)
    if settings.duplicates == "leave-out":
        left_out[repeats.key] = Reason.KEY_REPEATED
        left_out[repeats.whole] = Reason.DUPLICATE
    left_out[target_is_missing] = Reason.TARGET_MISSING
    return left_out
