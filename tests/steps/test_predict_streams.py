"""``predict`` at a full disk, in pipes and on devices: the exit code, and what is left behind."""

import gzip
import os
import random
import signal
import stat
import subprocess
import threading
import time
from contextlib import suppress

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

AS_ROOT = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may mount a small disk"
)
POSIX = pytest.mark.skipif(os.name != "posix", reason="named pipes of POSIX")
DEV_FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is full")


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
@pytest.mark.parametrize(("name", "threads"), [("TERM", "1"), ("TERM", "2"), ("HUP", "2")])
def test_a_signal_ends_it_and_leaves_no_temporary_file(started, run, many, at, name, threads):
    number = signal.Signals[f"SIG{name}"]
    ours = signal.signal(number, signal.SIG_DFL)  # under nohup what we start would ignore it, too
    words = ["predict", run, "-", "--output", at / "p.csv", "--threads", threads]
    process = started(*words, stdin=subprocess.PIPE)
    signal.signal(number, ours)
    process.stdin.write(many.read_bytes()[:50_000])
    process.stdin.flush()
    _until(lambda: any(name.startswith(".new-") for name in os.listdir(at)))
    process.send_signal(number)
    assert process.wait(timeout=30) == -number
    assert process.stderr.read() == b""
    assert not [name for name in os.listdir(at) if "p.csv" in name]


@POSIX
def test_an_interrupt_does_not_wait_for_the_last_pass(started, run, source, at):
    many_passes = ["--mc-dropout", "100000000", "--threads", "2", "--output", at / "p.csv"]
    process = started("predict", run, source, *many_passes)
    _until(lambda: any(name.startswith(".new-") for name in os.listdir(at)))
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    assert not [name for name in os.listdir(at) if "p.csv" in name]


def _until(is_so):
    for _ in range(3000):
        if is_so():
            return
        time.sleep(0.01)
    raise AssertionError("it never came to that")


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
