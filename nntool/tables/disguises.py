"""Numbers that are not written as such: named, so that their column is not lost without a hint."""

import re
import unicodedata
from collections.abc import Callable, Sequence

_NUMBER = re.compile(r"[+-]?\d[\d.,]*", re.ASCII)
_RANGE = re.compile(r"(\d+(?:\.\d+)?) ?[-\u2013] ?(\d+(?:\.\d+)?)", re.ASCII)


def disguise(cells: Sequence[str]) -> str | None:
    """What hides the numbers in some cells, with an example; None unless it hides all of them.

    >>> disguise(["0x1F", "0xA0"]), disguise(["12-17", "B"])
    ("numbers in base 16, such as '0x1F'", None)
    """
    for words, is_hidden, may_be_plain in _KINDS:
        hidden = [cell for cell in cells if is_hidden(cell)]
        rest = [cell for cell in cells if not is_hidden(cell)]
        if hidden and (not rest or (may_be_plain and all(map(_NUMBER.fullmatch, rest)))):
            return f"{words}, such as {hidden[0]!r}"
    return None


def _in_formula(cell: str) -> bool:
    return bool(re.fullmatch(rf'="?{_NUMBER.pattern}"?', cell, re.ASCII))


def _behind_mark(cell: str) -> bool:
    return cell[:1] in ("'", "\u2019", "`") and bool(_NUMBER.fullmatch(cell[1:]))


def _in_base_16(cell: str) -> bool:
    return bool(re.fullmatch(r"0[xX][0-9a-fA-F]+", cell))


def _in_groups(cell: str) -> bool:
    return bool(re.fullmatch(r"[+-]?\d+(_\d+)+([.,]\d+)?", cell, re.ASCII))


def _beside_invisible(cell: str) -> bool:
    seen = "".join(sign for sign in cell if unicodedata.category(sign) != "Cf")
    return seen != cell and bool(_NUMBER.fullmatch(seen))


def _in_other_digits(cell: str) -> bool:
    digits = (str(unicodedata.decimal(sign, sign)) for sign in cell)
    return not cell.isascii() and bool(_NUMBER.fullmatch("".join(digits)))


def _in_range(cell: str) -> bool:
    found = _RANGE.fullmatch(cell)
    return found is not None and float(found[1]) < float(found[2])


_KINDS: tuple[tuple[str, Callable[[str], bool], bool], ...] = (
    ('numbers in ="…"', _in_formula, False),
    ("numbers behind an apostrophe", _behind_mark, False),
    ("numbers in base 16", _in_base_16, False),
    ("numbers with _ between digits", _in_groups, True),
    ("numbers with signs that are not seen", _beside_invisible, True),
    ("numbers in the digits of another script", _in_other_digits, False),
    ("ranges of numbers", _in_range, False),
)
"""In words; whether a cell is such; whether other cells may be plain numbers."""
