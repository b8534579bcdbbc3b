"""From rows of text to answers: the states and the model of a run, applied chunk by chunk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from nntool.errors import StaleError
from nntool.run import freshness, names
from nntool.run.directory import Run
from nntool.run.manifest import Entry
from nntool.settings.predict import PredictSettings
from nntool.settings.wording import counted
from nntool.steps import drifting, good_rows, inputs, monte_carlo
from nntool.steps import model as models
from nntool.steps.answered import Answers, Chunk, Counts
from nntool.steps.intervals import intervals_of
from nntool.steps.prediction_notes import cell_notes, feature_notes
from nntool.steps.streaming import in_order

if TYPE_CHECKING:
    import pyarrow as pa

    from nntool.nn.dropout_passes import DropoutPasses
    from nntool.nn.predicting import Predictor as Engine
    from nntool.tables.sources.reading import BatchReader

Worked = TypeVar("Worked")

NEEDED = [
    names.CLEAN_STATE,
    names.TRANSFORM_STATE,
    names.SELECT_COLUMNS,
    names.TRAIN_MODEL,
    names.TRAIN_WEIGHTS,
]
"""All that prediction needs beside run.json; they may be copied alone."""
NEEDED_WHERE_PRESENT = [names.TRANSFORM_ARRAYS]
ATTEMPTS = 5
ANSWERS_AT_ONCE = 1 << 22
LEAST_ROWS = 1 << 10
"""Rows that are answered at once, also where each has very many columns."""


def consistent(run: Run) -> tuple[Run, dict[str, bytes]]:
    """The manifest and the files of one moment, even while a writer replaces them."""
    for attempt in range(ATTEMPTS):
        try:
            freshness.require_fresh(run, "train", files=False)
            optional = [name for name in NEEDED_WHERE_PRESENT if run.has(name)]
            return run, run.checked_bytes([*NEEDED, *optional])
        except StaleError:
            if attempt == ATTEMPTS - 1:
                raise
            run = Run.existing(run.root)
    raise AssertionError("unreachable: the loop returns or raises")


class Predictor:
    """A run opened for prediction: nothing is written and no lock is taken."""

    def __init__(self, run: Run, settings: PredictSettings | None = None) -> None:
        import msgspec

        from nntool.tables import arrays, cleaning, row_status, states, transforming

        self.settings = settings or PredictSettings()
        """What is asked of the answers."""
        self.run, files = consistent(run)
        run = self.run
        self.clean = msgspec.json.decode(files[names.CLEAN_STATE])
        packed = files.get(names.TRANSFORM_ARRAYS)
        learned = msgspec.json.decode(files[names.TRANSFORM_STATE])
        self.features = states.join(
            learned["features"], {} if packed is None else arrays.load_npz(packed)
        )
        self.is_in_order = cleaning.is_in_order(self.clean) or transforming.is_in_order(
            self.features
        )
        """Whether the whole input must be read before the first answer."""
        chosen = msgspec.json.decode(files[names.SELECT_COLUMNS])
        self.kept: list[str] = chosen["kept"]
        self.columns: list[str] = chosen["sources"]
        """The clean columns that features are made of."""
        self.sources: list[str] = cleaning.sources(self.clean, self.columns)
        """The columns that rows to predict must have."""
        self.watched: dict[str, Any] = {}
        """What training rows looked like, by clean column, where drift is asked for."""
        if self.settings.drift_limit is not None:
            self.watched = drifting.references(learned, self.columns, run)
        self.model = models.load(files)
        monte_carlo.refuse(self.settings, self.model, run)
        level = self.settings.interval
        self.intervals = None if level is None else intervals_of(run, self.model, level)
        """What --interval asks for."""
        entry = run.entry("train")
        self.unfinished = unfinished(entry)
        self.counts = Counts(status=row_status.tally([]) if self.settings.status else {})
        self._of_thread = threading.local()

    def require_columns(self, reader: BatchReader) -> None:
        """Raise ``DataError`` for columns that are not there, or of which it is not clear which."""
        inputs.require(reader, self.sources, {column["name"] for column in self.clean["columns"]})

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
            answers = self.answer(chunk)
            return work(answers), answers.counts

        for worked, counts in in_order(done, self._chunks(batches), threads):
            self.counts.add(counts)
            yield worked
        self.counts.sort([column["name"] for column in self.clean["columns"]])

    def answers(self, batches: Iterable[pa.RecordBatch]) -> Iterator[Answers]:
        """What the model says of rows of text, chunk by chunk."""
        return self.each(batches, lambda answers: answers)

    def answer(self, chunk: Chunk) -> Answers:
        """What the model says of one chunk: a pure function, which threads may call at once."""
        import numpy as np

        from nntool.tables import bad_rows, chunks, row_status

        good = good_rows.features(self, chunk)
        numeric, codes, bad = good.numeric, good.codes, chunk.bad
        if bad is not None:  # each row keeps its place in the blocks of the engine
            numeric, codes = bad_rows.spread(numeric, bad), bad_rows.spread(codes, bad)
        with np.errstate(all="ignore"):
            decided, probabilities, spread = self._said_of(numeric, codes, chunk.first)
        n_rows = chunk.text.num_rows
        counts = Counts(
            n_rows,
            chunks.n_empty_rows(good.text),
            good.cells,
            good.found,
            self._by_class(decided if bad is None else decided[~bad]),
            n_rows - good.text.num_rows,
            {} if good.status is None else row_status.tally(good.status),
            drifting.count(good.typed, self.watched),
        )
        return Answers(
            chunk.first,
            chunk.text,
            numeric,
            codes,
            decided,
            probabilities,
            counts,
            bad,
            spread,
            good.status,
        )

    def _said_of(self, numeric: Any, codes: Any, first: int) -> tuple[Any, Any, Any]:
        """What is decided, the probabilities, and the spread of several passes where asked for."""
        if self.settings.mc_dropout:
            several = monte_carlo.averaged(self._passes(), self.model, numeric, codes, first)
            decided = self._decided(several.decided, several.probabilities)
            return decided, several.probabilities, several.spread(decided)
        z = self._engine().outputs(numeric, codes, first)
        decided, probabilities = self.model.answer(z)
        return self._decided(decided, probabilities), probabilities, None

    def narrow(self, reader: BatchReader, others: Sequence[str] = (), threads: int = 1) -> None:
        """Let a reader give only what the model reads, as numbers where it can, and ``others``.

        The rows are then read ahead by so many threads. A reader that cannot gives all as text, and
        so does one of rows that are put together: their columns must be of one type.
        """
        from nntool.tables import cleaning, columns
        from nntool.tables.sources.reading import Narrowing

        if not isinstance(reader, Narrowing):
            return
        ahead = threads if threads > 1 else 0
        if self.is_in_order:
            reader.narrow(reader.names, (), ahead)
            return
        own = {name: columns.find(reader.names, name) for name in self.sources}
        numbers = [own[name] for name in cleaning.plain_numbers(self.clean, self.sources)]
        wanted = {name for name in (*own.values(), *others) if name is not None}
        reader.narrow(
            [name for name in reader.names if name in wanted],
            [name for name in numbers if name is not None and name not in others],
            ahead,
        )

    def _decided(self, decided: Any, probabilities: Any) -> Any:
        """What is decided: by --threshold, or as the model decides."""
        from nntool.tables import answers

        if self.settings.threshold is None or self.model.classes is None:
            return decided
        positive = self.model.classes.index(self.model.plain["positive"])
        return answers.at_threshold(probabilities, positive, self.settings.threshold)

    def _by_class(self, decided: Any) -> Any:
        """How many rows were given to each class ``(n_classes,)``; 0 for a regression."""
        import numpy as np

        if self.model.classes is None:
            return 0
        return np.bincount(decided[decided >= 0], minlength=len(self.model.classes))

    def report(self) -> dict[str, Any]:
        """What was met, as JSON says it."""
        import numpy as np

        counts, classes = self.counts, self.model.classes
        each = np.zeros(len(classes or ()), int) + counts.predicted
        return {
            "rows": counts.rows,
            "bad_rows": counts.bad_rows,
            "empty_rows": counts.empty_rows,
            **({"status": counts.status} if self.settings.status else {}),
            "predicted": dict(zip(classes or (), each.tolist(), strict=True)),
            "cells": counts.cells,
            "missing": {},
            "unseen": {},
            "outside": {},
            **counts.features,
        }

    def _chunks(self, batches: Iterable[pa.RecordBatch]) -> Iterator[Chunk]:
        """The rows as they come, or all at once; their outputs do not depend on where they end."""
        from nntool.tables import bad_rows, chunks

        if self.is_in_order:
            parts = chunks.whole(batches)
        else:  # a thousand classes are a thousand columns of answers
            n_columns = len(self.model.classes or ()) + 1
            parts = chunks.at_most(batches, max(ANSWERS_AT_ONCE // n_columns, LEAST_ROWS))
        first = 0
        for rows in parts:
            yield Chunk(first, *bad_rows.take_mark(rows))
            first += rows.num_rows

    def _engine(self) -> Engine:
        """The buffers of this thread."""
        from nntool.nn.predicting import Predictor as Engine

        if not hasattr(self._of_thread, "engine"):
            self._of_thread.engine = Engine(self.model.net, self.model.theta, self.model.stats)
        engine: Engine = self._of_thread.engine
        return engine

    def _passes(self) -> DropoutPasses:
        """The buffers of this thread for several passes."""
        if not hasattr(self._of_thread, "passes"):
            self._of_thread.passes = monte_carlo.passes_of(self.settings, self.model)
        passes: DropoutPasses = self._of_thread.passes
        return passes

    def notes(self) -> list[str]:
        """What the person should know of the rows that were predicted."""
        from nntool.tables import cleaning_report

        cells, features = self.counts.cells, self.counts.features
        whole = [c["source"] for c in self.features["columns"] if not c["missing"]]
        order = "cleaning or features follow the order of rows: the input was read whole"
        empty = (
            f"{counted(self.counts.empty_rows, 'row')} without any value answered like the others"
            " (collect leaves such rows out)"
        )
        return [
            *([order] if self.is_in_order else []),
            *([empty] if self.counts.empty_rows else []),
            *([] if self.intervals is None else self.intervals.notes()),
            *cell_notes(cells),
            *cleaning_report.boolean_notes(self.clean, cells),
            *cleaning_report.rule_notes(self.clean, cells, idle=False),
            *feature_notes(features, whole),
        ]


def unfinished(entry: Entry | None) -> str:
    """What to say of a model whose training did not come to its end; empty where it did."""
    ended = {"interrupted": "was interrupted", "diverged": "diverged; it is the best before that"}
    word = ended.get(entry.status if entry is not None else "")
    return f"the model is of a training that {word}" if word else ""
