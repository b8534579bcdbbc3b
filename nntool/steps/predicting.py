"""From rows of text to answers: the states and the model of a run, applied chunk by chunk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from nntool.errors import StaleError
from nntool.run import freshness, names
from nntool.run.directory import Run
from nntool.run.manifest import Entry
from nntool.settings.predict import PredictSettings
from nntool.settings.wording import counted
from nntool.steps import model as models
from nntool.steps.intervals import intervals_of
from nntool.steps.streaming import in_order

if TYPE_CHECKING:
    import pyarrow as pa

    from nntool.nn.predicting import Predictor as Engine

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
CHUNK_ROWS = 1 << 15
"""A multiple of the block of 1,024 rows, so that no cut changes a byte."""


@dataclass
class Counts:
    """What was met on the way, by column."""

    rows: int = 0
    empty_rows: int = 0
    """Rows without any value: answered, as each line in has a line out."""
    cells: dict[str, Any] = field(default_factory=dict)
    """Cells that became missing, by column and kind."""
    features: dict[str, Any] = field(default_factory=dict)
    """Missing, unseen and out-of-range values, by kind and column."""

    def add(self, other: Counts) -> None:
        """Take in what was met in other rows."""
        from nntool.tables import casting, transforming

        self.rows += other.rows
        self.empty_rows += other.empty_rows
        casting.merge_counts(self.cells, other.cells)
        transforming.add_counts(self.features, other.features)


class Chunk(NamedTuple):
    """Consecutive rows of an input as text, and how many rows came before them."""

    first: int
    text: pa.RecordBatch


class Answers(NamedTuple):
    """Some rows of text, their features, what the model says of them and what was met."""

    first: int
    """How many rows of the input came before these."""
    text: pa.RecordBatch
    numeric: Any
    codes: Any
    decided: Any
    """Class codes, or values in the target's own unit; ``(n,)``."""
    probabilities: Any
    """``(n, n_classes)``, or None."""
    counts: Counts
    bad: Any = None
    """A mask ``(n,)`` of the rows that could not be read, or None where all could."""


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

        from nntool.tables import arrays, cleaning, states, transforming

        self.settings = settings or PredictSettings()
        """What is asked of the answers."""
        self.run, files = consistent(run)
        run = self.run
        self.clean = msgspec.json.decode(files[names.CLEAN_STATE])
        packed = files.get(names.TRANSFORM_ARRAYS)
        self.features = states.join(
            msgspec.json.decode(files[names.TRANSFORM_STATE])["features"],
            {} if packed is None else arrays.load_npz(packed),
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
        self.model = models.load(files)
        level = self.settings.interval
        self.intervals = None if level is None else intervals_of(run, self.model, level)
        """What --interval asks for."""
        entry = run.entry("train")
        self.unfinished = unfinished(entry)
        self.counts = Counts()
        self._of_thread = threading.local()

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

    def answers(self, batches: Iterable[pa.RecordBatch]) -> Iterator[Answers]:
        """What the model says of rows of text, chunk by chunk."""
        return self.each(batches, lambda answers: answers)

    def answer(self, chunk: Chunk) -> Answers:
        """What the model says of one chunk: a pure function, which threads may call at once."""
        import numpy as np

        from nntool.tables import chunks, cleaning, transforming

        typed, cells = cleaning.apply(chunk.text, self.clean, self.columns)
        numeric, codes, found = transforming.apply(typed, self.features, self.kept)
        counts = Counts(chunk.text.num_rows, chunks.n_empty_rows(chunk.text), cells, found)
        with np.errstate(all="ignore"):
            z = self._engine().outputs(numeric, codes, chunk.first)
            decided, probabilities = self.model.answer(z)
        decided = self._decided(decided, probabilities)
        return Answers(chunk.first, chunk.text, numeric, codes, decided, probabilities, counts)

    def _decided(self, decided: Any, probabilities: Any) -> Any:
        """What is decided: by --threshold, or as the model decides."""
        from nntool.tables import answers

        if self.settings.threshold is None or self.model.classes is None:
            return decided
        positive = self.model.classes.index(self.model.plain["positive"])
        return answers.at_threshold(probabilities, positive, self.settings.threshold)

    def _chunks(self, batches: Iterable[pa.RecordBatch]) -> Iterator[Chunk]:
        """Chunks cut anew at multiples of the engine's block, counted from the first row."""
        from nntool.tables import chunks

        first = 0
        for text in chunks.whole(batches) if self.is_in_order else chunks.cut(batches, CHUNK_ROWS):
            yield Chunk(first, text)
            first += text.num_rows

    def _engine(self) -> Engine:
        """The buffers of this thread."""
        from nntool.nn.predicting import Predictor as Engine

        if not hasattr(self._of_thread, "engine"):
            self._of_thread.engine = Engine(self.model.net, self.model.theta, self.model.stats)
        engine: Engine = self._of_thread.engine
        return engine

    def notes(self) -> list[str]:
        """What the person should know of the rows that were predicted."""
        whole = {c["source"] for c in self.features["columns"] if not c["missing"]}
        from nntool.tables import cleaning_report

        order = "cleaning or features follow the order of rows: the input was read whole"
        empty = (
            f"{counted(self.counts.empty_rows, 'row')} without any value answered like the others"
            " (collect leaves such rows out)"
        )
        return [
            *([order] if self.is_in_order else []),
            *([empty] if self.counts.empty_rows else []),
            *([] if self.intervals is None else self.intervals.notes()),
            *cell_notes(self.counts.cells),
            *cleaning_report.boolean_notes(self.clean, self.counts.cells),
            *cleaning_report.rule_notes(self.clean, self.counts.cells, idle=False),
            *feature_notes(self.counts.features),
            *(
                f"{column!r}: {counted(n, 'cell')} missing, where training had none missing"
                for column, n in self.counts.features.get("missing", {}).items()
                if column in whole
            ),
        ]


def unfinished(entry: Entry | None) -> str:
    """What to say of a model whose training did not come to its end; empty where it did."""
    ended = {"interrupted": "was interrupted", "diverged": "diverged; it is the best before that"}
    word = ended.get(entry.status if entry is not None else "")
    return f"the model is of a training that {word}" if word else ""


def cell_notes(cells: dict[str, Any]) -> list[str]:
    """Tokens that were read as missing, and cells that could not be read as their column's type."""
    from nntool.tables.cleaning_report import token_notes

    found = token_notes(cells)
    for column, kinds in cells.items():
        unfit = {kind: kinds[kind] for kind in ("unfit", "inf", "nan") if kinds.get(kind)}
        if unfit:
            n = sum(unfit.values())
            what = ", ".join(f"{count:,} {WORDS[kind]}" for kind, count in unfit.items())
            found.append(f"{column!r}: {counted(n, 'cell')} taken as missing ({what})")
    return found


WORDS = {"unfit": "of another type than in training", "inf": "infinite", "nan": "not a number"}


def feature_notes(features: dict[str, Any]) -> list[str]:
    """Categories not seen in training and values outside its range, by column."""
    found = []
    for column, count in features.get("unseen", {}).items():
        found.append(f"{column!r}: {counted(count, 'cell')} with a category not seen in training")
    for column, count in features.get("outside", {}).items():
        found.append(f"{column!r}: {counted(count, 'value')} outside the range of training")
    return found
