"""Settings as they are typed: the way back from plain values to the words of a command line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from nntool.settings.choices import name_and_settings
from nntool.settings.model import Choice, Field, StepSettings, defaults, fields
from nntool.settings.recipe import parse_assignment


def options(model: type[StepSettings], values: Mapping[str, Any]) -> list[str]:
    """The options that say these values; what is at its default is left out.

    >>> from nntool.settings.train import TrainSettings
    >>> options(TrainSettings, {"hidden": [8], "optimizer": {"name": "adam", "beta1": 0.9}})
    ['--hidden', '8', '--optimizer', 'adam:beta1=0.9']
    """
    known = defaults(model)
    words: list[str] = []
    for field in fields(model):
        value = values.get(field.name)
        if value is not None and value != known.get(field.name):
            words += _typed(field, value)
    return words


def choice(value: Choice) -> str:
    """A choice from a registry with its settings.

    >>> choice({"name": "adam", "beta1": 0.9, "amsgrad": True})
    'adam:beta1=0.9,amsgrad=true'
    """
    name, settings = name_and_settings(value)
    written = ",".join(f"{key}={_in_toml(inner)}" for key, inner in settings.items())
    return f"{name}:{written}" if written else name


def _typed(field: Field, value: Any) -> list[str]:
    """An option with its value; one that takes several, once for each of them."""
    if field.is_switch:
        return [field.option if value else field.option.replace("--", "--no-", 1)]
    if field.is_list and not value:
        texts = ["none"]
    elif field.holds_numbers and not isinstance(value, str):
        texts = [",".join(map(str, value))]
    elif field.takes_settings:
        texts = [choice(one) for one in (value if field.is_list else [value])]
    elif isinstance(value, dict):
        texts = [f"{name}={inner}" for name, inner in value.items()]
    else:
        texts = list(map(str, value)) if isinstance(value, list) else [str(value)]
    return [word for text in texts for word in (field.option, text)]


def _in_toml(value: Any) -> str:
    """A value as TOML has it; text without quotes where it is taken for text without them."""
    if (
        isinstance(value, str)
        and value.isidentifier()
        and parse_assignment(f"k={value}")[1] == value
    ):
        return value
    return json.dumps(value, ensure_ascii=False)
