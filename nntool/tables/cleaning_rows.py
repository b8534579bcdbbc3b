"""Rows of text cleaned one batch after the other, or at once where a rule follows their order."""

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
    text: pa.Table, state: dict[str, Any], parts: NDArray[np.int8] | None
) -> Iterator[tuple[pa.RecordBatch, Counts, Objections]]:
    """The rows of a table where they stand, what was counted in them, and the rules' objections."""
    if cleaning.is_in_order(state):
        yield _in_order(as_one_batch(text), state, parts)
        return
    for batch in text.to_batches(max_chunksize=ROWS_IN_GROUP):
        typed, counts = cleaning.type_cells(batch, state)
        typed, objections = cleaning.follow_rules(typed, state, counts)
        yield typed, counts, objections


def _in_order(
    text: pa.RecordBatch, state: dict[str, Any], parts: NDArray[np.int8] | None
) -> tuple[pa.RecordBatch, Counts, Objections]:
    """The rows of one part follow each other without those of another; those in no part, too."""
    typed, counts = cleaning.type_cells(text, state)
    if parts is None:
        typed, objections = cleaning.follow_rules(typed, state, counts)
        return typed, counts, objections
    of_part = [np.flatnonzero(parts == part) for part in np.unique(parts)]
    done = []
    objections = np.zeros(text.num_rows, np.int8)
    for index in of_part:
        found: Counts = {}
        batch, objections[index] = cleaning.follow_rules(typed.take(pa.array(index)), state, found)
        merge_counts(counts, found)
        done.append(batch)
    back = np.argsort(np.concatenate(of_part), kind="stable")
    return pa.concat_batches(done).take(pa.array(back)), counts, objections
