"""What the integration tests share: nntool as a shell runs it, and a small table."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_data"


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """A shell's environment in which ``nntool`` is the one that is under test."""
    beside_python = Path(sys.executable).parent
    if not (beside_python / "nntool").exists():
        pytest.fail("nntool is not installed beside this Python: pip install --editable .")
    path = f"{beside_python}{os.pathsep}{os.environ['PATH']}"
    not_a_shells = ("COLUMNS", "LINES", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHONUNBUFFERED")
    kept = {name: value for name, value in os.environ.items() if name not in not_a_shells}
    return kept | {"PATH": path, "LC_ALL": "C.UTF-8"}


class Shell:
    """Runs nntool, and scripts that call it, in one folder."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment

    def start(self, *words: str, program: str = "nntool") -> subprocess.Popen[str]:
        return subprocess.Popen(
            [program, *words],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def nntool(self, *words: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*words)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def done(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The same, of a command that must succeed."""
        found = self.nntool(*words)
        assert found.returncode == 0, (words, found.returncode, found.stderr)
        return found

    def bash(self, script: str) -> subprocess.CompletedProcess[str]:
        process = self.start("-c", script, program="bash")
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(script, process.returncode, out, err)


@pytest.fixture(scope="session")
def shell_in(environment: dict[str, str]) -> Callable[[Path], Shell]:
    """A shell in a folder: ``shell_in(folder).done("status", "run")``."""
    return lambda folder: Shell(folder, environment)


@pytest.fixture
def shell(tmp_path: Path, environment: dict[str, str], customers: Path) -> Shell:
    """A folder with train.csv and new.csv, which has no target."""
    for name in ("train.csv", "new.csv"):
        shutil.copy(customers / name, tmp_path)
    return Shell(tmp_path, environment)


@pytest.fixture(scope="session")
def customers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three hundred customers to learn from, sixty more to predict."""
    folder = tmp_path_factory.mktemp("customers")
    header, *rows = (SAMPLES / "customers.csv").read_text(encoding="utf-8").splitlines()
    (folder / "train.csv").write_text("\n".join([header, *rows[:300]]) + "\n", encoding="utf-8")
    new = [line.rpartition(",")[0] for line in [header, *rows[300:360]]]
    (folder / "new.csv").write_text("\n".join(new) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def trained(
    tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str], customers: Path
) -> Path:
    """The customers and ``run``, in which each step was done; to be copied, not written to."""
    folder = tmp_path_factory.mktemp("trained") / "work"
    shutil.copytree(customers, folder)
    shell = Shell(folder, environment)
    shell.done("clean", "run", "train.csv", "--target", "churned")
    for step in ("transform", "select-features", "split"):
        shell.done(step, "run")
    shell.done("train", "run", "--epochs", "20")
    shell.done("evaluate", "run")
    return folder


@pytest.fixture
def after_training(trained: Path, tmp_path: Path, environment: dict[str, str]) -> Shell:
    """A copy of the folder in which each step was done."""
    return Shell(Path(shutil.copytree(trained, tmp_path / "work")), environment)


class Ended(NamedTuple):
    """How a forked command ended; a negative status is the signal that ended it."""

    status: int
    out: bytes
    err: str
    writes: str
    """A letter for each: m where a name was moved or removed, else w."""


class Forks:
    """Commands in forks of one process that has paid for the imports: see forks.py."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._server = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("forks.py"))],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def nntool(
        self, folder: Path, *words: str, signal: int = 0, after: float = 0.0, before: int = 0
    ) -> Ended:
        """Do a command; it gets the signal after so many seconds, or right before that write."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        asked = {"folder": str(folder), "words": words, "signal": signal}
        asked |= {"after": after, "before": before}
        print(json.dumps(asked), file=self._server.stdin, flush=True)
        found = json.loads(self._server.stdout.readline())
        return Ended(found["status"], bytes.fromhex(found["out"]), found["err"], found["writes"])

    def close(self) -> None:
        self._server.communicate(timeout=60)


@pytest.fixture(scope="session")
def forks(environment: dict[str, str]) -> Iterator[Forks]:
    server = Forks(environment)
    yield server
    server.close()
