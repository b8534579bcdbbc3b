"""The one place that prints: data and results to stdout, everything said to a person to stderr."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from nntool.cli import curves, drawing, streams
from nntool.errors import NntoolError
from nntool.settings.secrets import hidden

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from nntool.steps.job import Outcome, TableView, View

WIDEST_CELL = 80
WIDEST_PICTURE = 100
"""Columns of a confusion matrix where no terminal says how many there are."""
LONGEST_TABLE = 60
"""Lines of a table on stderr, where the notes below it must not be lost."""
SECONDS_BETWEEN_LINES = 10.0
"""How often progress is told where no bar can be drawn."""
SECONDS_TO_FIRST_LINE = 2.0


class Output:
    """Prints for one command: for a person, for ``--json``, or with ``--quiet`` only errors."""

    def __init__(self, command: str, *, as_json: bool = False, quiet: bool = False) -> None:
        self.command = command
        self.as_json = as_json
        self.quiet = quiet
        self.interrupted = False
        self.steps: dict[str, Any] = {}
        """What ``run --json`` gathers of its steps."""
        self._bar: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._last_line = time.monotonic() - SECONDS_BETWEEN_LINES + SECONDS_TO_FIRST_LINE

    def say(self, text: str) -> None:
        """Tell the person at the terminal."""
        if self._bar is not None:
            self.end_progress()  # a line said while a bar is drawn would land in it
        if not self.quiet:
            tell(text)

    def stop_requested(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return self.interrupted

    def progress(self, label: str, done: float, total: float, detail: str = "") -> None:
        """Draw how far the work is on a terminal; elsewhere a plain line now and then."""
        if self.quiet or self.as_json:
            return
        if sys.stderr.isatty():
            self._draw(label, done, total, detail)
        elif time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            of = f" of {total:,.0f}" if total else ""
            self.say(f"{label}: {done:,.0f}{of} {detail}".rstrip())

    def _draw(self, label: str, done: float, total: float, detail: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        if self._bar is None:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[detail]}"),
                console=Console(stderr=True),
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._bar.start()
        if label not in self._tasks:
            self._tasks[label] = self._bar.add_task(label, total=total or None, detail=detail)
        self._bar.update(self._tasks[label], completed=done, total=total or None, detail=detail)

    def end_progress(self) -> None:
        """Wipe the bar, if one is drawn."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
            self._tasks = {}

    def outcome(self, outcome: Outcome) -> None:
        """Show what a command did."""
        self.end_progress()
        if self.as_json:
            self.json(outcome.as_json())
        if not self.quiet and not self.as_json:
            for view in outcome.tables:
                self._view(view, sys.stderr, tell)
        for note in outcome.notes:
            self.say(f"nntool {outcome.command}: {note}")
        if not self.as_json:
            for i, view in enumerate(outcome.results):
                self._view(view, sys.stdout, print if i == 0 else _print_below)

    def json(self, value: Any) -> None:
        """Print one JSON object on stdout."""
        print(json.dumps(value, ensure_ascii=False, allow_nan=False))

    def text(self, text: str) -> None:
        """Print a result on stdout."""
        print(text)

    def error(self, error: NntoolError) -> None:
        """State the facts, then the next thing to type; silent only where JSON says it."""
        self.end_progress()
        if self.as_json:
            self._error_as_json(error)
            return
        if error.outcome is not None:
            self.outcome(error.outcome)
        name = f"nntool {error.step}" if error.step else self.command
        tell(f"{name}: {error.message}")
        if error.hint:
            tell(f"  try: {error.hint}")

    def _error_as_json(self, error: NntoolError) -> None:
        """One object: what was done all the same, and the error."""
        facts = {"code": error.exit_code, "kind": error.kind, "message": hidden(error.message)}
        facts |= {"hint": error.hint and hidden(error.hint)} | (
            {"step": error.step} if error.step else {}
        )
        done: dict[str, Any] = {"command": self.command.removeprefix("nntool").strip()}
        if self.steps:
            done["steps"] = self.steps
        elif error.outcome is not None:
            done |= error.outcome.as_json()
        self.json(done | {"error": facts})

    def _view(self, view: View, stream: Any, write: Callable[[str], object]) -> None:
        from nntool.steps.job import ConfusionMatrix, LearningCurve, LearningCurves

        signs = drawing.UNICODE if streams.shows_unicode() else drawing.ASCII
        if isinstance(view, LearningCurve):
            width = _width(stream) or drawing.WIDTH
            lines = curves.learning_curve(
                view.train, view.validation, view.best, width=width, signs=signs
            )
        elif isinstance(view, LearningCurves):
            width = _width(stream) or drawing.WIDTH
            names = [short(name) for name in view.names]
            lines = curves.learning_curves(
                view.loss, names, view.curves, view.best, width=width, signs=signs
            )
        elif isinstance(view, ConfusionMatrix):
            classes = [short(name) for name in view.classes]
            width = _width(stream) or WIDEST_PICTURE
            lines = drawing.confusion(
                classes, view.counts, title=view.title, width=width, signs=signs
            )
        else:
            self._table(view, stream, write)
            return
        if lines:
            write("\n".join(lines))

    def _table(self, view: TableView, stream: Any, write: Callable[[str], object]) -> None:
        if not view.rows:
            return
        if stream is sys.stdout:  # a result is shown whole, in as many blocks as it takes
            write("\n\n".join(map("\n".join, folded(view.header, view.rows, _width(stream)))))
            return
        lines = aligned(view.header, view.rows, width=_width(stream))
        if len(lines) > LONGEST_TABLE:
            hidden = len(lines) - LONGEST_TABLE
            lines = [*lines[:LONGEST_TABLE], f"… {hidden:,} more (--json has them all)"]
        write("\n".join(lines))


def _print_below(text: str) -> None:
    """Print a result with an empty line above it."""
    print(f"\n{text}")


def tell(text: str) -> None:
    """Write a line to a person; where nobody can read it, what is done does not change."""
    try:
        sys.stderr.write(hidden(text) + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        streams.abandon("stderr")


def tell_at_once(text: str) -> None:
    """Tell a person from a signal handler, where a stream in use may not be written again."""
    with suppress(OSError):
        os.write(2, f"\n{text}\n".encode())


def _width(stream: Any) -> int | None:
    """The columns of a terminal; None where lines may be as long as they are."""
    return os.get_terminal_size(stream.fileno()).columns if stream.isatty() else None


def aligned(
    header: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None
) -> list[str]:
    """Lines of text with columns aligned, numbers to the right, cut to ``width`` with an ellipsis.

    >>> aligned(["part", "rows"], [["train", "1,400"], ["test", "300"]])
    ['part    rows', 'train  1,400', 'test     300']
    """
    columns = _padded(header, rows)
    lines = ["  ".join(cells).rstrip() for cells in zip(*columns, strict=True)]
    return lines if width is None else [drawing.cut(line, width) for line in lines]


def folded(
    header: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None
) -> list[list[str]]:
    """The same in blocks of as many columns as fit, each beginning with the first column.

    >>> folded(["part", "rows", "share"], [["train", "1,400", "70 %"]], width=13)
    [['part    rows', 'train  1,400'], ['part   share', 'train   70 %']]
    """
    first, *others = _padded(header, rows)
    blocks = [[first]]
    room = 0 if width is None else width - drawing.width_of(first[0])
    used = 0
    for column in others:
        needed = 2 + drawing.width_of(column[0])
        if width is not None and used and used + needed > room:
            blocks.append([first])
            used = 0
        blocks[-1].append(column)
        used += needed
    found = [["  ".join(cells).rstrip() for cells in zip(*block, strict=True)] for block in blocks]
    return [[line if width is None else drawing.cut(line, width) for line in b] for b in found]


def _padded(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """The columns of a table, header first, the cells of each as wide as its widest."""
    columns = []
    for cells in zip(header, *rows, strict=True):
        shown = [short(cell) for cell in cells]
        width = max(map(drawing.width_of, shown))
        pad = drawing.to_right if all(map(_is_number, shown[1:])) else drawing.to_left
        columns.append([pad(cell, width) for cell in shown])
    return columns


def short(cell: str) -> str:
    r"""A cell on one line: control characters as escapes, so that no name can move the cursor.

    >>> short("a\x1b[31m")
    'a\\x1b[31m'
    """
    shown = cell if cell.isprintable() else "".join(map(_visible, cell))
    return shown if len(shown) <= WIDEST_CELL else shown[: WIDEST_CELL - 1] + "…"


def _visible(sign: str) -> str:
    return sign if sign.isprintable() else sign.encode("unicode_escape").decode()


def _is_number(cell: str) -> bool:
    return cell in ("", "–") or cell.lstrip("+-−").replace(",", "").rstrip("%")[:1].isdigit()
