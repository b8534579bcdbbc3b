"""The features of the rows of a chunk that could be read, and what was met in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from nntool.settings.predict import PredictSettings
from nntool.steps.answered import Chunk
from nntool.steps.trained_run import TrainedRun

if TYPE_CHECKING:
    import pyarrow as pa


class Good(NamedTuple):
    """Rows that could be read, as the network takes them; `n` of them."""

    text: pa.RecordBatch
    typed: pa.RecordBatch
    """The rows as clean leaves them."""
    numeric: Any
    """``(n, n_numeric)``"""
    codes: Any
    """``(n, n_codes)``"""
    cells: dict[str, Any]
    """Cells that became missing, by column and kind."""
    found: dict[str, Any]
    """Missing, unseen and out-of-range values, by kind and column."""
    status: Any
    """What was met in each row of the chunk, bad ones too, where that was asked for."""


def features(trained: TrainedRun, settings: PredictSettings, chunk: Chunk) -> Good:
    """Clean and transform the rows; raises ``DataError`` for a new category with --unseen error."""
    import numpy as np

    from nntool.tables import bad_rows, cleaning, row_status, transforming

    of, kept, bad = trained.features, trained.kept, chunk.bad
    policy, asked = settings.unseen, settings.status
    text = chunk.text if bad is None else bad_rows.without(chunk.text, bad)
    typed, cells = cleaning.apply(text, trained.clean, trained.columns)
    unseen = {}
    if asked or policy != "other":
        unseen = row_status.unseen_cells(typed, of, kept)
    if policy == "error" and unseen:
        at = np.arange(text.num_rows) if bad is None else np.flatnonzero(~bad)
        row_status.refuse_unseen(typed, unseen, of, chunk.first + 1 + at)
    seen = row_status.as_missing(typed, unseen) if policy == "missing" and unseen else typed
    numeric, codes, found = transforming.apply(seen, of, kept)
    if policy == "missing" and unseen:
        found["unseen"] = {name: int(mask.sum()) for name, mask in unseen.items()}
    status = None
    if asked:
        status = row_status.codes(seen, of, kept, unseen)
        status = status if bad is None else row_status.with_bad(status, bad)
    return Good(text, typed, numeric, codes, cells, found, status)
