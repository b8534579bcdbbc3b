"""One field of a registered class: its default, bounds and help, written once."""

import dataclasses
from collections.abc import Sequence
from typing import Any


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

    >>> @dataclasses.dataclass(frozen=True, kw_only=True)
    ... class Decay:
    ...     rate: float = setting(0.01, "how fast", gt=0, lt=1)
    >>> Decay().rate
    0.01
    """
    limits = {"ge": ge, "gt": gt, "le": le, "lt": lt, "choices": choices}
    stated = {name: limit for name, limit in limits.items() if limit is not None}
    return dataclasses.field(default=default, metadata={"help": help, **stated})
