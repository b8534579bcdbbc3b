import bz2
import gzip
import io
import lzma

import pyarrow as pa
import pytest

from nntool.errors import DataError
from nntool.tables.csv.arriving import peek
from nntool.tables.csv.source import HEAD_BYTES, open_source


def test_peeking_takes_nothing_away():
    data = b"a,b\n" * 200_000
    head, stream = peek(io.BytesIO(data))
    assert head == data[:HEAD_BYTES]
    assert stream.read() == data


def zstd(data):
    return pa.Codec("zstd").compress(data, asbytes=True)


PACKED = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstd}


@pytest.mark.parametrize("ending", PACKED)
def test_a_packed_file_is_unpacked(tmp_path, ending):
    path = tmp_path / f"x.csv.{ending}"
    path.write_bytes(PACKED[ending](b"a,b\n"))
    with open_source(str(path)) as stream:
        assert stream.read(1 << 20) == b"a,b\n"


@pytest.mark.parametrize("ending", PACKED)
def test_a_damaged_packed_file_is_refused(tmp_path, ending):
    path = tmp_path / f"x.csv.{ending}"
    path.write_bytes(PACKED[ending](bytes(range(256)) * 1000)[:-12])
    with open_source(str(path)) as stream, pytest.raises(DataError):
        peek(stream)


def test_paths_that_cannot_be_read_are_data_errors(tmp_path):
    with pytest.raises(DataError, match="is not there"):
        open_source(str(tmp_path / "none.csv"))
    with pytest.raises(DataError, match="is a folder"):
        open_source(str(tmp_path))
