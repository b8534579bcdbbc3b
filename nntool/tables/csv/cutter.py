"""Cuts a stream of CSV bytes into blocks of whole records.

A line end ends a record where the number of quotes before it is even. Only quotes that quote
count: one inside a cell that did not begin with a quote is a character like any other.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from nntool.errors import DataError

Positions = NDArray[np.int64]
FIRST_BLOCK = 1 << 16
LONGEST_RECORD = 1 << 28
LF, CR = 10, 13
BOM = b"\xef\xbb\xbf"


class Readable(Protocol):
    """What the cutter needs of a stream."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; empty at the end."""


class Block(NamedTuple):
    """Whole records, each with its line end; ``line`` is that of the first in the file."""

    data: bytes
    line: int
    n_records: int


class QuoteError(Exception):
    """Text follows a closing quote: the offsets of the opening and of the closing one."""

    def __init__(self, opened: int, closed: int) -> None:
        super().__init__(opened, closed)
        self.opened = opened
        self.closed = closed


def line_ends(data: bytes, *, is_whole: bool) -> Positions:
    r"""Offsets of the last byte of each line end (``\n``, ``\r\n`` or ``\r``).

    A ``\r`` at the very end counts only where ``data`` is whole: else a ``\n`` may follow it.
    """
    a = np.frombuffer(data, np.uint8)
    is_end = a == LF
    if b"\r" in data:
        is_end[:-1] |= (a[:-1] == CR) & (a[1:] != LF)
        is_end[-1] |= is_whole and a[-1] == CR
    return np.flatnonzero(is_end)


def count_lines(data: bytes) -> int:
    r"""The number of line ends; a ``\r`` at the very end counts."""
    n = data.count(b"\n")
    return n + data.count(b"\r") - data.count(b"\r\n") if b"\r" in data else n


def quotes(data: bytes, delimiter: int, quote: int) -> Positions:
    """Offsets of the quotes that open and close cells, in turn (doubled ones pair up).

    ``data`` begins where a record begins. Raises ``QuoteError`` for text after a closing quote.
    """
    a = np.frombuffer(data, np.uint8)
    found = np.flatnonzero(a == quote)
    if not found.size:
        return found
    beside = np.zeros(256, bool)
    beside[[delimiter, LF, CR, quote]] = True
    opening, closing = found[0::2], found[1::2]
    before = beside[a[opening - 1]]
    before[0] |= opening[0] == 0
    after = beside[a[np.minimum(closing + 1, a.size - 1)]]
    if before.all() and after.all():
        return found
    return _quotes_in_turn(a, found, delimiter, quote)


def _quotes_in_turn(
    a: NDArray[np.uint8], found: Positions, delimiter: int, quote: int
) -> Positions:
    """The same, one after the other: for blocks with quotes that are plain characters."""
    starts, ends = {delimiter, LF, CR}, {delimiter, LF, CR}
    before = np.where(found > 0, a[found - 1], LF).tolist()
    after = a[np.minimum(found + 1, a.size - 1)].tolist()
    kept: list[int] = []
    opened = -1
    doubled = -1
    for position, left, right in zip(found.tolist(), before, after, strict=True):
        if opened < 0:
            if left in starts:
                opened = position
                kept.append(position)
        elif position == doubled:
            kept.append(position)
        elif right == quote and position + 1 < a.size:
            kept.append(position)
            doubled = position + 1
        elif right in ends or _ends_after_blanks(a, position + 1, ends):
            kept.append(position)
            opened = -1
        else:
            raise QuoteError(opened, position)
    return np.array(kept, np.int64)


def _ends_after_blanks(a: NDArray[np.uint8], at: int, ends: set[int]) -> bool:
    """True where only blanks stand between a closing quote and the end of the cell."""
    while at < a.size and a[at] == ord(" "):
        at += 1
    return at == a.size or int(a[at]) in ends


def record_ends(data: bytes, delimiter: bytes, quote: bytes, *, is_whole: bool = True) -> Positions:
    """Offsets of the last byte of each record; ``is_whole`` as for ``line_ends``."""
    ends = line_ends(data, is_whole=is_whole)
    if not quote or quote not in data:
        return ends
    marks = quotes(data, delimiter[0], quote[0])
    outside: NDArray[np.bool_] = np.searchsorted(marks, ends) % 2 == 0
    return ends[outside]


def cell_counts(data: bytes, delimiter: bytes, quote: bytes) -> NDArray[np.int64]:
    r"""The number of cells in each record; 0 for a blank line.

    >>> cell_counts(b'a,b\n\n"x,y\n",z,\n', b",", b'"').tolist()
    [2, 0, 3]
    """
    a = np.frombuffer(data, np.uint8)
    ends = record_ends(data, delimiter, quote)
    between = np.flatnonzero(a == delimiter[0])
    if quote and quote in data:
        marks = quotes(data, delimiter[0], quote[0])
        between = between[np.searchsorted(marks, between) % 2 == 0]
    counts = np.diff(np.searchsorted(between, ends), prepend=0) + 1
    starts = np.concatenate([[0], ends[:-1] + 1])
    blank = (a[starts] == LF) | (a[starts] == CR)
    return np.where(blank, 0, counts)


class Cutter:
    """Iterates over the blocks of a stream; memory is a few blocks.

    Raises ``DataError``, with the line, for a NUL byte, text after a closing quote and a quote
    that never closes.
    """

    def __init__(
        self,
        stream: Readable,
        *,
        delimiter: str,
        quote: str,
        name: str,
        skip_lines: int = 0,
        block_bytes: int = 4 << 20,
    ) -> None:
        self._stream = stream
        self._delimiter = delimiter.encode()
        self._quote = quote.encode()
        self._name = name
        self._skip_lines = skip_lines
        self._block_bytes = block_bytes
        self._line = 1

    def __iter__(self) -> Iterator[Block]:
        carry = b""
        more = self._begin()
        size = min(FIRST_BLOCK, self._block_bytes)
        at_end = False
        while not at_end:
            self._refuse_nul(carry, more)
            buffer = carry + more
            at_end = not more
            if at_end and buffer and not buffer.endswith(b"\n"):
                buffer += b"\n"
            ends = self._record_ends(buffer)
            cut = int(ends[-1]) + 1 if ends.size else 0
            carry = buffer[cut:]
            if carry and (at_end or len(carry) > LONGEST_RECORD):
                raise self._never_closed(buffer)
            if cut:
                block = Block(buffer[:cut], self._line, ends.size)
                yield block
                self._line += count_lines(block.data)
            # A record longer than a block is read in growing pieces, so that it is scanned
            # a few times and not once for each block.
            more = b"" if at_end else self._stream.read(max(size, len(carry)))
            size = min(2 * size, self._block_bytes)

    def _begin(self) -> bytes:
        """The first bytes after the byte order mark and the lines to skip."""
        buffer = b""
        while len(buffer) < len(BOM):
            more = self._stream.read(FIRST_BLOCK)
            buffer += more
            if not more:
                break
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

    def _record_ends(self, buffer: bytes) -> Positions:
        try:
            return record_ends(buffer, self._delimiter, self._quote, is_whole=False)
        except QuoteError as error:
            line = self._line + count_lines(buffer[: error.closed])
            opened = self._line + count_lines(buffer[: error.opened])
            text = _excerpt(buffer[error.opened : error.closed + 20])
            where = f", and that opened on line {opened}," if opened != line else ""
            raise DataError(
                f"{self._name}, line {line}: a cell goes on after its closing quote{where}: {text}",
                "double the quotes inside the cell; --quote none, if quotes are plain characters",
            ) from None

    def _refuse_nul(self, carry: bytes, more: bytes) -> None:
        at = more.find(b"\0")
        if at >= 0:
            line = self._line + count_lines(carry + more[:at])
            raise DataError(
                f"{self._name}, line {line}: a NUL byte, which no text holds",
                "if the file is UTF-16 without a byte order mark: --encoding utf-16-le (or -be)",
            )

    def _never_closed(self, buffer: bytes) -> DataError:
        marks = quotes(buffer, self._delimiter[0], self._quote[0])
        index = marks.size - 1
        while index >= 2 and marks[index - 1] == marks[index] - 1:
            index -= 2
        line = self._line + count_lines(buffer[: int(marks[index])])
        text = _excerpt(buffer[int(marks[index]) :])
        return DataError(
            f"{self._name}, line {line}: a quote opens here and never closes: {text}",
            "close it; --quote none, if quotes are plain characters",
        )


def _excerpt(data: bytes, most: int = 40) -> str:
    text = data[: 4 * most].decode("utf-8", errors="replace")
    return repr(text[:most]) + ("…" if len(text) > most else "")
