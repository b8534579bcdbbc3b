"""Ctrl-C, two writers at once, and readers that leave: what each leaves behind, and says."""

import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ENDLESS = ("train", "run", "--epochs", "100000", "--patience", "0")
INTERRUPTED = 130
REFUSED = 7
READER_LEFT = 141


@pytest.fixture
def started(after_training: Any) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command; whatever still runs when the test ends is killed."""
    processes: list[subprocess.Popen[str]] = []

    def start(*words: str, program: str = "nntool") -> subprocess.Popen[str]:
        processes.append(after_training.start(*words, program=program))
        return processes[-1]

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_until_it_trains(run: Path, seconds: float = 0.5) -> None:
    """Wait for the staging folder, then let some epochs go by."""
    limit = time.monotonic() + 60
    while not (run / ".new-train").exists():
        assert time.monotonic() < limit, "training does not begin"
        time.sleep(0.01)
    time.sleep(seconds)


def interrupted(process: subprocess.Popen[str]) -> str:
    """Press Ctrl-C in a training once an epoch is done; returns what it said."""
    told = until_an_epoch_is_done(process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED, told + err
    return told + str(err)


def until_an_epoch_is_done(process: subprocess.Popen[str]) -> str:
    """What a training says up to its first line on an epoch."""
    told = ""
    while "training: " not in told:
        line = process.stderr.readline() if process.stderr else ""
        assert line, f"training does not begin: {told}"
        told += line
    return told


def trained_epochs(run: Path) -> int:
    return int(json.loads((run / "train/model.json").read_text())["trained"]["epochs"])


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("timing.csv", ".lock")
    }


def test_ctrl_c_leaves_a_model_that_is_marked_and_whoever_uses_it_says_so(
    after_training: Any, started: Any
) -> None:
    run = after_training.folder / "run"
    said = interrupted(started(*ENDLESS))
    assert "interrupted" in said
    entry = json.loads((run / "run.json").read_text())["steps"]["train"]
    assert entry["status"] == "interrupted"
    assert trained_epochs(run) > 0
    assert not list(run.glob(".new-*"))
    for command in ("predict run new.csv", "evaluate run"):
        assert "interrupted" in after_training.done(*command.split()).stderr
    assert "interrupted" in after_training.done("status", "run").stdout


def test_ctrl_c_in_a_full_batch_method_loses_nothing(
    after_training: Any, started: Any, tmp_path: Path
) -> None:
    """Gauss–Newton matrices of 1,171 weights: an iteration takes long enough to be stopped in."""
    run = after_training.folder / "run"
    method = ("--optimizer", "levenberg-marquardt:tolerance=0", "--hidden", "30")
    words = ("train", "run", *method, "--patience", "0", "--epochs")
    shutil.copytree(run, tmp_path / "never")
    process = started(*words, "400")
    while not re.search(r"training: [1-9]", process.stderr.readline()):
        assert process.poll() is None, "training does not begin"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED, said
    assert "the best so far, are the model now" in said
    reached = trained_epochs(run)
    assert 0 < reached < 400
    more = str(reached + 2)
    assert "goes on after epoch" in after_training.done(*words, more).stderr
    shutil.move(run, tmp_path / "stopped")
    shutil.copytree(tmp_path / "never", run)
    after_training.done(*words, more)
    for name in ("train/model.npz", "train/model.json", "train/history.csv"):
        assert (run / name).read_bytes() == (tmp_path / "stopped" / name).read_bytes()


def test_the_command_that_an_interrupted_training_names_goes_on_from_there(
    after_training: Any, started: Any
) -> None:
    run = after_training.folder / "run"
    hint = re.findall(r"try: (nntool train .*)", interrupted(started(*ENDLESS)))[0]
    reached = trained_epochs(run)
    again = started("-c", f"exec {hint}", program="bash")
    said = interrupted(again)
    assert f"after epoch {reached:,}" in said or f"after epoch {reached}" in said
    assert trained_epochs(run) > reached


def test_a_training_that_was_interrupted_ends_in_the_bytes_of_one_that_was_not(
    after_training: Any, started: Any, tmp_path: Path
) -> None:
    run = after_training.folder / "run"
    shutil.copytree(run, tmp_path / "never")
    interrupted(started(*ENDLESS))
    epochs = str(trained_epochs(run) + 10)
    options = ("--patience", "0", "--epochs", epochs)
    assert "goes on" in after_training.done("train", "run", *options).stderr
    after_training.done("train", str(tmp_path / "never"), *options)
    assert content(run / "train") == content(tmp_path / "never/train")


def test_ctrl_c_ends_the_members_that_other_processes_train(
    after_training: Any, started: Any, tmp_path: Path
) -> None:
    """With batch norm no updates are made together; so much work goes to processes."""
    run = after_training.folder / "run"
    options = ("--optimizer", "adam", "--batch-norm", "--ensemble", "3", "--threads", "2")
    shutil.copytree(run, tmp_path / "never")
    process = started(*ENDLESS, *options)
    wait_until_it_trains(run, 0)
    limit = time.monotonic() + 60
    while not list((run / ".new-train").glob("member-/[0-9]*")):
        assert time.monotonic() < limit, "no process trains"
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED, err
    assert "of 3 networks" in err
    assert not list(run.glob(".new-*"))
    members = json.loads((run / "train/model.json").read_text())["members"]
    assert 1 <= len(members) <= 3
    epochs = str(max(member["epochs"] for member in members) + 2)
    options = ("--patience", "0", "--epochs", epochs, *options)
    assert "goes on" in after_training.done("train", "run", *options).stderr
    after_training.done("train", str(tmp_path / "never"), *options, "--threads", "1")
    assert content(run / "train") == content(tmp_path / "never/train")


def test_a_kill_of_a_resumed_training_goes_back_no_further_than_its_checkpoint(
    after_training: Any, started: Any
) -> None:
    run = after_training.folder / "run"
    interrupted(started(*ENDLESS))
    reached = trained_epochs(run)
    resumed = started(*ENDLESS)
    until_an_epoch_is_done(resumed)
    resumed.kill()
    resumed.communicate()
    said = after_training.done("train", "run", "--patience", "0", "--epochs", str(reached + 1))
    assert f"after epoch {reached}" in said.stderr.replace(",", "")
    assert trained_epochs(run) == reached + 1


def test_a_training_says_what_it_trains_before_it_is_done(started: Any) -> None:
    process = started(*ENDLESS)
    said = process.stderr.readline()
    assert "training rows" in said
    assert process.poll() is None


def test_a_second_ctrl_c_stops_at_once_and_leaves_the_older_model(
    after_training: Any, started: Any
) -> None:
    run = after_training.folder / "run"
    before = content(run / "train")
    process = started(*ENDLESS, "--hidden", "3000,3000", "--batch-size", "full")
    wait_until_it_trains(run)
    process.send_signal(signal.SIGINT)
    told = process.stderr.readline()
    while "again stops at once" not in told:
        told = process.stderr.readline()
        assert told, "nothing is said of the second Ctrl-C"
    process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    _, err = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED
    assert time.monotonic() - begun < 5
    assert "are the model now" not in err
    assert content(run / "train") == before
    assert not list(run.glob(".new-*"))
    assert after_training.done("status", "run", "--check")


def test_ctrl_c_before_the_first_epoch_is_done_leaves_the_older_model(
    after_training: Any, forks: Any
) -> None:
    run = after_training.folder / "run"
    before = content(run / "train")
    ended = forks.nntool(after_training.folder, *ENDLESS, signal=signal.SIGINT, before=1)
    assert ended.status == INTERRUPTED, ended.err
    assert content(run / "train") == before
    assert after_training.done("status", "run", "--check")


def test_a_kill_in_training_leaves_the_older_model(after_training: Any, started: Any) -> None:
    run = after_training.folder / "run"
    before = content(run / "train")
    process = started(*ENDLESS)
    wait_until_it_trains(run)
    process.kill()
    process.communicate()
    assert content(run / "train") == before
    assert after_training.done("status", "run", "--check")
    after_training.done("predict", "run", "new.csv")
    after_training.done("train", "run", "--epochs", "20")
    assert not list(run.glob(".new-*"))


def test_ctrl_c_in_run_is_ctrl_c_in_its_training(after_training: Any, started: Any) -> None:
    run = after_training.folder / "run"
    sets = ("--set", "train.epochs=100000", "--set", "train.patience=0")
    said = interrupted(started("run", "run", *sets))
    assert "interrupted" in said
    reached = trained_epochs(run)
    more = ("--set", f"train.epochs={reached + 5}", "--set", "train.patience=0")
    again = after_training.done("run", "run", *more)
    assert "goes on" in again.stderr
    assert trained_epochs(run) == reached + 5
    assert after_training.done("status", "run", "--check")


def test_a_second_writer_is_told_at_once_who_writes(after_training: Any, started: Any) -> None:
    run = after_training.folder / "run"
    first = started(*ENDLESS)
    wait_until_it_trains(run, seconds=0.0)
    for command in ("train run", "split run", "run run", "clean run --target churned"):
        begun = time.monotonic()
        refused = after_training.nntool(*command.split())
        assert time.monotonic() - begun < 5, "it must not wait"
        assert refused.returncode == REFUSED, refused.stderr
        message, hint = refused.stderr.splitlines()
        assert f"in use by process {first.pid}" in message
        assert hint.startswith("  try: ")
    after_training.done("predict", "run", "new.csv")
    after_training.done("status", "run")
    assert first.poll() is None


@pytest.fixture
def long_table(after_training: Any) -> Path:
    """More rows than any pipe holds."""
    path = Path(after_training.folder / "long.csv")
    header, *rows = (after_training.folder / "new.csv").read_text().splitlines()
    path.write_text("\n".join([header, *(rows * 500)]) + "\n")
    return path


@pytest.mark.parametrize(
    "command",
    [
        "nntool predict run long.csv",
        "nntool predict run - --output - < long.csv",
        "cat long.csv | nntool predict run -",
    ],
)
def test_predict_ends_silently_where_its_reader_has_seen_enough(
    after_training: Any, long_table: Path, command: str
) -> None:
    found = after_training.bash(f"{command} | head -n 1; echo ${{PIPESTATUS[@]: -2:1}}")
    header, status = found.stdout.splitlines()
    assert header.startswith("prediction,")
    assert (int(status), found.stderr) == (READER_LEFT, "")


@pytest.mark.parametrize(
    "command",
    [
        "nntool show run collect",
        "nntool show run train",
        "nntool status run",
        "nntool status run --json",
        "nntool predict run new.csv",
        "nntool evaluate run --json --quiet",
        "nntool train --explain adam",
        "nntool --help",
        "nntool train --help",
        "nntool --version",
    ],
)
def test_any_output_ends_silently_where_nobody_reads(after_training: Any, command: str) -> None:
    nobody = "(exec <&-; until [ -e ended ]; do sleep 0.02; done)"
    found = after_training.bash(f"(sleep 0.1; {command}; echo $? > ended) | {nobody}; cat ended")
    assert (found.stdout, found.stderr) == (f"{READER_LEFT}\n", "")
