"""``run``: only what is not fresh; the same bytes from the same recipe; the source looked at."""

import json
import os
import shutil
import time

import pytest

from nntool.errors import StoppedError
from nntool.settings.steps import STEPS
from nntool.steps.job import Job, Silence
from nntool.steps.running import run as run_all

QUICK = ["--set", "train.epochs=3", "--set", "train.hidden=[8]"]


def states(nntool, root):
    return {s: v["state"] for s, v in nntool("status", root, "--json").json["steps"].items()}


def mtimes(root):
    steps = ("collect", "clean", "transform", "select-features", "split", "train", "evaluate")
    return {
        path.relative_to(root).as_posix(): path.stat().st_mtime_ns
        for step in steps
        for path in (root / step).iterdir()
    }


def test_run_gives_what_the_commands_give_one_by_one(ok, run, tmp_path, source, results):
    root = tmp_path / "by-hand"
    ok("collect", root, source)
    ok("split", root, "--target", "churned")
    ok("clean", root, "--target", "churned")
    ok("transform", root)
    ok("select-features", root)
    ok("train", root, "--epochs", "3", "--hidden", "8")
    ok("evaluate", root)
    theirs, ours = results(run), results(root)
    assert theirs.pop("recipe.toml") != ours.pop("recipe.toml")  # split was told its target here
    assert ours == theirs


def test_the_usual_order_of_commands_gives_the_same_results(ok, run, tmp_path, source, results):
    root = tmp_path / "by-hand"
    ok("clean", root, source, "--target", "churned")
    ok("transform", root)
    ok("select-features", root)
    ok("split", root)
    ok("train", root, "--epochs", "3", "--hidden", "8")
    ok("evaluate", root)
    assert results(root) == results(run)


def test_a_second_run_computes_nothing_and_says_so(nntool, run, results, monkeypatch):
    before, times = results(run), mtimes(run)
    for module in ("clean", "transform", "select_features", "split", "evaluate"):
        monkeypatch.setattr(f"nntool.steps.{module}._work", None)
    monkeypatch.setattr("nntool.steps.train.train_into", None)
    monkeypatch.setattr("nntool.steps.collect._read_all", None)
    said = nntool("run", run)
    assert said.code == 0
    lines = [line for line in said.err.splitlines() if line.startswith("nntool ")]
    assert lines[0] == "nntool collect: these sources are collected already; nothing to do"
    assert (
        sum("already done with these settings; nothing to compute" in line for line in lines) == 6
    )
    assert results(run) == before
    after = mtimes(run)
    assert after.keys() == times.keys()
    assert all(after[name] > times[name] for name in times)


@pytest.mark.parametrize(
    "step", ["collect", "clean", "transform", "select-features", "split", "train", "evaluate"]
)
def test_a_fresh_step_is_given_the_present_time_on_all_its_files(nntool, run, source, step):
    before, begun = mtimes(run), time.time_ns()
    words = {
        "collect": [source],
        "clean": ["--target", "churned"],
        "train": ["--epochs", "3", "--hidden", "8"],
    }
    said = nntool(step, run, *words.get(step, []), "--json")
    assert (said.code, said.json["fresh"]) == (0, True)
    after = mtimes(run)
    mine = {time for name, time in after.items() if name.startswith(f"{step}/")}
    assert len(mine) == 1
    assert mine.pop() >= begun - 10_000_000
    others = {name for name in after if not name.startswith(f"{step}/")}
    assert all(after[name] == before[name] for name in others)


def test_all_files_that_a_split_writes_have_one_time(ok, run):
    ok("split", run, "--seed", "3")
    times = mtimes(run)
    written = {
        time
        for name, time in times.items()
        if name.partition("/")[0] in ("split", "clean", "transform", "select-features")
    }
    assert len(written) == 1


def test_a_change_in_the_middle_runs_that_step_and_those_after_it(ok, run):
    found = ok("run", run, "--set", "select-features.top=3", "--json").json["steps"]
    assert {step: outcome["fresh"] for step, outcome in found.items()} == {
        "collect": True, "split": True, "clean": True, "transform": True,
        "select-features": False, "train": False, "evaluate": False,
    }  # fmt: skip


def test_changed_settings_are_named_before_they_are_replaced(ok, run):
    said = ok("run", run, "--set", "train.epochs=2")
    assert "nntool train: replaces results of other settings: epochs was 3, is 2" in (
        said.err.splitlines()
    )


def test_force_computes_again_and_gives_the_same_bytes(ok, run, results):
    before = results(run)
    found = ok("run", run, "--force", "--json").json["steps"]
    assert not any(outcome["fresh"] for outcome in found.values())
    assert results(run) == before


def test_a_recipe_gives_the_same_bytes_in_another_run(ok, run, tmp_path, results):
    ok("run", tmp_path / "again", run / "recipe.toml")
    assert results(tmp_path / "again") == results(run)


def test_a_recipe_gives_the_same_bytes_from_another_working_directory(
    ok, tmp_path, source, results, monkeypatch
):
    """The source is stored as typed and found beside the recipe."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    shutil.copy(source, here / "in.csv")
    monkeypatch.chdir(here)
    ok("run", "first", "--data", "in.csv", "--target", "churned", *QUICK)
    shutil.copy("first/recipe.toml", "recipe.toml")
    monkeypatch.chdir(there)
    ok("run", "second", "../here/recipe.toml")
    assert results(there / "second") == results(here / "first")
    recorded = json.loads((there / "second/run.json").read_text())["steps"]["collect"]
    assert recorded["settings"]["source"] == ["in.csv"]
    again = ok("run", "second", "../here/recipe.toml", "--json").json["steps"]
    assert all(outcome["fresh"] for outcome in again.values())
    assert again["collect"]["notes"] == ["these sources are collected already; nothing to do"]


def test_data_on_the_line_wins_over_the_recipe(ok, run, tmp_path, table, write):
    other = write("other.csv", table[:51])
    ok("run", tmp_path / "again", run / "recipe.toml", "--data", other)
    rows = ok("show", tmp_path / "again", "collect").rows
    assert len(rows) == 50


def test_options_win_over_the_recipe(ok, run, tmp_path):
    ok("run", tmp_path / "again", run / "recipe.toml", "--set", "train.epochs=2")
    assert len(ok("show", tmp_path / "again", "train").rows) == 2


def test_a_run_without_a_recipe_goes_on_from_its_own(ok, nntool, run):
    ok("run", run, "--set", "transform.scale=robust")
    found = ok("run", run, "--set", "train.epochs=2", "--json").json["steps"]
    assert found["transform"]["fresh"] is True
    assert "robust" in ok("show", run, "transform/state.json").text


def test_a_new_loss_gets_its_own_output_and_a_new_rule_its_own_rate(ok, tmp_path, source):
    root = tmp_path / "new"
    words = ["--data", source, "--target", "visits", *QUICK, "--set", "clean.task=regression"]
    ok("run", root, *words, "--set", "train.loss=poisson")
    ok("run", root, "--set", "train.loss=mse", "--set", "train.optimizer=momentum")
    model = json.loads((root / "train/model.json").read_text())
    assert model["output"] == "identity"
    settings = json.loads((root / "run.json").read_text())["steps"]["train"]["settings"]
    fresh = tmp_path / "fresh"
    ok("run", fresh, *words, "--set", "train.loss=mse", "--set", "train.optimizer=momentum")
    assert settings == json.loads((fresh / "run.json").read_text())["steps"]["train"]["settings"]


@pytest.fixture
def own_source(ok, tmp_path, source):
    """A run of a source that may be changed."""
    mine = tmp_path / "mine.csv"
    shutil.copy(source, mine)
    ok("run", tmp_path / "new", "--data", mine, "--target", "churned", *QUICK)
    return mine, tmp_path / "new"


def test_a_changed_source_is_collected_again(ok, nntool, own_source):
    mine, root = own_source
    mine.write_text(mine.read_text() + "00061,33,1000,pro,2022-01-01,9,no\n")
    note = f"the source {mine} has changed since it was collected"
    assert nntool("status", root, "--json").json["sources"][0]["note"] == note
    assert nntool("status", root, "--check").code == 0  # what is collected is whole
    found = ok("run", root, "--json").json["steps"]
    assert found["collect"]["fresh"] is False
    assert found["collect"]["collect"]["rows"] == 61
    assert found["evaluate"]["fresh"] is False


def test_a_source_with_another_time_only_is_not_collected_again(ok, own_source):
    mine, root = own_source
    os.utime(mine, ns=(1, 1))
    found = ok("run", root, "--json").json["steps"]
    assert all(outcome["fresh"] for outcome in found.values())


def test_a_source_that_is_gone_is_said_and_the_run_goes_on(ok, nntool, own_source):
    mine, root = own_source
    mine.unlink()
    note = f"the source {mine} is gone; what was collected is still here"
    assert nntool("status", root, "--json").json["sources"][0]["state"] == "gone"
    assert f"nntool status: {note}" in nntool("status", root).err.splitlines()
    said = ok("run", root, "--set", "train.epochs=2")
    assert f"nntool collect: {mine} is gone; going on with what was collected" in (
        said.err.splitlines()
    )
    assert len(ok("show", root, "train").rows) == 2


def test_only_collect_clean_with_a_source_and_run_look_at_the_source(ok, own_source):
    mine, root = own_source
    mine.write_text("something else")
    ok("clean", root, "--target", "churned")
    for step in ("transform", "select-features", "split"):
        assert ok(step, root, "--json").json["fresh"] is True
    ok("train", root, "--epochs", "3", "--hidden", "8")
    ok("evaluate", root)
    ok("status", root, "--check")


def test_clean_with_the_source_collects_a_changed_one_again(ok, own_source):
    mine, root = own_source
    mine.write_text(mine.read_text() + "00061,33,1000,pro,2022-01-01,9,no\n")
    ok("clean", root, mine, "--target", "churned")
    assert len(ok("show", root, "clean").rows) == 61


def test_another_source_that_is_not_there_is_an_error(nntool, run, content):
    before = content(run)
    said = nntool("run", run, "--data", "nowhere.csv", "--target", "churned")
    assert said.code == 3
    assert said.message == "nntool collect: nowhere.csv is not there"
    assert content(run) == before


def test_outputs_that_were_deleted_are_made_again(ok, run, results):
    before = results(run)
    for name in ("train/model.npz", "transform/numeric.npy", "evaluate/metrics.json"):
        (run / name).unlink()
    ok("run", run)
    assert results(run) == before


@pytest.mark.parametrize(
    "step", ["collect", "clean", "transform", "select-features", "split", "train", "evaluate"]
)
def test_a_deleted_folder_is_made_again_with_the_same_bytes(ok, run, results, step):
    before = results(run)
    shutil.rmtree(run / step)
    ok("run", run)
    assert results(run) == before


def test_a_moved_run_is_fresh_and_works(ok, nntool, run, source, results, tmp_path, monkeypatch):
    before, predicted = results(run), ok("predict", run, source).out
    moved = tmp_path / "some where" / "else"
    moved.parent.mkdir()
    run.rename(moved)
    assert nntool("status", moved, "--check").code == 0
    assert ok("predict", moved, source).out == predicted
    monkeypatch.chdir(moved)
    found = ok("run", ".", "--json").json["steps"]
    assert all(outcome["fresh"] for outcome in found.values())
    assert results(moved) == before


def test_a_copy_whose_files_have_other_inodes_and_times_is_fresh(nntool, run, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(run, copy, copy_function=shutil.copyfile)
    assert nntool("status", copy, "--check").code == 0


def test_an_error_keeps_the_steps_before_it(nntool, ok, tmp_path, source):
    root = tmp_path / "new"
    bad = ["--set", "train.optimizer=sgd", "--set", "train.learning_rate=1e30"]
    said = nntool("run", root, "--data", source, "--target", "churned", *bad)
    assert said.code == 5
    assert states(nntool, root)["select-features"] == "fresh"
    assert states(nntool, root)["train"] == "missing"
    found = ok("run", root, *QUICK, "--json").json["steps"]
    assert found["select-features"]["fresh"] is True
    assert states(nntool, root)["evaluate"] == "fresh"


def test_a_recipe_is_not_needed_but_source_and_target_are(nntool, tmp_path, source):
    root = tmp_path / "new"
    assert nntool("run", root).first == "nntool run: run needs --data, or a recipe with a source"
    said = nntool("run", root, "--data", source)
    assert (said.code, said.first) == (2, "nntool run: run needs --target, or a recipe with one")
    assert said.hint == f"nntool run {root} --data {source} --target COLUMN"
    assert not root.exists()


def test_ctrl_c_before_training_stops_the_run_and_leaves_the_model(run, content):
    class Stops(Silence):
        def stop_requested(self):
            return True

    before = content(run)
    given = {"transform": {"scale": "robust"}}
    with pytest.raises(StoppedError) as stopped:
        list(run_all(str(run), None, {s: given.get(s, {}) for s in STEPS}, Job(Stops())))
    assert stopped.value.exit_code == 130
    after = content(run)
    assert {n: b for n, b in after.items() if n.startswith("train/")} == {
        n: b for n, b in before.items() if n.startswith("train/")
    }


@pytest.mark.parametrize("options", [(), ("--set", "train.epochs=4"), ("--force",)])
def test_all_files_that_one_run_makes_or_touches_get_one_time(nntool, run, options):
    assert nntool("run", run, *options).code == 0
    steps = [path for path in run.iterdir() if path.is_dir() and path.name != "checkpoint"]
    assert len(steps) == 7
    assert len({file.stat().st_mtime_ns for step in steps for file in step.iterdir()}) == 1


def test_a_run_without_a_test_part_is_whole(nntool, tmp_path, write, table):
    source = write("in.csv", table)
    new = tmp_path / "new"
    parts = ("--set", "split.test=0.0", "--set", "train.epochs=2")
    said = nntool("run", new, "--data", source, "--target", "churned", *parts)
    assert said.code == 0
    assert "there is no test part, so nothing is scored" in said.err
    assert nntool("status", new, "--check").code == 0
