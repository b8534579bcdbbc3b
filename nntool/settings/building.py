"""Settings models built from what was typed or read: every value checked, every error in words."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec

from nntool.errors import UsageError
from nntool.settings.model import Field, StepSettings, bare, fields, words_of

Model = TypeVar("Model", bound=StepSettings)


def build(model: type[Model], values: Mapping[str, Any], where: str = "") -> Model:
    """Build a model from plain values, checking names, types, bounds and contradictions.

    ``where`` is put before a key in messages (``train.`` for a recipe). Raises ``UsageError``.
    """
    check_names(model, values, where)
    known = {field.name: field for field in fields(model)}
    checked = {
        name: convert(known[name], value, where + name)
        for name, value in values.items()
        if value is not None
    }
    for name, field in known.items():
        if field.required and name not in checked:
            raise UsageError(f"{field.option} is needed", f"add {field.option} NAME")
    built = msgspec.convert(checked, model)
    built.check_together()
    return built


def check_names(model: type[StepSettings], values: Mapping[str, Any], where: str = "") -> None:
    """Raise ``UsageError`` for the first key that the model does not have."""
    known = [field.name for field in fields(model)]
    for name in values:
        if name not in known:
            raise unknown_key(where + name, [where + k for k in known])


def convert(field: Field, value: Any, shown: str, *, from_text: bool = False) -> Any:
    """Check one value against its field; ``from_text`` reads numbers and booleans from text."""
    takes_numbers = from_text and float in field.plain_types and isinstance(value, str)
    full = _as_written_in_full(value) if takes_numbers else value
    try:
        checked = msgspec.convert(full, field.type, strict=not from_text)
    except msgspec.ValidationError:
        if field.is_mapping and isinstance(value, dict):
            raise _bad_in_mapping(field, value, shown, from_text=from_text) from None
        if field.item_words and isinstance(value, list | tuple):
            bad = ", ".join(repr(item) for item in value if item not in field.item_words)
            raise UsageError(
                f"{shown}: {bad} is not a choice", f"choose from {', '.join(field.item_words)}"
            ) from None
        if field.plain_types and all(get_origin(t) is Literal for t in field.plain_types):
            raise UsageError(
                f"{shown}: {value!r} is not a choice", f"choose from {', '.join(field.choices)}"
            ) from None
        raise UsageError(f"{shown}: expected {_expected(field)}, not {_shown(value)}") from None
    numbers = checked.values() if field.is_mapping and isinstance(checked, dict) else [checked]
    if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
        raise UsageError(f"{shown}: expected {_expected(field)}, not {_shown(value)}")
    return msgspec.to_builtins(checked)


def _as_written_in_full(text: str) -> str:
    """A number as msgspec takes it; other text as it is.

    >>> [_as_written_in_full(text) for text in (".9", "1.", "+0.5", "-.5e-3", "0.25", "auto")]
    ['0.9', '1.0', '0.5', '-0.0005', '0.25', 'auto']
    """
    is_short = re.fullmatch(r"[+-]?(\.\d+|\d+\.)([eE][+-]?\d+)?|\+\d.*", text)
    try:
        return repr(float(text)) if is_short else text
    except ValueError:
        return text


def _bad_in_mapping(
    field: Field, value: dict[str, Any], shown: str, *, from_text: bool
) -> UsageError:
    """The error for the first name of a mapping whose value is of no use."""
    annotated = next(get_args(t)[1] for t in field.plain_types if get_origin(t) is dict)
    words = words_of((bare(annotated),))
    if words:
        bad = [word for word in value.values() if word not in words]
        return UsageError(
            f"{shown}: {', '.join(map(repr, bad))} is not a choice",
            f"choose from {', '.join(words)}",
        )
    for name, item in value.items():
        try:
            msgspec.convert(item, annotated, strict=not from_text)
        except msgspec.ValidationError:
            limits = getattr(annotated, "__metadata__", ())
            bound = "".join(f" ≥ {meta.ge:g}" for meta in limits)
            kind = "a text" if annotated is str else f"a number{bound}"
            return UsageError(f"{shown}: expected {kind} for {name!r}, not {item!r}")
    return UsageError(f"{shown}: expected {_expected(field)}, not {value!r}")


def _expected(field: Field) -> str:
    """What a field takes, in words."""
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    kinds = [words[kind] for kind in field.plain_types if kind in words]
    if field.is_list:
        kinds = [
            "whole numbers above 0, as in 128,64" if field.holds_numbers else 'a list, as ["one"]'
        ]
    elif field.is_mapping:
        kinds = [f"a value for each name, as in {field.metavar or 'COLUMN=WORD'}"]
    elif field.registry is not None:
        kinds = ["a name, or a table with a name" if field.takes_settings else "a name"]
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    bounds = " and ".join(f"{signs[name]} {bound:g}" for name, bound in field.bounds.items())
    found = [" or ".join(kinds) + (f" {bounds}" if bounds else ""), *map(repr, field.words)]
    return " or ".join(found)


def _shown(value: Any) -> str:
    """A value as it was typed: a list of words as words with commas."""
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return repr(",".join(value))
    return repr(value)


def unknown_key(key: str, known: Iterable[str]) -> UsageError:
    """The error for a key that no model has, with its nearest match."""
    names = sorted(known)
    near = difflib.get_close_matches(key, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "the known keys: " + ", ".join(names)
    return UsageError(f"{key!r} is not a setting", hint)
