"""Pictures in plain signs: from numbers to lines, nothing is printed here."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

WIDTH = 72
"""Columns of a picture where no terminal says how many there are."""
HEIGHT = 8
"""Lines of a curve, without its axis, labels and legend."""
WIDEST_STEP = 4
"""Columns for one epoch, where there are few."""
WIDEST_MARGIN = 11
"""Columns left of a curve, at most: a number such as -1.23e+04, and its edge."""
LOG_FROM = 100.0
"""Losses that span more than two decades are drawn on a logarithmic scale."""
MOST_CLASSES = 12
"""A confusion matrix of more classes is told by its worst pairs."""
WORST_PAIRS = 10
WIDEST_NAME = 16

Losses = Sequence[float | None]


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


def learning_curve(
    train: Losses, validation: Losses, best: int, *, width: int = WIDTH, signs: Signs = UNICODE
) -> list[str]:
    """Draw losses by epoch, in at most 12 lines of at most ``width`` columns.

    ``train`` and ``validation`` have a number for each epoch, or None; ``best`` is the epoch that
    was kept, from 1, or 0. Many epochs share a column, which shows their mean. Without any finite
    loss nothing is drawn.
    """
    n = len(train)
    room = max(8, width - WIDEST_MARGIN)
    n_columns = min(n * max(1, min(WIDEST_STEP, room // max(1, n))), room)
    curves = {
        signs.train: _binned(train, n_columns),
        signs.validation: _binned(validation, n_columns),
    }
    known = [loss for curve in curves.values() for loss in curve if loss is not None]
    if not known:
        return []
    scale = _Scale(min(known), max(known))
    grid = [[" "] * n_columns for _ in range(scale.height)]
    for sign, curve in curves.items():
        _put(grid, curve, scale, sign, signs)
    legend = f"{signs.train} training"
    if any(loss is not None for loss in curves[signs.validation]):
        legend += f"  {signs.validation} validation  {signs.both} both"
    lines = [f"{'loss, logarithmic' if scale.is_log else 'loss'}  {legend}"]
    top = scale.height - 1
    labels = {line: scale.label(line) for line in (top, scale.height // 2, 0)}
    margin = max(map(len, labels.values())) + 3
    for line in reversed(range(scale.height)):
        label = labels.get(line, "")
        edge = signs.tick if label else signs.upright
        lines.append(f"{label:>{margin - 2}} {edge}{''.join(grid[line])}".rstrip())
    return [*lines, *_axis(n, n_columns, best, margin, signs)]


def _axis(n: int, n_columns: int, best: int, margin: int, signs: Signs) -> list[str]:
    """The line below the curve with the best epoch marked, and the epochs below it."""
    line = [signs.level] * n_columns
    words = f"epoch 1{f' to {n:,}' if n > 1 else ''}"
    if best:
        first, last = _columns_of(best - 1, n, n_columns)
        line[(first + last - 1) // 2] = signs.best
        words += f", {signs.best} {best:,} was kept"
    return [f"{signs.corner:>{margin}}{''.join(line)}", f"{'':{margin}}{words}"]


class _Scale:
    """Where a loss stands among the lines; losses that are all alike have one line."""

    def __init__(self, least: float, most: float) -> None:
        self.is_log = least > 0 and most / least > LOG_FROM
        self._low, self._high = self._of(least), self._of(most)
        self.height = HEIGHT if self._high > self._low else 1

    def _of(self, loss: float) -> float:
        return math.log10(loss) if self.is_log else loss

    def line(self, loss: float) -> int:
        """The line of a loss, 0 the lowest."""
        if self.height == 1:
            return 0
        low, high = self._low / 2, self._high / 2  # halves: the range of any two floats is finite
        return round((self._of(loss) / 2 - low) / (high - low) * (HEIGHT - 1))

    def label(self, line: int) -> str:
        """The loss that a line stands for."""
        share = line / (HEIGHT - 1)
        value = self._low * (1 - share) + self._high * share
        return f"{10**value if self.is_log else value:.3g}"


def _put(grid: list[list[str]], losses: Losses, scale: _Scale, sign: str, signs: Signs) -> None:
    """Draw one curve into the grid; a jump from one column to the next is filled."""
    before: int | None = None
    for column, loss in enumerate(losses):
        if loss is None:
            before = None
            continue
        line = scale.line(loss)
        lines = [line]
        if before is not None and abs(line - before) > 1:
            step = 1 if line > before else -1
            lines = list(range(before + step, line + step, step))
        for each in lines:
            taken = grid[each][column]
            grid[each][column] = sign if taken == " " else signs.both
        before = line


def _binned(losses: Losses, n_columns: int) -> list[float | None]:
    """A loss for each column: that of its epoch, or the mean of its epochs; None where unknown."""
    n = len(losses)
    sums: list[list[float]] = [[] for _ in range(n_columns)]
    for epoch, loss in enumerate(losses):
        if loss is None or not math.isfinite(loss):
            continue
        first, last = _columns_of(epoch, n, n_columns)
        for column in range(first, last):
            sums[column].append(loss)
    return [sum(x / len(found) for x in found) if found else None for found in sums]


def _columns_of(epoch: int, n: int, n_columns: int) -> tuple[int, int]:
    """The columns of an epoch (from 0): the first, and the one behind the last."""
    first = epoch * n_columns // n
    return first, max(first + 1, (epoch + 1) * n_columns // n)


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
