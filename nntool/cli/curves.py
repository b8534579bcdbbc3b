"""Learning curves in plain signs: of one training, or of several in one picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nntool.cli.drawing import UNICODE, WIDTH, Signs, cut, width_of

HEIGHT = 8
"""Lines of a curve, without its axis, labels and legend."""
HEIGHT_OF_SEVERAL = 15
WIDEST_STEP = 4
"""Columns for one epoch, where there are few."""
WIDEST_MARGIN = 11
"""Columns left of a curve, at most: a number such as -1.23e+04, and its edge."""
LOG_FROM = 100.0
"""Losses that span more than two decades are drawn on a logarithmic scale."""
MOST_CURVES = 8
"""Of more the lowest are drawn: they would hide each other."""
WIDEST_LEGEND = 40

Losses = Sequence[float | None]


def learning_curve(
    train: Losses, validation: Losses, best: int, *, width: int = WIDTH, signs: Signs = UNICODE
) -> list[str]:
    """Draw losses by epoch, in at most 12 lines of at most ``width`` columns.

    ``train`` and ``validation`` have a number for each epoch, or None; ``best`` is the epoch that
    was kept, from 1, or 0. Many epochs share a column, which shows their mean. Without any finite
    loss nothing is drawn.
    """
    n = len(train)
    n_columns = _n_columns(n, width)
    curves = {
        signs.train: _binned(train, n, n_columns),
        signs.validation: _binned(validation, n, n_columns),
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
    margin, body = _with_labels(grid, scale, signs)
    return [*lines, *body, *_axis(n, n_columns, best, margin, signs)]


def learning_curves(
    loss: str,
    names: Sequence[str],
    curves: Sequence[Losses],
    best: Sequence[int],
    *,
    width: int = WIDTH,
    signs: Signs = UNICODE,
) -> list[str]:
    """Draw one loss of several trainings by epoch, each with the first letter of its name.

    On the axis the letters stand at the epochs that were kept; where curves or letters meet stands
    the sign for both. Of many curves the lowest are drawn. Without any finite loss nothing is.
    """
    shown = _lowest(curves)
    n = max((len(curves[i]) for i in shown), default=0)
    n_columns = _n_columns(n, width)
    drawn = {i: _binned(curves[i], n, n_columns) for i in shown}
    known = [value for curve in drawn.values() for value in curve if value is not None]
    if not known:
        return []
    scale = _Scale(min(known), max(known), HEIGHT_OF_SEVERAL)
    grid = [[" "] * n_columns for _ in range(scale.height)]
    for i, curve in drawn.items():
        _put(grid, curve, scale, names[i][0], signs)
    margin, body = _with_labels(grid, scale, signs)
    title = f"{loss}{', logarithmic' if scale.is_log else ''} by epoch"
    more = f" (the {len(shown)} lowest of {len(curves)})" if len(curves) > len(shown) else ""
    legend = [cut(names[i], WIDEST_LEGEND, signs) for i in shown]
    return [
        title + more,
        *body,
        *_axis_of_several(n, n_columns, [(names[i][0], best[i]) for i in shown], margin, signs),
        *_wrapped([*legend, f"{signs.both} several"], width),
    ]


def _lowest(curves: Sequence[Losses]) -> list[int]:
    """Which curves are drawn: those that come down lowest, in their order."""
    least = [
        min((loss for loss in curve if loss is not None and math.isfinite(loss)), default=math.inf)
        for curve in curves
    ]
    return sorted(sorted(range(len(curves)), key=least.__getitem__)[:MOST_CURVES])


def _n_columns(n: int, width: int) -> int:
    """How many columns so many epochs are drawn in."""
    room = max(8, width - WIDEST_MARGIN)
    return min(n * max(1, min(WIDEST_STEP, room // max(1, n))), room)


def _with_labels(grid: list[list[str]], scale: _Scale, signs: Signs) -> tuple[int, list[str]]:
    """The lines of a picture, highest first, with numbers on their left; and how wide these are."""
    labels = {line: scale.label(line) for line in (scale.height - 1, scale.height // 2, 0)}
    margin = max(map(len, labels.values())) + 3
    lines = []
    for line in reversed(range(scale.height)):
        label = labels.get(line, "")
        edge = signs.tick if label else signs.upright
        lines.append(f"{label:>{margin - 2}} {edge}{''.join(grid[line])}".rstrip())
    return margin, lines


def _axis_of_several(
    n: int, n_columns: int, best: Sequence[tuple[str, int]], margin: int, signs: Signs
) -> list[str]:
    """The line below the curves with the letters of those that kept an epoch there."""
    line = [signs.level] * n_columns
    for letter, epoch in best:
        if epoch:
            first, last = _columns_of(epoch - 1, n, n_columns)
            middle = (first + last - 1) // 2
            line[middle] = letter if line[middle] == signs.level else signs.both
    words = f"epoch 1{f' to {n:,}' if n > 1 else ''}, a letter where its epoch was kept"
    return [f"{signs.corner:>{margin}}{''.join(line)}", f"{'':{margin}}{words}"]


def _wrapped(words: Sequence[str], width: int) -> list[str]:
    """Words in as many lines as they take, two blanks between them."""
    lines = [""]
    for word in words:
        longer = f"{lines[-1]}  {word}" if lines[-1] else word
        if lines[-1] and width_of(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


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

    def __init__(self, least: float, most: float, height: int = HEIGHT) -> None:
        self.is_log = least > 0 and most / least > LOG_FROM
        self._low, self._high = self._of(least), self._of(most)
        self.height = height if self._high > self._low else 1

    def _of(self, loss: float) -> float:
        return math.log10(loss) if self.is_log else loss

    def line(self, loss: float) -> int:
        """The line of a loss, 0 the lowest."""
        if self.height == 1:
            return 0
        low, high = self._low / 2, self._high / 2  # halves: the range of any two floats is finite
        return round((self._of(loss) / 2 - low) / (high - low) * (self.height - 1))

    def label(self, line: int) -> str:
        """The loss that a line stands for."""
        share = line / max(1, self.height - 1)
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


def _binned(losses: Losses, n: int, n_columns: int) -> list[float | None]:
    """A loss for each column: that of its epoch, or the mean of its epochs; None where unknown.

    ``n`` epochs fill all columns; there may be fewer losses.
    """
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
