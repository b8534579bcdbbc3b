"""From what was typed to the values of a settings model."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from nntool.cli.options import key, metavar
from nntool.errors import UsageError
from nntool.settings import choices, recipe
from nntool.settings.building import convert, unknown_key
from nntool.settings.model import Field, StepSettings, fields


def count(typed: Mapping[str, Any], name: str) -> int | None:
    """A number from 1 on that was typed for an option that is no setting, or None."""
    text = typed.get(name)
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 1:
        option = "--" + name.replace("_", "-")
        raise UsageError(f"{option}: expected a whole number ≥ 1, not {text!r}", f"{option} 1")
    return int(text)


def typed_value(field: Field, raw: Any) -> Any:
    """What was typed for an option as a plain value, checked; raises ``UsageError``."""
    if field.takes_settings:
        several = field.is_list
        value: Any = choices.parse(raw) if not several else choices.parse_all(raw)
    elif field.is_mapping:
        one_word = len(raw) == 1 and raw[0] in field.words
        value = raw[0] if one_word else _pairs(field, raw)
    elif field.is_list and field.holds_numbers:
        value = _numbers(field, raw.strip())
    elif field.commas:
        value = [word.strip() for text in raw for word in text.split(",")]
    elif field.item_words:
        value = [] if raw == ["none"] else [word.strip() for t in raw for word in t.split(",")]
    else:
        value = raw
    return convert(field, value, field.option, from_text=not field.registry)


def _numbers(field: Field, raw: str) -> Any:
    """Numbers with commas between them; 'none' is an empty list, a word of the field a word."""
    if raw in field.choices:
        return raw
    return [] if raw == "none" else [part.strip() for part in raw.split(",")]


def _pairs(field: Field, raw: list[str]) -> dict[str, str]:
    """What was typed for each name; raises ``UsageError`` where a name has two different values."""
    found: dict[str, str] = {}
    for text in raw:
        name, value = _pair(field, text)
        if found.setdefault(name, value) != value:
            raise _two_values(field, name, found[name], value)
    return found


def _two_values(field: Field, name: str, first: str, second: str) -> UsageError:
    takes_more = metavar(field).endswith(",…")
    one = shlex.quote(f"{name}={first},{second}" if takes_more else f"{name}={second}")
    return UsageError(
        f"{field.option}: {name!r} is given twice, {first!r} and {second!r}",
        f"give it once: {field.option} {one}",
    )


def _pair(field: Field, text: str) -> tuple[str, str]:
    has_words = bool(field.choices)  # a word has no '=' in it, a free text may
    name, equals, value = text.rpartition("=") if has_words else text.partition("=")
    if not equals or not name:
        raise UsageError(
            f"{field.option} {text!r} has no '='", f"write {field.option} {metavar(field)}"
        )
    return name, value


def gather(
    models: Mapping[str, type[StepSettings]],
    typed: Mapping[str, Any],
    *,
    config: str | None,
    assignments: list[str] | None,
    seed: str | None,
    keys_name_steps: bool = False,
) -> dict[str, dict[str, Any]]:
    """The values given for each step: a file, then --set, then options, the later one winning.

    With ``keys_name_steps`` a key of --set is ``step.key``, as ``run`` has it.
    """
    known = {step: {field.name: field for field in fields(model)} for step, model in models.items()}
    values: dict[str, dict[str, Any]] = {step: {} for step in models}
    if config is not None:
        _take_config(config, known, values)
    for text in assignments or []:
        name, value = recipe.parse_assignment(text)
        _assign(name, value, known, values, "--set ", keys_name_steps=keys_name_steps)
    for step, of_step in known.items():
        for name, field in of_step.items():
            raw = typed.get(key(step, name))
            if raw is not None and raw != []:
                values[step][name] = typed_value(field, raw)
        if seed is not None:
            values[step]["seed"] = convert(of_step["seed"], seed, "--seed", from_text=True)
    return values


def _take_config(
    config: str, known: dict[str, dict[str, Field]], values: dict[str, dict[str, Any]]
) -> None:
    from pathlib import Path

    content = recipe.read(Path(config))
    recipe.check_tables(content)
    for step in known:
        table = recipe.step_settings(content, step)
        if table is content:  # a flat file: each key goes to the model that has it
            for name, value in content.items():
                _assign(name, value, known, values, f"{config}: ")
            return
        for name, value in table.items():
            _assign(f"{step}.{name}", value, known, values, f"{config}: ", keys_name_steps=True)


def _assign(
    name: str,
    value: Any,
    known: dict[str, dict[str, Field]],
    values: dict[str, dict[str, Any]],
    shown: str,
    *,
    keys_name_steps: bool = False,
) -> None:
    """Put one value where it belongs, checked."""
    step, _, field_name = name.rpartition(".") if keys_name_steps else ("", "", name)
    field_name = field_name.replace("-", "_")
    owners = [step] if step else [s for s, own in known.items() if field_name in own]
    if not owners or field_name not in known.get(owners[0], {}) or (keys_name_steps and not step):
        full = (f"{s}.{f}" if keys_name_steps else f for s, own in known.items() for f in own)
        raise unknown_key(name, full)
    if value == "none" and known[owners[0]][field_name].is_list:
        value = []  # the word that an option has for it
    for owner in owners if field_name == "seed" else owners[:1]:  # a seed is common to all steps
        values[owner][field_name] = convert(known[owner][field_name], value, f"{shown}{name}")
