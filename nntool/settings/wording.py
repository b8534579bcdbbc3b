"""How numbers and names stand in the sentences of notes and errors."""

from collections.abc import Iterable


def counted(n: int, noun: str) -> str:
    """A number and its noun.

    >>> counted(1, "cell"), counted(1200, "blank line")
    ('1 cell', '1,200 blank lines')
    """
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


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
