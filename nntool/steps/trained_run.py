"""A run as prediction takes it: the states, the model, and which columns of an input they read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nntool.errors import StaleError
from nntool.run import freshness, names
from nntool.run.directory import Run
from nntool.run.manifest import Entry
from nntool.steps import inputs
from nntool.steps import model as models

if TYPE_CHECKING:
    from nntool.tables.sources.reading import BatchReader

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


@dataclass(frozen=True)
class TrainedRun:
    """What answers are made with; made by `opened`. Nothing of it changes."""

    run: Run
    """The manifest of the moment in which the files were read."""
    clean: dict[str, Any]
    """The state of clean."""
    features: dict[str, Any]
    """The state of transform."""
    reference: dict[str, Any] | None
    """What training rows looked like, by clean column; a run of before there was that has None."""
    kept: list[str]
    """The features that the network takes."""
    columns: list[str]
    """The clean columns that they are made of."""
    model: models.Model

    @property
    def sources(self) -> list[str]:
        """The columns that rows to predict must have."""
        from nntool.tables import cleaning

        return cleaning.sources(self.clean, self.columns)

    @property
    def is_in_order(self) -> bool:
        """Whether the whole input must be read before the first answer."""
        from nntool.tables import cleaning, transforming

        return cleaning.is_in_order(self.clean) or transforming.is_in_order(self.features)

    @property
    def unfinished(self) -> str:
        """What to say of a model whose training did not come to its end; empty where it did."""
        return unfinished(self.run.entry("train"))

    def require_columns(self, reader: BatchReader) -> None:
        """Raise ``DataError`` for columns that are not there, or of which it is not clear which."""
        inputs.require(reader, self.sources, {column["name"] for column in self.clean["columns"]})

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
        numbers = [own[name] for name in cleaning.plain_numbers(self.clean, list(own))]
        wanted = {name for name in (*own.values(), *others) if name is not None}
        reader.narrow(
            [name for name in reader.names if name in wanted],
            [name for name in numbers if name is not None and name not in others],
            ahead,
        )


def opened(run: Run) -> TrainedRun:
    """Read what prediction needs: no lock is taken, all of it is of one moment."""
    import msgspec

    from nntool.tables import arrays, states

    run, files = _consistent(run)
    packed = files.get(names.TRANSFORM_ARRAYS)
    learned = msgspec.json.decode(files[names.TRANSFORM_STATE])
    chosen = msgspec.json.decode(files[names.SELECT_COLUMNS])
    return TrainedRun(
        run=run,
        clean=msgspec.json.decode(files[names.CLEAN_STATE]),
        features=states.join(
            learned["features"], {} if packed is None else arrays.load_npz(packed)
        ),
        reference=learned.get("reference"),
        kept=chosen["kept"],
        columns=chosen["sources"],
        model=models.load(files),
    )


def _consistent(run: Run) -> tuple[Run, dict[str, bytes]]:
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


def unfinished(entry: Entry | None) -> str:
    """What to say of a model whose training did not come to its end; empty where it did."""
    ended = {"interrupted": "was interrupted", "diverged": "diverged; it is the best before that"}
    word = ended.get(entry.status if entry is not None else "")
    return f"the model is of a training that {word}" if word else ""
