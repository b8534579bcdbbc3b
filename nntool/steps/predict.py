"""``predict``: one line out for each line in. It writes nothing in the run and takes no lock."""

from __future__ import annotations

import io
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from nntool.errors import UsageError
from nntool.run.directory import Run
from nntool.settings.predict import PredictSettings
from nntool.steps.csv_input import batches
from nntool.steps.inputs import open_rows
from nntool.steps.intervals import Intervals, intervals_of
from nntool.steps.job import Job, Outcome
from nntool.steps.predicting import Answers, Predictor

if TYPE_CHECKING:
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

    run = Run.existing(root)
    predictor = Predictor(run)
    outcome = Outcome("predict", root)
    level = settings.interval
    intervals = None if level is None else intervals_of(run, predictor.model, level)
    if predictor.unfinished:
        job.listener.say(f"nntool predict: {predictor.unfinished}")
    reader, notes = open_rows(source, run, predictor.sources, stdin)
    outcome.notes += notes
    with (
        threadpool_limits(1, user_api="blas"),
        _destination(settings, run.root, source, stdout) as stream,
    ):
        _write_rows(predictor, reader, settings, intervals, stream, job)
    outcome.notes += reader.notes
    outcome.notes += predictor.notes()
    outcome.notes += intervals.notes() if intervals is not None else []
    counts = predictor.counts
    outcome.report["predict"] = {
        "rows": counts.rows,
        "empty_rows": counts.empty_rows,
        "cells": counts.cells,
        **counts.features,
    }
    return outcome


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
    predictor: Predictor,
    reader: BatchReader,
    settings: PredictSettings,
    intervals: Intervals | None,
    stream: Any,
    job: Job,
) -> None:
    from nntool.tables import columns
    from nntool.tables.csv.writing import write_header

    columns.resolve_all(reader.names, predictor.sources, "columns", positions=False)
    ids = columns.resolve_listed(reader.names, settings.id, "--id")
    if "*" in settings.keep:
        keep = [name for name in reader.names if name not in ids]
    else:
        keep = columns.resolve_listed(reader.names, settings.keep, "--keep")
    page = Page(predictor, ids, keep, intervals, job)
    write_header(stream, page.header)
    rows = batches(reader, predictor.run)
    for records in predictor.each(rows, page.records, job.cores):
        stream.write(records)
        job.listener.progress("predicting", predictor.counts.rows, 0, "rows")


class Page:
    """The columns of the output: chosen ones of the input around those of the answers."""

    def __init__(
        self,
        predictor: Predictor,
        ids: list[str],
        keep: list[str],
        intervals: Intervals | None,
        job: Job,
    ) -> None:
        from nntool.tables import answers

        self._intervals = intervals
        self._model = predictor.model
        self._ids, self._keep = ids, keep
        own = answers.names(self._model.classes, probabilities=self._model.has_probabilities)
        own[1:1] = intervals.names if intervals is not None else []
        self.header = _header(ids, own, keep, job)

    def records(self, found: Answers) -> bytes:
        """The lines of some rows as CSV."""
        from nntool.tables import answers
        from nntool.tables.csv.writing import write_batch

        own = self._model.columns(found.decided, found.probabilities)
        own[1:1] = self._intervals.columns(found) if self._intervals is not None else []
        shown = [
            *(found.text.column(name) for name in self._ids),
            *own,
            *(found.text.column(name) for name in self._keep),
        ]
        lines = io.BytesIO()
        write_batch(lines, answers.batch(shown, self.header))
        return lines.getvalue()


def _header(ids: list[str], own: list[str], keep: list[str], job: Job) -> list[str]:
    """The names of the columns; where an input column is called as an answer, it is renamed."""
    from nntool.tables import columns

    names, _ = columns.unique_names([*own, *ids, *keep])
    answers, carried = names[: len(own)], names[len(own) :]
    for before, after in zip([*ids, *keep], carried, strict=True):
        if before != after:
            job.listener.say(f"nntool predict: the input's column {before!r} is called {after!r}")
    return [*carried[: len(ids)], *answers, *carried[len(ids) :]]
