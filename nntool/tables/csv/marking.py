"""Cuts a piece of CSV where some records have wrong quotes: each of these is marked, in its place.

A record in which text follows a closing quote ends with the line on which that quote opened, so
that it swallows none of the lines after it.
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


class Marked(NamedTuple):
    """Whole records, bad ones marked; ``rest`` is the unfinished end of what was given."""

    data: bytes
    ends: Positions
    rest: bytes
    n_blanked: int


def cut_marking(buffer: bytes, signs: Signs, say: Say, *, at_end: bool) -> Marked:
    r"""Cut at record ends; ``say`` is told of each bad record.

    It gets the piece in which the record stands, its offset there, the error, and how many lines
    come before the record.

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
            start, stop = record_start(piece, error), _line_after(piece, error.opened)
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
    return Marked(b"".join(made.pieces), np.concatenate(made.ends), buffer[at:], made.n_blanked)


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

    def add_marked(self, record: bytes) -> None:
        """Take in a mark for a bad record, and blank lines for all its lines but one."""
        data = marked_lines(record)
        self.n_blanked += count_lines(data) - 1
        self.add(data, line_ends(data, is_whole=True))


def marked_lines(record: bytes) -> bytes:
    """A mark in place of a bad record, which keeps its number of lines."""
    return MARK + b"\n" * count_lines(record)


def _line_after(piece: bytes, at: int) -> int | None:
    """The offset behind the first line end after ``at``."""
    found = line_ends(piece[at:], is_whole=False)
    return at + int(found[0]) + 1 if found.size else None
