"""What contestants are called: as short as can be, and never two alike."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from nntool.errors import UsageError

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""One for each contestant: it stands before its name, and its curve is drawn with it."""


def letters_for(n: int) -> str:
    """A letter for each of so many contestants; raises ``UsageError`` for more than there are."""
    if n > len(LETTERS):
        raise UsageError(f"{n} trainings are too many to be read side by side", "name fewer")
    return LETTERS[:n]


def distinct(paths: Sequence[str]) -> list[str]:
    """The shortest end of each path that no other one has; a path given twice keeps its name.

    >>> distinct(["a/run", "b/run", "other"])
    ['a/run', 'b/run', 'other']
    >>> distinct(["deep/down/one", "deep/down/two"])
    ['one', 'two']
    """
    parts = [Path(os.path.abspath(path)).parts for path in paths]
    return [_shortest(own, [other for other in parts if other != own]) for own in parts]


def _shortest(own: tuple[str, ...], others: Sequence[tuple[str, ...]]) -> str:
    for n in range(1, len(own)):
        if not any(other[-n:] == own[-n:] for other in others):
            return os.path.join(*own[-n:])
    return os.path.join(*own)


def without_repeats(paths: Sequence[str]) -> tuple[list[str], list[str]]:
    """Each folder once, by the name that it was first given; and the names left out."""
    kept: dict[str, str] = {}
    repeated = []
    for path in paths:
        real = os.path.realpath(path)
        if real in kept:
            repeated.append(path)
        else:
            kept[real] = path
    return list(kept.values()), repeated
