"""Tables as Parquet files in row groups."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    import pyarrow.parquet as pq  # it brings file systems and TLS: not where a CSV is predicted

ROWS_IN_GROUP = 1 << 17
TIMES_REPEATED = 10


class TableWriter:
    """Writes a table batch by batch; rows gather until a row group is full.

    The file is opened here, as pyarrow takes no name that is not UTF-8. LZ4 takes a third of the
    time of zstd, and a dictionary only pays where texts come back: the first row group tells.
    """

    def __init__(
        self,
        target: Path | io.RawIOBase,
        schema: pa.Schema,
        *,
        compression: Literal["lz4", "zstd"] = "lz4",
        rows_in_group: int = ROWS_IN_GROUP,
    ) -> None:
        self._file: Any = target
        if isinstance(target, Path):
            self._file = open(target, "wb")  # noqa: SIM115 - closed by close
        self._compression, self._rows_in_group = compression, rows_in_group
        self._writer: pq.ParquetWriter | None = None
        self._schema = schema
        self._waiting: list[pa.RecordBatch] = []
        self._n_waiting = 0
        self.n_rows = 0

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(whole=error is None)

    def close(self, *, whole: bool = True) -> None:
        """Write what waits, if the table is whole, and the footer; then close the file."""
        if whole:
            self._flush(0)
        if self._writer is not None:
            self._writer.close()
        self._file.close()

    def append(self, batch: pa.RecordBatch) -> None:
        """Add the rows of a batch."""
        self._waiting.append(batch)
        self._n_waiting += batch.num_rows
        self.n_rows += batch.num_rows
        self._flush(self._rows_in_group)

    def _flush(self, least: int) -> None:
        """Write full row groups; the number of rows in each does not depend on the batches.

        At the end, ``least`` is 0: whatever is left, and a file without rows where there are none.
        """
        if self._n_waiting < max(least, self._writer is not None):
            return
        table = pa.Table.from_batches(self._waiting, self._schema)
        if self._writer is None:
            import pyarrow.parquet as pq

            self._writer = pq.ParquetWriter(
                self._file,
                self._schema,
                compression=self._compression,
                use_dictionary=_repetitive(table.slice(0, self._rows_in_group)),
                write_statistics=False,
            )
        size = self._rows_in_group
        whole = table.num_rows - table.num_rows % size if least else table.num_rows
        for start in range(0, whole, size):
            self._writer.write_table(table.slice(start, min(size, whole - start)))
        rest = table.slice(whole)
        self._waiting = rest.to_batches()
        self._n_waiting = rest.num_rows


def _repetitive(table: pa.Table) -> list[str]:
    """The columns whose texts come back ten times each, on the average."""
    return [
        name
        for name, column in zip(table.column_names, table.columns, strict=True)
        if pa.types.is_string(column.type) and _comes_back(column)
    ]


def _comes_back(column: pa.ChunkedArray) -> bool:
    """Whether texts come back so often. A few rows may have more different texts than all may."""
    most = len(column) // TIMES_REPEATED
    return all(
        pc.count_distinct(column.slice(0, length)).as_py() <= most
        for length in (2 * most, len(column))
    )


def names(path: Path) -> list[str]:
    """The column names of a file, read from its foot alone."""
    import pyarrow.parquet as pq

    with open(path, "rb") as file:
        found: list[str] = pq.read_schema(file).names
    return found


def n_rows(path: Path) -> int:
    """The number of rows, read from the foot alone."""
    import pyarrow.parquet as pq

    with open(path, "rb") as file:
        count: int = pq.read_metadata(file).num_rows
    return count


def read(path: Path, columns: list[str] | None = None) -> pa.Table:
    """The whole table, or some of its columns."""
    import pyarrow.parquet as pq

    with open(path, "rb") as file:
        return pq.ParquetFile(file).read(columns=columns)


def batches(
    path: Path, columns: list[str] | None = None, *, threads: bool = True
) -> Iterator[pa.RecordBatch]:
    """The rows in order, a batch for each row group."""
    with opened(path) as file:
        yield from groups(file, columns, threads=threads)


@contextmanager
def opened(path: Path) -> Iterator[pq.ParquetFile]:
    """A file whose foot is read once, for ``groups``."""
    import pyarrow.parquet as pq

    with open(path, "rb") as file:
        yield pq.ParquetFile(file)


def groups(
    file: pq.ParquetFile, columns: list[str] | None = None, *, threads: bool = False
) -> Iterator[pa.RecordBatch]:
    """The rows of an opened file in order, a batch for each row group."""
    for group in range(file.num_row_groups):
        table = file.read_row_group(group, columns=columns, use_threads=threads)
        yield from table.combine_chunks().to_batches()
