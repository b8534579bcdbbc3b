"""One 64-bit number for the text of each row, the same whatever the chunks and the machine."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
ROWS_AT_ONCE = 1 << 15
"""What is worked on stays in the cache: two thirds of the time of a whole column."""

# The finalizer of SplitMix64 (Steele, Lea & Flood 2014): every bit of the input moves every
# bit of the output.
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
STEP = np.uint64(0x9E3779B97F4A7C15)
_NULL = np.uint64(0x5851F42D4C957F2D)
# Bytes kept of a word of which 0 to 8 bytes belong to the cell.
_KEEP = np.array([(1 << (8 * n)) - 1 for n in range(8)] + [0xFFFFFFFFFFFFFFFF], np.uint64)


def row_hashes(table: pa.Table | pa.RecordBatch) -> Hashes:
    """Hashes `(n_rows,)` of the rows of a table of text, cell by cell, in column order.

    Cells are mixed one after the other with their lengths, so that ``("ab", "c")`` and
    ``("a", "bc")`` differ, and null differs from the empty text.

    >>> rows = row_hashes(pa.table({"a": ["x", "xy", "x"], "b": ["yz", "z", "yz"]}))
    >>> bool(rows[0] == rows[2]), bool(rows[0] == rows[1])
    (True, False)
    """
    batches = [table] if isinstance(table, pa.RecordBatch) else table.to_batches()
    return np.concatenate([np.empty(0, np.uint64), *(_batch_hashes(batch) for batch in batches)])


def _batch_hashes(batch: pa.RecordBatch) -> Hashes:
    hashes = no_column(batch.num_rows)
    for column in batch.columns:
        hashes = add_column(hashes, _cell_hashes(column))
    return hashes


def no_column(n_rows: int) -> Hashes:
    """Hashes `(n_rows,)` of rows without any cell, to which columns are added."""
    return np.full(n_rows, STEP, np.uint64)


def add_column(hashes: Hashes, cells: Hashes) -> Hashes:
    """Hashes of rows that have one more cell, of which ``cells`` are the hashes."""
    found = np.empty_like(hashes)
    for start in range(0, hashes.size, ROWS_AT_ONCE):
        here = slice(start, start + ROWS_AT_ONCE)
        found[here] = mixed(hashes[here] * _M1 + cells[here])
    return found


def column_hashes(text: pa.ChunkedArray) -> Hashes:
    """Hashes `(n_rows,)` of the cells of one column."""
    hashes = np.empty(len(text), np.uint64)
    start = 0
    for chunk in text.chunks:
        for offset in range(0, len(chunk), ROWS_AT_ONCE):
            cells = chunk.slice(offset, ROWS_AT_ONCE)
            hashes[start : start + len(cells)] = _cell_hashes(cells)
            start += len(cells)
    return hashes


def mixed(h: Hashes) -> Hashes:
    """Each number alone to another, one to one, so that near ones come to lie far apart."""
    h = (h ^ (h >> np.uint64(30))) * _M1
    h = (h ^ (h >> np.uint64(27))) * _M2
    return h ^ (h >> np.uint64(31))


def _cell_hashes(text: pa.Array) -> Hashes:
    """Hashes of the cells: all cells' first eight bytes, then their next eight, and so on."""
    n = len(text)
    if not n:
        return np.empty(0, np.uint64)
    _, offsets_buffer, data = text.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int32)[text.offset : text.offset + n + 1]
    first, last = int(offsets[0]), int(offsets[-1])
    padded = np.zeros(last - first + 8, np.uint8)
    if last > first:
        padded[:-8] = np.frombuffer(data, np.uint8)[first:last]
    # Every offset may begin a word: a view of eight bytes at each.
    words = np.ndarray((last - first + 1,), "<u8", buffer=padded, strides=(1,))
    start = offsets[:-1].astype(np.int64) - first
    length = np.diff(offsets).astype(np.int64)
    hashes = mixed(length.astype(np.uint64) + STEP)
    # Most cells are of one word: all are taken at once, and empty ones put back.
    first_word = words[start] & _KEEP[np.minimum(length, 8)]
    hashes = np.where(length > 0, mixed((hashes ^ first_word) * _M1 + STEP), hashes)
    rest = np.flatnonzero(length > 8)
    done = 8
    while rest.size:
        left = length[rest] - done
        word = words[start[rest] + done] & _KEEP[np.minimum(left, 8)]
        hashes[rest] = mixed((hashes[rest] ^ word) * _M1 + STEP)
        rest = rest[left > 8]
        done += 8
    if text.null_count:
        hashes[np.asarray(text.is_null())] = _NULL
    return hashes
