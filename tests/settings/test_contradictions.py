"""Settings of train that exclude each other, and those that only look so."""

import pytest

from nntool.errors import UsageError
from nntool.settings.building import build
from nntool.settings.train import TrainSettings

CONTRADICTIONS = [
    ({"batch_norm": True, "layer_norm": True}, "--batch-norm and --layer-norm"),
    ({"balanced_batches": True, "emphasize_errors": True}, "--balanced-batches and --emphasize"),
    ({"balanced_batches": True, "batch_size": "full"}, "and --balanced-batches says how often"),
    ({"emphasize_errors": True, "batch_size": "full"}, "and --emphasize-errors says how often"),
    ({"batch_norm": True, "batch_size": 1}, "a batch of 1 row has none"),
    ({"hidden": [], "batch_norm": True}, "--batch-norm is for hidden units"),
    ({"hidden": [], "layer_norm": True}, "--layer-norm is for hidden units"),
    ({"hidden": [], "parametric_activation": True}, "--parametric-activation is for hidden units"),
    ({"hidden": [], "activation_noise": 0.1}, "--activation-noise is for hidden units"),
    ({"loss": "mse", "label_smoothing": 0.1}, "for the losses bce and cce, not for mse"),
    (
        {"loss": {"name": "cce", "smoothing": 0.2}, "label_smoothing": 0.1},
        "the loss has smoothing=0.2 and --label-smoothing is 0.1",
    ),
    (
        {"optimizer": {"name": "adamw", "weight_decay": 0.02}, "weight_decay": 0.1},
        "the optimizer has weight_decay=0.02 and --weight-decay is 0.1",
    ),
    ({"warmup": 6, "epochs": 5}, "--warmup 6 is longer than the training, --epochs 5"),
    ({"validate_every": 6, "epochs": 5}, "--validate-every 6 is longer than the training"),
]


@pytest.mark.parametrize(("values", "told"), CONTRADICTIONS)
def test_a_contradiction_is_refused_with_what_to_type(values, told):
    with pytest.raises(UsageError) as error:
        build(TrainSettings, values)
    assert told in error.value.message
    assert error.value.hint


@pytest.mark.parametrize(
    "values", [{k: v} for values, _ in CONTRADICTIONS for k, v in values.items()]
)
def test_each_half_of_a_contradiction_is_fine_alone(values):
    build(TrainSettings, values)


def test_mixup_twice_is_refused_before_any_row_is_read():
    with pytest.raises(UsageError, match="--augment mixup can be given once"):
        build(TrainSettings, {"augment": ["mixup", "jitter", {"name": "mixup", "alpha": 1.0}]})


@pytest.mark.parametrize(
    "values",
    [
        {"batch_norm": True, "hidden": [4], "dropout": 0.2},
        {"class_weights": "balanced", "emphasize_errors": True},
        {"hidden": [], "dropout": 0.3},  # what 'auto' comes to, so a recipe may hold it
        {"loss": {"name": "cce", "smoothing": 0.1}, "label_smoothing": 0.1},
        {"loss": {"name": "cce", "smoothing": 0.1}},
        {"optimizer": {"name": "adamw", "weight_decay": 0.1}, "weight_decay": 0.1},
        {"warmup": 5, "epochs": 5},
        {"validate_every": 5, "epochs": 5},
        {"validate_every": 6, "epochs": 5, "monitor": "train-loss"},
    ],
)
def test_what_goes_together_is_taken(values):
    build(TrainSettings, values)


def test_the_command_line_says_it_before_anything_is_read(nntool, tmp_path):
    said = nntool("train", tmp_path / "nowhere", "--batch-norm", "--layer-norm")
    assert said.code == 2
    assert said.first == "nntool train: --batch-norm and --layer-norm exclude each other"
    assert said.hint == "give one of the two"
