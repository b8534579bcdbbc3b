"""Files that rows stream into: what other programs read in them, and when they do not."""

import errno
import gzip
import io

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from nntool.errors import UsageError
from nntool.tables import sinks

ALL = ["-", "p.csv", "p.csv.gz", "p.CSV.ZST", "p.parquet", "p.pq", "p.dat"]
N_ROWS = 5000
GEN = np.random.default_rng(3)
TABLE = pa.table(
    {
        "id": [f"{i:07d}" for i in range(N_ROWS)],
        "prediction": pa.array(GEN.integers(0, 3, N_ROWS), mask=GEN.random(N_ROWS) < 0.1)
        .cast(pa.string()),
        "p_no": GEN.random(N_ROWS),
        "set": [["no"], ["no", 'a "b", c']] * (N_ROWS // 2),
    }
)  # fmt: skip


class Memory(io.BytesIO):
    """A file whose bytes are kept when it is closed."""

    def close(self):
        self.kept = self.getvalue()


def streamed(name, table=TABLE, rows=1000, finish=True):
    memory = Memory()
    outlet = sinks.Outlet(memory, name)
    sink = sinks.open_sink(outlet, name, table.schema)
    for batch in table.to_batches(max_chunksize=rows):
        sink.write(sink.prepared(batch))
    if finish:
        sink.finish()
        outlet.flush()
    else:
        outlet.cut()
    del sink
    outlet.close()
    return memory.getvalue()


@pytest.fixture
def small_blocks(monkeypatch):
    """Several blocks and row groups in a small table."""
    monkeypatch.setattr(sinks, "PACKED_BLOCK", 10_000)
    monkeypatch.setattr(sinks, "CELLS_IN_GROUP", 4 * 1500)


@pytest.mark.parametrize("name", ALL)
def test_the_bytes_do_not_depend_on_how_rows_were_cut_into_batches(name, small_blocks):
    at_once = streamed(name, rows=N_ROWS)
    assert all(streamed(name, rows=rows) == at_once for rows in (7, 1000, 1024, 1500, 4999))


def test_packed_csv_is_the_csv(small_blocks):
    plain = streamed("p.csv")
    assert plain.startswith(b"id,prediction,p_no,set\n0000000,")
    assert b'"[""no"",""a \\""b\\"", c""]"\n' in plain
    assert gzip.decompress(streamed("p.csv.gz")) == plain
    unpacked = pa.CompressedInputStream(pa.BufferReader(streamed("p.csv.zst")), "zstd").read()
    assert unpacked == plain


def test_a_gzip_header_has_no_time_and_no_name():
    packed = streamed("p.csv.gz")
    magic, flags, time = packed[:3], packed[3], packed[4:8]
    assert (magic, flags, time) == (b"\x1f\x8b\x08", 0, b"\0\0\0\0")


def test_parquet_has_types_row_groups_and_all_rows(small_blocks):
    file = pq.ParquetFile(io.BytesIO(streamed("p.parquet")))
    assert file.schema_arrow.types == [
        pa.string(), pa.string(), pa.float64(), pa.list_(pa.string()),
    ]  # fmt: skip
    assert file.read().equals(TABLE)
    assert [file.metadata.row_group(i).num_rows for i in range(4)] == [1500, 1500, 1500, 500]
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def test_what_is_kept_once_for_many_rows_is_written_out():
    words = pa.array([["no"], ["no", "yes"]])
    codes = pa.array([1, None, 0], pa.int32())
    batch = pa.record_batch({"set": pa.DictionaryArray.from_arrays(codes, words)})
    typed = pa.schema([("set", pa.list_(pa.string()))])
    sink = sinks.open_sink(sinks.Outlet(Memory(), "p.parquet"), "p.parquet", typed)
    assert sink.prepared(batch).column("set").to_pylist() == [["no", "yes"], None, ["no"]]
    lines = sinks.open_sink(sinks.Outlet(Memory(), "-"), "-", typed).prepared(batch)
    assert b"".join(lines) == b'"[""no"",""yes""]"\n""\n"[""no""]"\n'


@pytest.mark.parametrize("name", ALL)
def test_no_rows_give_a_header(name):
    written = streamed(name, TABLE.slice(0, 0))
    if name.endswith(("parquet", "pq")):
        assert pq.read_table(io.BytesIO(written)).schema.equals(TABLE.schema)
    else:
        unpacked = gzip.decompress(written) if name.endswith("gz") else written
        if name.endswith("ZST"):
            unpacked = pa.CompressedInputStream(pa.BufferReader(written), "zstd").read()
        assert unpacked == b"id,prediction,p_no,set\n"


@pytest.mark.parametrize("name", ["p.csv.gz", "p.csv.zst", "p.parquet"])
def test_what_is_broken_off_does_not_pass_for_a_whole_file(name, small_blocks):
    """As a reader of a named pipe would get it: the last bytes are missing."""
    got = streamed(name, finish=False)
    assert len(got) < len(streamed(name))
    if name.endswith(".zst"):  # pyarrow passes over a frame without its end
        assert pa.CompressedInputStream(pa.BufferReader(got), "zstd").read() != streamed("p.csv")
        return
    with pytest.raises((EOFError, pa.ArrowInvalid)):
        gzip.decompress(got) if name.endswith(".gz") else pq.read_table(io.BytesIO(got))


class Full(io.RawIOBase):
    """A disk with room for some bytes."""

    def __init__(self, room):
        self.room = room

    def writable(self):
        return True

    def write(self, data):
        n = min(len(data), self.room)
        if not n:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= n
        return n


@pytest.mark.parametrize("name", ["p.csv", "p.csv.gz", "p.csv.zst", "p.parquet"])
@pytest.mark.parametrize("room", [0, 1, 5000, 30_000])
def test_a_full_disk_is_told_with_the_name_of_the_file(name, room, small_blocks):
    outlet = sinks.Outlet(Full(room), name)
    with pytest.raises(OSError, match="No space left") as caught:
        sink = sinks.open_sink(outlet, name, TABLE.schema)
        for batch in TABLE.to_batches(max_chunksize=500):
            sink.write(sink.prepared(batch))
        sink.finish()
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, name)


def test_a_file_that_takes_few_bytes_at_once_gets_all_of_them():
    class Slow(io.BytesIO):
        def write(self, data):
            return super().write(data[:3])

    slow = Slow()
    assert sinks.Outlet(slow, "x").write(b"0123456789") == 10
    assert slow.getvalue() == b"0123456789"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("p.tsv", "not as TSV"),
        ("p.tsv.gz", "not as TSV"),
        ("p.xlsx", "not as Excel"),
        ("p.jsonl", "not as JSON lines"),
        ("p.csv.bz2", "not as .bz2"),
        ("sqlite:///p.db", "not as SQL"),
        ("p.parquet.gz", "packed inside the file"),
    ],
)
def test_a_name_of_another_kind_is_refused(name, said):
    with pytest.raises(UsageError, match=said):
        sinks.refuse_name(name)
