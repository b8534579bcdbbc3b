"""Rows to predict or to score, read and shaped as the collected ones were."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Any, BinaryIO

from nntool.errors import DataError
from nntool.run.directory import Run
from nntool.settings.building import build
from nntool.settings.clean import MISSING_VALUES
from nntool.settings.collect import CollectSettings
from nntool.settings.wording import quoted
from nntool.steps import csv_input, keys, origins

if TYPE_CHECKING:
    import pyarrow as pa

    from nntool.tables.sources.reading import BatchReader
    from nntool.tables.sources.shaping import Shaped


def open_rows(
    source: str,
    run: Run,
    needed: Sequence[str],
    stdin: BinaryIO | None = None,
    *,
    keep_bad: bool = False,
) -> tuple[BatchReader, list[str]]:
    """Open rows to predict or score, a CSV or a file of another kind; and what is to be said.

    ``needed`` are the columns that the model reads; '-' is ``stdin``, where that is given. With
    ``keep_bad`` a row that cannot be read keeps its place. A file that changes before its end is
    reached is a ``DataError``.
    """
    from nntool.tables.sources.reading import Narrowing

    watch = Watch(source if stdin is None or source != "-" else None)
    with watch.change_told_first():
        reader, notes = _open(source, run, needed, stdin, keep_bad=keep_bad)
    if isinstance(reader, Narrowing):
        return NarrowWatched(reader, watch), notes
    return Watched(reader, watch), notes


def _open(
    source: str, run: Run, needed: Sequence[str], stdin: BinaryIO | None, *, keep_bad: bool
) -> tuple[BatchReader, list[str]]:
    from nntool.tables.sources import kinds, opening
    from nntool.tables.sources.reading import AllColumns

    settings = collected_with(run)
    kind = "csv" if source == "-" else origins.kind_of_file(source)
    if settings.format in opening.TYPED_NAMES and source != "-":
        own = kinds.by_name(source)
        if any(kinds.by_name(name) == own for name in settings.source):
            kind = settings.format  # named as those were that are of this kind
    if kind not in opening.TYPED_NAMES:
        reader, notes = csv_input.open_csv(source, run, needed, stdin, keep_bad=keep_bad)
        return as_collected(reader, run, needed), notes
    if all(kinds.by_name(name) != kind for name in settings.source):
        settings = CollectSettings()  # rows to skip in a CSV say nothing of a workbook
    with csv_input.as_in_training(run):
        opened = opening.open_file(
            kind, Path(source), source, settings, keep_empty=True, keep_bad=keep_bad
        )
    return as_collected(AllColumns(opened), run, needed), []


def require(reader: BatchReader, needed: Sequence[str], known: Container[str]) -> None:
    """Raise ``DataError`` for needed columns that are not there, or of which it is not clear which.

    A name may stand twice in the input where it did in training: then the second column is one of
    the ``known`` ones, by the name that it was given.
    """
    from nntool.tables import columns

    columns.resolve_all(reader.names, needed, "columns", positions=False)
    pairs = list(zip(reader.given_names, reader.names, strict=True))
    doubled = [
        name
        for name in needed
        if any(given == name and made != name and made not in known for given, made in pairs)
    ]
    if doubled:
        raise DataError(
            f"columns: the header has two of {quoted(doubled)}, which the model reads",
            "leave one out, or give it another name",
        )


class Watch:
    """A file as it was before it was opened; what is no regular file is not watched."""

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._before = self._stat()

    def _stat(self) -> tuple[int, ...] | None:
        try:
            found = os.stat(self._path or "")
        except (OSError, ValueError):  # to open it says what is wrong
            return None
        if not S_ISREG(found.st_mode):
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def check(self) -> None:
        """Raise ``DataError`` where it is not as it was."""
        now = self._stat()
        if self._before is None or now == self._before:
            return
        what = "is gone" if now is None else "is another file"
        if now is not None and now[:2] == self._before[:2]:
            old, new = self._before[2], now[2]
            what = f"had {old:,} bytes, has {new:,}" if old != new else "was written to"
        raise DataError(
            f"{self._path} changed while it was read: it {what}",
            "predict again when it is whole (whoever writes it: write it under another name, then"
            " rename it)",
        )

    @contextmanager
    def change_told_first(self) -> Iterator[None]:
        """What is found wrong with a file that changes comes of that."""
        try:
            yield
        except DataError:
            self.check()
            raise


class Watched:
    """A reader whose file must be the same at its end as it was before it was opened."""

    def __init__(self, reader: BatchReader, watch: Watch) -> None:
        self._reader = reader
        self._watch = watch
        self.names = reader.names
        self.given_names = reader.given_names

    @property
    def n_rows(self) -> int:
        """The rows so far."""
        return self._reader.n_rows

    @property
    def notes(self) -> list[str]:
        """What was met, complete after the last batch."""
        return self._reader.notes

    @property
    def left_out(self) -> list[dict[str, Any]]:
        """The first records that could not be read."""
        return self._reader.left_out

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        with self._watch.change_told_first():
            yield from self._reader
        self._watch.check()


class NarrowWatched(Watched):
    """A watched reader that can be told what is wanted of it."""

    def narrow(self, columns: Sequence[str], numbers: Sequence[str] = (), ahead: int = 0) -> None:
        """Give only these columns, some of them as numbers; see `CsvReader.narrow`."""
        reader: Any = self._reader
        reader.narrow(columns, numbers, ahead)


class Input:
    """A reader whose columns are renamed and hashed as those of the run were."""

    def __init__(self, reader: BatchReader, shaped: Shaped) -> None:
        self._reader = reader
        self._shaped = shaped
        self.names = shaped.names
        self.given_names = reader.given_names

    @property
    def n_rows(self) -> int:
        """The rows so far."""
        return self._reader.n_rows

    @property
    def notes(self) -> list[str]:
        """What was met, complete after the last batch."""
        return self._reader.notes

    @property
    def left_out(self) -> list[dict[str, Any]]:
        """The first records that could not be read."""
        return self._reader.left_out

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        from nntool.tables import bad_rows

        for batch in self._reader:
            rows, mark = bad_rows.without_mark(batch)
            yield bad_rows.with_mark(self._shaped.kept(rows), mark)


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
