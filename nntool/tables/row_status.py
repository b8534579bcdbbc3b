"""What was met in each row: a cell that had to be imputed, a new category, a number out of range.

Only cells of columns count that kept features are made of, as in the counts by column.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nntool.errors import DataError
from nntool.tables import transforming
from nntool.tables.bad_rows import Mask
from nntool.tables.columns import nearest
from nntool.tables.operations.operation import State
from nntool.tables.transforming.chains import values_of

WORDS = ("imputed", "unseen category", "out of range")
OK, BAD = "ok", "bad row"
STATUSES = [
    "; ".join(word for bit, word in enumerate(WORDS) if code >> bit & 1) or OK
    for code in range(1 << len(WORDS))
] + [BAD]
"""By code: a bit for each word, then the code of a bad row."""
BAD_CODE = len(STATUSES) - 1

Unseen = dict[str, Mask]
"""The cells `(n,)` of columns that hold a category that training never saw."""
Codes = npt.NDArray[np.int8]


def unseen_cells(typed: pa.RecordBatch, features: State, kept: Sequence[str]) -> Unseen:
    """Find the categories that training never saw; columns without one are not named.

    A level that was rare in training is known; an encoder that keeps no levels knows all.
    """
    found: Unseen = {}
    for entry in transforming.entries(features, kept):
        levels = _levels(entry)
        if levels is None:
            continue
        values = values_of(typed.column(entry["source"]))
        known = pa.array([level for level in levels if level is not None], pa.string())
        is_new = pc.invert(pc.is_in(values, value_set=known))
        mask = np.asarray(pc.and_(is_new, pc.is_valid(values)))
        if mask.any():
            found[entry["source"]] = mask
    return found


def _levels(entry: State) -> list[str | None] | None:
    """The levels that a categorical feature knows, rare ones too; None where it keeps none."""
    if entry["role"] != "categorical":
        return None
    for link in entry["chain"]:
        if "levels" in link:
            return [*link["levels"], *link.get("rare", ())]
    return None


def as_missing(typed: pa.RecordBatch, unseen: Unseen) -> pa.RecordBatch:
    """The rows with those cells missing."""
    arrays = [
        pc.if_else(pa.array(unseen[name]), pa.scalar(None, column.type), column)
        if name in unseen
        else column
        for name, column in zip(typed.schema.names, typed.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=typed.schema)


def refuse_unseen(
    typed: pa.RecordBatch, unseen: Unseen, features: State, numbers: npt.NDArray[np.int64]
) -> None:
    """Raise ``DataError`` for the first cell with a new category; rows have these ``numbers``."""
    if not unseen:
        return
    column = min(unseen, key=lambda name: int(np.argmax(unseen[name])))
    at = int(np.argmax(unseen[column]))
    value = str(typed.column(column)[at].as_py())
    entry = next(e for e in features["columns"] if e["source"] == column and _levels(e) is not None)
    known = [level for level in _levels(entry) or () if level is not None]
    near = nearest(value, known)
    raise DataError(
        f"row {numbers[at]:,}: {column!r} is {value!r}, which is none of the {len(known):,}"
        " categories of training" + (f" (nearest: {near!r})" if near is not None else ""),
        "mend it; or --unseen other (the slot of rare ones), --unseen missing",
    )


def codes(typed: pa.RecordBatch, features: State, kept: Sequence[str], unseen: Unseen) -> Codes:
    """What was met in each row, as the places in ``STATUSES``; ``typed`` is what features see."""
    imputed, outside = (np.zeros(typed.num_rows, bool) for _ in range(2))
    for entry in transforming.entries(features, kept):
        column = typed.column(entry["source"])
        if column.null_count:
            imputed |= np.asarray(column.is_null())
        if entry["range"] is not None:
            values = values_of(column)
            low, high = entry["range"]
            outside |= (values < low) | (values > high)
    new = np.zeros(typed.num_rows, bool)
    for mask in unseen.values():
        new |= mask
    found: Codes = (imputed + 2 * new + 4 * outside).astype(np.int8)
    return found


def with_bad(found: Codes, is_bad: Mask) -> Codes:
    """The codes of good rows at their places among bad ones."""
    every = np.full(len(is_bad), BAD_CODE, np.int8)
    every[~is_bad] = found
    return every


def column(found: Codes) -> pa.DictionaryArray:
    """The words of each row, dictionary-encoded."""
    return pa.DictionaryArray.from_arrays(pa.array(found), pa.array(STATUSES, pa.string()))


def tally(found: Codes | list[int]) -> dict[str, int]:
    """How many rows have each word; a row may have several.

    >>> tally(np.array([0, 1, 3], np.int8))
    {'ok': 1, 'imputed': 2, 'unseen category': 1, 'out of range': 0, 'bad row': 0}
    """
    times = np.bincount(np.asarray(found, np.int8), minlength=len(STATUSES))
    in_words = {
        word: int(sum(times[code] for code in range(BAD_CODE) if code >> bit & 1))
        for bit, word in enumerate(WORDS)
    }
    return {OK: int(times[0]), **in_words, BAD: int(times[BAD_CODE])}
