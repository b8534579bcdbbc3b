"""Tries killed or interrupted: the run stays as it was, and each try is whole or absent."""

import json
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

COMMAND = ("compare", "run", "--try", "sgd:epochs=3", "--try", "rprop:epochs=3")
WITHOUT_END = "adam:epochs=100000,patience=0"
NOT_THE_SAME_TWICE = {"run.json", ".lock"}


def own_of(run: Path) -> dict[str, bytes]:
    """What belongs to the run itself."""
    return {
        name: path.read_bytes()
        for path in sorted(run.rglob("*"))
        if path.is_file()
        and not (name := path.relative_to(run).as_posix()).startswith(("try/", ".new-"))
        and name not in NOT_THE_SAME_TWICE
    }


def tries_of(run: Path) -> dict[str, bytes]:
    """What was tried, without seconds and checkpoints."""
    return {
        path.relative_to(run).as_posix(): path.read_bytes()
        for path in sorted(run.glob("try/*/*"))
        if path.is_file() and path.name != "timing.csv"
    }


def test_killed_before_any_move_of_a_file_the_run_is_as_it_was_and_a_try_is_whole_or_not_there(
    after_training: Any, forks: Any
) -> None:
    folder = after_training.folder
    untouched = Path(shutil.copytree(folder, folder.with_name("untouched")))
    own = own_of(folder / "run")
    steps = json.loads(forks.nntool(folder, "status", "run", "--json").out)["steps"]
    whole = forks.nntool(folder, *COMMAND)
    assert whole.status == 0, whole.err
    tried = tries_of(folder / "run")
    assert len(tried) == 8
    moves = [place for place, kind in enumerate(whole.writes, start=1) if kind == "m"]
    assert len(moves) > 10
    for place in moves:
        shutil.rmtree(folder)
        shutil.copytree(untouched, folder)
        told = f"killed before write {place} of {len(whole.writes)}"
        ended = forks.nntool(folder, *COMMAND, signal=signal.SIGKILL, before=place)
        assert ended.status == -signal.SIGKILL, (told, ended.err)
        status = forks.nntool(folder, "status", "run", "--json")
        found = json.loads(status.out)
        assert found["steps"] == steps, told
        assert all(one["word"] == "fresh" for one in found["tries"].values()), (told, found)
        assert own_of(folder / "run") == own, told
        again = forks.nntool(folder, *COMMAND)
        assert again.status == 0, (told, again.err)
        assert tries_of(folder / "run") == tried, told
        assert own_of(folder / "run") == own, told
        assert not list((folder / "run").glob(".new-*")), told


def interrupted(process: subprocess.Popen[str]) -> str:
    """Press Ctrl-C once a try has done an epoch; returns what was said."""
    told = ""
    while "training adam-" not in told:
        line = process.stderr.readline() if process.stderr else ""
        assert line, f"training does not begin: {told}"
        told += line
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, told + err
    return told + str(err)


def test_after_ctrl_c_the_try_in_hand_is_kept_and_the_command_that_is_named_goes_on(
    after_training: Any,
) -> None:
    run = after_training.folder / "run"
    own = own_of(run)
    words = ("--try", "sgd:epochs=3", "--try", WITHOUT_END, "--try", "rprop:epochs=3")
    said = interrupted(after_training.start("compare", "run", *words))
    assert "its best weights so far are kept" in said
    tries = json.loads((run / "run.json").read_text())["tries"]
    assert [entry["status"] for entry in tries.values()] == ["finished", "interrupted"]
    (reached,) = {
        json.loads(path.read_text())["trained"]["epochs"]
        for path in run.glob("try/adam-*/model.json")
    }
    hint = re.findall(r"try: (nntool compare .*)", said)[0]
    again = interrupted(after_training.start("-c", f"exec {hint}", program="bash"))
    assert f"goes on after epoch {reached}, from its checkpoint" in again
    assert "sgd-epochs=3: already done" in again
    assert own_of(run) == own
