"""A mistake in something that was typed: the place is shown, and what was expected there."""

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from nntool.errors import UsageError

LONGEST = 1000
"""Characters of a formula; what is longer is refused before it is read."""
_AROUND = 40
"""Characters shown on each side of a mistake."""


def mistake(text: str, at: int, stated: str, hint: str) -> UsageError:
    """The error for a mistake at a place of a text, with a caret under it.

    >>> print(mistake("Age = 2 +", 9, "expected a number", "").message)
    expected a number (at the end)
      Age = 2 +
               ^
    """
    where = "at the end" if at >= len(text) else f"at character {at + 1}"
    start, stop = max(0, at - _AROUND), at + _AROUND
    before = ("…" if start else "") + _visible(text[start:at])
    after = _visible(text[at:stop]) + ("…" if stop < len(text) else "")
    blanks = " " * sum(_width(sign) for sign in before)
    return UsageError(f"{stated} ({where})\n  {before}{after}\n  {blanks}^", hint)


@contextmanager
def typed_for(option: str) -> Iterator[None]:
    """Name the option in what is said of a mistake in its value."""
    try:
        yield
    except UsageError as error:
        if error.message.startswith(option):
            raise
        raise UsageError(f"{option}: {error.message}", error.hint) from None


def refuse_longer(text: str, what: str, hint: str) -> None:
    """Refuse a text that nobody types."""
    if len(text) > LONGEST:
        raise UsageError(
            f"{what} has {len(text):,} characters, and at most {LONGEST:,} are read", hint
        )


def shown(text: str) -> str:
    """A piece of what was typed, in quotes, on one line and not too long.

    >>> shown("a" + chr(9) + "b")
    "'a·b'"
    """
    return f"'{_visible(text[:_AROUND])}{'…' if len(text) > _AROUND else ''}'"


def _visible(text: str) -> str:
    """Signs that a terminal would obey, or that have no width of their own, as a dot."""
    return "".join(sign if sign.isprintable() and not _combines(sign) else "·" for sign in text)


def _combines(sign: str) -> bool:
    return unicodedata.category(sign) in ("Mn", "Me", "Cf")


def _width(sign: str) -> int:
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1
