"""The bytes of a CSV as UTF-8, whatever they were written in, without padding at their end."""

import codecs
import io
from typing import BinaryIO

from nntool.errors import DataError
from nntool.tables.csv.dialect import is_utf8
from nntool.tables.csv.source import read_bytes

MOST_PADDING = 1 << 20


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
