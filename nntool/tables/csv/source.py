"""Where the bytes of a CSV come from: a file, a packed file, a pipe; as UTF-8."""

import bz2
import codecs
import gzip
import io
import lzma
import os
import select
import stat
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

from nntool.errors import DataError
from nntool.tables.csv.dialect import is_utf8

HEAD_BYTES = 1 << 18
READ_BYTES = 1 << 20
MOST_PADDING = 1 << 20
PATIENCE = 0.02
"""Seconds to wait for more of a pipe that has given something: then it is worked on."""
PATIENCE_AT_FIRST = 1.0
"""The same for its head, by which it is seen how the input is written."""


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


def open_source(path: str) -> BinaryIO:
    """Open a file for reading bytes, unpacked where its name ends in one of ``PACKED``.

    Raises ``DataError`` where it is not there, is a folder, or may not be read.
    """
    try:
        if not path:
            raise DataError("the name of the file is empty", "name a file")
        unpack = PACKED.get(Path(path).suffix.lower())
        if unpack is not None:
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


def peek(stream: BinaryIO, *, keep_open: bool = False) -> tuple[bytes, BinaryIO]:
    """The first ``HEAD_BYTES`` of a stream, and a stream that still begins with them.

    For a pipe, which cannot go back; ``keep_open``: it stays open when the new one is closed, and
    what comes slowly is read as it comes.
    """
    rest: Any = arriving(stream) if keep_open else stream
    head = b""
    while len(head) < HEAD_BYTES:
        more = read_bytes(rest, HEAD_BYTES - len(head), "the input")
        if not more:
            break
        head += more
        if b"\n" in head and isinstance(rest, Arriving) and not rest.has_more(PATIENCE_AT_FIRST):
            break
    if isinstance(rest, Arriving):
        return head, cast(BinaryIO, _Replayed(head, rest, keep_open))
    return head, cast(BinaryIO, io.BufferedReader(_Replayed(head, rest, keep_open)))


def read_bytes(
    stream: BinaryIO | io.BufferedIOBase, size: int, name: str, *, at_once: bool = False
) -> bytes:
    """Read; a broken or unreadable file is a ``DataError``. ``at_once``: what is there now."""
    try:
        if at_once and isinstance(stream, io.BufferedIOBase):
            return stream.read1(size)
        return stream.read(size) or b""
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise DataError(
            f"{name} cannot be read to its end: {error}", "fetch it or write it again"
        ) from None


class Arriving:
    """A pipe of which a read gives what has come, and waits only where nothing has.

    It reads the descriptor itself: a thread that waits for a pipe must not hold the lock of
    ``sys.stdin``, which Python takes at its end.
    """

    def __init__(self, descriptor: int) -> None:
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


def arriving(stream: BinaryIO) -> BinaryIO | Arriving:
    """The stream itself, or its descriptor where that is a pipe, a terminal or the like."""
    raw = getattr(stream, "raw", None)
    if not isinstance(raw, io.FileIO) or os.name == "nt":  # select takes sockets only there
        return stream
    if stat.S_ISREG(os.fstat(raw.fileno()).st_mode):
        return stream
    return Arriving(raw.fileno())


def has_more(stream: BinaryIO) -> bool:
    """Whether the next read need not wait, as far as that can be told."""
    return stream.has_more() if isinstance(stream, _Replayed) else True


class _Replayed(io.RawIOBase):
    """Bytes that were read before, then the rest of the stream."""

    def __init__(self, head: bytes, rest: BinaryIO | Arriving, keep_open: bool) -> None:
        self._head = memoryview(head)
        self._rest = rest
        self._keep_open = keep_open

    def readable(self) -> bool:
        return True

    def has_more(self) -> bool:
        return bool(self._head) or not isinstance(self._rest, Arriving) or self._rest.has_more()

    def read(self, size: int = -1) -> bytes:
        if self._head:
            head = bytes(self._head[:size])
            self._head = self._head[len(head) :]
            return head
        return read_bytes(cast(BinaryIO, self._rest), size, "the input")

    def readinto(self, buffer: object) -> int:
        room = memoryview(cast(bytearray, buffer))
        data = self.read(len(room))
        room[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed and not self._keep_open:
            cast(BinaryIO, self._rest).close()
        super().close()


def _escape(error: UnicodeError) -> tuple[str, int]:
    """Each byte that cannot be decoded as half of a surrogate pair, which is no UTF-8 either."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(ESCAPED + byte) for byte in error.object[error.start : error.end]), error.end


ESCAPED = 0xDC00
codecs.register_error("nntool.escape", _escape)


def escaped_byte(data: bytes) -> int | None:
    r"""The byte of the source that stands escaped at the start of what is no UTF-8.

    >>> escaped_byte(b"\xed\xb2\x81")
    129
    """
    try:
        found = ord(data[:3].decode("utf-8", errors="surrogatepass")[:1] or "\0") - ESCAPED
    except UnicodeDecodeError:
        return None
    return found if 0 <= found < 256 else None


class Utf8Bytes:
    """A stream in any encoding, read as UTF-8; block by block, so of any length.

    With ``keep_bad`` bytes that are not of the encoding become bytes that are not UTF-8, so that
    their record is found; else the first of them is a ``DataError``.
    """

    def __init__(
        self, stream: BinaryIO, encoding: str, name: str, *, keep_bad: bool = False
    ) -> None:
        self._stream = stream
        self._encoding = encoding
        self._name = name
        self._line = 1
        self._is_begun = False
        self._decoder = (
            None
            if is_utf8(encoding)
            else codecs.getincrementaldecoder(encoding)("nntool.escape" if keep_bad else "strict")
        )

    def read(self, size: int) -> bytes:
        """About ``size`` bytes of UTF-8; empty at the end. Raises ``DataError`` with the line."""
        if self._decoder is None:
            return self._raw(size)
        while True:
            raw = self._raw(size)
            try:
                text = self._decoder.decode(raw, final=not raw)
                data = text.encode("utf-8", errors="surrogatepass")
            except UnicodeDecodeError as error:
                raise self._undecodable(error) from None
            except UnicodeError as error:
                raise DataError(
                    f"{self._name} is not {self._encoding}: {error}", "try another --encoding"
                ) from None
            self._line += text.count("\n") or text.count("\r")
            if data or not raw:
                return data

    def _raw(self, size: int) -> bytes:
        """Bytes as they come; the first piece as soon as a pipe has any."""
        if self._is_begun or not isinstance(self._stream, io.BufferedIOBase):
            return read_bytes(self._stream, size, self._name)
        self._is_begun = True
        return read_bytes(self._stream, size, self._name, at_once=True)

    def _undecodable(self, error: UnicodeDecodeError) -> DataError:
        before = error.object[: error.start].decode(self._encoding, errors="replace")
        line = self._line + (before.count("\n") or before.count("\r"))
        bad = error.object[error.start : error.start + 4].hex(" ")
        return DataError(
            f"{self._name}, line {line}: the bytes {bad} are not {self._encoding}: {error.reason}",
            "name the encoding that the file was written in: --encoding utf-8 (or another)",
        )


class WithoutPadding:
    """A stream of UTF-8 without what old programs put behind the last record: 0x1A and NULs.

    NULs are padding behind a line end alone; elsewhere they are a defect of their record.
    """

    def __init__(self, stream: Utf8Bytes) -> None:
        self._stream = stream
        self._held = b""
        self._last = b"\n"
        self.n_bytes = 0
        """Bytes of padding, once the end is reached."""

    def read(self, size: int) -> bytes:
        """About ``size`` bytes; empty at the end."""
        while more := self._stream.read(size):
            data = self._held + more
            start = self._padding_at(data)
            self._held = data[start:]
            if start:
                self._last = data[start - 1 : start]
                return data[:start]
        self.n_bytes += len(self._held) - self._held.count(b"\r") - self._held.count(b"\n")
        self._held = b""
        return b""

    def _padding_at(self, data: bytes) -> int:
        """Where the bytes begin that are padding if the stream ends here."""
        if data[-1] not in b"\0\x1a\r\n":
            return len(data)
        text = len(data.rstrip(b"\0\x1a\r\n"))
        lines = len(data[text:]) - len(data[text:].lstrip(b"\r\n"))
        start = text + lines
        is_new_line = lines > 0 or (self._last if not text else b"") in (b"\r", b"\n")
        is_padding = data[start : start + 1] == b"\x1a" or is_new_line
        return start if is_padding and len(data) - start <= MOST_PADDING else len(data)
