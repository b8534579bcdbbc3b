"""Cuts a piece of CSV where some records have wrong quotes: text follows a closing one.

What comes of such a record is one of two things. Either it is left out: blank lines stand in its
place, up to the end of the line on which text follows. Or its row is kept, as a bad one: a mark
stands in its place, and it ends with the line on which that quote opened, so that it swallows none
of the lines after it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from nntool.tables.csv.records import (
    Positions,
    QuoteError,
    Signs,
    count_lines,
    line_ends,
    record_ends,
    record_start,
)

MARK = b"\0\x1a\0"
"""What stands in place of a record whose quotes are wrong; no text has it."""
WINDOW = 1 << 9
"""Bytes looked at behind a bad record: the next one may be as bad."""

Say = Callable[[bytes, int, QuoteError, int], None]
"""Is told of a bad record: the piece in which it stands, its offset there, the error, and how many
lines come before the piece, or with ``cut_marking`` before the record."""


class Cut(NamedTuple):
    """Whole records; ``rest`` is the unfinished end of what was given.

    ``ends`` are the offsets of the last byte of each record, None where each line is a record and
    nobody needs to know where it ends. ``n_blanked`` of the records are lines that were made blank.
    """

    data: bytes
    ends: Positions | None
    rest: bytes
    n_blanked: int = 0


def cut_blanking(buffer: bytes, signs: Signs, say: Say, *, at_end: bool) -> Cut:
    r"""Cut at record ends; ``say`` is told of each bad record, which becomes blank lines.

    >>> cut_blanking(b'1,2\n"a"b,3\n4,', Signs(b","), lambda *_: None, at_end=False)[0]
    b'1,2\n\n'
    """
    made = _Made()
    while True:
        try:
            ends = record_ends(buffer, signs, is_whole=False)
        except QuoteError as error:
            start, stop = record_start(buffer, error), line_after(buffer, error.closed)
            is_here = stop is not None or at_end
            if is_here:
                say(buffer, start, error, made.n_lines)
            made.add(buffer[:start], record_ends(buffer[:start], signs))
            if not is_here:
                return made.cut(buffer[start:])
            record = buffer[start:stop]
            made.add_blank(record)
            buffer = buffer[start + len(record) :]
            continue
        whole = int(ends[-1]) + 1 if ends.size else 0
        made.add(buffer[:whole], ends)
        return made.cut(buffer[whole:])


def cut_marking(buffer: bytes, signs: Signs, say: Say, *, at_end: bool) -> Cut:
    r"""Cut at record ends; ``say`` is told of each bad record, in whose place a mark is put.

    >>> cut_marking(b'1,2\n"a"b,3\n4,', Signs(b","), lambda *_: None, at_end=False)[0]
    b'1,2\n\x00\x1a\x00\n'
    """
    made = _Made()
    at = 0
    window = len(buffer)
    while at < len(buffer):
        piece = buffer[at : at + window]
        is_last = at + window >= len(buffer)
        try:
            ends = record_ends(piece, signs, is_whole=False)
        except QuoteError as error:
            start, stop = record_start(piece, error), line_after(piece, error.opened)
            if stop is None and not is_last:
                window *= 2
                continue
            made.add(piece[:start], record_ends(piece[:start], signs))
            at += start
            if stop is None and not at_end:
                break
            say(piece, start, error, made.n_lines)
            record = piece[start:stop]
            made.add_marked(record)
            at += len(record)
            window = WINDOW
            continue
        whole = int(ends[-1]) + 1 if ends.size else 0
        made.add(piece[:whole], ends)
        at += whole
        window *= 2
        if is_last:
            break
    return made.cut(buffer[at:])


class _Made:
    """The records so far."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.ends: list[Positions] = [np.zeros(0, np.int64)]
        self.n_lines = 0
        self.n_blanked = 0
        self._size = 0

    def add(self, data: bytes, ends: Positions) -> None:
        """Take in whole records that end there."""
        self.pieces.append(data)
        self.ends.append(self._size + ends)
        self.n_lines += count_lines(data)
        self._size += len(data)

    def add_blank(self, record: bytes) -> None:
        """Take in blank lines for all lines of a bad record."""
        data = b"\n" * count_lines(record)
        self.n_blanked += len(data)
        self.add(data, line_ends(data, is_whole=True))

    def add_marked(self, record: bytes) -> None:
        """Take in a mark for a bad record, and blank lines for all its lines but one."""
        data = marked_lines(record)
        self.n_blanked += count_lines(data) - 1
        self.add(data, line_ends(data, is_whole=True))

    def cut(self, rest: bytes) -> Cut:
        """All of them, and what is left for later."""
        ends = np.concatenate(self.ends).astype(np.int64)
        return Cut(b"".join(self.pieces), ends, rest, self.n_blanked)


def marked_lines(record: bytes) -> bytes:
    """A mark in place of a bad record, which keeps its number of lines."""
    return MARK + b"\n" * count_lines(record)


def line_after(piece: bytes, at: int) -> int | None:
    """The offset behind the first line end after ``at``."""
    found = line_ends(piece[at:], is_whole=False)
    return at + int(found[0]) + 1 if found.size else None
