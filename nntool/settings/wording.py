"""How numbers and names stand in the sentences of notes and errors."""

from collections.abc import Iterable, Sequence

NOTHING = "–"
"""What stands in the place of a number that there is none of."""
LONGEST = 1e7
"""Larger numbers are written with an exponent."""


def counted(n: int, noun: str) -> str:
    """A number and its noun.

    >>> counted(1, "cell"), counted(1200, "blank line")
    ('1 cell', '1,200 blank lines')
    """
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def together(words: Sequence[str]) -> str:
    """All words, with commas and an "and" before the last.

    >>> together(["--warmup", "--clip-norm", "--max-norm"]), together(["--warmup"])
    ('--warmup, --clip-norm and --max-norm', '--warmup')
    """
    return " and ".join([*([", ".join(words[:-1])] if words[:-1] else []), words[-1]])


def number(value: float | None, digits: int = 4) -> str:
    """A measured number in a few digits, none of them behind an exponent that can do without.

    >>> number(0.81954), number(33690.4), number(33690.4, digits=3), number(2.5446e9), number(None)
    ('0.8195', '33,690', '33,700', '2.545e+09', '–')
    """
    if value is None:
        return NOTHING
    short = f"{value:.{digits}g}"
    return f"{float(short):,.0f}" if 1000 <= abs(float(short)) < LONGEST else short


def listed(words: Iterable[str], most: int = 5) -> str:
    """The first few words, and how many more there are.

    >>> listed(["a 3", "b 2", "c 1"], most=2)
    'a 3, b 2 and 1 more'
    """
    every = list(words)
    more = f" and {len(every) - most:,} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more


def quoted(names: Iterable[str], most: int = 5) -> str:
    """The same of names that someone has given, each in quotes.

    >>> quoted(["a", "b"])
    "'a', 'b'"
    """
    return listed(map(repr, names), most)
