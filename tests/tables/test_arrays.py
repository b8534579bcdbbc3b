import io
import pickle
import zipfile

import numpy as np
import pytest

from nntool.errors import DataError
from nntool.tables.arrays import MatrixReader, MatrixWriter, load, load_npz, save, save_npz

MATRIX = np.arange(30, dtype=np.float32).reshape(10, 3)


@pytest.mark.parametrize(
    "array",
    [MATRIX, MATRIX.T, MATRIX[::2], np.arange(5, dtype=np.int8), np.zeros((0, 4)), np.float64(3)],
)
def test_what_is_saved_is_what_numpy_reads_and_what_is_loaded(tmp_path, array) -> None:
    path = tmp_path / "x.npy"
    save(path, np.asarray(array))
    np.testing.assert_array_equal(np.load(path), array)
    loaded = load(path)
    np.testing.assert_array_equal(loaded, array)
    assert (loaded.dtype, loaded.shape) == (array.dtype, array.shape)


@pytest.mark.parametrize("cuts", [(), (4,), (0, 1, 10), (10, 10)])
def test_blocks_give_the_same_bytes_as_the_whole(tmp_path, cuts) -> None:
    with MatrixWriter(tmp_path / "blocks.npy", 3, np.float32) as writer:
        for block in np.split(MATRIX, cuts):
            writer.append(block)
    np.save(tmp_path / "whole.npy", MATRIX)
    assert (tmp_path / "blocks.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


def test_one_dimension_and_no_columns_can_be_written(tmp_path) -> None:
    with MatrixWriter(tmp_path / "line.npy", None, np.int8) as writer:
        writer.append(np.array([1, 2]))
    assert np.load(tmp_path / "line.npy").tolist() == [1, 2]
    with MatrixWriter(tmp_path / "none.npy", 0, np.float32) as writer:
        writer.append(np.empty((7, 0)))
    assert load(tmp_path / "none.npy").shape == (7, 0)


def test_a_block_of_another_width_is_refused(tmp_path) -> None:
    with (
        MatrixWriter(tmp_path / "x.npy", 3, np.float32) as writer,
        pytest.raises(ValueError, match="shape"),
    ):
        writer.append(np.zeros((2, 4)))


def test_blocks_are_read_into_one_buffer(tmp_path) -> None:
    save(tmp_path / "x.npy", MATRIX)
    with MatrixReader(tmp_path / "x.npy") as reader:
        seen = [(start, rows.copy(), rows.base is not None) for start, rows in reader.blocks(4)]
        owners = {id(rows.base) for _, rows in reader.blocks(4)}
    assert [start for start, *_ in seen] == [0, 4, 8]
    np.testing.assert_array_equal(np.concatenate([rows for _, rows, _ in seen]), MATRIX)
    assert len(owners) == 1


def test_rows_are_read_into_memory_of_the_caller(tmp_path) -> None:
    save(tmp_path / "x.npy", MATRIX)
    out = np.zeros((4, 3), np.float32)
    with MatrixReader(tmp_path / "x.npy") as reader:
        np.testing.assert_array_equal(reader.read(8, out), MATRIX[8:])
        np.testing.assert_array_equal(reader.read(2, out), MATRIX[2:6])
        with pytest.raises(ValueError, match="do not fit"):
            reader.read(0, np.zeros((4, 3)))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda b: b[:-1], "promises 120 bytes"),
        (lambda b: b + b"x", "it has 121"),
        (lambda b: b[:20], "not a whole array file"),
        (lambda b: b"", "not a whole array file"),
        (lambda b: b"a,b\n1,2\n" * 30, "not a whole array file"),
        (lambda b: b.replace(b"(10, 3)", b"(10**9)"), "not a whole array file"),
        (lambda b: b.replace(b"(10, 3), }   ", b"(99999999,), }"), "promises 399999996 bytes"),
        (lambda b: b.replace(b"'<f4'", b"'|O' "), "holds object"),
        (lambda b: b.replace(b"False", b"True "), "Fortran"),
    ],
)
def test_a_file_that_is_not_as_its_header_says_is_refused(tmp_path, spoil, says) -> None:
    path = tmp_path / "x.npy"
    np.save(path, MATRIX)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DataError, match=says):
        load(path)


def test_pickled_objects_are_never_opened(tmp_path) -> None:
    np.save(tmp_path / "x.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    (tmp_path / "y.npy").write_bytes(pickle.dumps([1]))
    for name in ("x.npy", "y.npy"):
        with pytest.raises(DataError):
            load(tmp_path / name)


def test_another_type_or_shape_than_needed_is_refused(tmp_path) -> None:
    save(tmp_path / "x.npy", MATRIX)
    assert load(tmp_path / "x.npy", np.float32, (None, 3)).shape == (10, 3)
    for dtype, shape in [(np.int32, None), (None, (None, 4)), (None, (10,)), (np.float32, (9, 3))]:
        with pytest.raises(DataError, match=r"holds float32 \(10, 3\), not"):
            load(tmp_path / "x.npy", dtype, shape)


def test_a_file_that_is_not_there_is_said(tmp_path) -> None:
    for read in (load, load_npz, MatrixReader):
        with pytest.raises(DataError, match="is not there"):
            read(tmp_path / "x")


def test_several_arrays_come_back_and_give_the_same_bytes(tmp_path) -> None:
    arrays = {"theta": MATRIX, "n": np.array(3), "none": np.zeros((0, 2)), "codes": MATRIX.T[1]}
    save_npz(tmp_path / "a.npz", arrays)
    save_npz(tmp_path / "b.npz", arrays)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    loaded = load_npz(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as theirs:
        assert list(loaded) == list(arrays) == list(theirs)
        for name, array in arrays.items():
            np.testing.assert_array_equal(loaded[name], array)
            np.testing.assert_array_equal(theirs[name], array)


def zipped(path, compression, content) -> None:
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("x.npy", content)


def test_archives_that_could_unfold_or_lie_are_refused(tmp_path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, MATRIX)
    path = tmp_path / "x.npz"
    zipped(path, zipfile.ZIP_DEFLATED, buffer.getvalue())
    with pytest.raises(DataError, match="compressed"):
        load_npz(path)
    zipped(path, zipfile.ZIP_STORED, buffer.getvalue()[:-1])
    with pytest.raises(DataError, match="promises"):
        load_npz(path)
    zipped(path, zipfile.ZIP_STORED, buffer.getvalue())
    whole = path.read_bytes()
    path.write_bytes(whole.replace(MATRIX[5].tobytes(), MATRIX[6].tobytes()))
    with pytest.raises(DataError, match="CRC"):
        load_npz(path)
    path.write_bytes(whole[:50])
    with pytest.raises(DataError, match="not a whole array file"):
        load_npz(path)
