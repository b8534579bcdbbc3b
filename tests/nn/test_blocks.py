"""Rows read by blocks: the same rows as in memory, well mixed, in little memory, no thread left."""

import threading
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nntool.nn.batches import ArrayRows, RowSource
from nntool.nn.blocks import BOOKKEEPING, PIECES, BlockRows, Buffers
from nntool.nn.reading import CHUNK
from nntool.nn.sampling import Balanced, EmphasizeErrors
from nntool.tables.arrays import MatrixReader, save


class InMemory:
    """A reader of an array; ``fails_at`` a row, reading it raises."""

    def __init__(self, array: np.ndarray, fails_at: int | None = None) -> None:
        self.array = array
        self.shape: tuple[int, ...] = array.shape
        self.dtype: np.dtype[Any] = array.dtype
        self.fails_at = fails_at
        self.rows_read = 0
        self.starts: list[int] = []

    def read(self, start: int, out: np.ndarray) -> np.ndarray:
        if self.fails_at is not None and start <= self.fails_at < start + len(out):
            raise OSError("the disk is gone")
        filled = out[: len(self.array) - start]
        filled[...] = self.array[start : start + len(filled)]
        self.rows_read += len(filled)
        self.starts.append(start)
        return filled


N, WIDTH = 3000, 3
NUMERIC = np.arange(N * WIDTH, dtype=np.float32).reshape(N, WIDTH)
CODES = np.arange(2 * N, dtype=np.int32).reshape(N, 2)
TARGET = np.arange(N, dtype=np.float32) * 2
WEIGHT = np.arange(N, dtype=np.float32) + 7
ROW_BYTES = (WIDTH + 2) * 4 + BOOKKEEPING


def buffers(n_rows: int) -> Buffers:
    return Buffers(n_rows * ROW_BYTES)


def source(n_buffered: int = 640, **changes: Any) -> BlockRows:
    given: dict[str, Any] = {
        "numeric": InMemory(NUMERIC),
        "codes": InMemory(CODES),
        "target": TARGET,
        "weight": WEIGHT,
        "buffers": buffers(n_buffered),
    }
    return BlockRows(**(given | changes))


def reading_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("read-ahead")]


def met(rows: RowSource, seed: int | None, size: int = 32, **more: Any) -> np.ndarray:
    """Return the numbers of the rows in the order of one epoch."""
    rng = None if seed is None else np.random.default_rng(seed)
    return np.concatenate([np.array(batch.rows) for batch in rows.batches(rng, size, **more)])


@settings(deadline=None, max_examples=60)
@given(
    n=st.integers(1, 200),
    n_buffered=st.integers(2, 150),
    size=st.integers(1, 70),
    least=st.integers(1, 3),
    seed=st.none() | st.integers(0, 9),
    share=st.sampled_from([0.1, 0.7, 1.0]),
    columns=st.sampled_from([None, [0], [2, 0], [0, 1, 2], []]),
)
def test_an_epoch_has_each_member_once_and_every_array_is_that_of_its_rows(
    n: int,
    n_buffered: int,
    size: int,
    least: int,
    seed: int | None,
    share: float,
    columns: list[int] | None,
) -> None:
    member = np.random.default_rng(n).random(n) < share
    wanted = None if columns is None else np.array(columns, dtype=int)
    rows = BlockRows(
        InMemory(NUMERIC[:n]),
        InMemory(CODES[:n]),
        TARGET[:n],
        WEIGHT[:n],
        member,
        wanted,
        np.array([1]),
        buffers(n_buffered),
    )
    cells = NUMERIC if wanted is None else NUMERIC[:, wanted]
    rng = None if seed is None else np.random.default_rng(seed)
    every, sizes = [], []
    for batch in rows.batches(rng, size, least):
        assert batch.rows is not None
        i = batch.rows
        np.testing.assert_array_equal(batch.numeric, cells[i])
        np.testing.assert_array_equal(batch.codes, CODES[i][:, 1:])
        np.testing.assert_array_equal(batch.target, TARGET[i])
        np.testing.assert_array_equal(batch.weight, WEIGHT[i])
        every += i.tolist()
        sizes.append(batch.n_rows)
    expected = np.flatnonzero(member).tolist()
    assert rows.n_rows == len(expected)
    assert (every if seed is None else sorted(every)) == expected
    in_memory = ArrayRows(NUMERIC[:n], index=np.flatnonzero(member))
    assert sizes == [batch.n_rows for batch in in_memory.batches(None, size, least)]


def test_the_same_seed_gives_the_same_order_and_each_epoch_another() -> None:
    np.testing.assert_array_equal(met(source(), 3), met(source(), 3))
    rng = np.random.default_rng(3)
    rows = source()
    epochs = [[int(i) for b in rows.batches(rng, 32) for i in b.rows] for _ in range(2)]  # type: ignore[union-attr]  # this source numbers its rows
    assert epochs[0] == met(source(), 3).tolist()
    assert epochs[0] != epochs[1]


def test_an_epoch_follows_from_the_state_of_the_stream() -> None:
    rows, rng = source(), np.random.default_rng(0)
    list(rows.batches(rng, 32))
    state = rng.bit_generator.state
    second = [int(i) for b in rows.batches(rng, 32) for i in b.rows]  # type: ignore[union-attr]  # this source numbers its rows
    left = rows.batches(rng, 32)
    next(left)
    left.close()  # an epoch left unfinished moves the stream, and is done again from its state
    resumed = np.random.default_rng(99)
    resumed.bit_generator.state = state
    again = [int(i) for b in source().batches(resumed, 32) for i in b.rows]  # type: ignore[union-attr]  # likewise
    assert again == second


def test_a_slow_reader_changes_nothing() -> None:
    class Slow(InMemory):
        def read(self, start: int, out: np.ndarray) -> np.ndarray:
            threading.Event().wait(0.001)
            return super().read(start, out)

    np.testing.assert_array_equal(met(source(numeric=Slow(NUMERIC)), 5), met(source(), 5))


def test_rows_are_mixed_far_beyond_their_neighbours() -> None:
    n = 64_000
    file = InMemory(np.arange(n, dtype=np.float32)[:, None])
    rows = BlockRows(file, None, None, buffers=Buffers(6400 * (4 + BOOKKEEPING)))
    order = met(rows, 0, 100)
    place = np.arange(n)
    assert abs(np.corrcoef(order, place)[0, 1]) < 0.1
    # within a batch: the spread of its rows over the file is that of rows drawn at random
    spread = order.reshape(-1, 100).std(axis=1)
    assert spread.min() > 0.7 * n / np.sqrt(12)
    assert abs(np.corrcoef(order[:-1], order[1:])[0, 1]) < 0.1


def test_a_file_that_fits_into_one_buffer_is_shuffled_as_a_whole() -> None:
    rows = source(n_buffered=2 * N)
    order = met(rows, 0)
    neighbours = np.count_nonzero(np.abs(np.diff(order)) == 1)
    assert neighbours < 10  # 2 are expected
    assert abs(np.corrcoef(order, np.arange(N))[0, 1]) < 0.06


def test_sizes_follow_rows_and_columns_alone_and_pieces_without_members_are_not_read() -> None:
    member = np.zeros(N, dtype=bool)
    member[500:600] = True
    file = InMemory(NUMERIC)
    rows = source(numeric=file, member=member)
    assert rows.piece_rows == 640 // PIECES
    assert sorted(met(rows, 0)) == list(range(500, 600))
    assert file.rows_read == 100


@pytest.mark.parametrize("n", range(1240, 1300, 3))
def test_no_buffer_is_filled_beyond_its_end(n: int) -> None:
    member = np.zeros(N, dtype=bool)
    member[np.sort(np.random.default_rng(n).permutation(2000)[:n])] = True
    assert sorted(met(source(member=member), n)) == np.flatnonzero(member).tolist()


def test_a_buffer_is_read_from_the_front_of_the_file_to_its_end() -> None:
    file = InMemory(NUMERIC)
    met(source(numeric=file), 0)
    jumps_back = np.count_nonzero(np.diff(file.starts) < 0)
    assert jumps_back == 4  # five buffers


def test_few_columns_of_a_wide_file_are_picked_chunk_by_chunk() -> None:
    wide = np.arange(600 * 2000, dtype=np.float32).reshape(600, 2000)
    member = np.arange(600) % 3 > 0
    columns = np.array([1999, 5])
    for part in (member, np.ones(600, dtype=bool)):
        rows = BlockRows(
            InMemory(wide), None, None, None, part, columns, buffers=Buffers(20_000 * 32)
        )
        assert rows.piece_rows * 2000 * 4 > 2 * CHUNK
        (batch,) = rows.batches(None, 600)
        np.testing.assert_array_equal(batch.numeric, wide[part][:, columns])


def test_a_sampler_draws_within_each_buffer() -> None:
    target = (np.arange(N) % 10 == 0).astype(np.int32)
    balanced = met(source(target=target), 0, sampler=Balanced())
    assert len(balanced) == N
    assert abs(target[balanced].mean() - 0.5) < 0.01
    sampler = EmphasizeErrors(N)
    sampler.observe(np.arange(N), np.where(np.arange(N) < N // 10, 1.0, 0.0))
    order = met(source(n_buffered=2 * N), 0, sampler=sampler)
    assert abs(np.mean(order < N // 10) - 0.55) < 0.05


def test_memory_is_that_of_the_buffers(tmp_path: Path) -> None:
    n, n_bytes = 400_000, 2**21
    save(tmp_path / "numeric.npy", np.zeros((n, 20), np.float32))
    member, columns = np.arange(n) % 5 > 0, np.arange(19)
    others = ~member
    tracemalloc.start()
    try:
        with MatrixReader(tmp_path / "numeric.npy") as reader:
            shared = Buffers(n_bytes)
            sources = [
                BlockRows(reader, None, None, None, part, columns, buffers=shared)
                for part in (member, others)
            ]
            for rng in (np.random.default_rng(0), None):
                for rows in sources:
                    assert sum(batch.n_rows for batch in rows.batches(rng, 256)) == rows.n_rows
            _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # the buffers, for each source two chunks of 1 MiB to pick from, a bit for orders and batches
    assert peak < 2 * n_bytes + 2 * 2 * 2**20 + 0.6 * 2**20


def test_an_error_of_the_reader_reaches_the_caller_and_no_thread_is_left() -> None:
    rows = source(numeric=InMemory(NUMERIC, fails_at=2000))
    seen = 0
    with pytest.raises(OSError, match="the disk is gone"):
        for batch in rows.batches(None, 32):
            seen += batch.n_rows
    assert 0 < seen <= 2000
    assert not reading_threads()


def test_a_file_that_ends_early_is_an_error() -> None:
    file = InMemory(NUMERIC)
    file.array = NUMERIC[:-5]
    with pytest.raises(ValueError, match="are not all there"):
        met(source(numeric=file), None)


def test_an_epoch_left_early_leaves_no_thread() -> None:
    rows = source()
    epoch = rows.batches(np.random.default_rng(0), 32)
    next(epoch)
    assert len(reading_threads()) == 1
    epoch.close()
    assert not reading_threads()
    assert sorted(met(rows, 0)) == list(range(N))


def test_closing_waits_for_one_piece_only() -> None:
    class Gated(InMemory):
        gate, is_waiting = threading.Event(), threading.Event()

        def read(self, start: int, out: np.ndarray) -> np.ndarray:
            if self.rows_read >= 600:  # the second buffer
                self.is_waiting.set()
                self.gate.wait()
            return super().read(start, out)

    file = Gated(NUMERIC)
    epoch = source(numeric=file).batches(None, 32)
    next(epoch)
    file.is_waiting.wait()
    threading.Timer(0.05, file.gate.set).start()
    epoch.close()
    assert file.rows_read <= 600 + 20


def test_an_epoch_that_begins_takes_the_buffers() -> None:
    shared = buffers(640)
    training, validation = source(buffers=shared), source(buffers=shared)
    old = training.batches(np.random.default_rng(0), 32)
    next(old)
    np.testing.assert_array_equal(met(validation, None), np.arange(N))
    with pytest.raises(RuntimeError, match="another epoch reads into the same buffers"):
        next(old)
    assert not reading_threads()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": TARGET[:5]}, "target has 5 rows, numeric has 3000"),
        ({"weight": WEIGHT[:5]}, "weight has 5 rows, numeric has 3000"),
        ({"member": np.ones(5, dtype=bool)}, "member has 5 rows, numeric has 3000"),
        ({"codes": InMemory(CODES[:5])}, "codes has 5 rows, numeric has 3000"),
        ({"columns": np.array([0, 3])}, "columns go beyond the 3 of the file"),
        ({"buffers": buffers(1)}, "does not hold two rows"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        source(**changes)


def test_rows_that_count_several_times_have_the_loss_of_rows_that_are_there_so_often() -> None:
    rng = np.random.default_rng(3)
    member = rng.random(N) < 0.7
    index = np.flatnonzero(member)
    drawn = rng.integers(0, len(index), len(index))
    counts = np.bincount(drawn, minlength=len(index))
    counted = source(member=member).counted(counts)
    assert counted.n_rows == np.count_nonzero(counts)
    losses = np.sin(np.arange(N))
    total = 0.0
    for batch in counted.batches(np.random.default_rng(0), 100):
        assert batch.rows is not None
        assert batch.weight is not None
        total += float(np.dot(batch.weight, losses[batch.rows]))
    rows = index[drawn]
    wanted = np.mean(WEIGHT[rows] * losses[rows])
    assert total / counted.n_rows == pytest.approx(wanted, rel=1e-4)


def test_rows_without_weights_that_count_have_a_mean_of_one() -> None:
    counts = np.arange(N) % 3
    batches = source(weight=None).counted(counts).batches(None, N)
    weights = next(batch.weight.copy() for batch in batches if batch.weight is not None)
    assert weights.mean() == pytest.approx(1)
    assert set(np.unique(weights)) == {np.float32(2 / 3), np.float32(4 / 3)}
