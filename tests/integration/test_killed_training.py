"""A training that was killed at any moment ends in the bytes of one that never was."""

import csv
import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

FOLDERS = 3
"""For each training; in each it is killed once before a write, and once again some time later."""

TRAININGS = {
    "members together": "--optimizer adam --ensemble 3 --bagging --checkpoint-every 2",
    "members one by one": "--optimizer adam --ensemble 3 --batch-norm --checkpoint-every 3",
    "snapshots": "--optimizer adam --snapshots 4 --checkpoint-every 3",
    "adam with dropout, a checkpoint each epoch": "--dropout 0.3 --checkpoint-every 1",
    "adam with dropout, a checkpoint now and then": "--dropout 0.3 --checkpoint-every 7",
    "plateau": (
        "--schedule plateau:patience=1,threshold=0.05 --average-weights ema:decay=0.9 --batch-norm"
        " --checkpoint-every 1"
    ),
    "bold driver": (
        "--optimizer momentum --schedule bold-driver --learning-rate 0.3 --batch-size full"
        " --checkpoint-every 3"
    ),
    "lbfgs": "--optimizer lbfgs:tolerance=0 --penalty none --checkpoint-every 2",
}


def files_of(run: Path) -> dict[str, bytes]:
    """What must have the same bytes: the model and how it came about."""
    names = ("train/model.npz", "train/model.json", "train/history.csv", "checkpoint/state.json")
    return {name: (run / name).read_bytes() for name in names}


@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_killed_at_random_moments_ends_in_the_same_bytes(
    trained: Path, forks: Any, tmp_path: Path, name: str
) -> None:
    rng = random.Random(name)
    epochs = 150 if "full" in TRAININGS[name] or name == "lbfgs" else 40
    words = f"train run --patience 0 --epochs {epochs} {TRAININGS[name]}".split()
    whole = Path(shutil.copytree(trained, tmp_path / "whole"))
    begun = time.monotonic()
    ended = forks.nntool(whole, *words)
    seconds = time.monotonic() - begun
    assert ended.status == 0, ended.err
    wanted = files_of(whole / "run")
    rows = list(csv.DictReader(wanted["train/history.csv"].decode().splitlines()))
    has_reacted = len({row["learning_rate"] for row in rows}) > 2
    assert len(rows) > 20
    assert has_reacted == ("schedule" in TRAININGS[name]) or name in ("lbfgs", "snapshots")
    assert any(row["undone"] == "1" for row in rows) == (name == "bold driver")
    went_on = 0
    for number in range(FOLDERS):
        folder = Path(shutil.copytree(trained, tmp_path / f"killed{number}"))
        place = rng.randint(len(ended.writes) // 4, len(ended.writes))
        killed = forks.nntool(folder, *words, signal=signal.SIGKILL, before=place)
        assert killed.status == -signal.SIGKILL, killed.err
        delay = rng.uniform(0.3, 0.9) * seconds
        resumed = forks.nntool(folder, *words, signal=signal.SIGKILL, after=delay)
        assert resumed.status in (-signal.SIGKILL, 0), resumed.err
        again = forks.nntool(folder, *words)
        assert again.status == 0, again.err
        went_on += "goes on" in resumed.err + again.err
        told = f"killed before its write {place}, and again after {delay:.3f} s"
        assert files_of(folder / "run") == wanted, told
    assert went_on, "no kill came after a checkpoint"
