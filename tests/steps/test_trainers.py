"""From settings to a trainer: every setting reaches what is trained."""

import json

import numpy as np
import pytest

from nntool.settings.model import fields
from nntool.settings.train import TrainSettings

BASE = ["--hidden", "6", "--epochs", "3", "--patience", "0", "--batch-size", "16", "--dropout", "0"]
CHANGES = {
    "hidden": ["--hidden", "7"],
    "activation": ["--activation", "tanh"],
    "parametric_activation": ["--parametric-activation"],
    "initializer": ["--initializer", "data"],
    "bias": ["--no-bias"],
    "batch_norm": ["--batch-norm"],
    "layer_norm": ["--layer-norm"],
    "output": ["--loss", "mse", "--output", "softmax"],
    "dtype": ["--dtype", "float64"],
    "loss": ["--loss", "mse"],
    "label_smoothing": ["--label-smoothing", "0.2"],
    "target_coding": ["--loss", "mse", "--target-coding", "bipolar"],
    "class_weights": ["--class-weights", "balanced"],
    "sample_weight": ["--sample-weight", "visits"],
    "optimizer": ["--optimizer", "rmsprop"],
    "learning_rate": ["--learning-rate", "0.02"],
    "schedule": ["--schedule", "exponential:factor=0.5"],
    "warmup": ["--warmup", "2"],
    "layer_rates": ["--layer-rates", "hidden1=0.5"],
    "weight_decay": ["--weight-decay", "0.5"],
    "clip_value": ["--clip-value", "1e-9"],
    "clip_norm": ["--clip-norm", "1e-9"],
    "average_weights": ["--average-weights", "ema:decay=0.9"],
    "batch_size": ["--batch-size", "8"],
    "balanced_batches": ["--balanced-batches"],
    "emphasize_errors": ["--emphasize-errors"],
    "augment": ["--augment", "jitter"],
    "penalty": ["--penalty", "l1:rate=0.1"],
    "max_norm": ["--max-norm", "0.1"],
    "dropout": ["--dropout", "0.5"],
    "input_dropout": ["--input-dropout", "0.3"],
    "input_noise": ["--input-noise", "0.3"],
    "weight_noise": ["--weight-noise", "0.3"],
    "activation_noise": ["--activation-noise", "0.3"],
    "epochs": ["--epochs", "4"],
    "patience": ["--patience", "1", "--min-delta", "9", "--epochs", "9"],
    "min_delta": ["--patience", "1", "--min-delta", "9", "--epochs", "9"],
    "monitor": ["--monitor", "train-loss"],
    "validate_every": ["--validate-every", "2"],
    "calibration": ["--calibration", "0.2"],
    "ensemble": ["--ensemble", "2"],
    "bagging": ["--ensemble", "2", "--bagging"],
    "snapshots": ["--snapshots", "2"],
    "averaging": ["--ensemble", "2", "--averaging", "geometric"],
    "seed": ["--seed", "1"],
}
HISTORY_ALONE = {"monitor", "validate_every"}
"""What need not change the weights; it is told by the words or the history of the training."""


def trained(ok, root, words):
    """The weights of a training, and all else that it wrote down."""
    ok("train", root, *BASE, *words)
    told = (root / "train/history.csv").read_text() + (root / "recipe.toml").read_text()
    return (root / "train/model.npz").read_bytes(), told


def test_every_setting_is_in_the_table():
    assert set(CHANGES) == {field.name for field in fields(TrainSettings)}


@pytest.mark.parametrize("name", CHANGES)
def test_a_setting_reaches_the_training(ok, split_for, name):
    root = split_for("churned")
    plain, told = trained(ok, root, [])
    weights, told_now = trained(ok, root, CHANGES[name])
    if name in HISTORY_ALONE:
        assert told_now != told
    else:
        assert weights != plain


def test_the_slot_of_unseen_levels_is_trained_where_no_row_has_it(ok, split_for):
    root = split_for("churned")
    ok("transform", root, "--encode", "embedding")
    ok("select-features", root)
    codes = np.load(root / "transform/categorical.npy")[np.load(root / "split/rows.npy") == 0]
    assert (codes != 0).all()

    def slots(*words):
        ok("train", root, *BASE, "--penalty", "none", *words)
        plain = json.loads((root / "train/model.json").read_text())["network"]
        return np.load(root / "train/model.npz")["theta"][: plain["widths"][0]]

    assert (slots("--epochs", "5") != slots("--layer-rates", "inputs=0")).all()


def test_behind_exp_training_begins_at_the_weighted_mean(ok, split_for):
    root = split_for("visits")
    ok("train", root, *BASE, "--loss", "poisson", "--sample-weight", "age", "--epochs", "1")
    table = ok("show", root, "clean").rows
    learned = np.load(root / "split/rows.npy") == 0
    rows = [row for row, is_in in zip(table, learned, strict=True) if is_in]
    visits, age = (np.array([float(row[c]) for row in rows]) for c in ("visits", "age"))
    (bias,) = json.loads((root / "train/model.json").read_text())["network"]["output_bias"]
    assert bias == pytest.approx(np.log(np.average(visits, weights=age)), rel=1e-5)


def test_a_metric_without_a_value_is_an_empty_cell(ok, split_for):
    root = split_for("churned")
    same = ["--layer-rates", "hidden1=0", "--layer-rates", "output=0", "--initializer", "zeros"]
    ok("train", root, *BASE, *same, "--penalty", "none", "--monitor", "mcc")
    assert {row["validation_mcc"] for row in ok("show", root, "train").rows} == {""}
