"""Where ``predict`` writes: whole files or none, devices and pipes as they are, the exit code."""

import gzip
import json
import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nntool.steps.predicting import Predictor

AS_ROOT = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may mount a small disk"
)
POSIX = pytest.mark.skipif(os.name != "posix", reason="named pipes and modes of POSIX")
DEV_FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is full")


@pytest.fixture
def many(source, tmp_path):
    """More rows than one chunk."""
    header, _, rows = source.read_text().partition("\n")
    path = tmp_path / "many.csv"
    path.write_text(header + "\n" + rows * 700)
    return path


@pytest.fixture
def started():
    """Start a command in a process of its own, which does not outlive the test."""
    processes = []

    def start(*words, **streams):
        words = [sys.executable, "-m", "nntool", *map(str, words)]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
        processes.append(subprocess.Popen(words, **streams))
        return processes[-1]

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def ended(started):
    """Run a command to its end: exit code, standard output and error."""

    def end(*words, **streams):
        process = started(*words, **streams)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err.decode()

    return end


# Files


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
    monkeypatch.setattr(Predictor, "answer", interrupted)
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


# A full disk


@pytest.fixture
def small_disk(tmp_path):
    """A folder with room for 64 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]
    try:
        mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if mounted.returncode:
        pytest.skip(f"no disk may be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


@AS_ROOT
@pytest.mark.parametrize("name", ["p.csv", "p.csv.gz", "p.csv.zst", "p.parquet"])
def test_a_full_disk_leaves_the_old_file_and_no_other(nntool, run, table, write, small_disk, name):
    gen = random.Random(3)
    rows = [[f"{gen.getrandbits(256):x}", *row[1:]] for row in table[1:] * 50]
    output = small_disk / name
    output.write_text("old\n")
    source = write("new.csv", [table[0], *rows])
    said = nntool("predict", run, source, "--keep", "*", "--output", output)
    assert said.code == 7
    assert said.message == f"nntool predict: the disk is full: {output}"
    assert os.listdir(small_disk) == [name]
    assert output.read_text() == "old\n"


@DEV_FULL
@pytest.mark.parametrize("rows", ["source", "many"])
def test_a_full_disk_behind_standard_output_is_told(ended, run, rows, request):
    with open("/dev/full", "wb") as full:
        code, _, said = ended("predict", run, request.getfixturevalue(rows), stdout=full)
    assert code == 7
    assert "nntool predict: the disk is full: standard output\n" in said
    assert "Exception" not in said


# Pipes and devices


@pytest.mark.parametrize("n_lines", [0, 1, 3])
def test_a_reader_that_leaves_ends_it_in_silence(started, run, many, n_lines):
    process = started("predict", run, many, "--keep", "*")
    for _ in range(n_lines):
        assert process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(timeout=30) == 141


def test_the_header_is_there_before_the_input_ends(started, run, many):
    words = ["predict", run, "-", "--id", "customer", "--threads", "1"]
    process = started(*words, stdin=subprocess.PIPE)

    def feed():
        with suppress(BrokenPipeError):
            process.stdin.write(many.read_bytes())
            process.stdin.flush()

    feeding = threading.Thread(target=feed)
    feeding.start()
    try:
        assert process.stdout.readline() == b"customer,prediction,p_no,p_yes\n"
    finally:
        process.kill()
        feeding.join()


@POSIX
def test_a_named_pipe_is_written_and_stays(ok, run, source, at):
    os.mkfifo(at / "p.csv.gz")
    got = []
    reading = threading.Thread(target=lambda: got.append((at / "p.csv.gz").read_bytes()))
    reading.start()
    ok("predict", run, source, "--output", "p.csv.gz")
    reading.join(timeout=30)
    assert gzip.decompress(got[0]) == ok("predict", run, source).out
    assert stat.S_ISFIFO((at / "p.csv.gz").stat().st_mode)


@POSIX
@pytest.mark.parametrize("name", ["p.csv.gz", "p.parquet"])
def test_a_named_pipe_gets_no_whole_file_where_something_fails(
    nntool, run, write, table, at, name, monkeypatch
):
    monkeypatch.setattr("nntool.tables.sinks.CELLS_IN_GROUP", 1)  # row groups of 1,024 rows
    bad = write("new.csv", [*table, *table[1:] * 600, ["too", "short"]])
    os.mkfifo(at / name)
    got = []
    reading = threading.Thread(target=lambda: got.append((at / name).read_bytes()))
    reading.start()
    said = nntool("predict", run, bad, "--strict", "--output", name)
    reading.join(timeout=30)
    assert said.code == 3
    with pytest.raises((EOFError, pa.ArrowInvalid)):
        gzip.decompress(got[0] or b"\x1f\x8b") if name.endswith("gz") else pq.read_table(
            pa.BufferReader(got[0])
        )


@POSIX
def test_devices_are_written_as_they_are(ok, run, source):
    assert ok("predict", run, source, "--output", os.devnull).out == b""
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


@pytest.mark.skipif(not os.path.exists("/dev/fd/1"), reason="no /dev/fd")
def test_what_the_shell_has_opened_is_added_to_where_it_stands(ok, ended, nntool, run, source, at):
    expected = ok("predict", run, source).out
    assert ok("predict", run, source, "--output", "/dev/stdout").out == expected
    with open(at / "p.csv", "ab") as file:
        file.write(b"before\n")
        file.flush()
        number = file.fileno()
        assert ended("predict", run, source, "--output", "/dev/stdout", stdout=file)[0] == 0
        to_it = ["--output", f"/dev/fd/{number}"]
        assert ended("predict", run, source, *to_it, pass_fds=[number])[0] == 0
    assert (at / "p.csv").read_bytes() == b"before\n" + expected * 2
    assert nntool("predict", run, source, "--json", "--output", "/dev/stdout").code == 2
