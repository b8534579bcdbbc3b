"""Hashes of files, and the stat values that spare computing one twice."""

import hashlib
import os
from pathlib import Path

from nntool.run.manifest import FileRecord


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes in hexadecimal, as ``sha256sum`` prints it."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def record(path: Path, known_hash: str | None = None) -> FileRecord:
    """Describe a file as it is now; ``known_hash`` is taken where the bytes did not change."""
    digest = known_hash or sha256(path)
    stat = path.stat()
    return FileRecord(
        sha256=digest, size=stat.st_size, mtime_ns=stat.st_mtime_ns, inode=stat.st_ino
    )


def is_same(path: Path, known: FileRecord) -> bool:
    """Whether a file still has the recorded content; its stat values settle it where they agree."""
    try:
        stat = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    if stat.st_size != known.size:
        return False
    if (stat.st_mtime_ns, stat.st_ino) == (known.mtime_ns, known.inode):
        return True
    return sha256(path) == known.sha256


def set_time(path: Path, time_ns: int) -> None:
    """Give a file this modification time."""
    os.utime(path, ns=(time_ns, time_ns))
