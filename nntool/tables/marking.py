"""Rows that clean leaves out: marked with a reason, never moved or dropped."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from nntool.settings.clean import CleanSettings


class Reason(IntEnum):
    """Why a row is left out; the values stand in ``clean/left_out.npy`` and never change."""

    KEPT = 0
    TARGET_MISSING = 1
    DUPLICATE = 2


REASONS: dict[int, str] = {
    Reason.KEPT: "kept",
    Reason.TARGET_MISSING: "target missing",
    Reason.DUPLICATE: "repeats an earlier row",
}


def repeated(hashes: NDArray[np.uint64], parts: NDArray[np.int8] | None) -> NDArray[np.bool_]:
    """Which rows `(n_rows,)` repeat an earlier row of their own part.

    >>> repeated(np.array([7, 7, 8, 7], np.uint64), np.array([0, 1, 0, 0], np.int8)).tolist()
    [False, False, False, True]
    """
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
    hashes: NDArray[np.uint64],
    target_is_missing: NDArray[np.bool_],
    settings: CleanSettings,
    parts: NDArray[np.int8] | None,
) -> NDArray[np.int8]:
    """The reason `(n_rows,)` for which each row is left out, or 0.

    ``parts`` is None before a split: then all rows are one part. Duplicates are looked for within
    a part only, so that no row's fate depends on another part.
    """
    left_out = np.full(hashes.size, Reason.KEPT, np.int8)
    if settings.duplicates == "leave-out":
        left_out[repeated(hashes, parts)] = Reason.DUPLICATE
    left_out[target_is_missing] = Reason.TARGET_MISSING
    return left_out
