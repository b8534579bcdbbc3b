"""Rows of files larger than memory: read by blocks into two fixed buffers, and shuffled there."""

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from nntool.nn.arrays import Array
from nntool.nn.batches import Batch, BatchBuffers, buffers_of, stretches
from nntool.nn.reading import Columns, Reader
from nntool.nn.sampling import SHUFFLED, Sampler

BUDGET = 64 * 2**20
"""Bytes of one buffer."""

PIECES = 64
"""Pieces in one buffer: about a megabyte each, so that a disk hardly notices the jumps."""

BOOKKEEPING = 3 * np.dtype(np.intp).itemsize
"""Bytes of each row in a buffer beside its cells: its number, and twice its place in the order."""


class Buffers:
    """The memory that epochs are read into; sources that take turns share one.

    An epoch that begins takes the memory from one that has not ended.
    """

    def __init__(self, n_bytes: int = BUDGET) -> None:
        self.n_bytes = n_bytes
        self.memory = tuple(np.empty(n_bytes, dtype=np.uint8) for _ in range(2))
        self._user: _ReadAhead | None = None

    def lend(self, user: "_ReadAhead") -> None:
        """Stop who had the buffers before, and remember who has them now."""
        if self._user is not None:
            self._user.stop()
        self._user = user


class _Block(NamedTuple):
    """One buffer, seen as rows: their numbers in the file, and their wanted cells."""

    rows: Array
    numeric: Array
    codes: Array | None


class _ReadAhead:
    """Fills blocks in turn, one job each, by a thread: the next one while one is in use."""

    def __init__(
        self,
        fill: Callable[[_Block, Array, threading.Event], int],
        blocks: Iterable[_Block],
        jobs: Iterable[Array],
    ) -> None:
        self._fill = fill
        self._blocks = itertools.cycle(blocks)
        self._jobs = iter(jobs)
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead")
        self._coming: tuple[_Block, Future[int]] | None = None

    @property
    def is_stopped(self) -> bool:
        """Whether the buffers may hold other rows than were asked for."""
        return self._stopped.is_set()

    def start(self) -> None:
        """Begin with the first job."""
        self._submit()

    def next(self) -> tuple[_Block, int]:
        """Return the next block and how many rows it has; the one before it is given back."""
        if self._coming is None:
            raise RuntimeError("all blocks have been read")
        block, filled = self._coming
        n = filled.result()  # raises here what the thread met
        self._submit()
        return block, n

    def stop(self) -> None:
        """Wait until the thread has ended; what it was reading is left unfinished."""
        self._stopped.set()
        self._pool.shutdown(cancel_futures=True)

    def _submit(self) -> None:
        job = next(self._jobs, None)
        self._coming = None
        if job is not None:
            block = next(self._blocks)
            self._coming = block, self._pool.submit(self._fill, block, job, self._stopped)


class BlockRows:
    """Rows ``member`` and columns of files, as a `RowSource`.

    Shuffled: the file is cut into pieces of neighbouring rows; pieces drawn at random fill a
    buffer, its rows are shuffled (or drawn by the sampler), and batches run on from one buffer to
    the next. So a row meets any other row of the file in the same buffer with about the same
    chance, except those of its own piece, which it always meets there. All sizes follow rows and
    columns alone; what fits into one buffer is shuffled as a whole. In order: straight through.
    """

    def __init__(
        self,
        numeric: Reader,
        codes: Reader | None,
        target: Array | None,
        weight: Array | None = None,
        member: Array | None = None,
        columns: Array | None = None,
        code_columns: Array | None = None,
        buffers: Buffers | None = None,
    ) -> None:
        """Take files of the same number of rows, and arrays and a mask over all of these rows."""
        n = numeric.shape[0]
        member = np.ones(n, dtype=bool) if member is None else np.asarray(member, dtype=bool)
        others = {"target": target, "weight": weight, "member": member}
        lengths = {k: len(array) for k, array in others.items() if array is not None}
        lengths |= {} if codes is None else {"codes": codes.shape[0]}
        for name, length in lengths.items():
            if length != n:
                raise ValueError(f"{name} has {length} rows, numeric has {n}")
        self.target = target
        self.weight = weight
        self.n_rows = int(np.count_nonzero(member))
        self._member = member
        self._files = numeric, codes, columns, code_columns
        self._numeric = Columns(numeric, columns)
        self._codes = None if codes is None else Columns(codes, code_columns)
        self._buffers = Buffers() if buffers is None else buffers
        self._capacity = self._buffers.n_bytes // self._bytes_per_row()
        if self._capacity < 2:
            raise ValueError(f"a buffer of {self._buffers.n_bytes} bytes does not hold two rows")
        self.piece_rows = max(1, self._capacity // PIECES)
        starts = range(0, n, self.piece_rows)
        counts = np.fromiter(
            (np.count_nonzero(member[start : start + self.piece_rows]) for start in starts),
            dtype=np.intp,
            count=len(starts),
        )
        self._counts = counts
        self._pieces = np.flatnonzero(counts)
        self._batches = BatchBuffers(
            self._numeric.like, None if self._codes is None else self._codes.like, target, weight
        )

    def counted(self, counts: Array) -> "BlockRows":
        """Return the rows whose ``counts`` `(n_rows,)` is not 0, their losses as often as that.

        Weights are scaled so that the loss of all rows is Σ counts·weight·loss / Σ counts. The
        buffers are shared.
        """
        numeric, codes, columns, code_columns = self._files
        rows = np.flatnonzero(self._member)
        member = np.zeros_like(self._member)
        member[rows] = counts > 0
        weight = np.zeros(len(member), np.float32)
        weight[rows] = counts * (np.count_nonzero(counts) / counts.sum())
        if self.weight is not None:
            weight *= self.weight
        return BlockRows(
            numeric, codes, self.target, weight, member, columns, code_columns, self._buffers
        )

    def batches(
        self,
        rng: np.random.Generator | None,
        batch_size: int,
        min_rows: int = 1,
        sampler: Sampler | None = None,
    ) -> Iterator[Batch]:
        """Yield all rows once, as `RowSource` says; an error in reading is raised here.

        Raise RuntimeError where another epoch has taken the buffers meanwhile.
        """
        ahead = _ReadAhead(self._fill, map(self._block, self._buffers.memory), self._jobs(rng))
        self._buffers.lend(ahead)
        try:
            ahead.start()
            order = np.empty(0, dtype=np.intp)
            used = 0
            for start, stop in stretches(self.n_rows, batch_size, min_rows):
                batch = self._batches[stop - start]
                batch.rows = np.empty(batch.n_rows, dtype=np.intp)
                done = 0
                while done < batch.n_rows:
                    if used == len(order):
                        block, n = ahead.next()
                        order = self._order(rng, block.rows[:n], sampler)
                        used = 0
                    m = min(batch.n_rows - done, len(order) - used)
                    self._gather(block, order[used : used + m], batch, slice(done, done + m))
                    used += m
                    done += m
                yield batch
                if ahead.is_stopped:
                    raise RuntimeError("another epoch reads into the same buffers")
        finally:
            ahead.stop()

    def _order(
        self, rng: np.random.Generator | None, rows: Array, sampler: Sampler | None
    ) -> Array:
        if rng is None:
            return np.arange(len(rows))
        return (sampler or SHUFFLED).order(rng, rows, self.target)

    def _gather(self, block: _Block, places: Array, batch: Batch, part: slice) -> None:
        """Copy the rows at ``places`` of a block into a part of a batch."""
        rows = block.rows[places]
        if batch.rows is not None:
            batch.rows[part] = rows
        arrays = (block.numeric, block.codes, self.target, self.weight)
        at = (places, places, rows, rows)
        for array, index, buffer in zip(arrays, at, buffers_of(batch), strict=True):
            if array is not None and buffer is not None:
                # any other mode allocates; every index was made here
                np.take(array, index, axis=0, out=buffer[part], mode="clip")

    def _jobs(self, rng: np.random.Generator | None) -> list[Array]:
        """Return the pieces of each block: equally many rows in each, up to a piece."""
        if not self.n_rows:
            return []
        pieces = self._pieces if rng is None else rng.permutation(self._pieces)
        counts = self._counts[pieces]
        before = np.cumsum(counts) - counts
        n_blocks = 1
        if self.n_rows > self._capacity:
            # a block may have one piece more than its share
            n_blocks = -(-self.n_rows // (self._capacity - self.piece_rows))
        cuts = np.flatnonzero(np.diff(before * n_blocks // self.n_rows)) + 1
        # from the front of the file to its end: most disks like that
        return [np.sort(job) for job in np.split(pieces, cuts)]

    def _fill(self, block: _Block, pieces: Array, stopped: threading.Event) -> int:
        """Read the rows of some pieces into a block, in the reading thread."""
        n = 0
        for piece in pieces.tolist():
            if stopped.is_set():
                break
            start = piece * self.piece_rows
            member = self._member[start : start + self.piece_rows]
            into = slice(n, n + int(self._counts[piece]))
            block.rows[into] = np.flatnonzero(member)
            block.rows[into] += start
            self._numeric.read(start, member, block.numeric[into])
            if self._codes is not None and block.codes is not None:
                self._codes.read(start, member, block.codes[into])
            n = into.stop
        return n

    def _block(self, memory: Array) -> _Block:
        """Cut a buffer into the arrays of a block."""
        size, n = np.dtype(np.intp).itemsize, self._capacity
        rows, rest = memory[: n * size].view(np.intp), memory[n * size :]
        cells = []
        for part in (self._numeric, self._codes):
            if part is not None:
                n_bytes = n * part.bytes_per_row
                cells.append(rest[:n_bytes].view(part.like.dtype).reshape(n, part.like.shape[1]))
                rest = rest[n_bytes:]
        return _Block(rows, cells[0], cells[1] if len(cells) > 1 else None)

    def _bytes_per_row(self) -> int:
        codes = 0 if self._codes is None else self._codes.bytes_per_row
        return self._numeric.bytes_per_row + codes + BOOKKEEPING
