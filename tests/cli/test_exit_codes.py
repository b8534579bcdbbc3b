"""One exit code for each kind of failure; nothing but the kind decides it."""

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time

import pytest

from nntool import errors
from nntool.run.session import Session

NNTOOL = [sys.executable, "-m", "nntool"]


def test_each_kind_of_error_has_its_own_code():
    kinds = [errors.NntoolError, *errors.NntoolError.__subclasses__()]
    assert {kind.kind: kind.exit_code for kind in kinds} == {
        "bug": 1, "usage": 2, "data": 3, "stale": 4, "training": 5, "gate": 6, "machine": 7,
        "interrupted": 130,
    }  # fmt: skip


def test_0_done_and_0_already_done(nntool, run):
    assert nntool("transform", run, "--force").code == 0
    assert nntool("transform", run).code == 0


def test_1_a_bug_is_short_and_its_traceback_is_in_a_file(nntool, run, tmp_path, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("by 0")

    monkeypatch.setattr("nntool.steps.transform.transform", broken)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    said = nntool("transform", run)
    (report,) = tmp_path.glob("nntool-*.txt")
    assert said.code == 1
    assert said.first == "nntool transform: a bug: ZeroDivisionError: by 0"
    assert said.hint == f"report it with the file {report}, which says where it happened"
    assert "in broken" in report.read_text()
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["train"],
        ["train", "RUN", "--no-such-option"],
        ["train", "RUN", "--epochs", "0"],
        ["train", "RUN", "--threads", "0"],
        ["train", "RUN", "--seed", "-1"],
        ["split", "RUN", "--train", "0.9", "--test", "0.9"],
        ["evaluate", "RUN", "--require", "beauty>=1"],
        ["show", "RUN", "nonsense"],
        ["run", "RUN"],
    ],
)
def test_2_wrong_usage(nntool, run, tmp_path, words):
    if words == ["run", "RUN"]:
        run = tmp_path / "new"
    said = nntool(*(run if word == "RUN" else word for word in words))
    assert (said.code, said.out) == (2, b"")
    assert said.message.startswith(f"nntool {words[0]}: " if words[0] != "nonsense" else "nntool: ")
    assert not (tmp_path / "new").exists()


def test_3_the_data_is_not_as_needed(nntool, run, tmp_path):
    assert nntool("predict", run, tmp_path / "nowhere.csv").code == 3
    assert nntool("predict", run, tmp_path).code == 3
    assert nntool("collect", tmp_path / "new", tmp_path / "nowhere.csv").code == 3
    assert nntool("run", tmp_path / "new", tmp_path / "nowhere.toml").code == 3


def test_4_an_artifact_is_missing_or_stale(nntool, run, tmp_path):
    (run / "transform/numeric.npy").unlink()
    said = nntool("train", run)
    assert said.code == 4
    assert said.first == "nntool train: transform is stale: transform/numeric.npy is missing"
    assert nntool("train", tmp_path / "nowhere").code == 4
    assert nntool("predict", tmp_path, "-").code == 4


def test_5_training_failed(nntool, run):
    said = nntool("train", run, "--optimizer", "sgd", "--learning-rate", "1e30")
    assert said.code == 5
    assert said.message.startswith("nntool train: the loss is not finite: epoch 1, ")
    assert "learning rate 1e+30" in said.message


def test_6_a_gate_failed(nntool, run):
    said = nntool("evaluate", run, "--require", "accuracy>=1", "--require", "log-loss<=0")
    assert said.code == 6
    assert "required is >= 1; log-loss is " in said.message


def test_7_the_lock_is_held(nntool, run):
    with Session(run):
        said = nntool("train", run)
    assert (said.code, said.first) == (7, f"nntool train: {run} is in use by process {os.getpid()}")
    assert nntool("train", run).code == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_7_the_disk_is_full(nntool, run, source):
    said = nntool("predict", run, source, "--output", "/dev/full")
    assert (said.code, said.first) == (
        7, "nntool predict: the disk is full: /dev/full",
    )  # fmt: skip


def test_7_a_thread_that_the_machine_refuses_is_no_bug(nntool, run, monkeypatch):
    def refused(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("nntool.steps.transform.transform", refused)
    said = nntool("transform", run)
    assert (said.code, said.hint) == (7, "--threads 1; or look at ulimit -u and ulimit -v")
    assert "bug" not in said.err


@pytest.mark.skipif(os.name == "nt", reason="a shell closes it")
@pytest.mark.parametrize(("closing", "name"), [("<&-", "input"), (">&-", "output")])
def test_7_a_standard_stream_that_is_closed_is_named(run, source, closing, name):
    words = shlex.join([*NNTOOL, "predict", str(run), "-" if name == "input" else str(source)])
    said = subprocess.run(f"{words} {closing}", shell=True, capture_output=True, text=True)
    assert said.returncode == 7
    assert said.stderr.splitlines() == [
        f"nntool predict: a standard stream is closed: standard {name}",
        "  try: open it, or redirect it",
    ]


def test_130_an_interrupt_leaves_nothing_half_written(nntool, run, monkeypatch, content):
    def interrupted(*_):
        assert (run / ".new-transform").exists()
        raise KeyboardInterrupt

    before = content(run)
    monkeypatch.setattr("nntool.steps.transform._write_features", interrupted)
    said = nntool("transform", run, "--force")
    assert said.code == 130
    assert said.first == "nntool transform: interrupted; no file of a run was left half-written"
    assert content(run) == before


def test_130_the_first_ctrl_c_keeps_the_best_weights_so_far(run, nntool):
    words = ["train", str(run), "--epochs", "1000000", "--patience", "0", "--hidden", "8"]
    with subprocess.Popen([*NNTOOL, *words], stderr=subprocess.PIPE, text=True) as process:
        opening = next(line for line in process.stderr if " training rows, " in line)
        time.sleep(0.5)  # some epochs of a millisecond
        process.send_signal(signal.SIGINT)
        err = opening + process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "nntool train: stopping after this step; Ctrl-C again stops at once\n" in err
    assert "nntool train: interrupted; the weights of epoch " in err
    status = nntool("status", run, "--json").json["steps"]["train"]
    assert (status["state"], status["interrupted"]) == ("fresh", True)


@pytest.fixture
def many_rows(source, tmp_path):
    header, _, rows = source.read_text().partition("\n")
    path = tmp_path / "many.csv"
    path.write_text(header + "\n" + rows * 400)
    return path


@pytest.mark.parametrize("command", ["predict", "show"])
def test_141_a_reader_that_goes_away_is_met_with_silence(run, nntool, many_rows, command):
    words = ["predict", run, many_rows]
    if command == "show":
        nntool("collect", run, many_rows)
        words = ["show", run, "collect"]
    with subprocess.Popen(
        [*NNTOOL, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout.readline().count(b",") >= 2
        process.stdout.close()
        err = process.stderr.read()
        process.wait(timeout=60)
    assert (process.returncode, err) == (141, b"")


def test_run_directories_that_are_files_and_outputs_without_a_folder_are_no_bugs(
    nntool, run, source, tmp_path
):
    for root in (source, source / "below"):
        said = nntool("collect", root, source)
        assert said.code in (2, 7), said
    said = nntool("predict", run, source, "--output", tmp_path / "nowhere" / "p.csv")
    assert said.code in (2, 7), said
    assert str(tmp_path / "nowhere") in said.message


def test_errors_are_met_by_a_test_runner_of_typer_too(run):
    """The boundary stands inside the command: what the program says, a test of it sees."""
    from typer.testing import CliRunner

    from nntool.cli.main import app

    result = CliRunner().invoke(app, ["train", str(run), "--epochs", "0"])
    assert result.exit_code == 2
    assert result.stderr.startswith("nntool train: --epochs: ")
