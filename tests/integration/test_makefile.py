"""The example Makefile builds predictions from the run's artifacts, and only what changed."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

MAKEFILE = Path(__file__).parents[2] / "docs/example/Makefile"
ALL = ["clean", "transform", "select-features", "split", "train", "predict", "evaluate"]
ARTIFACTS = [
    "run/clean/table.parquet",
    "run/transform/numeric.npy",
    "run/select-features/columns.json",
    "run/split/rows.npy",
    "run/train/model.npz",
    "run/evaluate/metrics.json",
    "predictions.csv",
]


class Made:
    """A folder with the Makefile: makes, and says which commands that took."""

    def __init__(self, shell: Any) -> None:
        self.shell, self.folder = shell, shell.folder
        shutil.copy(MAKEFILE, self.folder)

    def make(self, *words: str) -> list[str]:
        """The commands that make ran, in order."""
        process = self.shell.start(*words, program="make")
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        return re.findall(r"(?m)^nntool ([a-z-]+)", out)

    def results(self) -> dict[str, bytes]:
        return {name: (self.folder / name).read_bytes() for name in ARTIFACTS}

    def is_content(self) -> bool:
        """Whether make has nothing to do, and nntool finds everything fresh."""
        self.shell.done("status", "run", "--check")
        return subprocess.run(["make", "-q"], cwd=self.folder).returncode == 0


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, shell_in: Any, customers: Path) -> Path:
    """A folder in which make was called once; to be copied."""
    folder = Path(shutil.copytree(customers, tmp_path_factory.mktemp("made") / "work"))
    assert Made(shell_in(folder)).make() == ALL
    return folder


@pytest.fixture
def made(built: Path, tmp_path: Path, shell_in: Any) -> Made:
    """A copy of that folder, with the same modification times."""
    return Made(shell_in(Path(shutil.copytree(built, tmp_path / "work"))))


def touch(path: Path) -> None:
    """Give a file the present time, as a later call of make sees it."""
    time.sleep(0.01)  # the clock of files ticks every few milliseconds
    os.utime(path)


def change(path: Path) -> None:
    """Take the last row from a table."""
    time.sleep(0.01)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:-1]), encoding="utf-8")


def test_a_second_make_does_nothing(made: Made) -> None:
    assert made.make() == []
    assert made.is_content()


def test_new_rows_are_only_predicted(made: Made) -> None:
    change(made.folder / "new.csv")
    assert made.make() == ["predict"]
    n_rows = len((made.folder / "predictions.csv").read_text().splitlines())
    assert n_rows == len((made.folder / "new.csv").read_text().splitlines())
    assert made.make() == []


def test_other_training_rows_rebuild_everything(made: Made) -> None:
    before = made.results()
    change(made.folder / "train.csv")
    assert made.make() == ALL
    assert made.is_content()
    after = made.results()
    assert {name for name in ARTIFACTS if before[name] == after[name]} <= {ARTIFACTS[2]}


def test_the_same_training_rows_with_a_new_time_compute_nothing_and_make_is_content(
    made: Made,
) -> None:
    before = made.results()
    model = (made.folder / "run/train/model.npz").stat().st_ino
    touch(made.folder / "train.csv")
    assert made.make() == ALL
    assert made.is_content()
    assert made.results() == before
    assert (made.folder / "run/train/model.npz").stat().st_ino == model, "it trained again"


@pytest.mark.parametrize("artifact", ARTIFACTS)
def test_an_artifact_that_was_deleted_is_made_again_with_the_same_bytes(
    made: Made, artifact: str
) -> None:
    before = made.results()
    (made.folder / artifact).unlink()
    made.make()
    assert made.is_content()
    assert made.results() == before


def test_without_the_run_everything_is_made_again_with_the_same_bytes(made: Made) -> None:
    before = made.results()
    shutil.rmtree(made.folder / "run")
    assert made.make("-j2")[:5] == ALL[:5]
    assert made.results() == before


def test_make_after_ctrl_c_says_that_the_model_is_unfinished_and_trains_on_once_it_is_deleted(
    made: Made,
) -> None:
    makefile, model = made.folder / "Makefile", made.folder / "run/train/model.npz"
    text = makefile.read_text()

    def train_with(options: str) -> None:
        makefile.write_text(text.replace("nntool train run", f"nntool train run {options}"))

    train_with("--epochs 100000 --patience 0 --checkpoint-every 1")
    model.unlink()
    checkpoint = made.folder / "run/checkpoint/state.json"
    before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
    process = made.shell.start("-s", program="make")
    limit = time.monotonic() + 60
    while not checkpoint.exists() or checkpoint.stat().st_mtime_ns == before:
        assert time.monotonic() < limit, "training does not begin"
        time.sleep(0.01)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for pid in [*map(int, children), process.pid]:  # a terminal tells the whole group
        os.kill(pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode != 0
    if model.exists():  # which of make and nntool was the last to touch it is not ours to say
        assert made.shell.bash("make").stderr.count("interrupted") == 2
        model.unlink()
    words = json.loads((made.folder / "run/train/model.json").read_text())
    train_with(f"--epochs {words['trained']['epochs'] + 5} --patience 0")
    assert "goes on after epoch" in made.shell.bash("make").stderr
    assert made.is_content()
