"""Files and settings that change, vanish or were never files, while a command looks at them."""

import json
import os

import pytest

from nntool.errors import StaleError
from nntool.run.directory import Run
from nntool.steps import collect
from nntool.steps.trained_run import opened


def test_predict_never_joins_old_weights_to_new_features(nntool, run, monkeypatch):
    """A transform that commits after freshness was judged and before the files are read."""
    reading = Run.checked_bytes
    calls = []

    def read_after_a_transform(self, artifacts):
        if not calls:
            calls.append(self)
            assert nntool("transform", run, "--scale", "minmax").code == 0
        return reading(self, artifacts)

    before = Run.existing(run)
    monkeypatch.setattr(Run, "checked_bytes", read_after_a_transform)
    with pytest.raises(StaleError, match="is stale"):
        opened(before)


def test_run_does_not_bless_a_changed_table_whose_source_is_gone(nntool, write, table, tmp_path):
    source = write("in.csv", table)
    root = tmp_path / "new"
    quick = ("--set", "train.epochs=2")
    assert nntool("run", root, "--data", source, "--target", "churned", *quick).code == 0
    source.unlink()
    assert nntool("run", root).code == 0
    collected = root / "collect/table.parquet"
    collected.write_bytes(collected.read_bytes() + b"x")
    said = nntool("run", root)
    assert said.code == 3
    assert "is gone, and what was collected is not whole" in said.err
    assert nntool("status", root, "--check").code == 4


def test_a_source_that_grows_while_it_is_read_is_refused(
    nntool, write, table, tmp_path, monkeypatch
):
    source = write("in.csv", table)
    opening = collect.open_csv

    def open_and_grow(place, settings):
        opened = opening(place, settings)
        with source.open("a") as file:
            file.write(",".join(table[1]) + "\n")
        return opened

    monkeypatch.setattr(collect, "open_csv", open_and_grow)
    said = nntool("collect", tmp_path / "new", source)
    assert said.code == 3
    assert "changed while it was read" in said.err
    assert not (tmp_path / "new").exists()


def test_what_is_no_file_is_not_waited_for(nntool, run, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for words in (("collect", tmp_path / "new", pipe), ("evaluate", run, "--data", pipe)):
        said = nntool(*words)
        assert (said.code, "is no regular file" in said.err) == (3, True)
    manifest = json.loads((run / "run.json").read_text())
    known = manifest["steps"]["collect"]["facts"]["sources"][0]
    known["path"], known["file"]["size"] = "/dev/zero", 0
    (run / "run.json").write_text(json.dumps(manifest))
    assert "has changed since it was collected" in nntool("status", run).err


def test_data_to_score_is_looked_for_beside_the_recipe(nntool, write, table, tmp_path):
    write("in.csv", table)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        '[collect]\nsource = ["in.csv"]\n[clean]\ntarget = "churned"\n'
        '[train]\nepochs = 2\n[evaluate]\ndata = "in.csv"\n'
    )
    said = nntool("run", tmp_path / "new", recipe)
    assert said.code == 0, said.err
    assert b"60 in.csv rows" in said.out


def test_a_flat_file_gives_its_seed_to_every_step(nntool, source, tmp_path):
    (tmp_path / "flat.toml").write_text("seed = 5\n")
    root = tmp_path / "new"
    words = ("--config", tmp_path / "flat.toml", "--set", "train.epochs=2")
    assert nntool("run", root, "--data", source, "--target", "churned", *words).code == 0
    steps = json.loads((root / "run.json").read_text())["steps"]
    assert {entry["settings"]["seed"] for entry in steps.values()} == {5}


def test_a_misspelt_table_beside_a_known_one_is_refused(nntool, run, tmp_path):
    (tmp_path / "r.toml").write_text('[clean]\ntarget = "churned"\n[trian]\nepochs = 3\n')
    said = nntool("train", run, "--config", tmp_path / "r.toml")
    assert said.code == 2
    assert "'trian' is not a setting" in said.err
