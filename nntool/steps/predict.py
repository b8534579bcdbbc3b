"""``predict``: one line out for each line in. It writes nothing in the run and takes no lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from nntool.run.directory import Run
from nntool.settings.predict import PredictSettings
from nntool.steps import answer_columns, destination, drifting, prediction_notes
from nntool.steps.csv_input import batches
from nntool.steps.inputs import open_rows
from nntool.steps.intervals import intervals_of
from nntool.steps.job import Job, Outcome, TableView
from nntool.steps.predicting import Predictor
from nntool.steps.trained_run import opened

if TYPE_CHECKING:
    from nntool.tables.page import Page, Part
    from nntool.tables.sources.reading import BatchReader

NO_ROWS = "there is a header and no row below it: so it is in the output"


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
    run = Run.existing(root)
    destination.refuse(settings.output, run.root, source, stdin, stdout)
    trained = opened(run)
    run, model, level = trained.run, trained.model, settings.interval
    predictor = Predictor(trained, settings)
    intervals = None if level is None else intervals_of(run, model, level)
    parts = answer_columns.answer_parts(settings, model, run, intervals)
    outcome = Outcome("predict", root)
    if trained.unfinished:
        job.listener.say(f"nntool predict: {trained.unfinished}")
    reader, notes = open_rows(source, run, trained.sources, stdin, keep_bad=not settings.strict)
    trained.require_columns(reader)
    page = _page(reader, parts, settings)
    for before, after in page.renamed:
        job.listener.say(f"nntool predict: the input's column {before!r} is called {after!r}")
    trained.narrow(reader, page.carried, job.cores)
    _write(page, reader, predictor, settings.output, stdout, job)
    counts = predictor.counts
    met = counts.plain(model.classes)
    outcome.report["predict"] = {
        "output": settings.output,
        "columns": page.schema.names,
        **met,
        "bad_rows_listed": reader.left_out,
    }
    outcome.notes += [
        *notes,
        *reader.notes,
        *answer_columns.notes(settings, model, intervals, met["predicted"]),
        *prediction_notes.notes(trained, counts),
        *([] if counts.rows else [NO_ROWS]),
    ]
    if settings.status:
        outcome.tables.append(_status_table(counts.status))
    if settings.drift_limit is not None:
        watched, target = predictor.answering.watched, model.plain["target"]
        drifting.tell(counts.bins, watched, settings.drift_limit, target, outcome)
    return outcome


def _status_table(status: dict[str, int]) -> TableView:
    rows = [[word, f"{n:,}"] for word, n in status.items()]
    return TableView("rows by status", ["status (a row may have several)", "rows"], rows)


def _page(reader: BatchReader, parts: list[Part], settings: PredictSettings) -> Page:
    """The columns of the output, where the input has what the person names."""
    from nntool.tables import columns
    from nntool.tables.page import Page

    ids = columns.resolve_listed(reader.names, settings.id, "--id")
    if "*" in settings.keep:
        keep = [name for name in reader.names if name not in ids]
    else:
        keep = columns.resolve_listed(reader.names, settings.keep, "--keep")
    return Page(ids, parts, keep)


def _write(
    page: Page,
    reader: BatchReader,
    predictor: Predictor,
    output: str,
    stdout: BinaryIO,
    job: Job,
) -> None:
    """Answer and write chunk by chunk; what a chunk becomes in the output is made in its thread."""
    from threadpoolctl import threadpool_limits

    from nntool.tables import sinks

    rows = batches(reader, predictor.trained.run, "without --strict they have empty answers")
    with threadpool_limits(1, user_api="blas"), destination.opened(output, stdout) as outlet:
        sink = sinks.open_sink(outlet, output, page.schema)
        made = predictor.each(rows, lambda found: sink.prepared(page.batch(found)), job.cores)
        n_written = 0
        for prepared in made:
            if n_written:  # what is over with its first chunk has no progress
                job.listener.progress("predicting", n_written, 0, "rows")
            sink.write(prepared)
            n_written = predictor.counts.rows
        sink.finish()
