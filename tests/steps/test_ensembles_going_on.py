"""``train --ensemble``: stops, kills, more epochs and members, processes, and what diverges."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nntool.errors import StoppedError
from nntool.nn.members import choosing
from nntool.steps import checkpoint, planning, processes
from tests.steps.ensemble_cases import (
    SMALL,
    bytes_of,
    loaded,
    trained,
    words_of,
)

WILD = ("--optimizer", "momentum", "--hidden", "16,16", "--penalty", "none", "--learning-rate")


def interrupted(root: Path, updates: int, **settings: Any) -> StoppedError:
    with pytest.raises(StoppedError) as stopped:
        trained(root, updates, **settings)
    return stopped.value


# Going on


@pytest.mark.parametrize("updates", [3, 12, 25, 40, 55, 70])
def test_an_interrupted_ensemble_ends_in_the_bytes_of_one_that_was_not(
    split_for: Any, results: Any, way: str, updates: int
) -> None:
    whole, parts = split_for("churned"), split_for("churned")
    trained(whole, ensemble=3, bagging=True)
    n_updates = 8 * 3 if way == "together" else 3 * 8 * 3
    if updates >= n_updates:
        pytest.skip("done before")
    error = interrupted(parts, updates, ensemble=3, bagging=True)
    if "nothing was written" not in error.message:
        words = words_of(parts)
        assert loaded(parts).n_members == len(words["members"])
        assert words["trained"]["ended"] == "asked"
        assert f"{len(words['members'])} of 3 networks" in error.message
    listener = trained(parts, ensemble=3, bagging=True)
    assert any("goes on from the checkpoints of" in line for line in listener.said) == (
        (parts / "checkpoint").exists() and updates > 3
    )
    assert results(parts) == results(whole)


def test_an_interrupted_ensemble_predicts_and_says_so(
    ok: Any, split_for: Any, source: Path
) -> None:
    root = split_for("churned")
    interrupted(root, 15, ensemble=3)
    assert "was interrupted" in ok("predict", root, source).err
    assert "interrupted" in ok("status", root).text
    ok("evaluate", root)


def test_nothing_is_written_before_the_first_epoch(split_for: Any, content: Any, way: str) -> None:
    root = split_for("churned")
    error = interrupted(root, 1, ensemble=3)
    assert "nothing was written" in error.message
    assert not (root / "train").exists()


def test_more_epochs_go_on_from_all_members(split_for: Any, results: Any, way: str) -> None:
    whole, parts = split_for("churned"), split_for("churned")
    trained(whole, ensemble=3)
    trained(parts, ensemble=3, epochs=5)
    said = trained(parts, ensemble=3).said
    assert any("goes on from the checkpoints of 3 of 3 members" in line for line in said)
    assert results(parts) == results(whole)


def test_more_epochs_start_anew_where_all_depends_on_their_number(
    split_for: Any, results: Any
) -> None:
    whole, parts = split_for("churned"), split_for("churned")
    trained(whole, ensemble=3, schedule="cosine")
    trained(parts, ensemble=3, schedule="cosine", epochs=5)
    said = trained(parts, ensemble=3, schedule="cosine").said
    assert sum("starts anew: what it does depends on --epochs" in line for line in said) == 1
    assert results(parts) == results(whole)


@pytest.mark.parametrize(("before", "after"), [(2, 4), (4, 2)])
def test_another_number_of_members_keeps_those_that_there_are(
    split_for: Any, results: Any, way: str, before: int, after: int
) -> None:
    whole, parts = split_for("churned"), split_for("churned")
    trained(whole, ensemble=after)
    trained(parts, ensemble=before)
    said = trained(parts, ensemble=after).said
    assert any(f"of {min(before, after)} of {after} members" in line for line in said)
    assert results(parts) == results(whole)
    assert len(list((parts / "checkpoint").glob("member-*"))) == after - 1


def test_a_plain_training_after_an_ensemble_leaves_no_checkpoints_of_it(
    split_for: Any, results: Any
) -> None:
    plain, root = split_for("churned"), split_for("churned")
    trained(plain)
    trained(root, ensemble=3)
    trained(root)
    assert results(root) == results(plain)


@pytest.mark.parametrize("every", ["1", "3"])
def test_checkpoints_of_members_every_so_many_epochs_are_no_setting(
    ok: Any, split_for: Any, results: Any, every: str
) -> None:
    plain, root = split_for("churned"), split_for("churned")
    ok("train", plain, *SMALL, "--ensemble", "3")
    ok("train", root, *SMALL, "--ensemble", "3", "--checkpoint-every", every)
    assert results(root) == results(plain)


def test_members_that_were_left_at_different_epochs_end_in_the_same_bytes(split_for: Any) -> None:
    """A kill between two checkpoints of members that make their updates together."""
    whole, parts = split_for("churned"), split_for("churned")
    trained(whole, ensemble=3)
    trained(parts, ensemble=3, epochs=4)
    ahead = {n: (parts / f"checkpoint/member-{n}") for n in (2, 3)}
    kept = {n: {f.name: f.read_bytes() for f in p.iterdir()} for n, p in ahead.items()}
    trained(parts, ensemble=3, epochs=6)
    for file in ahead[3].iterdir():
        file.unlink()
    for name, content in kept[3].items():
        (ahead[3] / name).write_bytes(content)
    trained(parts, ensemble=3)
    assert bytes_of(parts) == bytes_of(whole)


def test_a_link_among_the_checkpoints_is_refused(
    nntool: Any, ok: Any, split_for: Any, tmp_path: Path
) -> None:
    root, elsewhere = split_for("churned"), tmp_path / "elsewhere"
    elsewhere.mkdir()
    (root / "checkpoint").mkdir()
    (root / "checkpoint/member-2").symlink_to(elsewhere)
    said = nntool("train", root, *SMALL, "--ensemble", "2")
    assert said.code == 2
    assert "is a link" in said.message
    assert not list(elsewhere.iterdir())


# Threads and processes


def test_processes_give_the_same_bytes(
    ok: Any, split_for: Any, results: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "worth_batching", lambda *_: False)
    one, two = split_for("churned"), split_for("churned")
    ok("train", one, *SMALL, "--ensemble", "3", "--bagging", "--threads", "1")
    monkeypatch.setattr(processes, "WORTH_PROCESSES", 0)
    ok("train", two, *SMALL, "--ensemble", "3", "--bagging", "--threads", "2")
    assert results(two) == results(one)
    assert not list(two.glob(".new-*"))


def test_the_number_of_processes_follows_sizes() -> None:
    few = processes.updates(1000, 32, 100, 5000)
    assert few == 100 * 32 * (1 + 32 * 5000 / 1e6)
    assert processes.updates(1000, "full", 100, 5000) == 100 * (1 + 1000 * 5000 / 1e6)
    assert processes.at_a_time(8, few, 2) == 1
    assert processes.at_a_time(8, 100 * few, 2) == 2
    assert processes.at_a_time(3, 100 * few, 16) == 3


def test_members_that_do_not_fit_in_memory_are_refused_with_the_numbers(
    nntool: Any, split_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = split_for("churned")
    monkeypatch.setattr(planning, "available_memory", lambda: 200_000)
    said = nntool("train", root, *SMALL, "--ensemble", "1000")
    assert said.code == 7
    assert "1,000 networks of" in said.message
    assert "--ensemble" in said.hint
    assert nntool("train", root, *SMALL, "--ensemble", "2").code == 0


# Falling apart


def test_a_member_that_diverges_is_named_and_the_best_before_is_kept(
    nntool: Any, ok: Any, split_for: Any, source: Path, way: str
) -> None:
    root = split_for("visits")
    said = nntool("train", root, *WILD, "0.3", "--ensemble", "3")
    assert said.code == 5, said
    words = words_of(root)
    n = len(words["members"])
    assert words["trained"]["ended"] == "diverged"
    assert words["members"][-1]["ended"] == "diverged"
    assert all(member["best_epoch"] >= 1 for member in words["members"])
    assert f"member {n} of 3: the loss is not finite" in said.message
    assert f"{n} of 3 networks" in said.message
    assert said.hint.startswith("a smaller --learning-rate")
    entry = json.loads((root / "run.json").read_text())["steps"]["train"]
    assert entry["status"] == "diverged"
    assert "diverged" in ok("predict", root, source).err
    before = bytes_of(root)
    again = nntool("train", root, *WILD, "0.3", "--ensemble", "3")
    assert (again.code, again.message) == (5, said.message)
    assert bytes_of(root) == before


def test_a_member_without_a_single_epoch_is_named_and_nothing_is_written(
    nntool: Any, split_for: Any, way: str
) -> None:
    root = split_for("visits")
    said = nntool("train", root, *WILD, "1e12", "--ensemble", "3")
    assert said.code == 5
    assert said.message.startswith("nntool train: member 1 of 3: ")
    assert "nothing was written" in said.message
    assert not (root / "train").exists()


def test_checkpoints_of_members_lie_beside_that_of_the_first(tmp_path: Path) -> None:
    assert checkpoint.folder_of(tmp_path, 1) == tmp_path / "checkpoint"
    assert checkpoint.folder_of(tmp_path, 2) == tmp_path / "checkpoint/member-2"
    assert not checkpoint.is_there(tmp_path, "key", 2)
    checkpoint.save(tmp_path, "key", {"theta": np.zeros(1)}, {}, [], 1, 2)
    assert checkpoint.is_there(tmp_path, "key", 2)
    assert not checkpoint.is_there(tmp_path, "other", 2)
    checkpoint.keep(tmp_path, 1)
    assert not (tmp_path / "checkpoint/member-2").exists()
