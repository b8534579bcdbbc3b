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
    words: tuple[str, ...] = (),
    metavar: str | None = None,
    group: str = "",
    commas: bool = False,
) -> msgspec.Meta:
    """Describe a field: its help, its bounds, and the registry that it names, if any.

    ``words`` may stand in place of a name from the registry ('auto'); ``group`` is the heading
    under which help and reference show the field; with ``commas`` several texts may be typed as
    one (names of columns need no such mark: they may hold commas, and are looked up).
    """
    bounds: dict[str, Any] = {"ge": ge, "gt": gt, "le": le, "lt": lt}
    extra = {
        "registry": registry,
        "words": words,
        "metavar": metavar,
        "group": group,
        "commas": commas,
    }
    return msgspec.Meta(**bounds, description=text, extra=extra)


class StepSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the settings of every step have."""

    seed: Annotated[int, option("The seed of everything random in this step.", ge=0)] = 0

    def check_together(self) -> None:
        """Raise ``UsageError`` where settings, each of them valid, contradict each other."""


class Field(NamedTuple):
    """One field of a model, as the command line and the reference pages need it."""

    name: str
    type: Any
    default: Any
    required: bool
    help: str
    bounds: dict[str, float]
    registry: str | None
    registry_words: tuple[str, ...]
    metavar: str | None
    group: str
    commas: bool

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
    def words(self) -> tuple[str, ...]:
        """The words that may stand for the whole value, as 'auto' does."""
        return (*_words(self.plain_types), *self.registry_words)

    @property
    def choices(self) -> tuple[str, ...]:
        """The words that the field takes, where it takes only (or also) certain words."""
        return (*self.words, *_words(self.mapping_types))

    @property
    def mapping_types(self) -> tuple[Any, ...]:
        """The types of the names and the values of a mapping."""
        inner = [arg for t in self.plain_types if get_origin(t) is dict for arg in get_args(t)]
        return () if self.registry is not None else tuple(map(_bare, inner))

    @property
    def is_list(self) -> bool:
        """True for a field that holds several values."""
        return any(get_origin(t) is tuple for t in self.plain_types)

    @property
    def item_words(self) -> tuple[str, ...]:
        """The words that each item of a list must be one of; none where it may be anything."""
        lists = (t for t in self.plain_types if get_origin(t) is tuple)
        return tuple(word for t in lists for word in _words((_bare(get_args(t)[0]),)))

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
        return bool(self.mapping_types)

    @property
    def takes_settings(self) -> bool:
        """True for a choice from a registry whose entries have settings of their own."""
        return self.registry is not None and self.plain_types != (str,)

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
                meta.extra["words"],
                meta.extra["metavar"],
                meta.extra["group"],
                meta.extra["commas"],
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


def _words(types: Iterable[Any]) -> tuple[str, ...]:
    return tuple(word for t in types if get_origin(t) is Literal for word in get_args(t))


def _meta(annotated: Any) -> Any:
    """The description of a field: on its type, or on the first member of a union."""
    if hasattr(annotated, "__metadata__"):
        return annotated.__metadata__[0]
    return next(m.__metadata__[0] for m in get_args(annotated) if hasattr(m, "__metadata__"))


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
    try:
        checked = msgspec.convert(value, field.type, strict=not from_text)
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


def _bad_in_mapping(
    field: Field, value: dict[str, Any], shown: str, *, from_text: bool
) -> UsageError:
    """The error for the first name of a mapping whose value is of no use."""
    annotated = next(get_args(t)[1] for t in field.plain_types if get_origin(t) is dict)
    words = _words((_bare(annotated),))
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
