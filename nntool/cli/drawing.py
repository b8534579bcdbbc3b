"""Pictures in plain signs: from numbers to lines, nothing is printed here."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

WIDTH = 72
"""Columns of a picture where no terminal says how many there are."""
MOST_CLASSES = 12
"""A confusion matrix of more classes is told by its worst pairs."""
WORST_PAIRS = 10
WIDEST_NAME = 16


class Signs(NamedTuple):
    """What a picture is made of."""

    train: str
    validation: str
    both: str
    upright: str
    tick: str
    corner: str
    level: str
    best: str
    nothing: str
    ellipsis: str
    times: str


UNICODE = Signs("•", "○", "◉", "│", "┤", "└", "─", "▲", "·", "…", "→")
ASCII = Signs("*", "o", "@", "|", "+", "+", "-", "^", ".", "~", "->")


def confusion(
    classes: Sequence[str],
    counts: Sequence[Sequence[int]],
    *,
    title: str = "",
    width: int | None = None,
    signs: Signs = UNICODE,
) -> list[str]:
    """Draw how many rows of each class (down) were answered as each (across), under a title.

    Beside the counts stand their shares of the row where ``width`` has room for them; of more
    than 12 classes, or where a line would be longer, the pairs most often mistaken are listed.
    """
    if not any(map(sum, counts)):
        return []
    above = [title] if title else []
    if len(classes) <= MOST_CLASSES:
        for with_shares in (True, False):
            lines = _matrix(classes, counts, signs, with_shares=with_shares)
            if width is None or max(map(width_of, lines)) <= width:
                return above + lines
    return above + _worst_pairs(classes, counts, signs)


def _matrix(
    classes: Sequence[str], counts: Sequence[Sequence[int]], signs: Signs, *, with_shares: bool
) -> list[str]:
    names = [cut(name, WIDEST_NAME, signs) for name in classes]
    digits = max(len(f"{n:,}") for row in counts for n in row)
    rows = []
    for row in counts:
        cells = [f"{n:,}" if n else signs.nothing for n in row]
        if with_shares:
            shares = [_percent(n, sum(row)) if n else "" for n in row]
            both = zip(cells, shares, strict=True)
            cells = [f"{cell:>{digits}} {share:>4}" for cell, share in both]
        rows.append(cells)
    widths = [max(width_of(name), *(len(row[i]) for row in rows)) for i, name in enumerate(names)]
    corner = "actual \\ answer" if signs is ASCII else "actual ╲ answer"
    left = max(width_of(corner), *map(width_of, names))
    right = [_percent(row[i], sum(row)) for i, row in enumerate(counts)]
    head = "  ".join(to_right(name, w) for name, w in zip(names, widths, strict=True))
    lines = [f"{to_left(corner, left)}  {head}  right"]
    for name, texts, share in zip(names, rows, right, strict=True):
        line = "  ".join(to_right(cell, w) for cell, w in zip(texts, widths, strict=True))
        lines.append(f"{to_left(name, left)}  {line}  {share or signs.nothing:>5}")
    return lines


def _worst_pairs(
    classes: Sequence[str], counts: Sequence[Sequence[int]], signs: Signs
) -> list[str]:
    """The mistakes made most often, a line for each."""
    pairs = [(-n, i, j) for i, row in enumerate(counts) for j, n in enumerate(row) if n and i != j]
    if not pairs:
        return [f"no row of the {len(classes)} classes is answered wrong"]
    shown = sorted(pairs)[:WORST_PAIRS]
    names = [cut(name, WIDEST_NAME, signs) for name in classes]
    digits = max(len(f"{-n:,}") for n, _, _ in shown)
    of = f", the {len(shown)} most frequent of {len(pairs):,}" if len(pairs) > len(shown) else ""
    lines = [f"mistakes (actual {signs.times} answer){of}"]
    for n, i, j in shown:
        whole = sum(counts[i])
        words = f"{_percent(-n, whole)} of {whole:,} rows"
        lines.append(f"{-n:>{digits},}  {names[i]} {signs.times} {names[j]}  ({words})")
    return lines


def _percent(part: int, whole: int) -> str:
    """A share in whole percent; a little is not nothing, and almost all not all.

    >>> _percent(1, 1000), _percent(999, 1000), _percent(1, 3), _percent(0, 0)
    ('<1%', '>99%', '33%', '')
    """
    if not whole:
        return ""
    if 0 < part < whole:
        rounded = round(100 * part / whole)
        return "<1%" if rounded < 1 else ">99%" if rounded > 99 else f"{rounded}%"
    return "100%" if part else "0%"


def width_of(text: str) -> int:
    """The columns that a terminal gives to a text.

    >>> width_of("abc"), width_of("日本"), width_of("e\u0301")
    (3, 4, 1)
    """
    return len(text) if text.isascii() else sum(map(_sign_width, text))


def _sign_width(sign: str) -> int:
    if unicodedata.combining(sign):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def cut(text: str, width: int, signs: Signs = UNICODE) -> str:
    """A text of at most ``width`` columns, with an ellipsis where it was longer.

    >>> cut("abcdef", 4), cut("日本語", 5), cut("日本語", 6)
    ('abc…', '日本…', '日本語')
    """
    if width_of(text) <= width:
        return text
    kept, used = "", 0
    for sign in text:
        used += _sign_width(sign)
        if used > width - 1:
            break
        kept += sign
    return kept + signs.ellipsis


def to_left(text: str, width: int) -> str:
    """A text with blanks behind it."""
    return text + " " * (width - width_of(text))


def to_right(text: str, width: int) -> str:
    """A text with blanks before it."""
    return " " * (width - width_of(text)) + text
