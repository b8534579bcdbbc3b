"""Settings spelled as options are read back as the same settings."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nntool.settings import spelling
from nntool.settings.building import build
from nntool.settings.choices import parse
from nntool.settings.model import plain
from nntool.settings.train import TrainSettings
from nntool.steps.job import Outcome

ASKED: list[dict[str, Any]] = [
    {},
    {"hidden": [128, 64], "epochs": 7, "seed": 3},
    {"hidden": []},
    {"hidden": "auto", "batch_size": "full"},
    {"optimizer": {"name": "adam", "beta1": 0.95, "epsilon_inside": True}},
    {"optimizer": "momentum", "learning_rate": 1e-05},
    {"learning_rate": "auto", "clip_norm": 5.0},
    {"schedule": {"name": "step", "every": 10, "factor": 0.5}},
    {"penalty": []},
    {"penalty": [{"name": "l1", "rate": 0.1}, "auto"]},
    {"class_weights": {"a=b": 2.0, "no": 0.5}},
    {"class_weights": "balanced", "batch_norm": True},
    {"layer_rates": {"hidden1": 0.1}},
    {"augment": ["mixup"], "dropout": 0.0, "monitor": "accuracy"},
    {"sample_weight": "a column"},
    {"average_weights": {"name": "ema", "decay": 0.99}},
]


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_options_are_read_back_as_the_settings_that_they_spell(
    asked: dict[str, Any], ok: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[TrainSettings] = []

    def taken(root: str, settings: TrainSettings, job: Any) -> Outcome:
        read.append(settings)
        return Outcome("train", root)

    monkeypatch.setattr("nntool.steps.train.train", taken)
    wanted = build(TrainSettings, asked)
    ok("train", "run", *spelling.options(TrainSettings, plain(wanted)))
    assert read == [wanted]


def test_defaults_are_not_spelled() -> None:
    every = plain(build(TrainSettings, {}))
    assert spelling.options(TrainSettings, every) == []
    assert spelling.options(TrainSettings, every | {"epochs": 7}) == ["--epochs", "7"]


TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters=",[]{}"))
VALUES = st.one_of(
    st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False),
    TEXTS, st.lists(st.integers(0, 9), max_size=3),
)  # fmt: skip
KEYS = st.from_regex("[a-z][a-z0-9_]{0,9}", fullmatch=True).filter(lambda key: key != "name")


@given(settings=st.dictionaries(KEYS, VALUES, min_size=1, max_size=3))
def test_a_choice_is_read_back_with_all_its_settings(settings: dict[str, Any]) -> None:
    chosen = {"name": "adam", **settings}
    assert parse(spelling.choice(chosen)) == chosen
