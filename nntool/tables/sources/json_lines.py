"""JSON lines as text: one record on each line, its keys the columns, in order of first sight."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from nntool.errors import DataError
from nntool.settings.wording import counted
from nntool.tables import bad_rows
from nntool.tables.columns import unique_names
from nntool.tables.csv.defects import Defects
from nntool.tables.csv.source import open_source, read_bytes
from nntool.tables.sources.reading import BATCH_ROWS, text_schema
from nntool.tables.sources.text import Number, column_text

BLOCK_BYTES = 1 << 20


class JsonLinesSource:
    """A file of JSON lines, read twice: for the names of its columns, then for the rows.

    Numbers are kept as they are written, so none is rounded. A line that is no record is a
    ``DataError``; with ``keep_bad`` it is a row all of whose cells are null, and each batch says in
    the column ``bad_rows.MARK`` which rows these are.
    """

    def __init__(self, path: Path, name: str, *, keep_bad: bool = False) -> None:
        self._path = path
        self._name = name
        self._keep_bad = keep_bad
        self._defects = Defects(name, 0, keep=keep_bad)
        keys: dict[str, None] = {}
        n_blank = 0
        first_error = None
        for _, record in self._records():
            if isinstance(record, DataError):
                first_error = first_error or record
            elif record is None:
                n_blank += 1
            else:
                keys.update(dict.fromkeys(record))
        if not keys and first_error is not None:
            raise first_error
        if not keys:
            raise DataError(f"{name} has no records", "give a file with a JSON object on each line")
        self._keys = list(keys)
        self.given_names = self._keys
        self.names, notes = unique_names(self._keys)
        self.notes = [f"{name}: {note}" for note in notes]
        if n_blank:
            was = "was" if n_blank == 1 else "were"
            self.notes.append(f"{name}: {counted(n_blank, 'blank line')} {was} passed over")
        self.n_rows = 0

    @property
    def left_out(self) -> list[dict[str, Any]]:
        """The first lines that are no records, where these are kept as bad rows."""
        return self._defects.listed

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows in some of the columns; a key that a record does not have is missing."""
        keys = [self._keys[self.names.index(column)] for column in columns]
        waiting: list[dict[str, Any] | DataError] = []
        nested: set[str] = set()
        for number, record in self._records():
            if isinstance(record, DataError):
                self._defects.add(number, record.message.partition(": ")[2], "")
            if record is not None:
                waiting.append(record)
            if len(waiting) == BATCH_ROWS:
                yield self._batch(waiting, columns, keys, nested)
                waiting = []
        if waiting:
            yield self._batch(waiting, columns, keys, nested)
        if self._defects.count:
            self.notes.append(self._defects.note() or "")
        if nested:
            listed = ", ".join(repr(column) for column in columns if column in nested)
            self.notes.append(f"{self._name}: lists and records are kept as JSON, in {listed}")

    def _batch(
        self,
        lines: list[dict[str, Any] | DataError],
        columns: Sequence[str],
        keys: list[str],
        nested: set[str],
    ) -> pa.RecordBatch:
        arrays = []
        records = [{} if isinstance(line, DataError) else line for line in lines]
        for column, key in zip(columns, keys, strict=True):
            values = [record.get(key) for record in records]
            if column not in nested and any(isinstance(value, dict | list) for value in values):
                nested.add(column)
            arrays.append(column_text(values, column, self._name))
        self.n_rows += len(records)
        batch = pa.RecordBatch.from_arrays(arrays, schema=text_schema(columns))
        if not self._keep_bad:
            return batch
        is_bad = np.array([isinstance(line, DataError) for line in lines], bool)
        return bad_rows.marked(batch, is_bad)

    def _records(self) -> Iterator[tuple[int, dict[str, Any] | DataError | None]]:
        """Each line's number and record; None for a blank line, the error of one that is kept."""
        decoder = json.JSONDecoder(
            object_pairs_hook=_record, parse_float=Number, parse_int=Number, parse_constant=Number
        )
        with open_source(str(self._path)) as stream:
            for number, line in enumerate(_lines(stream, self._name), start=1):
                if number == 1:
                    line = line.removeprefix(codecs.BOM_UTF8)
                if not line.strip():
                    yield number, None
                    continue
                try:
                    record: dict[str, Any] | DataError = self._record(decoder, line, number)
                except DataError as error:
                    if not self._keep_bad:
                        raise
                    record = error
                yield number, record

    def _record(self, decoder: json.JSONDecoder, line: bytes, number: int) -> dict[str, Any]:
        where = f"{self._name}, line {number}"
        try:
            found = decoder.decode(line.decode("utf-8"))
        except UnicodeDecodeError:
            raise DataError(f"{where}: not UTF-8", "JSON is written in UTF-8") from None
        except _RepeatedKeyError as error:
            raise DataError(
                f"{where}: the key {error.args[0]!r} stands twice in a record", "keep one of them"
            ) from None
        except (ValueError, RecursionError) as error:
            raise DataError(f"{where}: no JSON: {error}{self._is_one_value(line)}", _HINT) from None
        if not isinstance(found, dict):
            what = "a list" if isinstance(found, list) else "a value"
            raise DataError(f"{where}: {what}, where a record {{…}} is needed", _HINT)
        return found

    def _is_one_value(self, line: bytes) -> str:
        """What to add where the file seems to be one JSON value over several lines."""
        return " (one value over several lines?)" if line.strip() in (b"[", b"{", b"[{") else ""

    def close(self) -> None:
        """Each reading closes the file at its end."""


_HINT = "write one record on each line: jq -c '.[]' FILE.json > FILE.jsonl"


class _RepeatedKeyError(Exception):
    """A key that stands twice in one record: the first value would be lost."""


def _record(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _RepeatedKeyError(next(key for key in keys if keys.count(key) > 1))
    return found


def _lines(stream: BinaryIO, name: str) -> Iterator[bytes]:
    """The lines of a stream; a damaged packed file is told as an error of the data."""
    rest = b""
    while block := read_bytes(stream, BLOCK_BYTES, name):
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        yield from lines
    if rest:
        yield rest
