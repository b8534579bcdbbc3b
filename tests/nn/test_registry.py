"""From names and settings to rules: what is refused, and how it is said."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from nntool.nn.activations import ACTIVATIONS
from nntool.nn.averaging import AVERAGES
from nntool.nn.initializers import INITIALIZERS
from nntool.nn.links import LINKS
from nntool.nn.losses import LOSSES
from nntool.nn.optimizers import OPTIMIZERS
from nntool.nn.penalties import PENALTIES
from nntool.nn.registry import InvalidChoice, build, choice_of, describe
from nntool.nn.schedules import SCHEDULES

REGISTRIES: list[Mapping[str, type[Any]]] = [
    ACTIVATIONS, AVERAGES, INITIALIZERS, LINKS, LOSSES, OPTIMIZERS, PENALTIES, SCHEDULES,
]  # fmt: skip
ENTRIES = [(registry, name) for registry in REGISTRIES for name in registry]


@pytest.mark.parametrize(("registry", "name"), ENTRIES, ids=[name for _, name in ENTRIES])
def test_every_entry_explains_itself_and_survives_a_round_trip(
    registry: Mapping[str, type[Any]], name: str
) -> None:
    said = describe(registry, name)
    assert "\n" in said.doc, "one sentence, then the equation"
    assert all(setting.help for setting in said.settings)
    rule = build(registry, name, {s.name: s.default for s in said.settings})
    assert rule == build(registry, name)
    plain = choice_of(registry, rule)
    assert build(registry, plain.pop("name"), plain) == rule
    with pytest.raises(dataclasses.FrozenInstanceError):
        rule.kind = "something else"


@pytest.mark.parametrize("registry", REGISTRIES)
def test_a_registry_is_in_order(registry: Mapping[str, type[Any]]) -> None:
    assert list(registry) == sorted(registry)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("adan", {}, "optimizer 'adan' is not known; choose from ada"),
        ("adam", {"beta": 0.9}, "adam: there is no setting 'beta'; it has beta1, beta2"),
        ("sgd", {"mu": 0.9}, "sgd: there is no setting 'mu'; it has no settings"),
        ("adam", {"beta1": 1.5}, "adam: beta1 must be < 1, not 1.5"),
        ("adam", {"beta1": -1}, "adam: beta1 must be ≥ 0, not -1"),
        ("adam", {"beta1": "x"}, "adam: beta1 must be a number, not 'x'"),
        ("adam", {"beta1": True}, "adam: beta1 must be a number, not True"),
        ("adam", {"beta1": float("nan")}, "adam: beta1 must be a number, not nan"),
        ("adam", {"epsilon_inside": 1}, "adam: epsilon_inside must be true or false, not 1"),
    ],
)
def test_a_wrong_choice_is_refused_in_words(
    name: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidChoice) as caught:
        build(OPTIMIZERS, name, settings)
    assert str(caught.value).startswith(message)


def test_whole_numbers_are_numbers_and_none_is_allowed_where_it_is_the_default() -> None:
    assert build(LOSSES, "huber", {"delta": 2}) == LOSSES["huber"](delta=2.0)  # type: ignore[call-arg]  # its own field
    assert build(LOSSES, "mape", {"floor": None}) == build(LOSSES, "mape")


def test_bounds_are_told_as_they_are_checked() -> None:
    settings = {s.name: s for s in describe(OPTIMIZERS, "adam").settings}
    assert settings["beta1"].bounds == "≥ 0, < 1"
    assert settings["epsilon_inside"].type == "bool"
    assert describe(LOSSES, "mape").settings[0].type == "float | None"


def test_a_setting_named_by_a_word_of_python_is_shown_without_its_underscore() -> None:
    assert describe(AVERAGES, "swa").settings[0].name == "from"
    rule = build(AVERAGES, "swa", {"from": 0.5})
    assert choice_of(AVERAGES, rule) == {"name": "swa", "from": 0.5}
    with pytest.raises(InvalidChoice, match=r"no setting 'from_'; it has from$"):
        build(AVERAGES, "swa", {"from_": 0.5})
    with pytest.raises(InvalidChoice, match="swa: from must be ≤ 1, not 2"):
        build(AVERAGES, "swa", {"from": 2})
