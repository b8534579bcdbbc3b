"""Array files: whole, written block by block, read block by block, and several in one.

They are ordinary ``.npy`` and ``.npz`` files in C order. Nothing in them is ever run: objects are
refused, and what a header promises is held against the size of the file before memory is taken.
"""

import io
import math
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from nntool.errors import DataError

Array = npt.NDArray[Any]
Shape = Sequence[int | None]

_NO_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file can hold
_PROMISE = "{path} is not a whole array file: {what}"
_HINT = "run the step that writes it again, with --force"


def save(path: str | Path, array: Array) -> None:
    """Write an array as ``.npy``, in C order. Raises ``ValueError`` for arrays of objects."""
    with open(path, "wb") as file:
        np.lib.format.write_array(file, np.asarray(array, order="C"), allow_pickle=False)


def load(path: str | Path, dtype: npt.DTypeLike | None = None, shape: Shape | None = None) -> Array:
    """Read a ``.npy`` file that must have this type and shape; None in a shape is any length.

    Raises ``DataError`` where the file is not there, not whole, or not as it must be.
    """
    with MatrixReader(path) as reader:
        _require(path, reader.dtype, reader.shape, dtype, shape)
        array = np.empty(reader.shape, reader.dtype)
        reader.read(0, array)
    return array


class MatrixWriter:
    """Write blocks of rows one after the other; the file is the ``.npy`` of all of them.

    ``n_columns`` None writes a one-dimensional file. The header is completed on leaving.
    """

    def __init__(self, path: str | Path, n_columns: int | None, dtype: npt.DTypeLike) -> None:
        self.n_rows = 0
        self.dtype = np.dtype(dtype)
        self._row_shape = () if n_columns is None else (n_columns,)
        self._file = open(path, "wb")  # noqa: SIM115  (closed by __exit__)
        self._write_header()

    def append(self, block: Array) -> None:
        """Add rows `(m, d)`, or `(m,)` in a one-dimensional file."""
        if block.shape[1:] != self._row_shape or block.ndim != 1 + len(self._row_shape):
            raise ValueError(f"a block of shape {block.shape} in a file of rows {self._row_shape}")
        rows = np.ascontiguousarray(block, dtype=self.dtype)
        self._file.write(rows.data if rows.size else b"")
        self.n_rows += len(rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._file:
            self._file.seek(0)
            # NumPy pads a header so that the number of rows can grow in place
            self._write_header()

    def _write_header(self) -> None:
        shape = (self.n_rows, *self._row_shape)
        descr = np.lib.format.dtype_to_descr(self.dtype)
        header = {"descr": descr, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)


class MatrixReader:
    """Read rows of a ``.npy`` file into memory that the caller owns, or block by block.

    Raises ``DataError`` on opening where the file is not there or not whole.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = path
        try:
            # unbuffered: rows go straight from the file into the array
            self._file = open(path, "rb", buffering=0)  # noqa: SIM115  (closed by __exit__)
        except FileNotFoundError:
            raise DataError(f"{path} is not there", "run the step that writes it") from None
        try:
            header = _read_header(self._file, os.fstat(self._file.fileno()).st_size, str(path))
        except DataError:
            self._file.close()
            raise
        self.shape, self.dtype, self._start = header
        self.n_rows = self.shape[0] if self.shape else 1

    def read(self, start: int, out: Array) -> Array:
        """Fill ``out`` `(m, d)` with the rows from ``start``; give the part that was filled."""
        n = max(0, min(len(out) if out.ndim else 1, self.n_rows - start))
        filled = out[:n] if out.ndim else out
        if filled.dtype != self.dtype or filled.shape[1:] != self.shape[1:]:
            raise ValueError(f"{self.dtype} rows {self.shape[1:]} do not fit into {out.shape}")
        self._file.seek(self._start + start * math.prod(self.shape[1:]) * self.dtype.itemsize)
        if filled.size:
            _read_fully(self._file, filled, str(self._path))
        return filled

    def blocks(self, n_rows: int) -> Iterator[tuple[int, Array]]:
        """Give the first row number and the rows of each block; all share one buffer."""
        buffer = np.empty((min(n_rows, self.n_rows), *self.shape[1:]), self.dtype)
        for start in range(0, self.n_rows, n_rows):
            yield start, self.read(start, buffer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()


def save_npz(path: str | Path, arrays: Mapping[str, Array]) -> None:
    """Write arrays as ``.npz``, not compressed; the same arrays give the same bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", _NO_DATE)
            entry.external_attr = 0o644 << 16
            with archive.open(entry, "w", force_zip64=array.nbytes > 2**31) as file:
                np.lib.format.write_array(file, np.asarray(array, order="C"), allow_pickle=False)


def load_npz(source: str | Path | bytes) -> dict[str, Array]:
    """Read the arrays of a file that `save_npz` wrote, or of its content.

    Raises ``DataError`` for any other.
    """
    path = "the archive" if isinstance(source, bytes) else source
    try:
        size = len(source) if isinstance(source, bytes) else os.stat(source).st_size
        with zipfile.ZipFile(
            io.BytesIO(source) if isinstance(source, bytes) else source
        ) as archive:
            entries = archive.infolist()
            # stored entries are as large as they say, so no file can unfold into more than it is
            if any(e.compress_type != zipfile.ZIP_STORED for e in entries):
                raise DataError(_PROMISE.format(path=path, what="an entry is compressed"), _HINT)
            if sum(e.file_size for e in entries) > size:
                raise DataError(_PROMISE.format(path=path, what="its entries overlap"), _HINT)
            return {e.filename.removesuffix(".npy"): _read_entry(archive, e, path) for e in entries}
    except FileNotFoundError:
        raise DataError(f"{path} is not there", "run the step that writes it") from None
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise DataError(_PROMISE.format(path=path, what=str(error)), _HINT) from None


class _Header(NamedTuple):
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    start: int


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: str | Path) -> Array:
    with archive.open(entry) as file:
        where = f"{path} ({entry.filename})"
        header = _read_header(file, entry.file_size, where)
        array = np.empty(header.shape, header.dtype)
        if array.size:
            _read_fully(file, array, where)
    return array


def _read_header(file: Any, size: int, path: str) -> _Header:
    """Read a header and hold what it promises against the size of the file."""
    try:
        version = np.lib.format.read_magic(file)
        if version != (1, 0):
            raise ValueError(f"its format version is {version}")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    except ValueError as error:
        what = str(error).splitlines()[0]
        raise DataError(_PROMISE.format(path=path, what=what), _HINT) from None
    start = file.tell()
    n_bytes = math.prod(shape) * dtype.itemsize
    if dtype.hasobject or dtype.fields or (fortran and len(shape) > 1):
        what = f"it holds {dtype} {'in Fortran order' if fortran else ''}"
        raise DataError(_PROMISE.format(path=path, what=what), _HINT)
    if min(shape, default=0) < 0 or start + n_bytes != size:
        what = f"its header promises {n_bytes} bytes of {dtype} {shape}, it has {size - start}"
        raise DataError(_PROMISE.format(path=path, what=what), _HINT)
    return _Header(shape, dtype, start)


def _read_fully(file: Any, array: Array, path: str) -> None:
    """Fill the array; one call may give less than was asked for."""
    view = array.reshape(-1).view(np.uint8).data
    done = 0
    while done < len(view):
        n = file.readinto(view[done:])
        if not n:
            what = f"it ends {len(view) - done} bytes too early"
            raise DataError(_PROMISE.format(path=path, what=what), _HINT)
        done += n


def _require(
    path: str | Path,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    wanted_dtype: npt.DTypeLike | None,
    wanted: Shape | None,
) -> None:
    fits = wanted is None or (
        len(wanted) == len(shape)
        and all(w in (None, n) for w, n in zip(wanted, shape, strict=True))
    )
    if not fits or (wanted_dtype is not None and dtype != np.dtype(wanted_dtype)):
        asked = f"{np.dtype(wanted_dtype) if wanted_dtype is not None else ''} {wanted or ''}"
        raise DataError(f"{path} holds {dtype} {shape}, not {asked.strip()}", _HINT)
