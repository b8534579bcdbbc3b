"""A small table, a finished run of it, and the command line called in this process."""

import csv
import datetime
import importlib.util
import io
import json
import random
import re
import shlex
import shutil
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HEADER = ["customer", "age", "income", "plan", "joined", "visits", "churned"]
"""An identifier, two numbers (one with gaps), a category, a date, a count, a class."""
QUICK = ["--set", "train.epochs=3", "--set", "train.hidden=[8]"]


@dataclass(frozen=True)
class Said:
    """What a call of the command line came to."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """Standard output as text."""
        return self.out.decode()

    @property
    def first(self) -> str:
        """The first line on standard error."""
        return self.err.partition("\n")[0]

    @property
    def message(self) -> str:
        """The line above the hint: what an error states."""
        lines = self.err.splitlines()
        return lines[-2] if lines[-1].startswith("  ") else lines[-1]

    @property
    def hint(self) -> str:
        """What an error says to try."""
        return re.findall(r"(?m)^  (?:try|hint): (.*)$", self.err)[-1]

    @property
    def json(self) -> dict[str, Any]:
        """The one object on standard output."""
        assert self.text.count("\n") == 1, f"not one line: {self.text!r}"
        found: dict[str, Any] = json.loads(self.text)
        return found

    @property
    def rows(self) -> list[dict[str, str]]:
        """Standard output as CSV."""
        return list(csv.DictReader(io.StringIO(self.text, newline="")))


def call(*words: object, stdin: bytes = b"") -> Said:
    """Type ``nntool`` and some words, in this process."""
    from nntool.cli.main import main

    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="", write_through=True)
    err = io.StringIO()
    code: Any = None
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        try:
            main([str(word) for word in words])
        except SystemExit as exit_:
            code = exit_.code
    assert isinstance(code, int), f"the program left with {code!r}"
    return Said(code, out.buffer.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def nntool() -> Callable[..., Said]:
    """Call the command line: ``nntool("train", run).code``."""
    return call


@pytest.fixture(scope="session")
def ok() -> Callable[..., Said]:
    """Call the command line and hold it to exit code 0."""

    def checked(*words: object, stdin: bytes = b"") -> Said:
        said = call(*words, stdin=stdin)
        assert said.code == 0, f"{words}: {said}"
        return said

    return checked


@pytest.fixture(scope="session")
def typed() -> Callable[[str], Said]:
    """Call a command line as a shell would read it: for the hints of errors."""

    def shell(line: str) -> Said:
        first, *words = shlex.split(line, comments=True)
        assert first == "nntool", line
        return call(*words)

    return shell


def made_rows(n: int = 60) -> list[list[str]]:
    """Rows from which age and plan tell the class, and age the number of visits."""
    rng = random.Random(7)
    rows = []
    for i in range(n):
        age, plan = rng.randint(18, 80), rng.choice(["basic", "plus", "pro"])
        income = f"{rng.uniform(1000, 9000):.2f}" if i % 9 else ""
        joined = datetime.date(2020, 1, 1) + datetime.timedelta(days=rng.randint(0, 1500))
        churned = "yes" if age + 20 * (plan == "basic") > 60 else "no"
        visits = str(age // 4 + rng.randint(0, 3))
        rows.append([f"{i + 1:05d}", str(age), income, plan, joined.isoformat(), visits, churned])
    return rows


@pytest.fixture
def table() -> list[list[str]]:
    """The small table, header first, free to be changed."""
    return [list(HEADER), *made_rows()]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, list[list[str]]], Path]:
    """Write rows as a CSV of this name in the test's own folder."""

    def write_rows(name: str, rows: list[list[str]]) -> Path:
        path = tmp_path / name
        with open(path, "w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
        return path

    return write_rows


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small table as a file; not to be changed."""
    path = tmp_path_factory.mktemp("source") / "customers.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([HEADER, *made_rows()])
    return path


@pytest.fixture(scope="session")
def _finished(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Path:
    root = tmp_path_factory.mktemp("finished") / "run"
    said = call("run", root, "--data", source, "--target", "churned", *QUICK)
    assert said.code == 0, said
    return root


@pytest.fixture
def run(_finished: Path, tmp_path: Path) -> Path:
    """A finished run, the test's own copy."""
    return Path(shutil.copytree(_finished, tmp_path / "run"))


@pytest.fixture(scope="session")
def split_for(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Callable[[str], Path]:
    """A run up to the split for a target, made once for each; a fresh copy for each call."""
    made: dict[str, Path] = {}

    def copy(target: str) -> Path:
        if target not in made:
            made[target] = tmp_path_factory.mktemp("split") / "run"
            for words in (
                ["clean", made[target], source, "--target", target],
                ["transform", made[target]],
                ["select-features", made[target]],
                ["split", made[target]],
            ):
                said = call(*words)
                assert said.code == 0, said
        own = tmp_path_factory.mktemp("own") / "run"
        return Path(shutil.copytree(made[target], own))

    return copy


def files(root: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes, folders with none."""
    found = {}
    for path in sorted(root.rglob("*")):
        found[path.relative_to(root).as_posix()] = b"" if path.is_dir() else path.read_bytes()
    return found


@pytest.fixture(scope="session")
def content() -> Callable[[Path], dict[str, bytes]]:
    """What a folder holds, file by file."""
    return files


@pytest.fixture(scope="session")
def reference_metrics() -> dict[str, dict[str, Callable[..., float]]]:
    """Every metric as others have it: see oracles/reference_metrics.py."""
    script = Path(__file__).parent / "oracles" / "reference_metrics.py"
    spec = importlib.util.spec_from_file_location(script.stem, script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.REFERENCES


@pytest.fixture(scope="session")
def results() -> Callable[[Path], dict[str, bytes]]:
    """What must have the same bytes: all of a run but run.json and train/timing.csv."""

    def without_times(root: Path) -> dict[str, bytes]:
        return {n: b for n, b in files(root).items() if n not in ("run.json", "train/timing.csv")}

    return without_times


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, the test's own: for paths as a person types them."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
