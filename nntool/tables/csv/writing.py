"""Writes tables as CSV: UTF-8, LF, quotes only where RFC 4180 needs them."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

ROWS_AT_ONCE = 1 << 16
CELLS_AT_ONCE = 1 << 22
"""Of many columns fewer rows: their text has to fit an array of strings."""
NEEDS_QUOTES = '[,"\r\n]'


class Writable(Protocol):
    """What writing needs of a stream."""

    def write(self, data: Any, /) -> Any:
        """Write all of the data."""


def write_header(stream: Writable, names: Sequence[str]) -> None:
    """Write the names of the columns as one record."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(names)
    stream.write(text.getvalue().encode("utf-8"))


def write_batch(stream: Writable, data: pa.RecordBatch | pa.Table) -> None:
    r"""Write rows: text, numbers, booleans, dates; null is an empty cell.

    >>> out = io.BytesIO()
    >>> write_batch(out, pa.table({"a": ["x,y", None], "b": [0.1, 2.0]}))
    >>> out.getvalue()
    b'"x,y",0.1\n,2\n'
    """
    for part in lines(data):
        stream.write(part)


def lines(data: pa.RecordBatch | pa.Table) -> Iterator[memoryview]:
    """The lines of some rows, many at once."""
    table = pa.Table.from_batches([data]) if isinstance(data, pa.RecordBatch) else data
    rows = max(CELLS_AT_ONCE // max(table.num_columns, 1), 1)
    for batch in table.to_batches(max_chunksize=min(rows, ROWS_AT_ONCE)):
        if not batch.num_rows:
            continue
        cells = [_quoted(column) for column in batch.columns]
        if len(cells) == 1:
            # A lone empty cell would be a blank line, which readers pass over.
            cells = [pc.if_else(pc.equal(cells[0].fill_null(""), ""), '""', cells[0])]
        yield _joined(cells)


def as_text(array: pa.Array) -> pa.Array:
    """A typed array as text that reads back exactly: shortest numbers, ISO 8601, true/false, JSON.

    >>> as_text(pa.array([1e-7, 2.0, None])).to_pylist()
    ['1e-7', '2', None]
    >>> as_text(pa.array([["no", "yes"], [], None])).to_pylist()
    ['["no","yes"]', '[]', None]
    """
    if pa.types.is_dictionary(array.type):
        return as_text(array.dictionary).take(array.indices)
    if pa.types.is_list(array.type):
        return pa.array([_as_json(cell) for cell in array.to_pylist()], pa.string())
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), pa.string())
    text = pc.cast(array, pa.string())
    if not pa.types.is_timestamp(array.type):
        return text
    for pattern, replacement in (
        (r"^(\S+) (\S+)$", r"\1T\2"),
        (r"(\.\d*?)0+(Z?)$", r"\1\2"),
        (r"\.(Z?)$", r"\1"),
        (r"T00:00:00$", ""),
    ):
        text = pc.replace_substring_regex(text, pattern, replacement)
    return text


def _as_json(cell: list[Any] | None) -> str | None:
    return None if cell is None else json.dumps(cell, ensure_ascii=False, separators=(",", ":"))


def _quoted(array: pa.Array) -> pa.Array:
    """The cells as text, with quotes where they need them; numbers never do."""
    if pa.types.is_dictionary(array.type):
        return _quoted(array.dictionary).take(array.indices)
    text = as_text(array)
    if pa.types.is_primitive(array.type):
        return text
    needs = pc.match_substring_regex(text, NEEDS_QUOTES)
    if not pc.any(needs).as_py():
        return text
    doubled = pc.replace_substring(text, '"', '""')
    return pc.if_else(needs, pc.binary_join_element_wise('"', doubled, '"', ""), text)


def _joined(cells: list[pa.Array]) -> memoryview:
    """The bytes of all records: an array of lines holds them one behind the other."""
    options = {"null_handling": "replace", "null_replacement": ""}
    records = pc.binary_join_element_wise(*cells, ",", **options)
    lines = pc.binary_join_element_wise(records, "", "\n")
    return memoryview(lines.buffers()[2])
