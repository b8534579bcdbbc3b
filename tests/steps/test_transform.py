"""``transform`` by its command: what is learned comes from kept rows, and every choice works."""

import json

import numpy as np
import pytest

from nntool.settings.model import fields
from nntool.settings.transform import TransformSettings
from nntool.steps import choices


@pytest.fixture
def cleaned(ok, tmp_path, source):
    ok("clean", tmp_path / "new", source, "--target", "churned")
    return tmp_path / "new"


@pytest.mark.parametrize(
    ("option", "name"),
    [
        (field.option, name)
        for field in fields(TransformSettings)
        if field.registry
        for name in choices.names(field.registry)
    ],
)
def test_every_choice_gives_finite_numbers_and_trains_and_predicts(
    nntool, ok, cleaned, source, option, name
):
    needs = {
        "constant": "constant:value=0",
        "by-group": "by-group:column=@2",
        "forward": "forward:order=@1",
        "linear": "linear:order=@1",
    }
    said = nntool("transform", cleaned, option, name)
    if said.code:
        assert name in needs, said
        ok("transform", cleaned, option, needs[name])
    ok("select-features", cleaned)
    ok("split", cleaned)
    assert np.isfinite(np.load(cleaned / "transform/numeric.npy")).all()
    long = ["--epochs", "100", "--learning-rate", "0.01", "--hidden", "none"]
    ok("train", cleaned, *(long if name == "none" else ["--epochs", "1", "--hidden", "4"]))
    assert len(ok("predict", cleaned, source).rows) == 60


def test_the_default_scale_is_that_of_the_training_rows(ok, run, table):
    inside = np.load(run / "split/rows.npy") == 0
    ages = np.array([float(row[1]) for row in table[1:]])
    expected = (ages - ages[inside].mean()) / ages[inside].std()
    found = np.array([float(row["age"]) for row in ok("show", run, "transform").rows])
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_features_are_float32_codes_int32_both_by_rows(ok, cleaned):
    ok("transform", cleaned, "--encode", "embedding")
    numeric = np.load(cleaned / "transform/numeric.npy")
    codes = np.load(cleaned / "transform/categorical.npy")
    assert (numeric.dtype, numeric.flags.c_contiguous) == (np.float32, True)
    assert (codes.dtype, codes.shape) == (np.int32, (60, 1))
    ok("transform", cleaned)
    assert not (cleaned / "transform/categorical.npy").exists()


def test_classes_become_codes_in_order_and_numbers_are_scaled(ok, tmp_path, source, table):
    ok("clean", tmp_path / "a", source, "--target", "plan")
    ok("transform", tmp_path / "a")
    codes = np.load(tmp_path / "a/transform/target.npy")
    order = {"basic": 0, "plus": 1, "pro": 2}
    assert codes.tolist() == [order[row[3]] for row in table[1:]]
    ok("clean", tmp_path / "b", source, "--target", "visits")
    ok("transform", tmp_path / "b")
    scaled = np.load(tmp_path / "b/transform/target.npy")
    assert abs(scaled.mean()) < 1e-6
    assert abs(scaled.std() - 1) < 1e-6
    ok("transform", tmp_path / "b", "--target-scaling", "none")
    assert np.load(tmp_path / "b/transform/target.npy").tolist() == [
        float(row[5]) for row in table[1:]
    ]


def test_embeddings_go_from_codes_to_predictions(ok, cleaned, source, table, write):
    """An unseen category takes its own slot: any two of them are predicted alike."""
    ok("transform", cleaned, "--encode", "embedding")
    ok("select-features", cleaned)
    ok("split", cleaned)
    ok("train", cleaned, "--epochs", "20", "--hidden", "4", "--learning-rate", "0.05")
    model = json.loads((cleaned / "train/model.json").read_text())
    assert model["kinds"].count("codes") == 1
    assert model["levels"] == model["network"]["levels"]
    plans = ("basic", "pro", "gold", "platinum")
    rows = [[*table[1][:3], plan, *table[1][4:]] for plan in plans]
    said = ok("predict", cleaned, write("new.csv", [table[0], *rows]))
    basic, pro, gold, platinum = (row["p_yes"] for row in said.rows)
    assert gold == platinum
    assert len({basic, pro, gold}) == 3
    assert "nntool predict: 'plan': 2 cells with a category not seen in training" in (
        said.err.splitlines()
    )


def test_a_gap_becomes_an_indicator_or_not(ok, cleaned):
    def columns():
        return ok("show", cleaned, "transform").rows[0].keys()

    ok("transform", cleaned)
    assert "income_missing" in columns()
    ok("transform", cleaned, "--no-missing-indicators")
    assert "income_missing" not in columns()
