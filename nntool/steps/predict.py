"""``predict``: one line out for each line in. It writes nothing in the run and takes no lock."""

from __future__ import annotations

import io
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from nntool.errors import UsageError
from nntool.run.directory import Run
from nntool.settings.predict import PredictSettings
from nntool.steps.answer_columns import answer_parts
from nntool.steps.csv_input import batches
from nntool.steps.inputs import open_rows
from nntool.steps.job import Job, Outcome
from nntool.steps.predicting import Answers, Predictor

if TYPE_CHECKING:
    from nntool.tables.page import Page
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
    predictor = Predictor(run, settings)
    outcome = Outcome("predict", root)
    if predictor.unfinished:
        job.listener.say(f"nntool predict: {predictor.unfinished}")
    reader, notes = open_rows(source, run, predictor.sources, stdin)
    outcome.notes += notes
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
    from nntool.tables import columns
    from nntool.tables.csv.writing import write_header
    from nntool.tables.page import Page

    columns.resolve_all(reader.names, predictor.sources, "columns", positions=False)
    ids = columns.resolve_listed(reader.names, settings.id, "--id")
    if "*" in settings.keep:
        keep = [name for name in reader.names if name not in ids]
    else:
        keep = columns.resolve_listed(reader.names, settings.keep, "--keep")
    page = Page(ids, answer_parts(settings, predictor.model, predictor.intervals), keep)
    for before, after in page.renamed:
        job.listener.say(f"nntool predict: the input's column {before!r} is called {after!r}")
    write_header(stream, page.schema.names)
    rows = batches(reader, predictor.run)
    for records in predictor.each(rows, partial(_records, page), job.cores):
        stream.write(records)
        job.listener.progress("predicting", predictor.counts.rows, 0, "rows")


def _records(page: Page, found: Answers) -> bytes:
    """The lines of some rows as CSV."""
    from nntool.tables.csv.writing import write_batch

    lines = io.BytesIO()
    write_batch(lines, page.batch(found))
    return lines.getvalue()
