"""Reads a CSV stream as batches of text: every cell as it stands in the file."""

import csv
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from nntool.errors import DataError
from nntool.tables.columns import unique_names
from nntool.tables.csv.cutter import Block, Cutter, Positions, cell_counts, count_lines, record_ends
from nntool.tables.csv.dialect import Dialect
from nntool.tables.csv.source import Utf8Bytes

BAD_RECORDS_SHOWN = 5


class CsvReader:
    r"""Iterates over the rows of a CSV stream as record batches of ``pa.string()`` columns.

    An empty cell is ``""``; nothing is null. ``names`` are known at once, ``notes`` are complete
    after the last batch, ``n_rows`` counts the rows so far. Raises ``DataError`` for an empty
    file, bytes that are not of the encoding, records with too few or too many cells, and quotes
    that do not pair up: always with the line. Reads forward only.

    >>> import io
    >>> reader = CsvReader(io.BytesIO(b"a,b\n1,\n"), Dialect(), "x.csv")
    >>> reader.names, [batch.to_pylist() for batch in reader]
    (['a', 'b'], [[{'a': '1', 'b': ''}]])
    """

    def __init__(
        self, stream: BinaryIO, dialect: Dialect, name: str, block_bytes: int = 4 << 20
    ) -> None:
        self.n_rows = 0
        self.notes: list[str] = []
        self._name = name
        self._delimiter = dialect.delimiter.encode()
        self._quote = dialect.quote.encode()
        self._n_blank = 0
        self._first_blank = 0
        cutter = Cutter(
            Utf8Bytes(stream, dialect.encoding, name),
            delimiter=dialect.delimiter,
            quote=dialect.quote,
            name=name,
            skip_lines=dialect.skip_rows,
            block_bytes=block_bytes,
        )
        blocks = iter(cutter)
        header, first = self._split_header(blocks, dialect)
        self._blocks = chain([first], blocks)
        self.names, notes = unique_names(header)
        self.notes += [f"{name}: {note}" for note in notes]
        if not dialect.header:
            self.notes = [f"{name}: no header: the columns are column_1 to column_{len(header)}"]
        self.schema = pa.schema([(column, pa.string()) for column in self.names])
        self._options = {
            "parse_options": arrow_csv.ParseOptions(
                delimiter=dialect.delimiter,
                quote_char=dialect.quote or False,
                newlines_in_values=bool(dialect.quote),
                ignore_empty_lines=len(self.names) > 1,
            ),
            "convert_options": arrow_csv.ConvertOptions(
                column_types=self.schema, strings_can_be_null=False
            ),
        }

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for block in self._blocks:
            batch = self._parse(block)
            if batch is not None and batch.num_rows:
                self.n_rows += batch.num_rows
                yield batch
        if self._n_blank:
            blank = (
                "1 blank line was" if self._n_blank == 1 else f"{self._n_blank} blank lines were"
            )
            self.notes.append(
                f"{self._name}: {blank} passed over (the first is line {self._first_blank})"
            )
            self._n_blank = 0

    def _split_header(self, blocks: Iterator[Block], dialect: Dialect) -> tuple[list[str], Block]:
        """The names in the first record that is not blank, and the block that follows it."""
        for block in blocks:
            ends = record_ends(block.data, self._delimiter, self._quote)
            starts = np.concatenate([[0], ends[:-1] + 1])
            blank = np.isin(np.frombuffer(block.data, np.uint8)[starts], (10, 13))
            n_blank = int(np.argmin(blank)) if not blank.all() else blank.size
            if n_blank:
                self._first_blank = self._first_blank or block.line
                self._n_blank += n_blank
            if n_blank == blank.size:
                continue
            start, stop = int(starts[n_blank]), int(ends[n_blank]) + 1
            line = block.line + n_blank
            cells = self._cells(block.data[start:stop], line, dialect)
            if not dialect.header:
                rest = Block(block.data[start:], line, block.n_records - n_blank)
                return [""] * len(cells), rest
            below = line + count_lines(block.data[start:stop])
            return cells, Block(block.data[stop:], below, block.n_records - n_blank - 1)
        if dialect.skip_rows:
            raise DataError(
                f"{self._name} has nothing after the {dialect.skip_rows:,} lines that --skip-rows"
                " passes over",
                "give a smaller --skip-rows",
            )
        raise DataError(f"{self._name} is empty", "give a file with a header and rows")

    def _cells(self, record: bytes, line: int, dialect: Dialect) -> list[str]:
        """The cells of one record."""
        try:
            text = record.decode("utf-8").rstrip("\r\n")
            if not dialect.quote:
                return text.split(dialect.delimiter)
            rows = csv.reader([text], delimiter=dialect.delimiter, quotechar=dialect.quote)
            return next(rows)
        except UnicodeDecodeError:
            raise self._not_utf8(Block(record, line, 1)) from None
        except csv.Error as error:
            raise DataError(f"{self._name}, line {line}: the header cannot be read: {error}") from (
                error
            )

    def _parse(self, block: Block) -> pa.RecordBatch | None:
        """The rows of a block. pyarrow passes over blank lines; their number is what it lacks."""
        batch = None
        n_rows = 0
        if len(self.names) == 1 or block.data.strip(b"\r\n"):
            batch = self._read(block)
            n_rows = 0 if batch is None else batch.num_rows
        n_blank = block.n_records - n_rows
        if n_blank and not self._first_blank:
            counts = cell_counts(block.data, self._delimiter, self._quote)
            self._first_blank = self._lines(block, np.flatnonzero(counts == 0)[:1])[0]
        self._n_blank += n_blank
        return batch

    def _read(self, block: Block) -> pa.RecordBatch | None:
        if not block.data:
            return None
        try:
            table = arrow_csv.read_csv(
                pa.BufferReader(block.data),
                read_options=arrow_csv.ReadOptions(
                    column_names=self.names, block_size=len(block.data) + 1
                ),
                **self._options,
            )
        except pa.ArrowInvalid as error:
            raise self._diagnosis(block, error) from None
        return table.combine_chunks().to_batches()[0]

    def _diagnosis(self, block: Block, error: pa.ArrowInvalid) -> DataError:
        """Why pyarrow refused a block, with lines; the rest of the file is only counted."""
        try:
            block.data.decode("utf-8")
        except UnicodeDecodeError:
            return self._not_utf8(block)
        expected = len(self.names)
        shown, total = self._bad_records(block)
        if not total:
            return DataError(f"{self._name}, from line {block.line}: {error}")
        count = str(total)
        try:
            for later in self._blocks:
                more, n_bad = self._bad_records(later)
                shown += more
                total += n_bad
            count = str(total)
        except DataError:
            count = f"at least {total}"
        cells = "1 cell" if expected == 1 else f"{expected} cells"
        records = "1 record does" if count == "1" else f"{count} records do"
        return DataError(
            f"{self._name}: {records} not have {cells} as the first record has: "
            + "; ".join(shown[:BAD_RECORDS_SHOWN])
            + ("; …" if total > BAD_RECORDS_SHOWN else ""),
            "mend these lines, or name what separates cells with --delimiter",
        )

    def _bad_records(self, block: Block) -> tuple[list[str], int]:
        """The first records with another number of cells, described, and how many there are."""
        if not block.data:
            return [], 0
        counts = cell_counts(block.data, self._delimiter, self._quote)
        blank = (counts == 0) & (len(self.names) > 1)
        bad = np.flatnonzero((np.maximum(counts, 1) != len(self.names)) & ~blank)
        ends = record_ends(block.data, self._delimiter, self._quote)
        first = bad[:BAD_RECORDS_SHOWN]
        described = []
        for index, line in zip(first, self._lines(block, first), strict=True):
            start = int(ends[index - 1]) + 1 if index else 0
            raw = block.data[start : int(ends[index]) + 1].rstrip(b"\r\n")
            text = raw[:160].decode("utf-8", errors="replace")
            excerpt = repr(text[:40]) + ("…" if len(text) > 40 else "")
            described.append(f"line {line} has {counts[index]} ({excerpt})")
        return described, int(bad.size)

    def _lines(self, block: Block, records: Positions) -> list[int]:
        """The line of the file on which each of some records begins."""
        ends = record_ends(block.data, self._delimiter, self._quote)
        starts = [int(ends[index - 1]) + 1 if index else 0 for index in records]
        return [block.line + count_lines(block.data[:start]) for start in starts]

    def _not_utf8(self, block: Block) -> DataError:
        try:
            block.data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = block.line + count_lines(block.data[: error.start])
            byte = block.data[error.start]
            near = block.data[max(0, error.start - 12) : error.start + 8]
            return DataError(
                f"{self._name}, line {line}: the byte 0x{byte:02X} is not UTF-8, near"
                f" {near.decode('latin-1')!r} (shown as latin-1)",
                "name the encoding that the file was written in: --encoding latin-1 or"
                " --encoding cp1252",
            )
        return DataError(f"{self._name}, line {block.line}: not UTF-8")
