"""A CSV of rows to predict or score: read as the sources of training were, else it is said."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from nntool.errors import DataError
from nntool.run.directory import Run
from nntool.settings.building import build
from nntool.settings.collect import CollectSettings

if TYPE_CHECKING:
    import pyarrow as pa

    from nntool.tables.csv.dialect import Dialect
    from nntool.tables.csv.encoding import Survey
    from nntool.tables.csv.reader import CsvReader
    from nntool.tables.sources.reading import BatchReader

AS_IN_TRAINING = (
    "write it as the training data were written: {delimiter!r} between cells, {encoding}"
)

Given = dict[str, Any]
"""Settings of collect, those of training, with what is otherwise in an input."""


def open_csv(
    source: str, run: Run, wanted: Sequence[str], stdin: BinaryIO | None, *, keep_bad: bool = False
) -> tuple[CsvReader, list[str]]:
    """Open a CSV as the collected sources were read, and what was found to be otherwise.

    Lines above the header are looked for anew: those of training are passed over only where the
    header below them names more of the ``wanted`` columns. Each record is a row, also an empty
    one and the last ones, but for notes below the table of a file where training had such; with
    ``keep_bad`` also one that cannot be read.
    """
    from nntool.tables.csv.arriving import peek
    from nntool.tables.csv.reader import CsvReader
    from nntool.tables.csv.source import open_source

    known = _read_as(run)
    pipe = stdin if source == "-" else None
    name = source if pipe is None else "standard input"
    is_open = "auto" in (known["delimiter"], known["encoding"])  # how it is written is to be seen
    head, stream = peek(
        pipe or open_source(source), name, keep_open=pipe is not None, patient=is_open
    )
    given = {key: value for key, value in known.items() if key in CollectSettings.__struct_fields__}
    given |= {"source": (), "skip_end": 0, "max_bad_rows": 0}
    with as_in_training(run), ExitStack() as stack:
        stack.enter_context(stream)
        _refuse_what_is_no_text(head, name, is_pipe=pipe is not None)
        notes = [
            *_take_own_encoding(given, head, name),
            *_take_own_start(given, head, name, {*wanted, *known.get("rename", {})}),
        ]
        end = None
        if known.get("skip_end") and pipe is None:  # a pipe shows its end too late
            end = _survey(source)
            given["skip_end"] = "auto"
        dialect = _detected(given, head, name, end)
        reader = CsvReader(
            stream,
            dialect,
            name,
            keep_empty=True,
            keep_bad=keep_bad,
            show_cells=not (known.get("drop") or known.get("pseudonymize")),  # as collect
        )
        if len(reader.names) == 1:
            _refuse_another_delimiter(known, dialect, head, name)
        notes += _where_training_differed(given, dialect, name)
        stack.pop_all()
    return reader, notes


def batches(reader: BatchReader, run: Run, way_out: str = "") -> Iterator[pa.RecordBatch]:
    """The rows of an input, its errors told as those of an input.

    ``way_out`` is what else may be done about rows that cannot be read.
    """
    with as_in_training(run, way_out):
        yield from reader


def _read_as(run: Run) -> dict[str, Any]:
    """The settings of collect, with what was found then."""
    entry = run.entry("collect")
    known = {k: v for k, v in (entry.settings if entry else {}).items() if k != "source"}
    return {"delimiter": "auto", "encoding": "auto", **known}


def _refuse_what_is_no_text(head: bytes, name: str, *, is_pipe: bool) -> None:
    """Raise for a workbook, an archive or other bytes that hold no table of text."""
    from nntool.tables.csv import encoding
    from nntool.tables.csv.formats import refuse_by_first_bytes

    try:
        refuse_by_first_bytes(head, name)
        if encoding.by_first_bytes(head) is None:
            encoding.refuse_binary(head, name)
    except DataError as error:
        hint = error.hint
        if is_pipe and "packed by" in error.message:
            tool = error.message.rpartition(" ")[2]
            hint = f"unpack it: … | {tool} -dc | nntool …; or name the file"
        elif "--" in (hint or ""):
            hint = "give the rows as text, or in a file named for what it is (.parquet, .xlsx)"
        raise DataError(error.message, hint) from None


def _take_own_encoding(given: Given, head: bytes, name: str) -> list[str]:
    """Take the encoding of an input that clearly has another one, and say so."""
    from nntool.tables.csv import encoding

    known = given["encoding"]
    own = encoding.of_input(head, str(known))
    if own is None:
        return []
    given["encoding"] = own
    return [f"{name}: the encoding is {own}, and that of training {known}"]


def _take_own_start(given: Given, head: bytes, name: str, wanted: set[str]) -> list[str]:
    """Take the lines above the header of an input, by the names below them, and say so."""
    known = given.get("skip_rows", "auto")
    starts = {0, 0 if known == "auto" else known, *_own_start(given, head, name)}
    best = max(
        sorted(starts, key=lambda n: n != known),
        key=lambda n: len(wanted.intersection(_names(given | {"skip_rows": n}, head, name))),
    )
    given["skip_rows"] = best
    if known in ("auto", best):
        return []
    return [f"{name}: {best} lines above the header passed over, in training {known}"]


def _own_start(given: Given, head: bytes, name: str) -> list[int]:
    """How many lines stand above the header of an input, by its own evidence."""
    try:
        return [_detected(given | {"skip_rows": "auto"}, head, name).skip_rows]
    except DataError:
        return []


def _names(given: Given, head: bytes, name: str) -> list[str]:
    """The columns that the header of an input names; none where it cannot be read."""
    from nntool.tables.csv.reader import CsvReader

    try:
        return CsvReader(io.BytesIO(head), _detected(given, head, name), name).names
    except DataError:
        return []


def _detected(given: Given, head: bytes, name: str, end: Survey | None = None) -> Dialect:
    from nntool.tables.csv.detection import detect

    return detect(head, build(CollectSettings, given), name, end)[0]


def _survey(source: str) -> Survey:
    """What a pass over a whole file tells of its end."""
    from nntool.tables.csv.encoding import survey
    from nntool.tables.csv.source import open_source, read_bytes

    return survey(lambda: open_source(source), lambda file, size: read_bytes(file, size, source))


def _refuse_another_delimiter(known: Given, dialect: Dialect, head: bytes, name: str) -> None:
    """Raise where an input is one column only because another sign cuts it than in training."""
    if known["delimiter"] == "auto":
        return
    own = _detected({}, head, name)
    if own.delimiter != dialect.delimiter:
        raise DataError(
            f"{name} is cut by {own.delimiter!r}, and training data were by {dialect.delimiter!r}",
            AS_IN_TRAINING.format(**known),
        )


def _where_training_differed(given: Given, dialect: Dialect, name: str) -> list[str]:
    """What was found of an input where the sources of training were not written alike."""
    from nntool.tables.csv.dialect import shown

    if "auto" not in (given["delimiter"], given["encoding"]):
        return []
    return [f"{name}: the delimiter is {shown(dialect.delimiter)}, the encoding {dialect.encoding}"]


@contextmanager
def as_in_training(run: Run, way_out: str = "") -> Iterator[None]:
    """Errors of the reader name options of collect, which rows to predict do not have."""
    from nntool.tables.csv.defects import DefectsError

    try:
        yield
    except DataError as error:
        if isinstance(error, DefectsError):
            hint = "mend these lines"
            if "--skip-end" in (error.hint or ""):
                hint += ", or give the rows without what stands below the table"
            hint += f"; {way_out}" if way_out else ""
            raise DataError(error.message, hint) from None
        if error.hint and "--" in error.hint:
            ways = [way for way in error.hint.split("; ") if "--" not in way]
            if not ways and "--format" in error.hint:
                ways = ["write it again; its name says what it is (.csv, .parquet, .jsonl, .xlsx)"]
            hint = "; ".join(ways) or AS_IN_TRAINING.format(**_read_as(run))
            raise DataError(error.message, hint) from None
        raise
