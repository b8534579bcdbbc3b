"""From all rows that were read to the table that is kept: one form of dates, and a sample."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nntool.tables import casting, columns, parquet
from nntool.tables.sources import dates, sampling
from nntool.tables.sources.reading import text_schema


def finish(
    read: Path,
    kept: Path,
    called: Sequence[str],
    n_rows: Sequence[int],
    *,
    sample: int | None,
    stratify: str | None,
    seed: int,
    missing_values: Sequence[str],
) -> tuple[list[int], list[str]]:
    """Turn the table at ``read`` into the one at ``kept``; the rows kept of each source, and notes.

    The sources' rows lie one after the other, ``n_rows`` of each. One column is in memory at a
    time. Without several sources or a sample the file is only renamed.
    """
    total = sum(n_rows)
    bounds = np.cumsum([0, *n_rows])
    formats, notes = _formats(read, called, bounds, missing_values)
    if sample is None and not formats:
        os.replace(read, kept)
        return list(n_rows), notes
    rows = np.arange(total)
    if sample is not None:
        rows, words = _drawn(read, total, sample, stratify, seed, missing_values)
        notes.append(words)
    _rewrite(read, kept, rows, bounds, formats, missing_values)
    read.unlink()
    counts = np.diff(np.searchsorted(rows, bounds))
    return counts.tolist(), notes


Formats = dict[str, dict[int, str]]
"""For each column that is brought to ISO, the date format of each such source, by its place."""


def _formats(
    path: Path, called: Sequence[str], bounds: NDArray[np.int64], missing_values: Sequence[str]
) -> tuple[Formats, list[str]]:
    """The columns whose dates the sources write in different ways."""
    found: Formats = {}
    notes: list[str] = []
    if len(called) < 2:
        return found, notes
    # A file may be given twice, so that a name alone does not say which is meant.
    times = Counter(called)
    labels = [
        name if times[name] == 1 else f"{name} (source {place})"
        for place, name in enumerate(called, start=1)
    ]
    for column in parquet.names(path):
        text = parquet.read(path, [column]).column(column)
        each = {}
        for label, (start, stop) in zip(labels, pairwise(bounds.tolist()), strict=True):
            part = text.slice(start, stop - start)
            if _has_cells(part, missing_values):
                each[label] = casting.find_date_format(part, missing_values)
                if each[label] == (None, None):
                    break
        differing, note = dates.differing(each)
        if differing:
            found[column] = {labels.index(label): f for label, f in differing.items()}
        if note:
            notes.append(f"{column!r}: {note}")
    return found, notes


def _has_cells(text: pa.ChunkedArray, missing_values: Sequence[str]) -> bool:
    """Whether some cell is not missing."""
    return any(
        casting.to_text(chunk, missing_values)[0].null_count < len(chunk) for chunk in text.chunks
    )


def _drawn(
    path: Path,
    total: int,
    size: int,
    stratify: str | None,
    seed: int,
    missing_values: Sequence[str],
) -> tuple[NDArray[np.int64], str]:
    """The rows of the sample, and what to say of them."""
    rng = np.random.default_rng(seed)
    if stratify is None:
        rows = sampling.draw(total, size, rng)
        how = "drawn at random"
    else:
        column = columns.resolve(parquet.names(path), stratify, "--stratify")
        text = parquet.read(path, [column]).column(column)
        strata, groups = sampling.strata_of(text, column, missing_values)
        rows = sampling.draw_stratified(strata, size, rng)
        how = f"drawn at random in the shares of {groups}"
    if len(rows) == total:
        return rows, f"--sample {size:,} takes all {total:,} rows"
    return rows, f"a sample: {len(rows):,} of {total:,} rows, {how} (--sample)"


def _rewrite(
    read: Path,
    kept: Path,
    rows: NDArray[np.int64],
    bounds: NDArray[np.int64],
    formats: Formats,
    missing_values: Sequence[str],
) -> None:
    """Write the chosen rows, their dates as ISO text."""
    names = parquet.names(read)
    start = 0
    with parquet.TableWriter(kept, text_schema(names)) as writer:
        for batch in parquet.batches(read):
            stop = start + batch.num_rows
            own = rows[np.searchsorted(rows, start) : np.searchsorted(rows, stop)]
            # A batch may hold the end of one source and the beginning of the next.
            for source, (first, last) in enumerate(pairwise(bounds.tolist())):
                part = own[(own >= first) & (own < last)]
                if part.size:
                    taken = batch.take(pa.array(part - start))
                    writer.append(_in_iso(taken, source, formats, missing_values))
            start = stop


def _in_iso(
    batch: pa.RecordBatch, source: int, formats: Formats, missing_values: Sequence[str]
) -> pa.RecordBatch:
    arrays = [
        dates.to_iso(array, formats[name][source], missing_values)
        if source in formats.get(name, {})
        else array
        for name, array in zip(batch.schema.names, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)
