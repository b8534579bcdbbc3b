"""The form of registered choices of this layer: a name, its settings, their bounds and help.

A registry is a dict literal under the definitions of its classes. Each class is a frozen dataclass
of fields made by `setting`; what the command line and the reference pages say is read from them.
"""

import dataclasses
import inspect
import math
import operator
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from nntool.errors import UsageError
from nntool.settings.model import Choice

Entry = TypeVar("Entry")

_BOUNDS: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "ge": ("≥", operator.ge),
    "gt": (">", operator.gt),
    "le": ("≤", operator.le),
    "lt": ("<", operator.lt),
}
_TYPE_NAMES = {float: "a number", int: "a whole number", bool: "true or false", str: "a text"}


class SettingInfo(NamedTuple):
    """What is known of one setting; ``bounds`` is text such as "≥ 0, < 1"."""

    name: str
    type: str
    default: Any
    bounds: str
    help: str


class Description(NamedTuple):
    """What is known of one registered class."""

    name: str
    doc: str
    settings: tuple[SettingInfo, ...]


def setting(
    default: Any,
    help: str,  # noqa: A002  (the word that every command line uses for it)
    *,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    choices: Sequence[str] | None = None,
) -> Any:
    """Make a dataclass field that knows its bounds: ``ge`` ≥, ``gt`` >, ``le`` ≤, ``lt`` <.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Keep:
    ...     share: float = setting(0.5, "how much is kept", gt=0, le=1)
    ...     names: tuple[str, ...] = setting((), "what is kept")
    >>> build({"keep": Keep}, "KEEPERS", {"name": "keep", "share": 1, "names": "a/b"})
    Keep(share=1.0, names=('a', 'b'))
    """
    limits = {"ge": ge, "gt": gt, "le": le, "lt": lt, "choices": choices}
    stated = {name: limit for name, limit in limits.items() if limit is not None}
    return dataclasses.field(default=default, metadata={"help": help, **stated})


def build(registry: Mapping[str, type[Entry]], registry_name: str, choice: Choice) -> Entry:
    """Make the registered thing that ``choice`` names, its settings checked.

    Raises ``UsageError`` for a name or a setting that is not known, and for a value of another
    type or out of bounds; the message lists what is known.
    """
    values = {"name": choice} if isinstance(choice, str) else dict(choice)
    name = values.pop("name", None)
    cls = _find(registry, registry_name, name)
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]  # every entry is a dataclass
    hints = typing.get_type_hints(cls)
    checked = {}
    for key, value in values.items():
        if key not in fields:
            known = f"{name} has {', '.join(fields)}" if fields else f"{name} has no settings"
            raise UsageError(f"{name}: there is no setting {key!r}", known)
        checked[key] = _checked(f"{name}: {key}", value, hints[key], fields[key].metadata)
    return cls(**checked)


def describe(registry: Mapping[str, type[Entry]], name: str) -> Description:
    """Say what the choice called ``name`` is and what can be set in it."""
    cls = _find(registry, "choices", name)
    hints = typing.get_type_hints(cls)
    settings = tuple(
        SettingInfo(
            field.name,
            _type_text(hints[field.name]),
            field.default,
            _bounds_text(field.metadata),
            field.metadata["help"],
        )
        for field in dataclasses.fields(cls)  # type: ignore[arg-type]  # every entry is a dataclass
    )
    return Description(name, inspect.getdoc(cls) or "", settings)


def choice_of(registry: Mapping[str, type[Entry]], entry: Entry) -> dict[str, Any]:
    """Give the name and all settings of an entry as plain data: what `build` makes it from."""
    name = next(name for name, cls in registry.items() if cls is type(entry))
    return {"name": name, **dataclasses.asdict(entry)}  # type: ignore[call-overload]  # every entry is a dataclass


def _find(registry: Mapping[str, type[Entry]], registry_name: str, name: Any) -> type[Entry]:
    if isinstance(name, str) and name in registry:
        return registry[name]
    what = registry_name.lower().replace("_", " ").removesuffix("s")
    stated = f"{what}: {name!r} is not a choice" if name is not None else f"{what}: no name given"
    raise UsageError(stated, f"choose from {', '.join(registry)}")


def _checked(what: str, value: Any, hint: Any, metadata: Mapping[str, Any]) -> Any:
    """Return ``value`` as the type that ``hint`` names, within the bounds, or raise."""
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if value is None and type(None) in options:
        return None
    wanted = next(option for option in options if option is not type(None))
    if typing.get_origin(wanted) is tuple:
        inner = typing.get_args(wanted)[0]
        return tuple(_checked(what, item, inner, metadata) for item in _items(value, inner))
    if wanted is float and type(value) is int:
        value = float(value)
    if type(value) is not wanted or (wanted is float and not math.isfinite(value)):
        raise UsageError(f"{what} must be {_TYPE_NAMES[wanted]}, not {value!r}")
    for bound, (sign, holds) in _BOUNDS.items():
        if bound in metadata and not holds(value, metadata[bound]):
            raise UsageError(f"{what} must be {sign} {metadata[bound]}, not {value}")
    if "choices" in metadata and value not in metadata["choices"]:
        valid = ", ".join(metadata["choices"])
        raise UsageError(f"{what}: {value!r} is not a choice", f"choose from {valid}")
    return value


def _items(value: Any, inner: type) -> list[Any]:
    """The items of a list, or of a text with ``/`` between them (``|`` where items have a ``/``).

    >>> _items("18/65", float), _items("n/a|low", str), _items([1, 2], str)
    ([18.0, 65.0], ['n/a', 'low'], ['1', '2'])
    """
    if isinstance(value, list | tuple):
        items = list(value)
    else:
        text = str(value)
        items = [item.strip() for item in text.split("|" if "|" in text else "/")]
    if inner is str:
        return [str(item) for item in items]
    return [_number(item) if isinstance(item, str) else item for item in items]


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _type_text(hint: Any) -> str:
    if typing.get_origin(hint) is tuple:
        return "numbers, as 1/2/3" if typing.get_args(hint)[0] is float else "texts, as a/b/c"
    return hint.__name__ if isinstance(hint, type) else str(hint)


def _bounds_text(metadata: Mapping[str, Any]) -> str:
    if "choices" in metadata:
        return "one of " + ", ".join(metadata["choices"])
    return ", ".join(
        f"{sign} {metadata[bound]}" for bound, (sign, _) in _BOUNDS.items() if bound in metadata
    )
