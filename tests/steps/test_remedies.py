"""Advice names no option that the method cannot take, and no rate where there is none."""

from typing import Any

import pytest

from nntool.nn.full_batch import LBFGS
from nntool.nn.methods import METHODS
from nntool.settings.building import build
from nntool.settings.train import TrainSettings
from nntool.steps import demands, diagnosis, remedies
from nntool.steps.yardstick import Yardstick

ONE = Yardstick(1.0)
GIVEN: dict[str, Any] = {"dropout": 0.3, "hidden": [8], "penalty": ["l2"]}


def epochs(**changes: Any) -> list[dict[str, Any]]:
    """Epochs in which all is well but for what is given; the loss falls to the end."""
    row: dict[str, Any] = {"gradient_norm": 0.1, "improved": 1, "undone": 0}
    for name in ("hidden1", "output"):
        row |= {f"{name}_gradient": 0.05, f"{name}_update": 0.01, f"{name}_norm": 4.0}
    row |= {"hidden1_idle": 0.1, **changes}
    return [
        {"epoch": i, "train_loss": 0.8 - 0.05 * i, "validation_loss": 0.81 - 0.05 * i, **row}
        for i in range(1, 10)
    ]


def found(rows: list[dict[str, Any]], means: remedies.Remedies) -> str:
    said = diagnosis.of_training(
        rows, len(rows), ONE, ended="epochs", activation="relu", means=means
    )
    return "; ".join(map(str, said))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"output_update": 9.0}, "learning rate too high"),
        ({"output_update": 1e-9, "hidden1_update": 1e-9, "train_loss": 1.0}, "rate too low"),
        ({"hidden1_idle": 1.0}, "a smaller --learning-rate"),
        ({"train_loss": 0.95, "validation_loss": 0.95, "output_update": 9.0}, "--learning-rate"),
    ],
)
def test_a_method_without_a_rate_is_told_nothing_of_rates(
    changes: dict[str, Any], words: str
) -> None:
    rows, with_rate = epochs(**changes), remedies.of_method(METHODS["adam"])
    without = remedies.of_method(LBFGS)
    assert words in found(rows, with_rate)
    assert "rate" not in found(rows, without).replace("separate", "")
    assert "rate" not in diagnosis.of_epoch(rows, ONE, without)


def test_a_loss_that_still_falls_is_not_finished_for_any_method() -> None:
    assert "not finished" in found(epochs(), remedies.of_method(LBFGS))
    assert "more --epochs)" in found(epochs(), remedies.of_method(LBFGS))


@pytest.mark.parametrize("name", METHODS)
def test_no_advice_names_an_option_that_the_method_refuses(name: str) -> None:
    means = remedies.of_method(METHODS[name])
    said = f"{means.against_variance}; {means.against_bias}"
    said = said.replace("--optimizer adam --dropout 0.3", "").replace("hidden units", "")
    for field, value in GIVEN.items():
        settings = build(TrainSettings, {"optimizer": name, field: value})
        is_refused = any(c.field == field for c in demands.conflicts(settings, METHODS[name]))
        assert (f"--{field}" in said) == (not is_refused)


def test_what_has_converged_is_not_told_to_go_on() -> None:
    assert "more --epochs" in remedies.of_method(LBFGS, "epochs").against_bias
    assert "more --epochs" not in remedies.of_method(LBFGS, "converged").against_bias


def test_a_perceptron_can_only_be_given_other_rows_and_features() -> None:
    means = remedies.of_method(METHODS["perceptron"])
    assert means.against_variance == "fewer features, or more rows"
    assert means.against_bias == (
        "--optimizer auto with hidden units, more --epochs, or other features"
    )


def test_a_model_of_an_older_program_gets_the_advice_of_mini_batches() -> None:
    assert remedies.of_model({"trained": {"ended": "patience"}}) == remedies.Remedies()
    told = {"optimizer": {"name": "lbfgs", "memory": 5}, "trained": {"ended": "converged"}}
    assert not remedies.of_model(told).rate
    assert remedies.of_model(told).is_finished
