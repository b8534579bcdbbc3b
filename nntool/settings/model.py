"""What a settings model is made of: fields that carry their default, bounds and help once.

A model is a ``msgspec.Struct``; each field is annotated with ``option(...)``. The option on the
command line, the TOML key, the entry in run.json and the reference page are all read from it.
Models are built with ``build`` only: a constructor checks no bounds.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from types import UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

from nntool.errors import UsageError

Choice = str | dict[str, Any]
"""A choice from a registry: its name, or ``{"name": ..., setting: value, ...}``."""


def option(
    text: str,
    *,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    registry: str | None = None,
    metavar: str | None = None,
) -> msgspec.Meta:
    """Describe a field: its help, its bounds, and the registry that it names, if any."""
    bounds: dict[str, Any] = {"ge": ge, "gt": gt, "le": le, "lt": lt}
    extra = {"registry": registry, "metavar": metavar}
    return msgspec.Meta(**bounds, description=text, extra=extra)


class StepSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the settings of every step have."""

    seed: Annotated[int, option("The seed of everything random in this step.", ge=0)] = 0


class Field(NamedTuple):
    """One field of a model, as the command line and the reference pages need it."""

    name: str
    type: Any
    default: Any
    required: bool
    help: str
    bounds: dict[str, float]
    registry: str | None
    metavar: str | None

    @property
    def option(self) -> str:
        """The option on the command line: the name with dashes."""
        return "--" + self.name.replace("_", "-")

    @property
    def plain_types(self) -> tuple[Any, ...]:
        """The types that a value may have, without annotations and None."""
        bare = _bare(self.type)
        members = get_args(bare) if get_origin(bare) in (Union, UnionType) else (bare,)
        return tuple(_bare(member) for member in members if member is not type(None))

    @property
    def choices(self) -> tuple[str, ...]:
        """The words that the field takes, where it takes only (or also) certain words."""
        inner = [arg for t in self.plain_types if get_origin(t) is dict for arg in get_args(t)]
        literals = [t for t in (*self.plain_types, *inner) if get_origin(t) is Literal]
        return tuple(word for literal in literals for word in get_args(literal))

    @property
    def is_list(self) -> bool:
        """True for a field that holds several values."""
        return any(get_origin(t) is tuple for t in self.plain_types)

    @property
    def holds_numbers(self) -> bool:
        """True for a list of numbers, which is written with commas between them."""
        return any(
            get_origin(t) is tuple and _bare(get_args(t)[0]) in (int, float)
            for t in self.plain_types
        )

    @property
    def is_mapping(self) -> bool:
        """True for a field that maps names to values (and is no choice from a registry)."""
        return self.registry is None and any(get_origin(t) is dict for t in self.plain_types)

    @property
    def is_switch(self) -> bool:
        """True for a field that is on or off."""
        return self.plain_types == (bool,)


Model = TypeVar("Model", bound=StepSettings)


def fields(model: type[StepSettings]) -> list[Field]:
    """The fields of a model in the order in which they were written, the seed last."""
    hints = get_type_hints(model, include_extras=True)
    found = []
    for info in sorted(msgspec.structs.fields(model), key=lambda info: info.name == "seed"):
        annotated = hints[info.name]
        meta = _meta(annotated)
        bounds = {k: getattr(meta, k) for k in ("ge", "gt", "le", "lt")}
        found.append(
            Field(
                info.name,
                annotated,
                _default(info),
                info.required,
                meta.description,
                {k: v for k, v in bounds.items() if v is not None},
                meta.extra["registry"],
                meta.extra["metavar"],
            )
        )
    return found


def _default(info: Any) -> Any:
    """The default of a field; None where it has none."""
    if info.default_factory is not msgspec.NODEFAULT:
        return info.default_factory()
    return None if info.required else info.default


def _bare(annotated: Any) -> Any:
    return get_args(annotated)[0] if hasattr(annotated, "__metadata__") else annotated


def _meta(annotated: Any) -> Any:
    """The description of a field: on its type, or on the first member of a union."""
    if hasattr(annotated, "__metadata__"):
        return annotated.__metadata__[0]
    return next(m.__metadata__[0] for m in get_args(annotated) if hasattr(m, "__metadata__"))


def build(model: type[Model], values: Mapping[str, Any], where: str = "") -> Model:
    """Build a model from plain values, checking names, types and bounds.

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
    return msgspec.convert(checked, model)


def check_names(model: type[StepSettings], values: Mapping[str, Any], where: str = "") -> None:
    """Raise ``UsageError`` for the first key that the model does not have."""
    known = [field.name for field in fields(model)]
    for name in values:
        if name not in known:
            raise unknown_key(where + name, [where + k for k in known])


def convert(field: Field, value: Any, shown: str, *, from_text: bool = False) -> Any:
    """Check one value against its field; ``from_text`` reads numbers and booleans from text."""
    try:
        checked = msgspec.convert(value, field.type, strict=not from_text)
    except msgspec.ValidationError:
        if field.is_mapping and field.choices and isinstance(value, dict):
            bad = [word for word in value.values() if word not in field.choices]
            raise UsageError(
                f"{shown}: {', '.join(map(repr, bad))} is not a choice",
                f"choose from {', '.join(field.choices)}",
            ) from None
        if field.plain_types and all(get_origin(t) is Literal for t in field.plain_types):
            raise UsageError(
                f"{shown}: {value!r} is not a choice", f"choose from {', '.join(field.choices)}"
            ) from None
        raise UsageError(f"{shown}: expected {_expected(field)}, not {_shown(value)}") from None
    if isinstance(checked, float) and not math.isfinite(checked):
        raise UsageError(f"{shown}: expected {_expected(field)}, not {_shown(value)}")
    return msgspec.to_builtins(checked)


def _expected(field: Field) -> str:
    """What a field takes, in words."""
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    kinds = [words[kind] for kind in field.plain_types if kind in words]
    if field.is_list:
        kinds = ["whole numbers above 0, as in 128,64" if field.holds_numbers else "a list"]
    elif field.is_mapping:
        kinds = ["a name and a value for each column"]
    elif field.registry is not None:
        kinds = ["a name, or a table with a name"]
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    bounds = " and ".join(f"{signs[name]} {bound:g}" for name, bound in field.bounds.items())
    found = [" or ".join(kinds) + (f" {bounds}" if bounds else ""), *map(repr, field.choices)]
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


def plain(settings: StepSettings) -> dict[str, Any]:
    """The settings as plain values, the seed last; what is unset or empty by default is left out.

    TOML has no null, and an empty table says nothing.
    """
    values: dict[str, Any] = msgspec.to_builtins(settings)
    values["seed"] = values.pop("seed")
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if value is not None and value != {}
    }
