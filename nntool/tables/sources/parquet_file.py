"""Parquet files as text, row group by row group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nntool.errors import DataError
from nntool.tables.chunks import all_finite, n_empty_rows
from nntool.tables.columns import unique_names
from nntool.tables.sources.reading import BATCH_ROWS, text_schema
from nntool.tables.sources.text import as_text


class ParquetSource:
    """A Parquet file; memory is one row group of the columns that are asked for."""

    def __init__(self, path: Path, name: str) -> None:
        self._name = name
        self._opened = open(path, "rb")  # noqa: SIM115 - closed by close
        try:
            self._file = pq.ParquetFile(self._opened)
        except (pa.ArrowException, OSError, ValueError) as error:
            self._opened.close()
            raise _unreadable(name, error) from None
        self._schema = self._file.schema_arrow
        self.given_names = self._schema.names
        self.names, notes = unique_names(self.given_names)
        self.left_out: list[dict[str, Any]] = []
        self.notes = [f"{name}: {note}" for note in notes]
        self.n_rows = 0

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows in some of the columns."""
        places = [self.names.index(column) for column in columns]
        self._note_types(columns, places)
        try:
            for batch in self._file.iter_batches(BATCH_ROWS, columns=self._to_read(places)):
                self.n_rows += batch.num_rows
                yield self._text(batch, columns, places)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(self._name, error) from None

    def narrowed(self, columns: Sequence[str], numbers: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows in some of the columns, numbers as float64; see `CsvReader.narrow`."""
        places = [self.names.index(column) for column in columns]
        self._note_types(columns, places)
        try:
            for batch in self._file.iter_batches(BATCH_ROWS):
                self.n_rows += batch.num_rows
                wanted = self._typed(batch, columns, places, numbers)
                if n_empty_rows(wanted):  # only all columns tell whether a row has no value
                    every = range(len(self.names))
                    wanted = self._typed(batch, self.names, every, ())
                yield wanted
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(self._name, error) from None

    def _typed(
        self,
        batch: pa.RecordBatch,
        columns: Sequence[str],
        places: Sequence[int],
        numbers: Sequence[str],
    ) -> pa.RecordBatch:
        """Some columns as text, but for numbers that their text would give again."""
        found = []
        for column, place in zip(columns, places, strict=True):
            array = batch.column(place)
            plain = plain_numbers(array) if column in numbers else None
            found.append(as_text(array, column, self._name) if plain is None else plain)
        return pa.RecordBatch.from_arrays(found, names=list(columns))

    def _to_read(self, places: list[int]) -> list[str] | None:
        """The columns to read by name; all of them where a name stands twice or has a dot."""
        own = self._schema.names
        if len(set(own)) < len(own) or any("." in own[place] for place in places):
            return None
        return [own[place] for place in places]

    def _text(
        self, batch: pa.RecordBatch, columns: Sequence[str], places: list[int]
    ) -> pa.RecordBatch:
        by_place = batch.num_columns == len(self.names)
        found = []
        for column, place in zip(columns, places, strict=True):
            index = place if by_place else batch.schema.get_field_index(self._schema.names[place])
            found.append(as_text(batch.column(index), column, self._name))
        if not columns:
            raise DataError(f"{self._name}: no column is left", "drop fewer columns")
        return pa.RecordBatch.from_arrays(found, schema=text_schema(columns))

    def _note_types(self, columns: Sequence[str], places: list[int]) -> None:
        """What a reader may not expect of the text of a type."""
        for column, place in zip(columns, places, strict=True):
            kind = self._schema.field(place).type
            if pa.types.is_nested(kind):
                self.notes.append(f"{self._name}: {column!r} ({kind}) is written as JSON")
            elif pa.types.is_timestamp(kind) and kind.tz and kind.tz not in ("UTC", "+00:00"):
                self.notes.append(
                    f"{self._name}: {column!r} (times of {kind.tz}) is written in UTC"
                )
            elif pa.types.is_duration(kind):
                self.notes.append(f"{self._name}: {column!r} (durations) is written in seconds")

    def close(self) -> None:
        """Close the file."""
        self._opened.close()


def plain_numbers(array: pa.Array) -> pa.Array | None:
    """Numbers as float64, where that is what their text is read as; None where it is not.

    A float32 is not: 0.1 is another number as float64 than the one that its text names.

    >>> plain_numbers(pa.array([1, None, 3])).to_pylist()
    [1.0, None, 3.0]
    >>> plain_numbers(pa.array([0.1], pa.float32())) is None
    True
    """
    if pa.types.is_integer(array.type):
        return array.cast(pa.float64(), safe=False)
    if array.type != pa.float64() or not all_finite(array):
        return None
    return array


def _unreadable(name: str, error: Exception) -> DataError:
    return DataError(
        f"{name} cannot be read as Parquet: {error}",
        "name what it is: --format csv, tsv, json-lines, excel",
    )
