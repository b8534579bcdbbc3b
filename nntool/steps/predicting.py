"""From rows of text to answers: a stream of chunks, answered in threads and counted in order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from nntool.settings.predict import PredictSettings
from nntool.steps.answered import Answers, Chunk, Counts
from nntool.steps.answering import Answering
from nntool.steps.streaming import in_order
from nntool.steps.trained_run import TrainedRun

if TYPE_CHECKING:
    import pyarrow as pa

Worked = TypeVar("Worked")

ANSWERS_AT_ONCE = 1 << 22
LEAST_ROWS = 1 << 10
"""Rows that are answered at once, also where each has very many columns."""


class Predictor:
    """Answers to a stream of rows, and the counts of what was met in them."""

    def __init__(self, trained: TrainedRun, settings: PredictSettings | None = None) -> None:
        from nntool.tables import row_status

        settings = settings or PredictSettings()
        self.trained = trained
        self.answering = Answering(trained, settings)
        self.counts = Counts(status=row_status.tally([]) if settings.status else {})
        """Of the rows so far; complete behind the last of them."""

    def each(
        self,
        batches: Iterable[pa.RecordBatch],
        work: Callable[[Answers], Worked],
        threads: int = 1,
    ) -> Iterator[Worked]:
        """What ``work`` makes of the answers to each chunk of rows, in order.

        ``work`` runs in any of ``threads`` threads, on several chunks at once; what was met is
        counted here, in order. Where something follows the order of rows, there is one chunk.
        """

        def done(chunk: Chunk) -> tuple[Worked, Counts]:
            answers = self.answering.answer(chunk)
            return work(answers), answers.counts

        stopped = self.answering.stopped = threading.Event()
        for worked, counts in in_order(done, self._chunks(batches), threads, stopped):
            self.counts.add(counts)
            yield worked
        self.counts.sort([column["name"] for column in self.trained.clean["columns"]])

    def answers(self, batches: Iterable[pa.RecordBatch]) -> Iterator[Answers]:
        """What the model says of rows of text, chunk by chunk."""
        return self.each(batches, lambda answers: answers)

    def _chunks(self, batches: Iterable[pa.RecordBatch]) -> Iterator[Chunk]:
        """The rows as they come, or all at once; their outputs do not depend on where they end."""
        from nntool.tables import bad_rows, chunks

        if self.trained.is_in_order:
            parts = chunks.whole(batches)
        else:  # a thousand classes are a thousand columns of answers
            n_columns = len(self.trained.model.classes or ()) + 1
            parts = chunks.at_most(batches, max(ANSWERS_AT_ONCE // n_columns, LEAST_ROWS))
        first = 0
        for rows in parts:
            yield Chunk(first, *bad_rows.take_mark(rows))
            first += rows.num_rows
