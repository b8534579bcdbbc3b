"""The built wheel holds all that the command needs."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True)
    return next(out.glob("nntool-*.whl"))


def test_the_wheel_holds_every_module_and_nothing_else(wheel: Path) -> None:
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("nntool/")}
    sources = {p.relative_to(ROOT).as_posix() for p in (ROOT / "nntool").rglob("*.py")}
    assert inside == sources | {"nntool/py.typed"}
    others = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()} - {"nntool"}
    assert len(others) == 1
    assert next(iter(others)).endswith(".dist-info")


def test_the_unpacked_wheel_runs_the_pipeline(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-m", "nntool", "run", "wine", "--target", "cultivar", "--quiet"]
    done = subprocess.run(
        [*command, "--data", str(ROOT / "sample_data/wine.csv"), "--set", "train.epochs=3"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "accuracy" in done.stdout


def test_the_command_says_its_version() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nntool", "--version"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "nntool 0.1.0\n")
