"""Rows to predict or to score, read and shaped as the collected ones were."""

from __future__ import annotations

from collections.abc import Container, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from nntool.errors import DataError
from nntool.run.directory import Run
from nntool.settings.building import build
from nntool.settings.clean import MISSING_VALUES
from nntool.settings.collect import CollectSettings
from nntool.settings.wording import quoted
from nntool.steps import csv_input, keys, origins

if TYPE_CHECKING:
    from nntool.tables.sources.reading import BatchReader


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
    from nntool.tables.sources.watching import Watch, watched

    watch = Watch(source if stdin is None or source != "-" else None)
    with watch.change_told_first():
        reader, notes = _open(source, run, needed, stdin, keep_bad=keep_bad)
    return watched(reader, watch), notes


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
    source: Any = reader  # it has the names; its rows come through Reshaped
    return shaping.Reshaped(reader, shaping.shape_all(["the input"], [source], shape)[0])


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
