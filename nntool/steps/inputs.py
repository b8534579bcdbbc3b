"""Rows to predict or to score, read and shaped as the collected ones were."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from nntool.run.directory import Run
from nntool.settings.building import build
from nntool.settings.clean import MISSING_VALUES
from nntool.settings.collect import CollectSettings
from nntool.steps import csv_input, keys, origins

if TYPE_CHECKING:
    import pyarrow as pa

    from nntool.tables.sources.reading import BatchReader
    from nntool.tables.sources.shaping import Shaped


def open_rows(
    source: str, run: Run, needed: Sequence[str], stdin: BinaryIO | None = None
) -> tuple[BatchReader, list[str]]:
    """Open rows to predict or score, a CSV or a file of another kind; and what is to be said.

    ``needed`` are the columns that the model reads; '-' is ``stdin``, where that is given.
    """
    from nntool.tables.sources import kinds, opening
    from nntool.tables.sources.reading import AllColumns

    settings = collected_with(run)
    kind = "csv" if source == "-" else origins.kind_of_file(source)
    if settings.format in opening.TYPED_NAMES and source != "-":
        own = kinds.by_name(source)
        if any(kinds.by_name(name) == own for name in settings.source):
            kind = settings.format  # named as those were that are of this kind
    if kind not in opening.TYPED_NAMES:
        reader, notes = csv_input.open_csv(source, run, needed, stdin)
        return as_collected(reader, run, needed), notes
    if all(kinds.by_name(name) != kind for name in settings.source):
        settings = CollectSettings()  # rows to skip in a CSV say nothing of a workbook
    opened = opening.open_file(kind, Path(source), source, settings, keep_empty=True)
    return as_collected(AllColumns(opened), run, needed), []


class Input:
    """A reader whose columns are renamed and hashed as those of the run were."""

    def __init__(self, reader: BatchReader, shaped: Shaped) -> None:
        self._reader = reader
        self._shaped = shaped
        self.names = shaped.names

    @property
    def n_rows(self) -> int:
        """The rows so far."""
        return self._reader.n_rows

    @property
    def notes(self) -> list[str]:
        """What was met, complete after the last batch."""
        return self._reader.notes

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self._reader:
            yield self._shaped.kept(batch)


def as_collected(reader: BatchReader, run: Run, needed: Sequence[str]) -> BatchReader:
    """The reader, or where the run renames or hashes columns that stand in it, one that does so.

    ``needed`` are the columns that the model reads; others are neither hashed nor dropped, so that
    they can be written beside the answers, and need no key.
    """
    from nntool.tables import columns
    from nntool.tables.sources import shaping

    settings = collected_with(run)
    rename = {
        old: new
        for old, new in settings.rename.items()
        if columns.find(reader.names, old) is not None and columns.find(reader.names, new) is None
    }
    after = [rename.get(name, name) for name in reader.names]
    hashed = [name for name in _hashed(run) if name in needed and columns.find(after, name)]
    if not rename and not hashed:
        return reader
    shape = shaping.Shape(
        rename=rename,
        pseudonymize=hashed,
        key=keys.key_of(settings) if hashed else b"",
        missing_values=MISSING_VALUES,
    )
    source: Any = reader  # it has the names; its rows come through Input
    return Input(reader, shaping.shape_all(["the input"], [source], shape)[0])


def collected_with(run: Run) -> CollectSettings:
    """The settings that the run's rows were collected with."""
    entry = run.entry("collect")
    known = dict(entry.settings) if entry else {}
    return build(CollectSettings, known)


def _hashed(run: Run) -> list[str]:
    """The columns that were pseudonymized, by name."""
    entry = run.entry("collect")
    found: list[str] = entry.facts.get("pseudonymized", []) if entry else []
    return found
