"""Streams that cannot go back, as pipes: looked into, then read from the start as bytes arrive."""

import io
import os
import select
import stat
import time
from typing import Any, BinaryIO, cast

from nntool.tables.csv.source import HEAD_BYTES, read_bytes

PATIENCE = 0.02
"""Seconds to wait for more of a pipe that has given something: then it is worked on."""
PATIENCE_AT_FIRST = 1.0
"""The same for its head, by which it is seen how the input is written, from its first line on."""


def peek(
    stream: BinaryIO, name: str = "the input", *, keep_open: bool = False, patient: bool = True
) -> tuple[bytes, BinaryIO]:
    """The first ``HEAD_BYTES`` of a stream, and a stream that still begins with them.

    A pipe cannot go back, and what comes slowly is read as it comes; where that is not ``patient``
    its head is what it gives before it pauses, and of rows that come one by one those of a second.
    ``keep_open``: it stays open when the new one is closed.
    """
    rest: Any = arriving(stream)
    head = b""
    until: float | None = None
    while len(head) < HEAD_BYTES:
        more = read_bytes(rest, HEAD_BYTES - len(head), name)
        if not more:
            break
        head += more
        if patient or b"\n" not in head or not isinstance(rest, Arriving):
            continue
        until = until or time.monotonic() + PATIENCE_AT_FIRST
        if not rest.has_more(max(0.0, until - time.monotonic())):
            break
    return head, cast(BinaryIO, _Replayed(head, rest, keep_open, name))


class Arriving:
    """A pipe of which a read gives what has come, and waits only where nothing has.

    It reads the descriptor itself: a thread that waits for a pipe must not hold the lock of
    ``sys.stdin``, which Python takes at its end.
    """

    def __init__(self, stream: BinaryIO, descriptor: int) -> None:
        self._stream = stream
        self._descriptor = descriptor

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes, fewer where more are slow to come; empty at the end."""
        pieces = [os.read(self._descriptor, size)]
        n_bytes = len(pieces[0])
        while pieces[-1] and n_bytes < size and self.has_more(PATIENCE):
            pieces.append(os.read(self._descriptor, size - n_bytes))
            n_bytes += len(pieces[-1])
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def has_more(self, seconds: float = 0) -> bool:
        """Whether a read would give something at once, or in so many seconds; the end counts."""
        return bool(select.select([self._descriptor], [], [], seconds)[0])

    def close(self) -> None:
        """Close the stream whose descriptor it is."""
        self._stream.close()


def arriving(stream: BinaryIO) -> BinaryIO | Arriving:
    """The stream itself, or a view of it where it is a pipe, a terminal or the like."""
    raw = getattr(stream, "raw", None)
    if not isinstance(raw, io.FileIO) or os.name == "nt":  # select takes sockets only there
        return stream
    if stat.S_ISREG(os.fstat(raw.fileno()).st_mode):
        return stream
    return Arriving(stream, raw.fileno())


def has_more(stream: BinaryIO) -> bool:
    """Whether the next read need not wait, as far as that can be told."""
    return stream.has_more() if isinstance(stream, _Replayed) else True


class _Replayed(io.RawIOBase):
    """Bytes that were read before, then the rest of the stream."""

    def __init__(self, head: bytes, rest: BinaryIO | Arriving, keep_open: bool, name: str) -> None:
        self._name = name
        self._head = memoryview(head)
        self._rest = rest
        self._keep_open = keep_open

    def readable(self) -> bool:
        return True

    def has_more(self) -> bool:
        return bool(self._head) or not isinstance(self._rest, Arriving) or self._rest.has_more()

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            return self.readall()
        if self._head:
            head = bytes(self._head[:size])
            self._head = self._head[len(head) :]
            return head
        return read_bytes(cast(BinaryIO, self._rest), size, self._name)

    def readinto(self, buffer: object) -> int:
        room = memoryview(cast(bytearray, buffer))
        data = self.read(len(room))
        room[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed and not self._keep_open:
            self._rest.close()
        super().close()
