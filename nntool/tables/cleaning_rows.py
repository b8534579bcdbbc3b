"""Typed rows cleaned one batch after the other, or at once where a rule follows their order."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nntool.tables import cleaning
from nntool.tables.casting import Counts, merge_counts
from nntool.tables.parquet import ROWS_IN_GROUP
from nntool.tables.rules.following import Objections, as_one_batch


def of_table(
    typed: pa.Table, state: dict[str, Any], parts: NDArray[np.int8] | None
) -> Iterator[tuple[pa.RecordBatch, Counts, Objections]]:
    """Typed rows where they stand, what the rules counted in them, and the rules' objections."""
    if cleaning.is_in_order(state):
        yield _in_order(as_one_batch(typed), state, parts)
        return
    for batch in typed.to_batches(max_chunksize=ROWS_IN_GROUP):
        counts: Counts = {}
        done, objections = cleaning.follow_rules(batch, state, counts)
        yield done, counts, objections


def _in_order(
    typed: pa.RecordBatch, state: dict[str, Any], parts: NDArray[np.int8] | None
) -> tuple[pa.RecordBatch, Counts, Objections]:
    """The rows of one part follow each other without those of another; those in no part, too."""
    counts: Counts = {}
    if parts is None:
        done, objections = cleaning.follow_rules(typed, state, counts)
        return done, counts, objections
    of_part = [np.flatnonzero(parts == part) for part in np.unique(parts)]
    batches = []
    objections = np.zeros(typed.num_rows, np.int8)
    for index in of_part:
        found: Counts = {}
        batch, objections[index] = cleaning.follow_rules(typed.take(pa.array(index)), state, found)
        merge_counts(counts, found)
        batches.append(batch)
    back = np.argsort(np.concatenate(of_part), kind="stable")
    return pa.concat_batches(batches).take(pa.array(back)), counts, objections
