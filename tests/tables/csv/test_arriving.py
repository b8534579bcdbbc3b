"""Pipes: what has come is read, and nobody waits for more than that."""

import io
import os
import threading
import time

import pytest

from nntool.tables.csv.arriving import Arriving, arriving, has_more, peek
from nntool.tables.csv.dialect import Dialect
from nntool.tables.csv.reader import CsvReader
from nntool.tables.csv.source import HEAD_BYTES


@pytest.fixture
def pipe():
    """The reading end as a stream, and the writing end."""
    reading, writing = os.pipe()
    with open(reading, "rb") as stream, open(writing, "wb", buffering=0) as sink:
        yield stream, sink


def test_a_read_gives_what_has_come(pipe):
    stream, sink = pipe
    view = arriving(stream)
    assert isinstance(view, Arriving)
    sink.write(b"some")
    assert view.read(1 << 20) == b"some"
    assert not view.has_more()
    sink.write(b"more")
    assert view.has_more()
    assert view.read(2) == b"mo"
    sink.close()
    assert view.read(10) == b"re"
    assert view.has_more()  # the end need not be waited for
    assert view.read(10) == b""


def test_pieces_that_come_one_after_the_other_are_one_read(pipe):
    stream, sink = pipe
    data = bytes(1 << 20)  # many times what a pipe holds
    writer = threading.Thread(target=sink.write, args=(data,))
    writer.start()
    assert len(arriving(stream).read(1 << 19)) == 1 << 19
    assert len(arriving(stream).read(1 << 19)) == 1 << 19
    writer.join()


def test_files_and_streams_in_memory_are_read_as_they_are(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"a")
    memory = io.BytesIO()
    assert arriving(memory) is memory
    with open(path, "rb") as file:
        assert arriving(file) is file
        assert has_more(file)


def test_the_head_of_a_slow_pipe_is_not_waited_for(pipe, monkeypatch):
    monkeypatch.setattr("nntool.tables.csv.arriving.PATIENCE_AT_FIRST", 0.05)
    stream, sink = pipe
    sink.write(b"a,b\n1,2\n")
    head, rest = peek(stream, keep_open=True, patient=False)
    assert head == b"a,b\n1,2\n"
    sink.write(b"3,4\n")
    sink.close()
    assert rest.read() == b"a,b\n1,2\n3,4\n"


def test_the_head_of_rows_that_come_one_by_one_ends_too(pipe, monkeypatch):
    monkeypatch.setattr("nntool.tables.csv.arriving.PATIENCE_AT_FIRST", 0.2)
    stream, sink = pipe
    stop = threading.Event()

    def write_rows():
        sink.write(b"a,b\n")
        while not stop.wait(0.05):
            sink.write(b"1,2\n")
        sink.close()

    writer = threading.Thread(target=write_rows)
    writer.start()
    begun = time.perf_counter()
    threading.Timer(5, stop.set).start()
    head, rest = peek(stream, keep_open=True, patient=False)
    assert time.perf_counter() - begun < 3
    stop.set()
    writer.join()
    assert head.startswith(b"a,b\n1,2\n")
    assert set(rest.read().splitlines()[1:]) == {b"1,2"}


def test_a_head_that_must_be_seen_whole_is_waited_for(pipe, monkeypatch):
    monkeypatch.setattr("nntool.tables.csv.arriving.PATIENCE_AT_FIRST", 0.01)
    stream, sink = pipe

    def write_slowly():
        sink.write(b"a,b\n")
        time.sleep(0.1)
        sink.write(b"1,2\n")
        sink.close()

    writer = threading.Thread(target=write_slowly)
    writer.start()
    assert peek(stream, keep_open=True)[0] == b"a,b\n1,2\n"
    writer.join()


def test_the_head_of_a_fast_pipe_is_whole(pipe):
    stream, sink = pipe
    writer = threading.Thread(target=lambda: sink.write(b"a,b\n" * HEAD_BYTES))
    writer.start()
    head, rest = peek(stream, keep_open=True)
    assert len(head) == HEAD_BYTES
    assert len(rest.read(10)) == 10
    while rest.read(1 << 20):
        if not writer.is_alive():
            break
    writer.join()


@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_rows_that_have_come_are_not_held_back(pipe, monkeypatch, ahead):
    monkeypatch.setattr("nntool.tables.csv.arriving.PATIENCE_AT_FIRST", 0.05)
    stream, sink = pipe
    sink.write(b"a,b\n1,2\n")
    reader = CsvReader(
        peek(stream, keep_open=True, patient=False)[1], Dialect(), "x", keep_empty=True
    )
    reader.narrow(["a", "b"], ahead=ahead)
    rows = iter(reader)
    assert next(rows).to_pylist() == [{"a": "1", "b": "2"}]
    begun = time.perf_counter()
    sink.write(b"3,4\n5,")
    assert next(rows).to_pylist() == [{"a": "3", "b": "4"}]
    assert time.perf_counter() - begun < 5
    sink.write(b"6\n")
    sink.close()
    assert [row for batch in rows for row in batch.to_pylist()] == [{"a": "5", "b": "6"}]
