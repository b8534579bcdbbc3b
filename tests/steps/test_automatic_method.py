"""``--optimizer auto``: lbfgs for a small training without chance, else adam; it says why."""

import json
from pathlib import Path
from typing import Any

import pytest

from nntool.settings.model import fields
from nntool.settings.train import TrainSettings
from nntool.steps import automatic_method

SMALL = ["--dropout", "0", "--hidden", "3", "--epochs", "2"]
SPEAKS_AGAINST = {
    "schedule": "cosine",
    "warmup": 1,
    "layer_rates": "sqrt",
    "weight_decay": 0.1,
    "clip_value": 1,
    "clip_norm": 1,
    "average_weights": "ema",
    "batch_size": "full",
    "balanced_batches": True,
    "emphasize_errors": True,
    "max_norm": 3,
    "snapshots": 2,
    "activation": "stochastic-binary",
    "input_dropout": 0.1,
    "input_noise": 0.1,
    "weight_noise": 0.1,
    "activation_noise": 0.1,
    "batch_norm": True,
    "learning_rate": 0.01,
    "augment": ["smote"],
    "penalty": "l1:proximal=true",
}
TAKEN = {
    "parametric_activation": True,
    "layer_norm": True,
    "penalty": "l1",
    "dtype": "float32",
    "monitor": "train-loss",
    "loss": "focal",
    "class_weights": "balanced",
    "ensemble": 2,
    "seed": 5,
}


def resolved(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "run.json").read_text())["steps"]["train"]
    return found["settings"]


def given(name: str, value: Any) -> list[str]:
    if name == "penalty":  # TOML has a table for its settings
        return ["--penalty", value]
    return ["--set", f"{name}={json.dumps(value)}"]


def test_with_dropout_auto_the_method_is_adam_and_its_bytes_are_those_of_adam(
    ok: Any, split_for: Any
) -> None:
    plain, named = split_for("churned"), split_for("churned")
    said = ok("train", plain, "--epochs", "3")
    assert (
        "nntool train: the optimizer is adam, because of --dropout auto, 0.3 (lbfgs is for small"
        " trainings without)\n" in said.err
    )
    assert "the optimizer is" not in ok("train", named, "--epochs", "3", "--optimizer", "adam").err
    weights = (named / "train/model.npz").read_bytes()
    assert (plain / "train/model.npz").read_bytes() == weights
    said = ok("train", named, "--epochs", "3", "--dropout", "0.2")
    assert "the optimizer is adam, because of --dropout 0.2 (" in said.err
    assert resolved(plain)["optimizer"] == "adam"
    assert 'optimizer = "adam"' in (plain / "recipe.toml").read_text()


def test_a_small_training_without_chance_is_by_lbfgs_and_files_name_it(
    ok: Any, split_for: Any
) -> None:
    plain, named = split_for("churned"), split_for("churned")
    said = ok("train", plain, *SMALL)
    n = json.loads((plain / "train/model.json").read_text())["trained"]["parameters"]
    assert (
        f"nntool train: the optimizer is lbfgs: 42 training rows and {n} weights are few, and"
        " nothing is left to chance (--optimizer adam: by mini-batches)\n" in said.err
    )
    found = resolved(plain)
    assert (found["optimizer"], found["batch_size"], found["dtype"]) == ("lbfgs", "full", "float64")
    assert "learning_rate" not in found
    assert json.loads((plain / "train/model.json").read_text())["optimizer"] == "lbfgs"
    ok("train", named, *SMALL, "--optimizer", "lbfgs")
    assert (plain / "train/model.npz").read_bytes() == (named / "train/model.npz").read_bytes()


@pytest.mark.parametrize("name", SPEAKS_AGAINST)
def test_what_lbfgs_cannot_take_makes_it_adam_and_never_a_refusal(
    ok: Any, split_for: Any, name: str
) -> None:
    root = split_for("churned")
    said = ok("train", root, *SMALL, *given(name, SPEAKS_AGAINST[name]))
    assert resolved(root)["optimizer"] == "adam"
    option = "--" + name.replace("_", "-")
    assert f"the optimizer is adam, because of {option}" in said.err


@pytest.mark.parametrize("name", TAKEN)
def test_what_lbfgs_can_take_leaves_it_so(ok: Any, split_for: Any, name: str) -> None:
    root = split_for("churned")
    ok("train", root, *SMALL, *given(name, TAKEN[name]))
    assert resolved(root)["optimizer"] == "lbfgs"


def test_every_setting_that_lbfgs_refuses_is_tried_here() -> None:
    known = {field.name for field in fields(TrainSettings)}
    harmless = {"optimizer", "hidden", "initializer", "output", "label_smoothing", "target_coding"}
    harmless |= {"sample_weight", "epochs", "patience", "min_delta", "validate_every"}
    harmless |= {"calibration", "bagging", "averaging", "dropout", "bias"}
    assert known == set(SPEAKS_AGAINST) | set(TAKEN) | harmless


@pytest.mark.parametrize(
    ("limit", "size", "told"),
    [
        ("FEW_ROWS", 42, "42 training rows are more than 41"),
        ("FEW_WEIGHTS", None, "weights are more than"),
    ],
)
def test_the_limits_are_the_last_sizes_that_lbfgs_takes(
    ok: Any, split_for: Any, monkeypatch: Any, limit: str, size: int | None, told: str
) -> None:
    root = split_for("churned")
    ok("train", root, *SMALL)
    n = size or json.loads((root / "train/model.json").read_text())["trained"]["parameters"]
    monkeypatch.setattr(automatic_method, limit, n)
    ok("train", root, *SMALL, "--force")
    assert resolved(root)["optimizer"] == "lbfgs"
    monkeypatch.setattr(automatic_method, limit, n - 1)
    said = ok("train", root, *SMALL, "--force")
    assert resolved(root)["optimizer"] == "adam"
    assert told in said.err
    assert "(--optimizer lbfgs takes them)" in said.err


def test_the_limits_are_those_of_the_text() -> None:
    assert (automatic_method.FEW_ROWS, automatic_method.FEW_WEIGHTS) == (10_000, 20_000)


def test_the_recipe_that_a_training_leaves_trains_the_same_again(ok: Any, split_for: Any) -> None:
    root, again = split_for("churned"), split_for("churned")
    ok("train", root, *SMALL)
    recipe = again.parent / "recipe.toml"
    recipe.write_text((root / "recipe.toml").read_text().partition("[train]")[2])
    ok("train", again, "--config", recipe)
    assert (root / "train/model.npz").read_bytes() == (again / "train/model.npz").read_bytes()
