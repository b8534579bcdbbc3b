"""What methods of training demand of other settings: values of 'auto', and what is refused."""

from typing import Any

import pytest

from nntool.errors import UsageError
from nntool.nn.full_batch import FULL_BATCH
from nntool.nn.methods import METHODS
from nntool.nn.optimizers import OPTIMIZERS
from nntool.nn.single_layer import SINGLE_LAYER
from nntool.settings.building import build
from nntool.settings.model import fields
from nntool.settings.train import TrainSettings
from nntool.steps import demands

OF_BATCHES: dict[str, Any] = {
    "schedule": "cosine",
    "warmup": 2,
    "layer_rates": "sqrt",
    "weight_decay": 0.1,
    "clip_value": 1,
    "clip_norm": 1,
    "average_weights": "ema",
    "batch_size": 32,
    "balanced_batches": True,
    "emphasize_errors": True,
    "max_norm": 3,
    "snapshots": 5,
}
"""What belongs to updates by mini-batches."""
OF_CHANCE: dict[str, Any] = {
    "activation": "stochastic-binary",
    "augment": ["smote", "jitter"],
    "dropout": 0.5,
    "input_dropout": 0.1,
    "input_noise": 0.1,
    "weight_noise": 0.1,
    "activation_noise": 0.1,
}
"""What makes the loss another function of the weights each time."""
OF_HIDDEN_UNITS: dict[str, Any] = {
    "hidden": [8],
    "parametric_activation": True,
    "batch_norm": True,
    "layer_norm": True,
    "dropout": 0.5,
    "activation_noise": 0.1,
}
OF_NAME: dict[str, set[str]] = {
    "weight-perturbation": {"clip_value", "clip_norm", "weight_decay", "weight_noise"},
    "node-perturbation": {"batch_norm", "layer_norm", "parametric_activation"},
}
"""What is refused by one method alone."""
TAKEN = {
    "initializer",
    "bias",
    "output",
    "dtype",
    "label_smoothing",
    "target_coding",
    "class_weights",
    "sample_weight",
    "epochs",
    "patience",
    "min_delta",
    "monitor",
    "validate_every",
    "calibration",
    "ensemble",
    "bagging",
    "averaging",
    "seed",
}
"""What every method can take."""
BY_ITSELF = {"optimizer", "loss", "learning_rate", "penalty"}
"""What has tests of its own."""


def refused_by(name: str) -> set[str]:
    """What a method cannot take, as the texts have it."""
    found = set(OF_NAME.get(name, ()))
    if name in (*FULL_BATCH, "perceptron"):
        found |= set(OF_BATCHES) | set(OF_CHANCE)
    if name in SINGLE_LAYER:
        found |= set(OF_HIDDEN_UNITS)
    return found


def refusal(**values: Any) -> UsageError:
    with pytest.raises(UsageError) as error:
        demands.check(build(TrainSettings, values))
    return error.value


def test_every_setting_is_known_to_be_taken_or_refused() -> None:
    tables = set(OF_BATCHES) | set(OF_CHANCE) | set(OF_HIDDEN_UNITS)
    assert tables | TAKEN | BY_ITSELF == {field.name for field in fields(TrainSettings)}


@pytest.mark.parametrize("field", sorted(OF_BATCHES | OF_CHANCE | OF_HIDDEN_UNITS))
@pytest.mark.parametrize("name", METHODS)
def test_a_method_refuses_what_it_cannot_take_and_nothing_else(name: str, field: str) -> None:
    values = {**OF_BATCHES, **OF_CHANCE, **OF_HIDDEN_UNITS}
    given = {"optimizer": name, field: values[field]}
    option = "--" + field.replace("_", "-")
    if field in refused_by(name):
        error = refusal(**given)
        assert error.message.startswith(f"--optimizer {name} ")
        assert option in error.message
        assert error.hint == f"leave {option} out, or --optimizer adam"
    else:
        demands.check(build(TrainSettings, given))


@pytest.mark.parametrize("name", METHODS)
def test_a_method_takes_its_own_defaults_as_a_recipe_has_them(name: str) -> None:
    for task in METHODS[name].losses or ("binary", "multiclass", "regression"):
        settings, _ = demands.adapted(build(TrainSettings, {"optimizer": name}), task)
        demands.check(settings)
        assert demands.adapted(settings, task) == (settings, [])


def test_all_that_is_refused_is_named_at_once_each_reason_in_a_sentence() -> None:
    error = refusal(
        optimizer="perceptron",
        hidden=[8, 4],
        dropout=0.5,
        input_noise=0.1,
        clip_norm=1,
        penalty=["l1", {"name": "l2", "rate": 0.1}],
    )
    assert error.message == (
        "--optimizer perceptron has no hidden units, and --hidden 8,4 and --dropout 0.5 are for"
        " them; perceptron finds its own steps and rows, so --clip-norm 1.0 has no part in it;"
        " perceptron goes by right and wrong answers alone, and cannot take"
        " --penalty l1,l2:rate=0.1;"
        " perceptron needs one and the same loss throughout, which --input-noise 0.1 would change"
    )
    assert error.hint == (
        "leave --hidden, --clip-norm, --penalty, --dropout and --input-noise out,"
        " or --optimizer adam"
    )


@pytest.mark.parametrize("name", METHODS)
def test_units_without_a_gradient_are_refused_with_methods_that_need_none(name: str) -> None:
    given = {"optimizer": name, "activation": "step", "hidden": [4]}
    if name in ("node-perturbation", "weight-perturbation"):
        demands.check(build(TrainSettings, given))
        return
    if name in SINGLE_LAYER:
        assert "has no hidden units" in refusal(**given).message
        return
    error = refusal(**given)
    assert error.message.startswith("activation 'step' has no gradient to learn from")
    assert error.hint == "--activation sigmoid, or --optimizer node-perturbation"
    for way in ({"activation": "sigmoid"}, {"optimizer": "node-perturbation"}):
        demands.check(build(TrainSettings, given | way))


def test_a_penalty_that_shrinks_after_steps_needs_steps_of_mini_batches() -> None:
    penalty = ["l1", {"name": "l1", "rate": 0.1, "proximal": True}]
    for name in FULL_BATCH:
        message = refusal(optimizer=name, penalty=penalty).message
        assert "--penalty l1:rate=0.1,proximal=true has no part" in message
        demands.check(build(TrainSettings, {"optimizer": name, "penalty": penalty[:1]}))


@pytest.mark.parametrize(("name", "is_refused"), [("lbfgs", True), ("perceptron", False)])
def test_a_learning_rate_is_for_methods_that_have_one(name: str, is_refused: bool) -> None:
    if is_refused:
        message = refusal(optimizer=name, learning_rate=0.5).message
        assert "finds its own steps and rows, so --learning-rate 0.5 has no part" in message
    else:
        demands.check(build(TrainSettings, {"optimizer": name, "learning_rate": 0.5}))
    refusal(optimizer=name, learning_rate="auto")


def test_what_is_given_as_it_is_by_default_is_not_refused() -> None:
    for name in METHODS:
        given = {"schedule": {"name": "constant"}, "dropout": 0, "weight_decay": 0, "warmup": 0}
        demands.check(build(TrainSettings, {"optimizer": name, "hidden": "auto", **given}))


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_rules_on_mini_batches_leave_what_is_auto_to_the_rows_but_rprop_takes_all(
    task: str,
) -> None:
    for name in OPTIMIZERS:
        settings = build(TrainSettings, {"optimizer": name})
        adapted, notes = demands.adapted(settings, task)
        if name == "rprop":
            assert adapted == build(TrainSettings, {"optimizer": name, "batch_size": "full"})
            assert notes == ["with rprop 'auto' is --batch-size full"]
        else:
            assert (adapted, notes) == (settings, [])


def test_a_perceptron_gets_its_own_values_of_auto_and_says_so() -> None:
    settings, said = demands.adapted(build(TrainSettings, {"optimizer": "perceptron"}), "binary")
    assert (settings.hidden, settings.dropout, settings.penalty) == ((), 0, ())
    assert (settings.loss, settings.initializer, settings.batch_size) == ("perceptron", "zeros", 1)
    assert settings.dtype == "float64"
    assert said == [
        "with perceptron 'auto' is --hidden none, --loss perceptron, --initializer zeros,"
        " --batch-size 1, --dtype float64, --dropout 0 and --penalty none"
    ]


def test_what_was_given_is_not_replaced() -> None:
    given = {"optimizer": "delta-rule", "batch_size": "full", "loss": "mse", "hidden": []}
    settings, said = demands.adapted(build(TrainSettings, given), "regression")
    assert (settings.batch_size, settings.loss) == ("full", "mse")
    assert said == ["with delta-rule 'auto' is --output identity, --dropout 0 and --penalty none"]


def test_a_task_that_a_method_is_not_for_is_refused_by_name() -> None:
    with pytest.raises(UsageError) as error:
        demands.adapted(build(TrainSettings, {"optimizer": "perceptron"}), "regression")
    assert error.value.message == (
        "--optimizer perceptron is for a binary or multiclass target, and this task is regression"
    )


@pytest.mark.parametrize(
    ("name", "loss"),
    [(name, loss) for name, cls in METHODS.items() if cls.only_losses for loss in ("bce", "hinge")],
)
def test_a_loss_that_a_method_is_not_for_is_refused(name: str, loss: str) -> None:
    error = refusal(optimizer=name, loss={"name": loss})
    assert error.message.startswith(f"--optimizer {name} is for the loss")
    assert error.message.endswith(f" and --loss is {loss}")
    for own in METHODS[name].only_losses:
        demands.check(build(TrainSettings, {"optimizer": name, "loss": own}))


def test_it_is_refused_with_exit_code_2_and_nothing_written(
    nntool: Any, split_for: Any, content: Any
) -> None:
    root = split_for("churned")
    before = content(root)
    said = nntool("train", root, "--optimizer", "perceptron", "--dropout", "0.5")
    assert said.code == 2
    assert said.first == (
        "nntool train: --optimizer perceptron has no hidden units, and --dropout 0.5 is for them"
    )
    assert said.hint == "leave --dropout out, or --optimizer adam"
    assert content(root) == before


def test_a_perceptron_takes_no_columns_of_codes_and_full_batch_methods_do(
    nntool: Any, ok: Any, split_for: Any, content: Any
) -> None:
    root = split_for("churned")
    ok("transform", root, "--encode", "embedding")
    ok("select-features", root)
    before = content(root)
    said = nntool("train", root, "--optimizer", "perceptron")
    assert said.code == 2
    assert said.message == (
        "nntool train: --optimizer perceptron takes numbers, and there is a column of codes, whose"
        " levels would need vectors"
    )
    assert said.hint == "transform --encode one-hot, or --optimizer adam"
    assert content(root) == before
    for name in FULL_BATCH:
        ok("train", root, "--optimizer", name, "--hidden", "3", "--epochs", "2")


@pytest.mark.parametrize(
    "name", [name for name, method in METHODS.items() if method.max_size is not None]
)
def test_a_matrix_is_kept_of_as_many_weights_as_a_method_takes(name: str) -> None:
    method = METHODS[name]()
    demands.refuse_too_many(method, name, method.max_size or 0)
    with pytest.raises(UsageError, match=f"of which it takes up to {method.max_size:,}"):
        demands.refuse_too_many(method, name, (method.max_size or 0) + 1)
