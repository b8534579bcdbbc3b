"""What a settings model is made of: fields that carry their default, bounds and help once.

A model is a ``msgspec.Struct``; each field is annotated with ``option(...)``. The option on the
command line, the TOML key, the entry in run.json and the reference page are all read from it.
Models are built with ``building.build`` only: a constructor checks no bounds.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

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
        """The option on the command line: the name with dashes.

        A name that Python keeps for itself is spelled with an underscore behind it: ``try_``.
        """
        return "--" + self.name.rstrip("_").replace("_", "-")

    @property
    def plain_types(self) -> tuple[Any, ...]:
        """The types that a value may have, without annotations and None."""
        own = bare(self.type)
        members = get_args(own) if get_origin(own) in (Union, UnionType) else (own,)
        return tuple(bare(member) for member in members if member is not type(None))

    @property
    def words(self) -> tuple[str, ...]:
        """The words that may stand for the whole value, as 'auto' does."""
        return (*words_of(self.plain_types), *self.registry_words)

    @property
    def choices(self) -> tuple[str, ...]:
        """The words that the field takes, where it takes only (or also) certain words."""
        return (*self.words, *words_of(self.mapping_types))

    @property
    def mapping_types(self) -> tuple[Any, ...]:
        """The types of the names and the values of a mapping."""
        inner = [arg for t in self.plain_types if get_origin(t) is dict for arg in get_args(t)]
        return () if self.registry is not None else tuple(map(bare, inner))

    @property
    def is_list(self) -> bool:
        """True for a field that holds several values."""
        return any(get_origin(t) is tuple for t in self.plain_types)

    @property
    def item_words(self) -> tuple[str, ...]:
        """The words that each item of a list must be one of; none where it may be anything."""
        lists = (t for t in self.plain_types if get_origin(t) is tuple)
        return tuple(word for t in lists for word in words_of((bare(get_args(t)[0]),)))

    @property
    def holds_numbers(self) -> bool:
        """True for a list of numbers, which is written with commas between them."""
        return any(
            get_origin(t) is tuple and bare(get_args(t)[0]) in (int, float)
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


def bare(annotated: Any) -> Any:
    """A type without its annotation."""
    return get_args(annotated)[0] if hasattr(annotated, "__metadata__") else annotated


def words_of(types: Iterable[Any]) -> tuple[str, ...]:
    """The words that values of these types may be."""
    return tuple(word for t in types if get_origin(t) is Literal for word in get_args(t))


def _meta(annotated: Any) -> Any:
    """The description of a field: on its type, or on the first member of a union."""
    if hasattr(annotated, "__metadata__"):
        return annotated.__metadata__[0]
    return next(m.__metadata__[0] for m in get_args(annotated) if hasattr(m, "__metadata__"))


def plain(settings: StepSettings) -> dict[str, Any]:
    """The settings as plain values, the seed last; what is unset or empty by default is left out.

    TOML has no null, and an empty table says nothing.
    """
    values: dict[str, Any] = msgspec.to_builtins(settings)
    values["seed"] = values.pop("seed")
    return _plain(values)


def defaults(model: type[StepSettings]) -> dict[str, Any]:
    """The defaults of a model, as `plain` has them; without those that must be given."""
    return _plain({field.name: field.default for field in fields(model)})


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if value is not None and value != {}
    }
