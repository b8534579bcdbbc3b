"""Reads a CSV stream as batches of text: every cell as it stands in the file."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nntool.errors import DataError
from nntool.settings.wording import counted
from nntool.tables import bad_rows
from nntool.tables.columns import unique_names
from nntool.tables.csv.arriving import has_more
from nntool.tables.csv.cutter import Block, Cutter
from nntool.tables.csv.defects import Defects, excerpt
from nntool.tables.csv.dialect import Dialect
from nntool.tables.csv.header import names_notes, split_header
from nntool.tables.csv.parsing import Parser
from nntool.tables.csv.passed import Passed
from nntool.tables.csv.records import Positions, cell_counts
from nntool.tables.csv.repair import find_defects, lines_of, rows_of, without
from nntool.tables.csv.utf8 import Utf8Bytes, WithoutPadding


class CsvReader:
    r"""Iterates over the rows of a CSV stream as record batches of ``pa.string()`` columns.

    An empty cell is ``""``; nothing is null. ``names`` are known at once, ``notes`` and
    ``left_out`` are complete after the last batch, ``n_rows`` counts the rows so far. Rows in
    which all cells are empty are left out unless ``keep_empty``; ``ahead`` blocks are parsed in
    threads while the one before is worked on; without ``show_cells`` no note or list has text of
    a record in it. Raises ``DataError`` for an empty file, for more than ``max_bad_rows`` records
    that are not as the others (cells, bytes, quotes), and for a quote that never closes: always
    with the line. With ``keep_bad`` such a record is a row all of whose cells are null, and each
    batch says in the column ``bad_rows.MARK`` which rows these are. Reads forward only, and
    closes the stream at its end.

    >>> import io
    >>> reader = CsvReader(io.BytesIO(b"a,b\n1,\n"), Dialect(), "x.csv")
    >>> reader.names, [batch.to_pylist() for batch in reader]
    (['a', 'b'], [[{'a': '1', 'b': ''}]])
    """

    def __init__(
        self,
        stream: BinaryIO,
        dialect: Dialect,
        name: str,
        block_bytes: int = 4 << 20,
        *,
        max_bad_rows: int = 0,
        keep_empty: bool = False,
        ahead: int = 0,
        show_cells: bool = True,
        keep_bad: bool = False,
    ) -> None:
        self.n_rows = 0
        self._stream = stream
        self._name = name
        self._signs = dialect.signs
        self._keep_empty = keep_empty
        self._skip_end = dialect.skip_end
        self._show_cells = show_cells
        self._keep_bad = keep_bad
        self._encoding = dialect.encoding
        self._ahead = int(ahead)
        self._waiting: deque[tuple[Block, Future[pa.RecordBatch | pa.ArrowInvalid | None]]] = (
            deque()
        )
        self._blank = Passed(name, "blank line", "passed over")
        self._empty = Passed(name, "row without any value", "left out", "rows without any value")
        self._again = Passed(name, "repeated header", "left out")
        self._defects = Defects(name, max_bad_rows, show=show_cells, keep=keep_bad)
        self._input = WithoutPadding(Utf8Bytes(stream, dialect.encoding, name, keep_bad=keep_bad))
        self._cutter = Cutter(
            self._input,
            self._signs,
            name,
            self._defects,
            stray_quotes=dialect.stray_quotes,
            skip_lines=dialect.skip_rows,
            skip_end=dialect.skip_end,
            block_bytes=block_bytes,
            keep_bad=keep_bad,
        )
        blocks = iter(self._cutter)
        header, first = split_header(
            blocks, dialect, name, show_cells=show_cells, keep_bad=keep_bad
        )
        self._blank.add(header.n_blank, header.first_blank)
        self._blocks = chain([first], blocks)
        is_named = dialect.header and len(header.cells) > 1
        self._header = [cell.strip() for cell in header.cells] if is_named else []
        self.given_names = header.cells
        self.names, notes = unique_names(header.cells)
        self.notes = [f"{name}: {note}" for note in names_notes(header, dialect, notes)]
        self.schema = pa.schema([(column, pa.string()) for column in self.names])
        self._parse = Parser(self.names, dialect)

    def narrow(self, columns: Sequence[str], numbers: Sequence[str] = (), ahead: int = 0) -> None:
        """Give only these columns, of rows that are all kept: for a model, which reads no others.

        Those of ``numbers`` are float64, null for an empty cell, in each batch where all their
        cells are plain finite numbers, else text. A batch with a row that has no value in any of
        the columns has all of the file's, as text.
        """
        self._parse.narrow(columns, numbers)
        self._ahead = ahead

    @property
    def left_out(self) -> list[dict[str, Any]]:
        """The defective records, left out or kept as bad rows: line, reason, how they begin."""
        return sorted(self._defects.listed, key=lambda record: int(record["line"]))

    def close(self) -> None:
        """Let go of the stream."""
        self._stream.close()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        with self._stream:
            yield from self._batches()

    def _batches(self) -> Iterator[pa.RecordBatch]:
        for block, parsed in self._parsed():
            batch = self._settled(block, parsed)
            if batch is not None and batch.num_rows:
                self.n_rows += batch.num_rows
                yield batch
        self._defects.refuse(len(self.names))
        if self._skip_end:
            self.notes.append(f"{self._name}: {self._end_words()}")
        passed = [one.note() for one in (self._blank, self._empty, self._again, self._defects)]
        passed += self._unwritten()
        comments = Passed(self._name, "comment line", "passed over (--comment)")
        comments.add(self._cutter.n_comments)
        passed.append(comments.note())
        self.notes += [note for note in passed if note]

    def _unwritten(self) -> list[str]:
        """Signs that nobody wrote: what programs leave where files end, or are joined."""
        notes = []
        if self._input.n_bytes:
            what = counted(self._input.n_bytes, "byte")
            notes.append(f"{what} of padding behind the last record passed over (0x1A or NUL)")
        if self._cutter.n_marks:
            what = counted(self._cutter.n_marks, "byte order mark")
            notes.append(f"{what} inside the file passed over: it is of several files, joined")
        return [f"{self._name}: {note}" for note in notes]

    def _end_words(self) -> str:
        """What was passed over below the table."""
        n_records = counted(self._skip_end, "record")
        first = self._cutter.held_back.strip(b"\r\n").splitlines(keepends=True)[:1]
        shown = f", {excerpt(b''.join(first))} first" if self._show_cells else ""
        return f"{n_records} below the table passed over{shown} (--skip-end 0 to keep)"

    def _parsed(self) -> Iterator[tuple[Block, pa.RecordBatch | pa.ArrowInvalid | None]]:
        """Each block with its rows; the next ones are parsed in the meantime.

        What has come is not held back where the next block has not come yet.
        """
        if not self._ahead:
            for block in self._blocks:
                yield block, self._parse(block.data)
            return
        waiting = self._waiting
        with ThreadPoolExecutor(self._ahead) as pool:
            for block in self._blocks:
                waiting.append((block, pool.submit(self._parse, block.data)))
                while len(waiting) > self._ahead or (waiting and not has_more(self._stream)):
                    before, parsed = waiting.popleft()
                    yield before, parsed.result()
            while waiting:
                before, parsed = waiting.popleft()
                yield before, parsed.result()

    def _settled(
        self, block: Block, parsed: pa.RecordBatch | pa.ArrowInvalid | None
    ) -> pa.RecordBatch | None:
        """The rows of a block without what is left out, which is counted."""
        n_bad = 0
        bad: Positions = np.zeros(0, np.int64)
        if isinstance(parsed, pa.ArrowInvalid):
            bad = self._defects_of(block)
            n_bad = bad.size
            if not n_bad:
                raise self._refused(block, parsed)
            if not self._defects.too_many:
                parsed = self._parse(without(block.data, bad, self._signs))
                if isinstance(parsed, pa.ArrowInvalid):
                    raise self._refused(block, parsed)
        if self._defects.too_many:
            self._count_the_rest(last_is_bad=self._ends_badly(block, bad))
        n_rows = 0 if parsed is None else parsed.num_rows
        n_blank = block.n_records - n_rows - n_bad - block.n_blanked
        line = 0
        if n_blank > 0 and not self._blank.count and not block.n_blanked:
            counts = cell_counts(block.data, self._signs)
            line = lines_of(block, np.flatnonzero(counts == 0)[:1], self._signs)[0]
        self._blank.add(n_blank, line)
        if self._keep_bad:
            return self._with_bad(block, parsed, bad)
        return parsed if parsed is None or self._keep_empty else self._filled(block, parsed, bad)

    def _defects_of(self, block: Block) -> Positions:
        return find_defects(block, self._signs, len(self.names), self._defects, self._encoding)

    def _with_bad(
        self, block: Block, parsed: pa.RecordBatch | None, bad: Positions
    ) -> pa.RecordBatch | None:
        """The rows of a block, bad ones in their places."""
        if not bad.size:
            return None if parsed is None else bad_rows.marked(parsed)
        good = pa.RecordBatch.from_pylist([], schema=self.schema) if parsed is None else parsed
        is_bad = np.isin(rows_of(block, self._signs, len(self.names)), bad)
        if np.count_nonzero(~is_bad) != good.num_rows:
            raise self._refused(block, "its rows cannot be told apart")
        return bad_rows.marked(bad_rows.with_gaps(good, is_bad), is_bad)

    def _refused(self, block: Block, reason: object) -> DataError:
        """What to say of a block in which nothing is found that pyarrow could mind."""
        return DataError(
            f"{self._name}, from line {block.line}: {reason}",
            "mend these lines; or --quote none, if quotes are plain characters",
        )

    def _filled(self, block: Block, batch: pa.RecordBatch, bad: Any) -> pa.RecordBatch:
        """The rows that have a value, and are not the header once more."""
        keep = np.ones(batch.num_rows, bool)
        for passed, cells in ((self._empty, [""] * batch.num_columns), (self._again, self._header)):
            at = _rows_of(batch, cells)
            if not at.size:
                continue
            keep[at] = False
            line = 0
            if not passed.count:
                counts = cell_counts(block.data, self._signs)
                is_row = (
                    counts > 0 if self._parse.passes_blank_lines else np.ones(counts.size, bool)
                )
                is_row[bad] = False
                line = lines_of(block, np.flatnonzero(is_row)[at[:1]], self._signs)[0]
            passed.add(at.size, line)
        return batch if keep.all() else batch.filter(pa.array(keep))

    def _ends_badly(self, block: Block, bad: Any) -> bool:
        """True where all records from the first defective one on are defective."""
        counts = cell_counts(block.data, self._signs)
        return bool(bad.size) and not np.any(
            np.delete(counts, bad)[int(bad[0]) :] > 0  # records behind the first defective one
        )

    def _count_the_rest(self, *, last_is_bad: bool) -> None:
        """Read on to count the defects, and refuse the file."""
        n_cells = len(self.names)
        try:
            for block in chain([block for block, _ in self._waiting], self._blocks):
                bad = self._defects_of(block)
                last_is_bad &= bool(bad.size) and self._ends_badly(block, bad) and bad[0] == 0
        except DataError:
            self._defects.refuse(n_cells, is_whole=False)
        self._defects.refuse(n_cells, at_end=last_is_bad)


def _rows_of(batch: pa.RecordBatch, cells: Sequence[str]) -> NDArray[np.int64]:
    """The rows with these cells, blanks around them apart; none where none are given."""
    at = np.arange(batch.num_rows if cells else 0)
    for column, cell in zip(batch.columns, cells, strict=False):
        some = column if at.size == batch.num_rows else column.take(pa.array(at))
        at = at[pc.equal(pc.ascii_trim_whitespace(some), cell).to_numpy(zero_copy_only=False)]
        if not at.size:
            break
    return at
