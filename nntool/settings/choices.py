"""A choice from a registry as it is written: ``adam:beta1=0.95,beta2=0.99``."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from nntool.errors import UsageError
from nntool.settings.model import Choice


def parse(text: str) -> Choice:
    """Read a choice from the command line; the values after the colon are as in TOML.

    >>> parse("adam")
    'adam'
    >>> parse("adam:beta1=0.95")
    {'name': 'adam', 'beta1': 0.95}
    """
    from nntool.settings.recipe import parse_assignment

    name, colon, rest = text.partition(":")
    if not colon:
        return name
    settings: dict[str, Any] = {}
    for part in split_outside_brackets(rest):
        key, equals, _ = part.partition("=")
        if not equals:
            raise UsageError(
                f"{text!r}: {part!r} has no value", f"write {name}:{part.strip() or 'key'}=VALUE"
            )
        key = key.strip().replace("-", "_")
        if key in settings:
            raise UsageError(f"{text!r}: {key!r} stands there twice", f"give {key} once")
        value = parse_assignment(part)[1]
        # a date is a text here, as it is in JSON
        settings[key] = value.isoformat() if isinstance(value, datetime.date) else value
    return {"name": name, **settings}


def parse_all(texts: list[str]) -> list[Choice]:
    """Read a repeated option; the single word ``none`` is no choice at all.

    >>> parse_all(["none"])
    []
    """
    return [] if texts == ["none"] else [parse(text) for text in texts]


def parse_chain(written: str | Sequence[Choice]) -> list[Choice]:
    """Read choices with commas between them; a part that is KEY=VALUE belongs to the one before.

    >>> parse_chain("log1p,minmax:low=-1,high=1,none")
    ['log1p', {'name': 'minmax', 'low': -1, 'high': 1}, 'none']
    """
    if not isinstance(written, str):
        return [parse(link) if isinstance(link, str) else link for link in written]
    links: list[str] = []
    for part in split_outside_brackets(written):
        name, equals, _ = part.partition("=")
        if equals and ":" not in name and links:
            links[-1] += ("," if ":" in links[-1] else ":") + part.strip()
        else:
            links.append(part.strip())
    if not all(links):
        raise UsageError(f"{written!r} has an empty place in it", "write NAME,NAME,…")
    return [parse(link) for link in links]


def split_outside_brackets(text: str) -> list[str]:
    """Split at commas that stand in no bracket.

    >>> split_outside_brackets("edges=[1,2],labels=3")
    ['edges=[1,2]', 'labels=3']
    """
    parts, depth, start = [], 0, 0
    for place, sign in enumerate(text):
        depth += (sign in "[{") - (sign in "]}")
        if sign == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]


def name_and_settings(choice: Choice) -> tuple[str, dict[str, Any]]:
    """The name of a choice and the settings given with it.

    >>> name_and_settings({"name": "adam", "beta1": 0.9})
    ('adam', {'beta1': 0.9})
    """
    if isinstance(choice, str):
        return choice, {}
    rest = dict(choice)
    name = rest.pop("name", None)
    if not isinstance(name, str):
        raise UsageError(f"{choice!r} has no name", 'write {name = "...", setting = ...}')
    return name, rest
