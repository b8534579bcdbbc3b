"""A split by time: what is older trains, what is newest tests."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nntool.errors import DataError
from nntool.settings.date_formats import tokens
from nntool.tables.casting import DATE_FORMATS, find_date_formats, present_cells, to_dates
from nntool.tables.choices import setting
from nntool.tables.splitting.at_random import equal_shares
from nntool.tables.splitting.rows import (
    PART_NAMES,
    REST,
    Dealt,
    Rows,
    Shares,
    mask_of_missing,
    numbers_of,
    require_column,
    spelled,
)

Times = NDArray[np.float64]


@dataclass(frozen=True)
class Time:
    """The oldest rows train, newer ones validate, the newest test; rows of one time stay together.

    The column holds numbers or dates in one format. What the shares leave over is the newest.
    Folds are stretches of time, the oldest fold 0: a model for fold k learns from the folds before
    it.

    Use: rows that come in the course of time, where the future is to be predicted.
    """

    column: str | None = setting(None, "The column that says when: its name or @position.")
    missing: str = setting(
        "refuse",
        "What becomes of rows without a time: refuse the table, train, or none (in no part).",
        choices=("refuse", "train", "none"),
    )
    date_format: str = setting(
        "auto", "How dates are written, as DD/MM/YYYY, where more than one way fits."
    )

    by_share: ClassVar[bool] = True
    keeps_equal_rows: ClassVar[bool] = False
    in_order: ClassVar[bool] = True
    together: ClassVar[str] = "rows of one time"

    def __post_init__(self) -> None:
        require_column("time", self.column)
        if self.date_format != "auto":
            tokens(self.date_format)

    def deal(self, rows: Rows, shares: Shares, rng: np.random.Generator) -> Dealt:
        """Cut the line of time where the shares end, as near as equal times allow."""
        times, is_missing = self._times(rows)
        parts = np.full(len(rows), 0 if self.missing == "train" else REST, np.int8)
        parts[~is_missing] = cut(times[~is_missing], shares)
        notes = _stretches(rows, times, parts, self.column)
        if is_missing.any():
            where = "they train" if self.missing == "train" else "they are in no part"
            notes.append(
                f"{np.count_nonzero(is_missing):,} rows without {self.column!r}: {where} (missing=)"
            )
        return Dealt(parts, notes)

    def fold(self, rows: Rows, n_folds: int, rng: np.random.Generator) -> Dealt:
        """Cut into stretches of as many rows each; rows without a time are in the oldest."""
        times, is_missing = self._times(rows)
        parts = np.zeros(len(rows), np.int8)
        parts[~is_missing] = cut(times[~is_missing], equal_shares(n_folds))
        return Dealt(
            parts,
            ["folds are stretches of time: fold k is for a model that learned from those before"],
        )

    def _times(self, rows: Rows) -> tuple[Times, NDArray[np.bool_]]:
        text, is_missing = rows.named_column()
        if self.missing == "refuse" and is_missing.any():
            shown = ", ".join(f"{i + 1:,}" for i in np.flatnonzero(is_missing)[:3])
            raise DataError(
                f"{np.count_nonzero(is_missing):,} rows have no {self.column!r}: row {shown}",
                f"{spelled('time', self.column, 'missing=train')}, or missing=none",
            )
        if is_missing.all():
            raise DataError(f"{self.column!r} holds no time at all", "--method time:column=ANOTHER")
        times = read_times(text, rows.missing_values, self.date_format)
        if isinstance(times, str):
            raise DataError(f"{self.column!r} {times}", self._hint(times))
        return times, is_missing

    def _hint(self, trouble: str) -> str:
        if trouble.startswith("could be dates"):
            named = re.findall(r"\b[DMY]{2,4}(?:[./-][DMY]{2,4}){2}\b", trouble)
            if named:
                return " or ".join(spelled("time", self.column, f"date_format={f}") for f in named)
        return f"mend these cells, or name another column; dates: {', '.join(DATE_FORMATS)}"


def cut(times: Times, shares: Shares) -> NDArray[np.int8]:
    """The stretch of each time; equal times go where the middle of their rows falls.

    >>> cut(np.array([3.0, 1.0, 2.0, 3.0]), np.array([0.5, 0.5])).tolist()
    [1, 0, 0, 1]
    """
    _, at, sizes = np.unique(times, return_inverse=True, return_counts=True)
    middles = np.cumsum(sizes) - sizes / 2
    ends = np.cumsum(shares) * times.size
    # so that a middle that falls on an end is not moved by how the end was rounded
    stretch = np.searchsorted(ends[:-1] - 1e-9 * times.size, middles, side="right")
    last = int(np.flatnonzero(shares)[-1])
    return np.asarray(np.minimum(stretch, last).astype(np.int8)[at])


def read_times(
    text: pa.ChunkedArray, missing_values: Sequence[str], date_format: str = "auto"
) -> Times | str:
    """Times `(n,)` as numbers that rise, NaN where missing; or what is wrong, in words."""
    is_missing = mask_of_missing(text, missing_values)
    formats: tuple[str, ...] = (date_format,)
    if date_format == "auto":
        numbers = numbers_of(text, missing_values)
        unfit = np.isnan(numbers) & ~is_missing
        if not unfit.any():
            return numbers
        found = find_date_formats(present_cells(text, missing_values))
        if not found.formats:
            unclear = (found.note or "").partition(";")[0]
            return unclear or (
                "holds neither numbers alone nor dates in one way of writing, such as"
                f" {_cells(text, unfit)}"
            )
        formats = found.formats
    dates = [to_dates(chunk, formats, missing_values)[0] for chunk in text.chunks]
    unfit = np.concatenate([np.asarray(d.is_null()) for d in dates]) & ~is_missing
    if unfit.any():
        return f"holds cells that are no dates {date_format}: {_cells(text, unfit)}"
    micros = [d.cast(pa.int64()).to_numpy(zero_copy_only=False) for d in dates]
    return np.where(is_missing, np.nan, np.concatenate(micros).astype(np.float64))


def _cells(text: pa.ChunkedArray, mask: NDArray[np.bool_]) -> str:
    return ", ".join(f"{text[int(i)].as_py()!r} (row {i + 1:,})" for i in np.flatnonzero(mask)[:3])


def _stretches(rows: Rows, times: Times, parts: NDArray[np.int8], column: str | None) -> list[str]:
    """From when to when each part reaches, in the words of the file."""
    text, _ = rows.named_column()
    found = []
    for part, name in enumerate(PART_NAMES[:REST]):
        mine = np.flatnonzero((parts == part) & ~np.isnan(times))
        if mine.size:
            first, last = (int(mine[pick(times[mine])]) for pick in (np.argmin, np.argmax))
            found.append(f"{name} {text[first].as_py()} to {text[last].as_py()}")
    return [f"by time in {column!r}: {', '.join(found)}"]
