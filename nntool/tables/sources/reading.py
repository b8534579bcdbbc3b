"""What every opened source has: names, rows as batches of text, notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa

from nntool.tables.csv.reader import CsvReader

BATCH_ROWS = 1 << 14


class Opened(Protocol):
    """What is known of rows that can be read once, forward."""

    @property
    def names(self) -> list[str]:
        """The columns, known at once."""

    @property
    def notes(self) -> list[str]:
        """What was met, complete after the last batch."""

    @property
    def n_rows(self) -> int:
        """The rows so far."""

    @property
    def given_names(self) -> Sequence[str]:
        """The columns as the source calls them: a name may stand twice."""

    @property
    def left_out(self) -> list[dict[str, Any]]:
        """The first records that could not be read, complete after the last batch."""


class Source(Opened, Protocol):
    """A source opened for reading."""

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows, in order, in some of the columns; other columns are not looked at."""

    def close(self) -> None:
        """Let go of the file or connection."""


class BatchReader(Opened, Protocol):
    """A reader whose iteration gives all columns: a CSV file's."""

    def __iter__(self) -> Iterator[pa.RecordBatch]: ...


@runtime_checkable
class Narrowing(Protocol):
    """A reader that can be told what is wanted of it."""

    def narrow(self, columns: Sequence[str], numbers: Sequence[str] = (), ahead: int = 0) -> None:
        """Give only these columns, some of them as numbers; see `CsvReader.narrow`."""


@runtime_checkable
class NumberSource(Protocol):
    """A source that knows numbers."""

    def narrowed(self, columns: Sequence[str], numbers: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows in some of the columns, as `CsvReader.narrow` says."""


class Around(Opened):
    """What stands around another reader or source: of its rows it knows what that one knows."""

    def __init__(self, inner: Opened) -> None:
        self._inner = inner

    @property
    def names(self) -> list[str]:
        """The columns, known at once."""
        return self._inner.names

    @property
    def given_names(self) -> Sequence[str]:
        """The columns as the source calls them."""
        return self._inner.given_names

    @property
    def left_out(self) -> list[dict[str, Any]]:
        """The first records that could not be read, complete after the last batch."""
        return self._inner.left_out

    @property
    def notes(self) -> list[str]:
        """What was met, complete after the last batch."""
        return self._inner.notes

    @property
    def n_rows(self) -> int:
        """The rows so far."""
        return self._inner.n_rows


class CsvSource(Around):
    """A CSV reader as a source."""

    def __init__(self, reader: CsvReader) -> None:
        super().__init__(reader)
        self._reader = reader

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows in some of the columns."""
        for batch in self._reader:
            yield batch.select(list(columns))

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()


class AllColumns(Around):
    """A source as a reader: the rows in all of its columns, until it is told which are wanted."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self._source = source
        self._wanted: tuple[Sequence[str], Sequence[str]] | None = None

    def narrow(self, columns: Sequence[str], numbers: Sequence[str] = (), ahead: int = 0) -> None:
        """Give only these columns, as `CsvReader.narrow` says; all of a source of text alone."""
        self._wanted = columns, numbers

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        source = self._source
        try:
            if self._wanted is not None and isinstance(source, NumberSource):
                yield from source.narrowed(*self._wanted)
            else:
                yield from source.batches(self.names)
        finally:
            source.close()


def text_schema(names: Sequence[str]) -> pa.Schema:
    """The schema of a table of text."""
    return pa.schema([(name, pa.string()) for name in names])
