"""``make demo`` but for the environment: its script, on the tables that are shipped."""

import csv
import shutil
from pathlib import Path
from typing import Any

import pytest

SAMPLES = Path(__file__).parents[2] / "sample_data"
N_KEPT = 10
"""How many rows of each table the demo keeps out of training and predicts in the end."""


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory, shell_in: Any) -> dict[str, list[str]]:
    """What the demo shows of each command on standard output."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copytree(SAMPLES, folder / "sample_data")
    done = shell_in(folder).bash("sh sample_data/demo.sh")
    assert done.returncode == 0, done.stderr
    sections = [part.split("\n") for part in done.stdout.split("\n$ ")[1:]]
    return {command: [line for line in rest if line] for command, *rest in sections}


def last_column(table: str) -> list[str]:
    """The true answers of the rows that were kept, in the table's last column."""
    with open(SAMPLES / f"{table}.csv", newline="", encoding="utf-8") as file:
        return [row[-1] for row in csv.reader(file)][-N_KEPT:]


def answers(printed: dict[str, list[str]], beginning: str) -> list[list[str]]:
    """The CSV that the command that begins so has shown."""
    (lines,) = [out for command, out in printed.items() if command.startswith(beginning)]
    return [line.split(",") for line in lines[: N_KEPT + 1]]


@pytest.mark.slow
def test_the_demo_ends_each_of_the_three_tasks_with_ten_predictions(
    printed: dict[str, list[str]],
) -> None:
    leavers = answers(printed, "nntool predict demo/customers ")
    assert leavers[0] == ["customer", "prediction", "p_no", "p_yes"]
    assert {row[1] for row in leavers[1:]} <= {"no", "yes"}

    digits = answers(printed, "cut -d, -f1-2 demo/digits-predicted.csv")
    assert digits[0] == ["digit", "prediction"]
    assert [row[0] for row in digits[1:]] == last_column("digits")
    assert sum(row[0] == row[1] for row in digits[1:]) >= N_KEPT - 3

    progress = answers(printed, "nntool predict demo/diabetes ")
    assert progress[0] == ["disease_progression", "prediction"]
    assert [row[0] for row in progress[1:]] == last_column("diabetes")
    assert all(0 < float(row[1]) < 400 for row in progress[1:])

    assert [len(table) for table in (leavers, digits, progress)] == [N_KEPT + 1] * 3


@pytest.mark.slow
def test_the_demo_shows_every_command_that_makes_a_prediction_of_a_table(
    printed: dict[str, list[str]],
) -> None:
    shown = {" ".join(command.split()[:3]) for command in printed if command.startswith("nntool")}
    steps = ("clean", "transform", "select-features", "split", "train", "evaluate", "status")
    assert {f"nntool {step} demo/customers" for step in steps} <= shown
    assert {f"nntool run demo/{table}" for table in ("digits", "diabetes")} <= shown
