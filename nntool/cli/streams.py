"""Standard streams that are closed or full: cron and daemons hand over such."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any


class _Closed(io.RawIOBase):
    """A stream that nobody opened: to use it is an error, not to use it is none."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def readable(self) -> bool:
        """It can be asked to read; the answer is an error."""
        return True

    def writable(self) -> bool:
        """It can be asked to write; the answer is an error."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Refuse."""
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), self._name)

    def write(self, data: Any) -> int:
        """Refuse."""
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), self._name)


def prepare() -> None:
    """Streams of UTF-8, and something in the place of each that Python found closed."""
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(_Closed("standard input")))
    if sys.stdout is None:
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(_Closed("standard output")))
    if sys.stderr is None:
        abandon("stderr")
    for stream in (sys.stdout, sys.stderr):  # under LANG=C too: what we write is UTF-8
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def shows_unicode() -> bool:
    """Whether the terminal is likely to have more than ASCII: unless its locale says otherwise.

    Where no locale is set at all, as in most containers, terminals take UTF-8 all the same.
    """
    named = (os.environ.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    locale = next((value for value in named if value), "UTF-8")
    return "utf" in locale.casefold()


def abandon(name: str) -> None:
    """Point a stream that cannot be written at nothing, so that nothing fails again at exit."""
    stream = getattr(sys, name)
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, stream.fileno())
    except (OSError, AttributeError):  # it has no descriptor, or there is no stream at all
        setattr(sys, name, open(nothing, "w", encoding="utf-8"))  # noqa: SIM115 - it lives on
