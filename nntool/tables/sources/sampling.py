"""Which rows are kept when a sample is taken: drawn at random, in proportion to strata."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nntool.errors import DataError
from nntool.tables.casting import read_numbers

MOST_GROUPS = 20
"""Numbers with more distinct values than this are stratified by tenths."""
BINS = 10


def draw(n_rows: int, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """``size`` different row numbers of ``n_rows``, in order."""
    if size >= n_rows:
        return np.arange(n_rows)
    return np.sort(rng.choice(n_rows, size, replace=False, shuffle=False))


def draw_stratified(
    strata: NDArray[np.int64], size: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """The same, each stratum (codes from 0) with its share: at least one row, and all together
    ``size``; shares are rounded by largest remainders.

    >>> codes = np.array([0] * 90 + [1] * 9 + [2])
    >>> rows = draw_stratified(codes, 20, np.random.default_rng(0))
    >>> np.bincount(codes[rows]).tolist()
    [18, 1, 1]
    """
    counts = np.bincount(strata)
    if size >= strata.size:
        return np.arange(strata.size)
    taken = shares(counts, size)
    order = np.argsort(strata, kind="stable")
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    chosen = [
        order[start + rng.choice(count, take, replace=False, shuffle=False)]
        for start, count, take in zip(starts, counts, taken, strict=True)
    ]
    return np.sort(np.concatenate(chosen))


def shares(counts: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """How many rows each stratum gives: in proportion, one at least."""
    present = counts > 0
    if size < present.sum():
        raise DataError(
            f"--sample {size:,} is less than the {present.sum():,} groups of --stratify",
            f"--sample {present.sum():,}, or leave out --stratify",
        )
    exact = counts * (size / counts.sum())
    taken: NDArray[np.int64] = np.maximum(np.floor(exact).astype(np.int64), present)
    # What small groups got by right of being there, the groups furthest above their share pay.
    while taken.sum() > size:
        taken[np.argmax(np.where(taken > 1, taken - exact, -np.inf))] -= 1
    furthest_below = np.argsort(taken - exact, kind="stable")
    taken[furthest_below[: size - int(taken.sum())]] += 1
    return taken


def strata_of(
    text: pa.ChunkedArray, column: str, missing_values: Sequence[str]
) -> tuple[NDArray[np.int64], str]:
    """The group of each row by its cell, missing cells a group too; and what the groups are.

    Numbers with many values are cut into tenths of equal frequency.
    """
    trimmed = pc.utf8_trim_whitespace(text.fill_null(""))
    encoded = trimmed.combine_chunks().dictionary_encode()
    codes = np.asarray(encoded.indices, dtype=np.int64)
    distinct = encoded.dictionary
    if len(distinct) <= MOST_GROUPS:
        return codes, f"{len(distinct)} values of {column!r}"
    reading = read_numbers(distinct, missing_values)
    if not reading.are_all:
        return codes, f"{len(distinct):,} values of {column!r}"
    numbers = reading.to_numpy(len(distinct))
    present = ~np.isnan(numbers)
    edges = np.unique(np.nanquantile(numbers[codes], np.arange(1, BINS) / BINS))
    groups = np.where(present, np.searchsorted(edges, numbers, side="right"), BINS)
    _, groups = np.unique(groups, return_inverse=True)
    how = f", its numbers as {reading.written.example!r}" if reading.written else ""
    return groups[codes].astype(np.int64), f"tenths of {column!r}{how}"
