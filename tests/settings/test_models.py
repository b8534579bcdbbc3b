"""The settings models: what every field must have, and what a model refuses."""

import json
import tomllib

import pytest
import tomli_w

from nntool.errors import UsageError
from nntool.settings.building import build
from nntool.settings.model import StepSettings, fields, plain
from nntool.settings.predict import PredictSettings
from nntool.settings.steps import STEPS
from nntool.steps import choices

MODELS = {**STEPS, "predict": PredictSettings}
NEEDED = {"clean": {"target": "y"}}
FIELDS = [
    pytest.param(field, id=f"{step}.{field.name}")
    for step, model in MODELS.items()
    for field in fields(model)
]


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_says_what_it_is_in_one_sentence(field):
    assert field.help
    assert field.help[0].isupper()
    assert field.help.endswith(".")


@pytest.mark.parametrize("field", FIELDS)
def test_a_registry_that_a_field_names_is_one(field):
    if field.registry is not None:
        assert choices.names(field.registry)


@pytest.mark.parametrize("step", MODELS)
def test_defaults_pass_their_own_check_and_survive_toml_and_json(step):
    settings = build(MODELS[step], NEEDED.get(step, {}))
    values = plain(settings)
    assert build(MODELS[step], values) == settings
    assert build(MODELS[step], tomllib.loads(tomli_w.dumps(values))) == settings
    assert build(MODELS[step], json.loads(json.dumps(values))) == settings
    choices.check(settings)


@pytest.mark.parametrize("step", MODELS)
def test_every_step_has_a_seed_that_is_0(step):
    assert issubclass(MODELS[step], StepSettings)
    assert build(MODELS[step], NEEDED.get(step, {})).seed == 0
    assert [field.name for field in fields(MODELS[step])][-1] == "seed"


def test_settings_cannot_be_changed():
    settings = build(STEPS["train"], {})
    with pytest.raises(AttributeError):
        settings.epochs = 3


def test_models_do_not_share_what_is_empty_by_default():
    one, other = (build(STEPS["clean"], {"target": "y"}) for _ in range(2))
    assert one.roles is not other.roles


@pytest.mark.parametrize(
    ("step", "values", "words"),
    [
        ("train", {"epochs": "3"}, "epochs: expected a whole number ≥ 1, not '3'"),
        ("train", {"epochs": 2.5}, "epochs: expected a whole number ≥ 1, not 2.5"),
        ("train", {"epochs": True}, "epochs: expected a whole number ≥ 1, not True"),
        ("evaluate", {"baseline": "no"}, "baseline: expected true or false, not 'no'"),
        ("collect", {"delimiter": 3}, "delimiter: expected a text, not 3"),
    ],
)
def test_a_value_of_another_type_is_refused_in_plain_words(step, values, words):
    with pytest.raises(UsageError) as error:
        build(STEPS[step], values)
    assert error.value.message == words


def test_an_unknown_name_is_refused_with_its_nearest_and_its_place():
    with pytest.raises(UsageError) as error:
        build(STEPS["train"], {"epoch": 3}, "train.")
    assert error.value.message == "'train.epoch' is not a setting"
    assert error.value.hint == "did you mean 'train.epochs'?"


def test_what_is_needed_is_named_as_an_option():
    with pytest.raises(UsageError, match="--target is needed"):
        build(STEPS["clean"], {})


def test_plain_leaves_out_what_says_nothing():
    values = plain(build(STEPS["clean"], {"target": "y"}))
    assert "positive" not in values
    assert "roles" not in values
    assert list(values)[-1] == "seed"
