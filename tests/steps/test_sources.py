"""Rows for training by blocks of files: the same rows, weights and targets as from memory."""

import json

import numpy as np
import pytest

from nntool.run.session import Session
from nntool.settings.building import build
from nntool.settings.train import TrainSettings
from nntool.steps import planning, sources
from nntool.steps.job import Outcome

WORDS = ["--hidden", "6", "--epochs", "6", "--patience", "0", "--batch-size", "16"]


@pytest.fixture
def _by_blocks(monkeypatch):
    monkeypatch.setattr(sources, "LARGEST_IN_MEMORY", 0)


@pytest.fixture
def embedded(ok, split_for):
    """A run with two blocks of features: numbers, one of them dropped, and codes."""
    root = split_for("churned")
    ok("transform", root, "--encode", "embedding")
    ok("select-features", root, "--top", "6")
    return root


def rows_of(root, part, **settings):
    """All rows of a part in order, as one array for each kind, and what they were read by."""
    asked, outcome = build(TrainSettings, settings), Outcome("train", str(root))
    with Session(str(root)) as session:
        words = planning.describe(session, asked, outcome)
        with sources.row_sources(session.run, words, asked, outcome) as found:
            source = getattr(found, part)
            return type(source).__name__, arrays_of(source)


def arrays_of(source):
    kept = [
        (b.numeric.copy(), b.codes.copy(), b.target.copy(), b.rows.copy(), b.weight.copy())
        for b in source.batches(None, 7)
    ]
    return [np.concatenate(arrays) for arrays in zip(*kept, strict=True)]


@pytest.mark.parametrize("part", ["training", "validation", "calibration"])
def test_blocks_hold_the_rows_that_memory_holds(embedded, monkeypatch, part):
    weighted = {"class_weights": {"yes": 3.0}, "sample_weight": "visits"}
    kind, in_memory = rows_of(embedded, part, **weighted)
    assert kind == "ArrayRows"
    monkeypatch.setattr(sources, "LARGEST_IN_MEMORY", 0)
    kind, by_blocks = rows_of(embedded, part, **weighted)
    assert kind == "BlockRows"
    for mine, theirs in zip(in_memory, by_blocks, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.usefixtures("_by_blocks")
def test_a_training_by_blocks_is_validated_evaluated_and_repeated_like_any_other(ok, embedded):
    ok("train", embedded, *WORDS, "--calibration", "0")
    first = (embedded / "train/model.npz").read_bytes()
    trained = json.loads((embedded / "train/model.json").read_text())["trained"]
    scored = ok("evaluate", embedded, "--part", "validation", "--json").json["evaluate"]
    accuracy = trained["at_best"]["validation_accuracy"]
    assert scored["network"]["metrics"]["accuracy"] == pytest.approx(accuracy)
    ok("train", embedded, *WORDS, "--calibration", "0", "--force")
    assert (embedded / "train/model.npz").read_bytes() == first


@pytest.mark.usefixtures("_by_blocks")
def test_a_training_by_blocks_goes_on_to_the_same_bytes(ok, embedded, results, tmp_path):
    import shutil

    other = shutil.copytree(embedded, tmp_path / "other")
    free = ["--emphasize-errors", "--augment", "swap-noise", "--optimizer", "rmsprop"]
    ok("train", embedded, *WORDS, *free)
    ok("train", embedded, *WORDS, *free, "--epochs", "11")
    ok("train", other, *WORDS, *free, "--epochs", "11")
    assert results(embedded) == results(other)


@pytest.mark.usefixtures("_by_blocks")
def test_smote_needs_all_rows_at_once_and_says_what_does_not(nntool, embedded, content):
    before = content(embedded)
    said = nntool("train", embedded, *WORDS, "--augment", "smote")
    assert said.code == 2
    assert "--augment smote needs a table that fits in memory" in said.message
    assert "--balanced-batches" in said.hint
    assert content(embedded) == before


@pytest.mark.parametrize("option", ["--balanced-batches", "--emphasize-errors"])
@pytest.mark.usefixtures("_by_blocks")
def test_samplers_draw_within_blocks(ok, embedded, option):
    ok("train", embedded, *WORDS, option)
    assert np.isfinite(
        json.loads((embedded / "train/model.json").read_text())["trained"]["at_best"]["train_loss"]
    )
