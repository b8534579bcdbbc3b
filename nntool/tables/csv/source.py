"""Files of bytes, packed or not: opened and read, with errors that say what to do."""

import bz2
import errno
import gzip
import io
import lzma
import shlex
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

from nntool.errors import DataError

HEAD_BYTES = 1 << 18
READ_BYTES = 1 << 20


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
