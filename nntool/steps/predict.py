"""``predict``: one line out for each line in. It writes nothing in the run and takes no lock."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from nntool.errors import DataError, UsageError
from nntool.run.directory import Run
from nntool.settings.predict import PredictSettings
from nntool.steps.inputs import open_rows, own_names
from nntool.steps.job import Job, Outcome
from nntool.steps.predicting import Predictor

if TYPE_CHECKING:
    import pyarrow as pa

    from nntool.tables.csv.reader import CsvReader
    from nntool.tables.sources.reading import BatchReader


def predict(
    root: str,
    source: str,
    settings: PredictSettings,
    job: Job,
    *,
    stdin: BinaryIO,
    stdout: BinaryIO,
) -> Outcome:
    """Stream predictions of the rows of ``source`` to a file or to ``stdout``."""
    from threadpoolctl import threadpool_limits

    def opened() -> CsvReader:
        reader, found = open_input(source, run, stdin, own_names(run, predictor.sources))
        outcome.notes += found
        return reader

    run = Run.existing(root)
    predictor = Predictor(run)
    outcome = Outcome("predict", root)
    if predictor.unfinished:
        job.listener.say(f"nntool predict: {predictor.unfinished}")
    reader = open_rows(source, run, predictor.sources, opened)
    with (
        threadpool_limits(1, user_api="blas"),
        _destination(settings, run.root, source, stdout) as stream,
    ):
        _write_rows(predictor, reader, settings, stream, job)
    outcome.notes += reader.notes
    outcome.notes += predictor.notes()
    counts = predictor.counts
    outcome.report["predict"] = {
        "rows": counts.rows,
        "empty_rows": counts.empty_rows,
        "cells": counts.cells,
        **counts.features,
    }
    return outcome


def open_input(
    source: str, run: Run, stdin: BinaryIO, wanted: Sequence[str] = ()
) -> tuple[CsvReader, list[str]]:
    """Open a CSV as the collected sources were read, and what was found to be otherwise.

    Lines above the header are looked for anew: those of training are passed over only where the
    header below them names more of the ``wanted`` columns. Each record is a row, also an empty
    one and the last ones, but for notes below the table of a file where training had such.
    """
    from nntool.settings.collect import CollectSettings
    from nntool.settings.model import build
    from nntool.tables.csv import encoding
    from nntool.tables.csv.detection import detect
    from nntool.tables.csv.dialect import shown
    from nntool.tables.csv.reader import CsvReader
    from nntool.tables.csv.source import open_source, peek, read_bytes

    known = read_as(run)
    wanted = [*wanted, *known.get("rename", {})]
    stream = stdin if source == "-" else open_source(source)
    name = "standard input" if source == "-" else source
    head, stream = peek(stream, keep_open=source == "-")
    given = {key: value for key, value in known.items() if key in CollectSettings.__struct_fields__}
    given |= {"source": (), "skip_end": 0, "max_bad_rows": 0}
    notes = []
    with as_in_training(known), ExitStack() as stack:
        stack.enter_context(stream)
        own = encoding.of_input(head, str(given["encoding"]))
        if own is not None:
            notes.append(f"{name}: the encoding is {own}, and that of training {known['encoding']}")
            given["encoding"] = own
        lines = given.get("skip_rows", "auto")
        candidates = {0, 0 if lines == "auto" else lines, *_own_start(head, given, name)}
        best = max(
            sorted(candidates, key=lambda n: n != lines),
            key=lambda n: len({*wanted} & {*_names(head, given | {"skip_rows": n}, name)}),
        )
        if lines != "auto" and best != lines:
            notes.append(f"{name}: {best} lines above the header passed over, in training {lines}")
        given |= {"skip_rows": best}
        end = None
        if known.get("skip_end") and source != "-":  # a pipe shows its end too late
            end = encoding.survey(
                lambda: open_source(source), lambda file, size: read_bytes(file, size, name)
            )
            given["skip_end"] = "auto"
        dialect, _ = detect(head, build(CollectSettings, given), name, end)
        reader = CsvReader(stream, dialect, name, keep_empty=True)
        if "auto" in (given["delimiter"], given["encoding"]):  # the sources of training differed
            notes.append(
                f"{name}: the delimiter is {shown(dialect.delimiter)}, the encoding"
                f" {dialect.encoding}"
            )
        if len(reader.names) == 1 and known.get("delimiter") != "auto":
            found, _ = detect(head, CollectSettings(), name)
            if found.delimiter != dialect.delimiter:
                raise DataError(
                    f"{name} is cut by {found.delimiter!r}, and training data were by"
                    f" {dialect.delimiter!r}",
                    AS_IN_TRAINING.format(**known),
                )
        stack.pop_all()
    return reader, notes


def read_as(run: Run) -> dict[str, Any]:
    """The settings of collect, with what was found then."""
    entry = run.entry("collect")
    known = {k: v for k, v in (entry.settings if entry else {}).items() if k != "source"}
    return {"delimiter": "auto", "encoding": "auto", **known}


def _own_start(head: bytes, given: dict[str, Any], name: str) -> list[int]:
    """How many lines stand above the header of an input, by its own evidence."""
    from nntool.settings.collect import CollectSettings
    from nntool.settings.model import build
    from nntool.tables.csv.detection import detect

    try:
        return [
            detect(head, build(CollectSettings, given | {"skip_rows": "auto"}), name)[0].skip_rows
        ]
    except DataError:
        return []


def _names(head: bytes, given: dict[str, Any], name: str) -> list[str]:
    """The columns that the header of an input names; none where it cannot be read."""
    import io

    from nntool.settings.collect import CollectSettings
    from nntool.settings.model import build
    from nntool.tables.csv.detection import detect
    from nntool.tables.csv.reader import CsvReader

    try:
        dialect, _ = detect(head, build(CollectSettings, given), name)
        return CsvReader(io.BytesIO(head), dialect, name).names
    except DataError:
        return []


AS_IN_TRAINING = (
    "write it as the training data were written: {delimiter!r} between cells, {encoding}"
)


@contextmanager
def as_in_training(known: dict[str, Any]) -> Iterator[None]:
    """Errors of the reader name options of collect, which rows to predict do not have."""
    from nntool.tables.csv.defects import DefectsError

    try:
        yield
    except DataError as error:
        if isinstance(error, DefectsError):
            hint = "mend these lines"
            if "--skip-end" in (error.hint or ""):
                hint += ", or give the rows without what stands below the table"
            raise DataError(error.message, hint) from None
        if error.hint and "--" in error.hint:
            raise DataError(error.message, AS_IN_TRAINING.format(**known)) from None
        raise


def batches(reader: BatchReader, run: Run) -> Iterator[pa.RecordBatch]:
    """The rows of an input, its errors told as those of an input."""
    with as_in_training(read_as(run)):
        yield from reader


@contextmanager
def _destination(
    settings: PredictSettings, root: Path, source: str, stdout: BinaryIO
) -> Iterator[IO[bytes]]:
    """Standard output, or a file that bears its name only when it is whole."""
    if settings.output == "-":
        yield stdout
        stdout.flush()
        return
    path = Path(settings.output)
    if not settings.output or path.is_dir():
        raise UsageError(
            f"--output {settings.output!r} is no name of a file", "write --output predictions.csv"
        )
    if path.resolve().is_relative_to(root.resolve()):
        raise UsageError(
            f"--output {settings.output} lies in the run directory, where predict writes nothing",
            "write it beside the run directory",
        )
    if not path.parent.is_dir():
        raise UsageError(
            f"--output {settings.output}: the folder {path.parent} is not there",
            f"mkdir -p {shlex.quote(str(path.parent))}",
        )
    if source != "-" and path.exists() and path.samefile(source):
        raise UsageError(
            f"--output {settings.output} is the input", "name another file for the predictions"
        )
    if path.exists() and not path.is_file():
        with open(path, "wb") as special:  # a device or a named pipe cannot be renamed onto
            yield special
        return
    temporary = path.with_name(f".new-{os.getpid()}-{path.name}")
    try:
        with open(temporary, "wb") as file:
            yield file
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _write_rows(
    predictor: Predictor, reader: BatchReader, settings: PredictSettings, stream: Any, job: Job
) -> None:
    from nntool.tables import answers, columns
    from nntool.tables.csv.writing import write_batch, write_header

    columns.resolve_all(reader.names, predictor.sources, "columns", positions=False)
    ids = columns.resolve_all(reader.names, settings.id, "--id")
    if "*" in settings.keep:
        keep = [name for name in reader.names if name not in ids]
    else:
        keep = columns.resolve_all(reader.names, settings.keep, "--keep")
    model = predictor.model
    own = answers.names(model.classes, probabilities=model.has_probabilities)
    header = _header(ids, own, keep, job)
    write_header(stream, header)
    for found in predictor.answers(batches(reader, predictor.run)):
        shown = [
            *(found.text.column(name) for name in ids),
            *model.columns(found.decided, found.probabilities),
            *(found.text.column(name) for name in keep),
        ]
        write_batch(stream, answers.batch(shown, header))
        job.listener.progress("predicting", predictor.counts.rows, 0, "rows")


def _header(ids: list[str], own: list[str], keep: list[str], job: Job) -> list[str]:
    """The names of the columns; where an input column is called as an answer, it is renamed."""
    from nntool.tables import columns

    names, _ = columns.unique_names([*own, *ids, *keep])
    answers, carried = names[: len(own)], names[len(own) :]
    for before, after in zip([*ids, *keep], carried, strict=True):
        if before != after:
            job.listener.say(f"nntool predict: the input's column {before!r} is called {after!r}")
    return [*carried[: len(ids)], *answers, *carried[len(ids) :]]
