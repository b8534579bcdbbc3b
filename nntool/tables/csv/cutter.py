"""Cuts a stream of CSV bytes into blocks of whole records."""

import re
from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np

from nntool.errors import DataError
from nntool.tables.csv.bad_quotes import Cut, cut_blanking, cut_marking, line_after, marked_lines
from nntool.tables.csv.defects import Defects, excerpt
from nntool.tables.csv.records import (
    Positions,
    QuoteError,
    Signs,
    count_line_feeds,
    count_lines,
    line_ends,
    quotes,
    record_ends,
    starts_of,
    without_comments,
)
from nntool.tables.csv.stray import (
    quotes_by_place,
    record_ends_by_place,
    with_doubled_escapes,
    with_doubled_quotes,
)

FIRST_BLOCK = 1 << 16
LONGEST_RECORD = 1 << 28
BOM = b"\xef\xbb\xbf"
BOM_OF_A_LINE = re.compile(rb"(?:\A|(?<=[\r\n]))" + BOM)


class Readable(Protocol):
    """What the cutter needs of a stream."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; empty at the end."""


class Block(NamedTuple):
    """Whole records, each with its line end; ``line`` is that of the first in the file.

    ``n_blanked`` of the records are lines that were made blank: comments, and records whose
    quotes are wrong, but for their marks.
    """

    data: bytes
    line: int
    n_records: int
    n_blanked: int = 0


class Cutter:
    """Iterates over the blocks of a stream; memory is a few blocks.

    ``stray_quotes``: those inside quoted cells come out doubled, as they should have been:
    'keep' all of them, 'backslash' those behind a backslash.
    ``skip_end`` records at the end, empty ones not counted, are held back. A record in which
    text follows a closing quote goes to ``defects``; with ``keep_bad`` a mark takes its place, and
    that of a last line that ends inside quotes. Raises ``DataError``, with the line, for a quote
    that never closes.
    """

    def __init__(
        self,
        stream: Readable,
        signs: Signs,
        name: str,
        defects: Defects,
        *,
        stray_quotes: str = "refuse",
        skip_lines: int = 0,
        skip_end: int = 0,
        block_bytes: int = 4 << 20,
        keep_bad: bool = False,
    ) -> None:
        self.n_comments = 0
        self.n_marks = 0
        self.held_back = b""
        self._stream = stream
        self._signs = signs
        self._name = name
        self._defects = defects
        self._by_place = stray_quotes == "keep" and bool(signs.quote)
        self._has_escapes = stray_quotes == "backslash" and bool(signs.quote)
        self._skip_lines = skip_lines
        self._skip_end = skip_end
        self._block_bytes = block_bytes
        self._keep_bad = keep_bad
        self._line = 1

    def __iter__(self) -> Iterator[Block]:
        carry = b""
        more = self._begin()
        size = min(FIRST_BLOCK, self._block_bytes)
        at_end = False
        n_blanked = 0  # in the carry
        while not at_end:
            at_end = not more
            buffer, n_comments = self._cleared(carry + more, at_end=at_end)
            cut = self._cut(buffer, at_end=at_end)
            n_blanked += n_comments + cut.n_blanked
            carry = cut.rest
            if at_end and carry and self._keep_bad and count_lines(carry) == 1:
                cut, carry = self._with_marked_end(cut), b""
            if carry and (at_end or len(carry) > LONGEST_RECORD):
                raise self._never_closed(cut)
            if cut.ends is None:
                n_records, stop = count_line_feeds(cut.data), len(cut.data)
            else:
                n_records = cut.ends.size - self._held_back(cut.data, cut.ends)
                stop = int(cut.ends[n_records - 1]) + 1 if n_records else 0
            if stop:
                # What was made blank in the held part is counted too early: it is never more
                # than what this block has, and the sum over the file is right.
                block = Block(self._mended(cut.data[:stop]), self._line, n_records, n_blanked)
                n_blanked = 0
                yield block
                self._line += n_records if cut.ends is None else count_lines(block.data)
            self.held_back = cut.data[stop:]
            carry = self.held_back + carry
            # A record longer than a block is read in growing pieces, so that it is scanned
            # a few times and not once for each block.
            more = b"" if at_end else self._stream.read(max(size, len(carry)))
            size = min(2 * size, self._block_bytes)

    def _cleared(self, buffer: bytes, *, at_end: bool) -> tuple[bytes, int]:
        """The bytes without marks of byte order, comments made blank; and how many of these."""
        if BOM[:1] in buffer and BOM in buffer:  # of a file that was joined to another
            buffer, n_marks = BOM_OF_A_LINE.subn(b"", buffer)
            self.n_marks += n_marks
        if at_end and buffer and not buffer.endswith(b"\n"):
            buffer += b"\n"
        n_comments = 0
        if self._signs.comment:
            buffer, n_comments = without_comments(buffer, self._signs, is_whole=at_end)
            self.n_comments += n_comments
        if self._has_escapes:
            buffer = with_doubled_escapes(buffer, self._signs)
        return buffer, n_comments

    def _mended(self, data: bytes) -> bytes:
        """Whole records with their stray quotes doubled, as they should have been."""
        if self._has_escapes:
            data = data.replace(b"\\\\", b"\\")
        return with_doubled_quotes(data, self._signs) if self._by_place else data

    def _begin(self) -> bytes:
        """The first bytes after the byte order mark and the lines to skip."""
        buffer = b""
        while len(buffer) < len(BOM):
            more = self._stream.read(FIRST_BLOCK)
            buffer += more
            if not more:
                break
        while buffer.startswith(BOM):
            buffer = buffer.removeprefix(BOM)
        while self._skip_lines:
            ends = line_ends(buffer, is_whole=False)[: self._skip_lines]
            if ends.size:
                buffer = buffer[int(ends[-1]) + 1 :]
                self._skip_lines -= ends.size
                self._line += ends.size
                continue
            more = self._stream.read(self._block_bytes)
            buffer += more
            if not more:
                break
        if self._skip_lines:
            return b""
        return buffer or self._stream.read(FIRST_BLOCK)

    def _cut(self, buffer: bytes, *, at_end: bool) -> Cut:
        """Cut at record ends; a record whose quotes are wrong becomes blank lines, or a mark."""
        quote = self._signs.quote
        if not self._skip_end and b"\r" not in buffer and not (quote and quote in buffer):
            cut = buffer.rfind(b"\n") + 1
            return Cut(buffer[:cut], None, buffer[cut:])
        if self._by_place:
            found = record_ends_by_place(buffer, self._signs)
            cut = int(found[-1]) + 1 if found.size else 0
            return Cut(buffer[:cut], found, buffer[cut:])
        if self._keep_bad:
            return cut_marking(buffer, self._signs, self._say_marked, at_end=at_end)
        return cut_blanking(buffer, self._signs, self._say_blanked, at_end=at_end)

    def _say_blanked(self, piece: bytes, start: int, error: QuoteError, n_lines: int) -> None:
        line = self._line + n_lines + count_lines(piece[: error.closed])
        opened = self._line + n_lines + count_lines(piece[: error.opened])
        where = f", which opened on line {opened}," if opened != line else ""
        shown = excerpt(piece[error.opened : line_after(piece, error.closed)])
        self._defects.add(line, f"goes on after a closing quote{where}", shown, quotes=True)

    def _say_marked(self, piece: bytes, start: int, error: QuoteError, n_lines: int) -> None:
        line = self._line + n_lines + count_lines(piece[start : error.opened])
        more = count_lines(piece[error.opened : error.closed])
        where = f" that closes on line {line + more}," if more else ","
        reason = f"has a quoted cell{where} behind which text goes on"
        first = piece[error.opened : line_after(piece, error.opened)]
        self._defects.add(line, reason, excerpt(first), quotes=True)

    def _with_marked_end(self, cut: Cut) -> Cut:
        """The last line, which ends inside quotes, as a bad record."""
        line = self._line + count_lines(cut.data)
        self._defects.add(line, "ends inside a quoted cell", excerpt(cut.rest), quotes=True)
        mark = marked_lines(cut.rest)
        ends = record_ends(cut.data, self._signs) if cut.ends is None else cut.ends
        ends = np.append(ends, len(cut.data) + len(mark) - 1)
        return Cut(cut.data + mark, ends, b"", cut.n_blanked)

    def _held_back(self, data: bytes, ends: Positions) -> int:
        """How many records at the end of a cut are kept for later: they may be the last."""
        starts = starts_of(ends)
        nothing = self._signs.delimiter + self._signs.quote + b" \r\n"
        held = n_filled = 0
        while n_filled < self._skip_end and held < ends.size:
            held += 1
            record = data[int(starts[-held]) : int(ends[-held]) + 1]
            n_filled += bool(record.translate(None, nothing))
        return held

    def _never_closed(self, cut: Cut) -> DataError:
        find = quotes_by_place if self._by_place else quotes
        marks = find(cut.rest, self._signs)
        index = marks.size - 1
        while index >= 2 and marks[index - 1] == marks[index] - 1:
            index -= 2
        before = count_lines(cut.data) + count_lines(cut.rest[: int(marks[index])])
        shown = excerpt(cut.rest[int(marks[index]) :])
        return DataError(
            f"{self._name}, line {self._line + before}: a quote opens here and never closes:"
            f" {shown}",
            "close it; --quote none, if quotes are plain characters",
        )
