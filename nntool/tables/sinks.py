"""Where tables stream to: CSV, CSV packed by gzip or zstd, Parquet.

A sink ``prepares`` batches in any thread and ``writes`` what came of them in their order. The bytes
follow the rows alone: neither blocks of a packed file nor row groups depend on the batches.
"""

from __future__ import annotations

import errno
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any, BinaryIO, Protocol

import pyarrow as pa

from nntool.errors import UsageError
from nntool.tables.csv.writing import lines, write_header
from nntool.tables.parquet import ROWS_IN_GROUP, TableWriter
from nntool.tables.sources import kinds

PACKED_BLOCK = 1 << 20
CELLS_IN_GROUP = 1 << 23
"""A thousand classes are a thousand columns: then a row group has fewer rows."""
LEAST_ROWS_IN_GROUP = 1 << 10
OTHERS = (".bz2", ".xz", ".zip", ".lz4", ".xls", ".ods", ".feather", ".arrow")
"""How names of files end that nothing here reads or writes, or that are packed otherwise."""
ONLY_READ = ("tsv", "json-lines", "excel", "sql")


class Sink(Protocol):
    """Takes the rows of one table."""

    def prepared(self, batch: pa.RecordBatch) -> Any:
        """What is to be written of a batch; called in any thread."""

    def write(self, prepared: Any) -> None:
        """Write what was prepared; called in the order of the batches."""

    def finish(self) -> None:
        """Write what comes at the end."""


class Outlet(io.RawIOBase):
    """The way to a file: errors bear its name, and behind a failure nothing more gets there.

    Packers and Parquet writers write their last bytes even when they are thrown away; without them
    what a pipe or a device has got does not pass for a whole file.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        super().__init__()
        self._stream: BinaryIO | None = stream
        self._name = name

    def writable(self) -> bool:
        """It only writes."""
        return True

    def write(self, data: Any) -> int:
        """Write all of the data, or raise an error that names the file."""
        view = memoryview(data).cast("B")
        n_bytes = len(view)
        n_written: int | None
        while len(view) and self._stream is not None:
            with self._named():
                n_written = self._stream.write(view)
                if n_written is None:
                    raise BlockingIOError(errno.EAGAIN, "it takes nothing at the moment")
                view = view[n_written:]
        return n_bytes

    def flush(self) -> None:
        """Hand on what is buffered, so that a reader sees it now."""
        if self._stream is not None and not self._stream.closed:
            with self._named():
                self._stream.flush()

    def cut(self) -> None:
        """Let nothing more through."""
        self._stream = None

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.cut()
            error.filename = error.filename or self._name
            raise


def open_sink(outlet: Outlet, name: str, schema: pa.Schema) -> Sink:
    """The sink that the name of a file asks for; '-' and names of no kind are CSV."""
    if name != "-":
        refuse_name(name)
        if kinds.by_name(name) == "parquet":
            return ParquetSink(outlet, schema)
        packer = PACKERS.get(PurePath(name).suffix.lower())
        if packer is not None:
            return CsvSink(Packed(outlet, packer), schema)
    return CsvSink(outlet, schema)


def refuse_name(name: str) -> None:
    """Raise ``UsageError`` for the name of a file of a kind that is not written."""
    suffix, kind = PurePath(name).suffix.lower(), kinds.by_name(name)
    if suffix in OTHERS or kind in ONLY_READ:
        what = suffix if kind is None or suffix in OTHERS else kinds.KINDS[kind]
        raise UsageError(
            f"--output {name}: predictions are written as CSV or Parquet, not as {what}",
            "--output FILE.csv, FILE.csv.gz, FILE.csv.zst or FILE.parquet",
        )
    if kind == "parquet" and suffix in PACKERS:
        raise UsageError(
            f"--output {name}: Parquet is packed inside the file, so that parts can be read",
            f"--output {PurePath(name).with_suffix('')}",
        )


class CsvSink:
    """CSV, each batch as lines; what is not packed is handed on at once."""

    def __init__(self, stream: Outlet | Packed, schema: pa.Schema) -> None:
        self._stream = stream
        write_header(stream, schema.names)
        stream.flush()

    def prepared(self, batch: pa.RecordBatch) -> list[memoryview]:
        """The lines."""
        return list(lines(batch))

    def write(self, prepared: list[memoryview]) -> None:
        """Write the lines; a reader sees them now."""
        for part in prepared:
            self._stream.write(part)
        self._stream.flush()

    def finish(self) -> None:
        """Finish the packing, if there is any."""
        self._stream.close()


class Packer(Protocol):
    """Packs a stream of bytes."""

    def pack(self, data: bytes | bytearray) -> None:
        """Pack some bytes."""

    def end(self) -> None:
        """Write what comes at the end."""


class Gzip:
    """gzip, level 6, with time 0 and no name in its header."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._packer = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)

    def pack(self, data: bytes | bytearray) -> None:
        """Pack some bytes."""
        self._outlet.write(self._packer.compress(data))

    def end(self) -> None:
        """Write the last block and the checksum."""
        self._outlet.write(self._packer.flush())


class Zstandard:
    """zstd in one frame, by pyarrow's codec."""

    def __init__(self, outlet: Outlet) -> None:
        self._packer = pa.CompressedOutputStream(pa.PythonFile(outlet, "w"), "zstd")

    def pack(self, data: bytes | bytearray) -> None:
        """Pack some bytes."""
        self._packer.write(data)

    def end(self) -> None:
        """Write the end of the frame."""
        self._packer.close()


PACKERS: dict[str, Callable[[Outlet], Packer]] = {".gz": Gzip, ".zst": Zstandard}


class Packed:
    """A stream that packs what it is given, in blocks of one size."""

    def __init__(self, outlet: Outlet, packer: Callable[[Outlet], Packer]) -> None:
        self._packer = packer(outlet)
        self._waiting = bytearray()

    def write(self, data: Any) -> None:
        """Take some bytes."""
        self._waiting += data
        whole = len(self._waiting) - len(self._waiting) % PACKED_BLOCK
        for start in range(0, whole, PACKED_BLOCK):
            self._packer.pack(self._waiting[start : start + PACKED_BLOCK])
        del self._waiting[:whole]

    def flush(self) -> None:
        """Leave all as it is: to pack less than a block would change the bytes."""

    def close(self) -> None:
        """Pack the rest."""
        self._packer.pack(self._waiting)
        self._packer.end()


class ParquetSink:
    """Parquet with typed columns, in row groups packed by zstd."""

    def __init__(self, outlet: Outlet, schema: pa.Schema) -> None:
        self._schema = schema
        rows = CELLS_IN_GROUP // max(len(schema), 1)
        rows = min(max(rows, LEAST_ROWS_IN_GROUP), ROWS_IN_GROUP)
        self._writer = TableWriter(outlet, schema, compression="zstd", rows_in_group=rows)

    def prepared(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch with the types of the schema."""
        arrays = [
            array.dictionary_decode() if isinstance(array, pa.DictionaryArray) else array
            for array in batch.columns
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)

    def write(self, prepared: pa.RecordBatch) -> None:
        """Add the rows; they are written as row groups fill."""
        self._writer.append(prepared)

    def finish(self) -> None:
        """Write the last row group and the footer."""
        self._writer.close()
