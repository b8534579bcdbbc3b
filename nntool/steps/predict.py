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
from nntool.steps.job import Job, Outcome, TableView
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
    predictor = Predictor(run, unseen=settings.unseen, status=settings.status)
    outcome = Outcome("predict", root)
    if predictor.unfinished:
        job.listener.say(f"nntool predict: {predictor.unfinished}")
    reader, notes = open_rows(source, run, predictor.sources, stdin, keep_bad=not settings.strict)
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
        "bad_rows": counts.bad_rows,
        "bad_rows_listed": reader.left_out,
    }
    if settings.status:
        outcome.report["predict"]["status"] = counts.status
        outcome.tables.append(_status_table(counts.status))
    return outcome


def _status_table(status: dict[str, int]) -> TableView:
    rows = [[word, f"{n:,}"] for word, n in status.items()]
    return TableView("rows by status; one may have several", ["status", "rows"], rows)


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

    predictor.require_columns(reader)
    ids = columns.resolve_listed(reader.names, settings.id, "--id")
    if "*" in settings.keep:
        keep = [name for name in reader.names if name not in ids]
    else:
        keep = columns.resolve_listed(reader.names, settings.keep, "--keep")
    page = Page(predictor, ids, keep, job, status=settings.status)
    write_header(stream, page.header)
    rows = batches(reader, predictor.run, "without --strict they have empty answers")
    for records in predictor.each(rows, page.records, job.cores):
        stream.write(records)
        job.listener.progress("predicting", predictor.counts.rows, 0, "rows")


class Page:
    """The columns of the output: chosen ones of the input around those of the answers."""

    def __init__(
        self, predictor: Predictor, ids: list[str], keep: list[str], job: Job, *, status: bool
    ) -> None:
        from nntool.tables import answers

        self._model = predictor.model
        self._ids, self._keep = ids, keep
        own = answers.names(self._model.classes, probabilities=self._model.has_probabilities)
        own += ["status"] if status else []
        self.header = _header(ids, own, keep, job)

    def records(self, found: Answers) -> bytes:
        """The lines of some rows as CSV."""
        from nntool.tables import answers, bad_rows, row_status
        from nntool.tables.csv.writing import write_batch

        own = self._model.columns(found.decided, found.probabilities)
        own = bad_rows.blanked(own, found.is_bad)
        if found.status is not None:
            own.append(row_status.column(found.status))
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
