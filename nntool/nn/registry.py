"""From a name and its settings to a rule, and from a rule to what it says about itself.

A registry is a dict literal under the definitions of its classes. Each class is a frozen dataclass
of fields made by `setting`, with a class attribute ``kind`` ("optimizer") for the messages. A
setting whose name is a word of Python is a field with an underscore behind it: ``from_``.
"""

import dataclasses
import inspect
import math
import operator
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

Rule = TypeVar("Rule")

_BOUNDS: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "ge": ("≥", operator.ge),
    "gt": (">", operator.gt),
    "le": ("≤", operator.le),
    "lt": ("<", operator.lt),
}
_TYPE_NAMES = {float: "a number", int: "a whole number", bool: "true or false", str: "a word"}


class InvalidChoice(ValueError):  # noqa: N818  (it names what is wrong)
    """A name, a setting or a combination that has no meaning; the message lists what has."""


class SettingInfo(NamedTuple):
    """What is known of one setting; ``bounds`` is text such as "≥ 0, < 1"."""

    name: str
    type: str
    default: Any
    bounds: str
    help: str


class Description(NamedTuple):
    """What ``--explain`` shows of one registered class."""

    name: str
    doc: str
    settings: tuple[SettingInfo, ...]


def build(
    registry: Mapping[str, type[Rule]], name: str, settings: Mapping[str, Any] | None = None
) -> Rule:
    """Make the rule called ``name``; raise `InvalidChoice` for what it does not know or allow.

    >>> from nntool.nn.optimizers import OPTIMIZERS
    >>> build(OPTIMIZERS, "adam", {"beta1": 0.95}).beta1
    0.95
    >>> build(OPTIMIZERS, "adam", {"beta1": 1.5})
    Traceback (most recent call last):
    nntool.nn.registry.InvalidChoice: adam: beta1 must be < 1, not 1.5
    """
    cls = _find(registry, name)
    fields = {_shown(field.name): field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]  # every entry is a dataclass
    hints = typing.get_type_hints(cls)
    values = {}
    for key, value in (settings or {}).items():
        if key not in fields:
            known = f"it has {', '.join(fields)}" if fields else "it has no settings"
            raise InvalidChoice(f"{name}: there is no setting {key!r}; {known}")
        field = fields[key]
        values[field.name] = _checked(f"{name}: {key}", value, hints[field.name], field.metadata)
    return cls(**values)


def describe(registry: Mapping[str, type[Rule]], name: str) -> Description:
    """Say what the rule called ``name`` is and what can be set in it.

    >>> from nntool.nn.penalties import PENALTIES
    >>> describe(PENALTIES, "l2").settings[0][:4]
    ('rate', 'float', 0.0001, '≥ 0')
    """
    cls = _find(registry, name)
    hints = typing.get_type_hints(cls)
    settings = tuple(
        SettingInfo(
            _shown(field.name),
            _type_text(hints[field.name]),
            field.default,
            _bounds_text(field.metadata),
            field.metadata["help"],
        )
        for field in dataclasses.fields(cls)  # type: ignore[arg-type]  # every entry is a dataclass
    )
    return Description(name, inspect.getdoc(cls) or "", settings)


def choice_of(registry: Mapping[str, type[Rule]], rule: Rule) -> dict[str, Any]:
    """Give the name and all settings of a rule as plain data: what `build` makes it from.

    >>> from nntool.nn.penalties import L2, PENALTIES
    >>> choice_of(PENALTIES, L2(rate=0.5))
    {'name': 'l2', 'rate': 0.5}
    """
    name = next(name for name, cls in registry.items() if cls is type(rule))
    values = dataclasses.asdict(rule)  # type: ignore[call-overload]  # every entry is a dataclass
    return {"name": name, **{_shown(key): value for key, value in values.items()}}


def _shown(name: str) -> str:
    """Return the name of a setting as users write it, for that of its field."""
    return name.removesuffix("_")


def _find(registry: Mapping[str, type[Rule]], name: str) -> type[Rule]:
    if name in registry:
        return registry[name]
    kind = next(iter(registry.values())).kind  # type: ignore[attr-defined]  # every entry has one
    raise InvalidChoice(f"{kind} {name!r} is not known; choose from {', '.join(sorted(registry))}")


def _checked(what: str, value: Any, hint: Any, metadata: Mapping[str, Any]) -> Any:
    """Return ``value`` as the type that ``hint`` names, within the bounds, or raise."""
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if value is None and type(None) in options:
        return None
    wanted = next(option for option in options if option is not type(None))
    if wanted is float and type(value) is int:
        value = float(value)
    if type(value) is not wanted or (wanted is float and not math.isfinite(value)):
        raise InvalidChoice(f"{what} must be {_TYPE_NAMES[wanted]}, not {value!r}")
    for bound, (sign, holds) in _BOUNDS.items():
        if bound in metadata and not holds(value, metadata[bound]):
            raise InvalidChoice(f"{what} must be {sign} {metadata[bound]}, not {value}")
    if "choices" in metadata and value not in metadata["choices"]:
        valid = ", ".join(metadata["choices"])
        raise InvalidChoice(f"{what} must be one of {valid}, not {value!r}")
    return value


def _type_text(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) else str(hint)


def _bounds_text(metadata: Mapping[str, Any]) -> str:
    if "choices" in metadata:
        return "one of " + ", ".join(metadata["choices"])
    return ", ".join(
        f"{sign} {metadata[bound]}" for bound, (sign, _) in _BOUNDS.items() if bound in metadata
    )
