"""Recipes: the settings of every step in one TOML file, read and written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nntool.errors import DataError, UsageError
from nntool.settings.building import unknown_key
from nntool.settings.steps import STEPS


def dumps(tables: dict[str, dict[str, Any]]) -> str:
    """The text of a recipe with one table for each step."""
    import tomli_w

    text: str = tomli_w.dumps(tables)
    return text


def inline(table: dict[str, Any]) -> str:
    """A table of plain values on one line.

    >>> print(inline({"name": "adam", "beta1": 0.95}))
    {name = "adam", beta1 = 0.95}
    """
    return "{" + ", ".join(f"{key} = {written(value)}" for key, value in table.items()) + "}"


def written(value: Any) -> str:
    """A plain value as TOML writes it on one line.

    >>> print(written(["a", {"name": "l2", "rate": 0.5}]), written(True))
    ["a", {name = "l2", rate = 0.5}] true
    """
    import json

    if isinstance(value, dict):
        return inline(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(written, value))}]"
    return json.dumps(value, ensure_ascii=False)


def read(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises ``DataError`` where it is not there, ``UsageError`` where it is not TOML.
    """
    import tomllib

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path} is not there", "check the path") from None
    except IsADirectoryError:
        raise DataError(f"{path} is a folder, not a TOML file", "name the file in it") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}", "mend the place that is named") from None


TABLES = (*STEPS, "predict")
"""The tables that a recipe may have."""


def is_recipe(content: dict[str, Any]) -> bool:
    """Whether a file has a table for a step; else it is flat."""
    return any(isinstance(content.get(name), dict) for name in TABLES)


def check_tables(content: dict[str, Any]) -> None:
    """Refuse a recipe with anything beside the tables of steps, such as a misspelt one."""
    for name in content if is_recipe(content) else ():
        if name not in TABLES:
            raise unknown_key(name, TABLES)


def step_settings(content: dict[str, Any], step: str) -> dict[str, Any]:
    """The settings of one step from a recipe (a table for each step) or from a flat file.

    A file in which any table is named as a step is a recipe.
    """
    if not is_recipe(content):
        return content
    table = content.get(step, {})
    if not isinstance(table, dict):
        raise UsageError(f"{step} must be a table", f"write [{step}] above its keys")
    return table


def parse_assignment(text: str) -> tuple[str, Any]:
    """Read ``key=value`` with the value as in TOML; a bare word is text.

    >>> parse_assignment("hidden=[128,64]")
    ('hidden', [128, 64])
    >>> parse_assignment("target=price")
    ('target', 'price')
    """
    import tomllib

    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"--set {text!r} has no value", "write --set key=value")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()
