"""JSON lines as text: one record on each line, its keys the columns, in order of first sight."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from nntool.errors import DataError
from nntool.settings.wording import counted
from nntool.tables.columns import unique_names
from nntool.tables.csv.source import open_source, read_bytes
from nntool.tables.sources.reading import BATCH_ROWS, text_schema
from nntool.tables.sources.text import Number, column_text

BLOCK_BYTES = 1 << 20


class JsonLinesSource:
    """A file of JSON lines, read twice: for the names of its columns, then for the rows.

    Numbers are kept as they are written, so none is rounded.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name
        keys: dict[str, None] = {}
        n_blank = 0
        for _, record in self._records():
            if record is None:
                n_blank += 1
            else:
                keys.update(dict.fromkeys(record))
        if not keys:
            raise DataError(f"{name} has no records", "give a file with a JSON object on each line")
        self._keys = list(keys)
        self.names, notes = unique_names(self._keys)
        self.notes = [f"{name}: {note}" for note in notes]
        if n_blank:
            was = "was" if n_blank == 1 else "were"
            self.notes.append(f"{name}: {counted(n_blank, 'blank line')} {was} passed over")
        self.n_rows = 0

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows in some of the columns; a key that a record does not have is missing."""
        keys = [self._keys[self.names.index(column)] for column in columns]
        waiting: list[dict[str, Any]] = []
        nested: set[str] = set()
        for _, record in self._records():
            if record is not None:
                waiting.append(record)
            if len(waiting) == BATCH_ROWS:
                yield self._batch(waiting, columns, keys, nested)
                waiting = []
        if waiting:
            yield self._batch(waiting, columns, keys, nested)
        if nested:
            listed = ", ".join(repr(column) for column in columns if column in nested)
            self.notes.append(f"{self._name}: lists and records are kept as JSON, in {listed}")

    def _batch(
        self,
        records: list[dict[str, Any]],
        columns: Sequence[str],
        keys: list[str],
        nested: set[str],
    ) -> pa.RecordBatch:
        arrays = []
        for column, key in zip(columns, keys, strict=True):
            values = [record.get(key) for record in records]
            if column not in nested and any(isinstance(value, dict | list) for value in values):
                nested.add(column)
            arrays.append(column_text(values, column, self._name))
        self.n_rows += len(records)
        return pa.RecordBatch.from_arrays(arrays, schema=text_schema(columns))

    def _records(self) -> Iterator[tuple[int, dict[str, Any] | None]]:
        """Each line's number and record; None for a blank line."""
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
                yield number, self._record(decoder, line, number)

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
