"""Files that must not change while they are read: else the rows are of no one state of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from stat import S_ISREG

import pyarrow as pa

from nntool.errors import DataError
from nntool.tables.sources.reading import Around, BatchReader, Narrowing


class Watch:
    """A file as it was before it was opened; what is no regular file is not watched."""

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._before = self._stat()

    def _stat(self) -> tuple[int, ...] | None:
        try:
            found = os.stat(self._path or "")
        except (OSError, ValueError):  # to open it says what is wrong
            return None
        if not S_ISREG(found.st_mode):
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def check(self) -> None:
        """Raise ``DataError`` where it is not as it was."""
        now = self._stat()
        if self._before is None or now == self._before:
            return
        what = "is gone" if now is None else "is another file"
        if now is not None and now[:2] == self._before[:2]:
            old, new = self._before[2], now[2]
            what = f"had {old:,} bytes, has {new:,}" if old != new else "was written to"
        raise DataError(
            f"{self._path} changed while it was read: it {what}",
            "predict again when it is whole (whoever writes it: write it under another name, then"
            " rename it)",
        )

    @contextmanager
    def change_told_first(self) -> Iterator[None]:
        """What is found wrong with a file that changes comes of that."""
        try:
            yield
        except DataError:
            self.check()
            raise


class Watched(Around):
    """A reader whose file must be the same at its end as it was before it was opened."""

    def __init__(self, reader: BatchReader, watch: Watch) -> None:
        super().__init__(reader)
        self._reader = reader
        self._watch = watch

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        with self._watch.change_told_first():
            yield from self._reader
        self._watch.check()


class NarrowWatched(Watched):
    """A watched reader that can be told what is wanted of it."""

    def __init__(self, reader: BatchReader, narrowing: Narrowing, watch: Watch) -> None:
        super().__init__(reader, watch)
        self._narrowing = narrowing

    def narrow(self, columns: Sequence[str], numbers: Sequence[str] = (), ahead: int = 0) -> None:
        """Give only these columns, some of them as numbers; see `CsvReader.narrow`."""
        self._narrowing.narrow(columns, numbers, ahead)


def watched(reader: BatchReader, watch: Watch) -> Watched:
    """The reader, watched; it can be told what is wanted where it could be told before."""
    if isinstance(reader, Narrowing):
        return NarrowWatched(reader, reader, watch)
    return Watched(reader, watch)
