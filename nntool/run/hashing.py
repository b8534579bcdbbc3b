"""Hashes of files, and the stat values that spare computing one twice."""

import hashlib
import os
from pathlib import Path
from stat import S_ISREG

from nntool.run.manifest import FileRecord


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes in hexadecimal, as ``sha256sum`` prints it."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


Hashes = dict[tuple[str, int, int, int], str]
"""Hashes that were computed, by path, size, modification time and inode."""


def record(path: Path, known_hash: str | None = None) -> FileRecord:
    """Describe a file as it is now; ``known_hash`` is taken where the bytes did not change.

    The stat values are those from before it was read: a later change is seen.
    """
    stat = path.stat()
    digest = known_hash or sha256(path)
    return FileRecord(
        sha256=digest, size=stat.st_size, mtime_ns=stat.st_mtime_ns, inode=stat.st_ino
    )


def has_stat_of(path: Path, known: FileRecord) -> bool:
    """Whether size, modification time and inode are the recorded ones."""
    stat = path.stat()
    return (stat.st_size, stat.st_mtime_ns, stat.st_ino) == (
        known.size,
        known.mtime_ns,
        known.inode,
    )


def is_same(path: Path, known: FileRecord, hashes: Hashes | None = None) -> bool:
    """Whether a file still has the recorded content; its stat values settle it where they agree.

    ``hashes`` keeps what is computed for the next question.
    """
    try:
        stat = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    if stat.st_size != known.size or not S_ISREG(stat.st_mode):
        return False
    if (stat.st_mtime_ns, stat.st_ino) == (known.mtime_ns, known.inode):
        return True
    place = (str(path), stat.st_size, stat.st_mtime_ns, stat.st_ino)
    hashes = {} if hashes is None else hashes
    if place not in hashes:
        hashes[place] = sha256(path)
    return hashes[place] == known.sha256


def set_time(path: Path, time_ns: int) -> None:
    """Give a file this modification time."""
    os.utime(path, ns=(time_ns, time_ns))
