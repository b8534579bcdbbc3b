"""A kill at any moment leaves a run directory that the next call continues from."""

import hashlib
import json
import random
import shutil
import signal
import time
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

NOT_THE_SAME_TWICE = {"run.json", "train/timing.csv", ".lock"}
KILLS_OF_A_COMMAND = 3
STALE = 4

FROM_NOTHING = (
    "clean run train.csv --target churned",
    "transform run",
    "select-features run",
    "split run",
    "train run --epochs 20",
    "evaluate run",
)
ON_A_RUN = (
    "transform run --scale robust",
    "select-features run",
    "train run --epochs 30 --seed 1",
    "run run --set split.seed=1 --set train.epochs=20",
)


class State(NamedTuple):
    """What a person finds in a folder: whether each command works there, and what it gives."""

    status: int
    steps: dict[str, tuple[str, str]]
    """Of each step whether it is fresh, and why not."""
    predict: int
    predictions: bytes
    results: dict[str, str]


def results(run: Path) -> dict[str, str]:
    """The hash of each file that must have the same bytes, staging folders and all."""
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(run.rglob("*"))
        if path.is_file() and (name := path.relative_to(run).as_posix()) not in NOT_THE_SAME_TWICE
    }


def state_of(forks: Any, folder: Path) -> State:
    status = forks.nntool(folder, "status", "run", "--json")
    assert status.status in (0, STALE), status.err
    steps = json.loads(status.out).get("steps", {})
    told = {step: (found["state"], found["reason"]) for step, found in steps.items()}
    predicted = forks.nntool(folder, "predict", "run", "new.csv")
    assert predicted.status in (0, STALE), predicted.err
    found = results(folder / "run")
    return State(status.status, told, predicted.status, predicted.out, found)


def use_of(state: State) -> tuple[Any, ...]:
    """What may only be as before or as after, whatever lies in staging folders."""
    return state[:4]


def steps_of(state: State) -> dict[str, str]:
    """The files of the steps; a checkpoint is none, and may be ahead of the model."""
    return {n: digest for n, digest in state.results.items() if not n.startswith("checkpoint/")}


def is_between(before: State, found: State, after: State) -> bool:
    """Whether some steps of a ``run`` are as before and the others as after it, each of them whole.

    A model whose data has been replaced since does not predict; it says which step to do.
    """
    broken = [why for _, why in found.steps.values() if "was changed" in why or "is missing" in why]
    old_or_new = (before.predictions, after.predictions)
    return not broken and (found.predict == STALE or found.predictions in old_or_new)


class Step(NamedTuple):
    """A command, how long it takes, and what it leaves."""

    command: str
    seconds: float
    after: State


@pytest.fixture(scope="module")
def never_killed(
    tmp_path_factory: pytest.TempPathFactory, customers: Path, forks: Any
) -> list[Step]:
    """Each command in a folder where nothing was ever killed."""
    folder = Path(shutil.copytree(customers, tmp_path_factory.mktemp("never-killed") / "work"))
    found = [Step("", 0.0, state_of(forks, folder))]
    for command in FROM_NOTHING + ON_A_RUN:
        begun = time.monotonic()
        ended = forks.nntool(folder, *command.split())
        assert ended.status == 0, ended.err
        found.append(Step(command, time.monotonic() - begun, state_of(forks, folder)))
    return found


def kill_at_random(forks: Any, folder: Path, step: Step, rng: random.Random) -> float:
    """Kill a command after a random part of its time; returns the delay.

    Where it has ended by then it is done anew, and killed earlier.
    """
    delay = rng.uniform(0, step.seconds)
    force: tuple[str, ...] = ()
    while True:
        words = (*step.command.split(), *force)
        ended = forks.nntool(folder, *words, signal=signal.SIGKILL, after=delay)
        if ended.status == -signal.SIGKILL:
            return delay
        assert ended.status == 0, ended.err
        delay, force = rng.uniform(0, delay), ("--force",)


def test_thirty_kills_at_random_moments_each_leave_what_was_or_what_comes(
    shell: Any, forks: Any, never_killed: list[Step]
) -> None:
    rng = random.Random(20)
    kills = 0
    for (_, _, before), step in pairwise(never_killed):
        for _ in range(KILLS_OF_A_COMMAND):
            delay = kill_at_random(forks, shell.folder, step, rng)
            kills += 1
            found = state_of(forks, shell.folder)
            told = f"{step.command!r} killed after {delay:.3f} s"
            if step.command.startswith("run "):
                assert is_between(before, found, step.after), told
            else:
                assert use_of(found) in (use_of(before), use_of(step.after)), told
        shell.done(*step.command.split())
        assert state_of(forks, shell.folder) == step.after, f"{step.command!r}, after kills"
    assert kills == 30


@pytest.mark.parametrize(
    ("command", "number", "statuses"),
    [
        ("split run --seed 1", signal.SIGKILL, {-signal.SIGKILL}),
        ("train run --seed 1 --epochs 20", signal.SIGKILL, {-signal.SIGKILL}),
        ("transform run --scale robust", signal.SIGINT, {130}),
    ],
)
def test_stopped_right_before_any_move_of_a_file_a_command_leaves_what_was_or_what_comes(
    after_training: Any, forks: Any, command: str, number: int, statuses: set[int]
) -> None:
    folder, words = after_training.folder, command.split()
    untouched = Path(shutil.copytree(folder, folder.with_name("untouched")))
    before = state_of(forks, folder)
    whole = forks.nntool(folder, *words)
    after = state_of(forks, folder)
    assert use_of(after) != use_of(before), "or nothing is seen"
    moves = [place for place, kind in enumerate(whole.writes, start=1) if kind == "m"]
    assert len(moves) > 8
    for place in moves:
        shutil.rmtree(folder)
        shutil.copytree(untouched, folder)
        ended = forks.nntool(folder, *words, signal=number, before=place)
        assert ended.status in statuses, ended
        found = use_of(state_of(forks, folder))
        told = f"{command!r} stopped before its write {place} of {len(whole.writes)}"
        assert found in (use_of(before), use_of(after)), told
        other = forks.nntool(folder, "collect", "run", "train.csv")
        assert other.status == 0, (told, other.err)
        repaired = state_of(forks, folder)
        assert use_of(repaired) == found, told
        assert steps_of(repaired) in (steps_of(before), steps_of(after)), told
        again = forks.nntool(folder, *words)
        assert again.status == 0, (told, again.err)
        assert state_of(forks, folder) == after, told


def test_predictions_while_a_model_is_replaced_are_of_the_old_one_or_the_new_one(
    after_training: Any, forks: Any
) -> None:
    folder = after_training.folder
    models = []
    for seed in ("1", "2"):
        after_training.done("train", "run", "--epochs", "20", "--seed", seed)
        models.append(forks.nntool(folder, "predict", "run", "new.csv").out)
    assert models[0] != models[1]
    trainings = " && ".join(f"nntool train run --epochs 20 --seed {n % 2 + 1}" for n in range(4))
    writer = after_training.start("-c", trainings, program="bash")
    seen = set()
    while writer.poll() is None:
        predicted = forks.nntool(folder, "predict", "run", "new.csv")
        assert predicted.status == 0, predicted.err
        seen.add(models.index(predicted.out))
    writer.communicate()
    assert writer.returncode == 0
    assert seen == {0, 1}
