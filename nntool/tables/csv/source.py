"""Where the bytes of a CSV come from: a file, a packed file, a pipe."""

import bz2
import errno
import gzip
import io
import lzma
import os
import select
import shlex
import stat
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

from nntool.errors import DataError

HEAD_BYTES = 1 << 18
READ_BYTES = 1 << 20
PATIENCE = 0.02
"""Seconds to wait for more of a pipe that has given something: then it is worked on."""
PATIENCE_AT_FIRST = 1.0
"""The same for its head, by which it is seen how the input is written, from its first line on."""


def _open_zst(path: str, mode: str) -> BinaryIO:
    import pyarrow as pa

    raw = Path(path).open(mode)  # noqa: SIM115  the stream that reads it closes it
    return cast(BinaryIO, pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd"))


PACKED: dict[str, Callable[[str, str], Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": _open_zst,
}

MAGIC = {
    ".gz": b"\x1f\x8b",
    ".bz2": b"BZh",
    ".xz": b"\xfd7zXZ\0",
    ".zst": b"\x28\xb5\x2f\xfd",
}
"""How packed files begin, by the suffixes of ``PACKED``."""


def open_source(path: str) -> BinaryIO:
    """Open a file for reading bytes, unpacked where its name ends in one of ``PACKED``.

    Raises ``DataError`` where it is not there, is a folder, or may not be read.
    """
    try:
        if not path:
            raise DataError("the name of the file is empty", "name a file")
        unpack = PACKED.get(Path(path).suffix.lower())
        if unpack is not None:
            _refuse_unpacked(path)
            return cast(BinaryIO, unpack(path, "rb"))
        return Path(path).open("rb", buffering=READ_BYTES)
    except FileNotFoundError:
        raise DataError(f"{path} is not there", "check the path") from None
    except IsADirectoryError:
        raise DataError(f"{path} is a folder, not a file", "name the file in it") from None
    except PermissionError:
        raise DataError(f"{path} may not be read", f"ls -l {path}") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be opened: {error}", f"ls -l {path}") from None


def _refuse_unpacked(path: str) -> None:
    """Raise for a file that is not packed as its name says."""
    if not Path(path).is_file():
        return
    magic = MAGIC[Path(path).suffix.lower()]
    with open(path, "rb") as file:
        head = file.read(len(magic))
    if head and head != magic:
        suffix = Path(path).suffix
        raise DataError(
            f"{path} is not packed, or not as {suffix} says: it begins with {head.hex(' ')}",
            f"if it is text: mv {shlex.quote(path)} {shlex.quote(path.removesuffix(suffix))}",
        )


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


def read_bytes(
    stream: BinaryIO | io.BufferedIOBase, size: int, name: str, *, at_once: bool = False
) -> bytes:
    """Read; a broken or unreadable file is a ``DataError``. ``at_once``: what is there now."""
    try:
        if at_once and isinstance(stream, io.BufferedIOBase):
            return stream.read1(size)
        return stream.read(size) or b""
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        if isinstance(error, OSError) and error.errno == errno.EBADF:
            raise  # standard input was closed by whoever started us: no fault of the data
        raise DataError(
            f"{name} cannot be read to its end: {error}", "fetch it or write it again"
        ) from None


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
