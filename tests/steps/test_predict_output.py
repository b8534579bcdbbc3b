"""The files that ``predict`` writes: what is in them, whole or not there, and where none may go."""

import gzip
import json
import os
import signal
import stat
import subprocess
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nntool.steps.answering import Answering

POSIX = pytest.mark.skipif(os.name != "posix", reason="named pipes and modes of POSIX")


def test_a_packed_file_and_parquet_hold_the_same_rows(ok, run, source, at):
    plain = ok("predict", run, source, "--id", "customer").out
    for name in ("p.csv", "p.csv.gz", "p.csv.zst", "p.parquet", "p.predictions"):
        assert ok("predict", run, source, "--id", "customer", "--output", name).out == b""
    assert (at / "p.csv").read_bytes() == plain == (at / "p.predictions").read_bytes()
    assert gzip.decompress((at / "p.csv.gz").read_bytes()) == plain
    packed = pa.BufferReader((at / "p.csv.zst").read_bytes())
    assert pa.CompressedInputStream(packed, "zstd").read() == plain
    table = pq.read_table(at / "p.parquet")
    assert table.schema.types == [pa.string(), pa.string(), pa.float64(), pa.float64()]
    lines = plain.decode().splitlines()
    assert table.column_names == lines[0].split(",")
    assert [f"{i},{y},{p},{q}" for i, y, p, q in zip(*table.to_pydict().values(), strict=True)] == (
        lines[1:]
    )


def test_what_is_written_can_be_an_input(ok, run, source, at):
    """Ids, kept columns and all: predictions of predictions, from each kind of file."""
    expected = ok("predict", run, source, "--id", "customer").out
    for name in ("p.csv", "p.csv.gz", "p.csv.zst", "p.parquet"):
        ok("predict", run, source, "--keep", "*", "--output", name)
        assert ok("predict", run, name, "--id", "customer").out == expected


@pytest.mark.parametrize("name", ["p.csv.gz", "p.csv.zst", "p.parquet"])
def test_threads_change_no_byte_of_a_file(ok, run, many, at, name):
    written = set()
    for threads in ("1", "2", "5"):
        ok("predict", run, many, "--keep", "*", "--output", name, "--threads", threads)
        written.add((at / name).read_bytes())
    assert len(written) == 1


def test_a_typed_prediction_of_numbers_is_a_number(ok, split_for, source, at):
    root = split_for("income")
    ok("train", root, "--epochs", "2", "--hidden", "4")
    ok("predict", root, source, "--output", "p.parquet")
    expected = [float(row["prediction"]) for row in ok("predict", root, source).rows]
    assert pq.read_table(at / "p.parquet").to_pydict() == {"prediction": expected}


def test_parquet_holds_sets_as_lists_and_nothing_of_a_bad_row(ok, run, table, write, at):
    source = write("new.csv", [*table[:4], ["too", "short"], *table[4:]])
    words = ["--interval", "0.7", "--status", "--top", "1", "--id", "customer", "--keep", "age"]
    rows = ok("predict", run, source, *words).rows
    ok("predict", run, source, *words, "--output", "p.parquet")
    found = pq.read_table(at / "p.parquet")
    assert found.column_names == list(rows[0])
    assert found.schema.field("set").type == pa.list_(pa.string())
    for written, row in zip(found.to_pylist(), rows, strict=True):
        if row["status"] == "bad row":
            assert not any(cell for name, cell in row.items() if name != "status")
            assert {**written, "status": None} == dict.fromkeys(row)
        else:
            assert written["set"] == json.loads(row["set"])
            assert written["p_top_1"] == float(row["p_top_1"])
    assert rows[3]["status"] == "bad row"


@POSIX
@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_file_has_the_mode_that_umask_leaves(ok, run, source, at, mask):
    before = os.umask(mask)
    try:
        ok("predict", run, source, "--output", "p.csv")
    finally:
        os.umask(before)
    assert stat.S_IMODE((at / "p.csv").stat().st_mode) == 0o666 & ~mask


@POSIX
def test_a_link_stays_a_link_and_its_file_is_written(ok, run, source, at):
    (at / "there").mkdir()
    (at / "p.csv").symlink_to("there/p.csv")
    ok("predict", run, source, "--output", "p.csv")
    assert (at / "p.csv").is_symlink()
    assert (at / "there/p.csv").read_bytes() == ok("predict", run, source).out
    assert os.listdir(at / "there") == ["p.csv"]


def test_an_interrupt_leaves_the_old_file_and_no_other(nntool, run, source, at, monkeypatch):
    def interrupted(self, chunk):
        assert len(list(at.glob(".new-*"))) == 1
        raise KeyboardInterrupt

    (at / "p.csv").write_text("old\n")
    monkeypatch.setattr(Answering, "answer", interrupted)
    said = nntool("predict", run, source, "--output", "p.csv", "--threads", "1")
    assert (said.code, said.out) == (130, b"")
    assert (at / "p.csv").read_text() == "old\n"
    assert sorted(os.listdir(at)) == ["p.csv", "run"]


@POSIX
@pytest.mark.parametrize("name", ["p.csv", "p.parquet"])
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_what_ends_it_half_way_leaves_no_half_file(started, run, many, at, sent, code, name):
    (at / name).write_text("old\n")
    process = started("predict", run, "-", "--output", name, stdin=subprocess.PIPE)
    process.stdin.write(many.read_bytes())  # and no end of it
    process.stdin.flush()
    limit = time.monotonic() + 30
    while not any(name != "p.csv" or path.stat().st_size for path in at.glob(".new-*")):
        assert process.poll() is None
        assert time.monotonic() < limit, "nothing is written"
        time.sleep(0.02)
    process.send_signal(sent)
    _, said = process.communicate(timeout=30)
    assert process.returncode == code
    assert b"Traceback" not in said
    assert b"Exception ignored" not in said
    assert (at / name).read_text() == "old\n"
    if sent == signal.SIGINT:
        assert sorted(os.listdir(at)) == ["many.csv", name, "run"]


def test_a_place_where_predictions_cannot_go_is_refused_before_anything_is_read(nntool, run, at):
    (at / "folder").mkdir()
    for output, said in {
        "": "is no name of a file",
        "folder": "is no name of a file",
        "new/": "is no name of a file",
        "no/p.csv": f"the folder {at / 'no'} is not there",
        "run/p.csv": "lies in the run directory",
        "p.xlsx": "predictions are written as CSV or Parquet, not as Excel",
        "p.tsv": "not as TSV",
    }.items():
        refused = nntool("predict", run, "-", "--output", output, stdin=b"not even read")
        assert (refused.code, refused.out) == (2, b"")
        assert said in refused.message
    assert sorted(os.listdir(at)) == ["folder", "run"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_protected_file_stays_as_it_is(nntool, run, source, at):
    (at / "p.csv").write_text("old\n")
    (at / "p.csv").chmod(0o444)
    said = nntool("predict", run, source, "--output", "p.csv")
    assert (said.code, (at / "p.csv").read_text()) == (7, "old\n")


def test_a_name_that_is_too_long_is_told(nntool, run, source, at):
    said = nntool("predict", run, source, "--output", "n" * 300)
    assert said.code == 7
    assert said.message.startswith("nntool predict: the name is too long: ")
    longest = "n" * 251 + ".csv"
    assert nntool("predict", run, source, "--output", longest).code == 0
    assert sorted(os.listdir(at)) == [longest, "run"]


@POSIX
@pytest.mark.parametrize("source_name", ["many.csv", "-"])
def test_an_input_is_not_what_standard_output_is_added_to(ended, run, many, source_name):
    """`predict RUN x.csv >> x.csv` would read what it writes, without end."""
    before = many.read_bytes()
    with open(many, "rb") as stdin, open(many, "ab") as stdout:
        name = "-" if source_name == "-" else many
        code, _, said = ended("predict", run, name, stdin=stdin, stdout=stdout)
    assert code == 2
    assert "standard output goes into the input" in said
    assert many.read_bytes() == before


def test_standard_input_is_not_overwritten(ended, run, many):
    before = many.read_bytes()
    with open(many, "rb") as stdin:
        assert ended("predict", run, "-", "--output", many, stdin=stdin)[0] == 2
    assert many.read_bytes() == before


def test_what_is_over_at_once_tells_no_progress(ok, run, source, monkeypatch):
    monkeypatch.setattr("nntool.cli.output.SECONDS_TO_FIRST_LINE", 0)
    assert "predicting:" not in ok("predict", run, source, "--output", "-").err
