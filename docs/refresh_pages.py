"""Runs the commands in the console blocks of some pages and writes below each what it prints.

    python docs/refresh_pages.py            write the pages anew
    python docs/refresh_pages.py --check    exit 1 where one does not show what is printed

A line of a ``console`` block that begins with ``$ `` is a command, with the lines after it as long
as they are continued by a backslash; the rest is what a terminal shows, both streams together. In
it ``…`` stands for any text, and on a line of its own for any lines; what was shortened by hand and
is still true is kept. The commands of a page run in order in one empty folder with ``sample_data/``
in it.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "docs/history.md")
MAKEFILE = ROOT / "docs/example/Makefile"
TIMES = re.compile(r"\d{4}-\d\d-\d\dT[\d:.+Z-]+|\b\d+(?:\.\d+)?(?= s(?:econds)?\b)")

PROGRESS = re.compile(r"(?:training|predicting|select-features|reading \S+): [\d,]+ ")
"""What a slow machine says now and then of how far it is."""

NUMBER = re.compile(r"(?:(?<![\w.])[-+])?\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]\d+)?")

Run = Callable[[str], list[str]]


class Call(NamedTuple):
    """A command of a console block, and where what it prints stands."""

    command: str
    begin: int
    end: int
    """Its output is ``lines[begin:end]``."""


def blocks(lines: list[str], language: str) -> Iterator[tuple[int, int]]:
    """The places ``lines[begin:end]`` between the fences of a language."""
    begin = None
    for number, line in enumerate(lines):
        if begin is None and line == f"```{language}":
            begin = number + 1
        elif begin is not None and line == "```":
            yield begin, number
            begin = None


def calls(lines: list[str]) -> Iterator[Call]:
    """The commands of all console blocks, in order."""
    for begin, end in blocks(lines, "console"):
        place = begin
        while place < end:
            if not lines[place].startswith("$ "):
                raise SystemExit(f"line {place + 1}: output of no command: {lines[place]!r}")
            command = [lines[place].removeprefix("$ ")]
            while command[-1].endswith("\\"):
                place += 1
                command.append(lines[place])
            place += 1
            output = place
            while place < end and not lines[place].startswith("$ "):
                place += 1
            yield Call("\n".join(command), output, place)


def shows(expected: list[str], printed: list[str]) -> bool:
    """Whether the lines say what was printed, where ``…`` stands for anything.

    >>> shows(["took … s", "…", "done"], ["took 0.3 s", "a", "b", "done"])
    True
    >>> shows(["took … s"], ["took 0.3 s", "done"])
    False
    """
    pattern = ""
    for line in expected:
        any_text = ".*".join(map(re.escape, line.split("…")))
        pattern += "(?:.*\n)*" if line == "…" else any_text + "\n"
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in printed)) is not None


def agrees(expected: list[str], printed: list[str]) -> bool:
    """Whether the lines say what was printed but for what another processor computes otherwise.

    Training ends in slightly other weights where sums are rounded in another order. So numbers with
    a decimal point may differ a little, numbers of epochs by any amount, and blanks with them.

    >>> agrees(["kept epoch 23  loss 0.36"], ["kept epoch 9 loss 0.3652"])
    True
    >>> agrees(["auc 0.85", "1,400 rows"], ["auc 0.45", "1,400 rows"])
    False
    >>> agrees(["1,400 rows"], ["1,399 rows"])
    False
    """
    pattern, numbers = "", []
    for line in expected:
        numbers += [(token, "epoch" in line) for token in NUMBER.findall(line)]
        any_text = ".*".join(_loosely(part) for part in line.split("…"))
        pattern += "(?:.*\n)*" if line == "…" else any_text + "\n"
    found = re.fullmatch(pattern, "".join(f"{line}\n" for line in printed))
    return found is not None and all(
        of_epochs or _is_near(shown, now)
        for (shown, of_epochs), now in zip(numbers, found.groups(), strict=True)
    )


def _loosely(text: str) -> str:
    """A pattern of the text with any numbers in the place of its numbers, and any blanks."""
    parts = [" +".join(map(re.escape, re.split(" +", part))) for part in NUMBER.split(text)]
    return f"({NUMBER.pattern})".join(parts)


def _is_near(shown: str, now: str) -> bool:
    if "." not in shown + now:
        return shown == now
    a, b = (float(number.replace(",", "")) for number in (shown, now))
    return abs(a - b) <= 0.1 + 0.1 * abs(a)


def refreshed(text: str, run: Run, makefile: str) -> str:
    """The text with each output as it is printed now, and the Makefile as it is."""
    lines = text.split("\n")
    changes = []
    for call in calls(lines):
        printed = run(call.command)
        if not shows(lines[call.begin : call.end], printed):
            changes.append((call.begin, call.end, [TIMES.sub("…", line) for line in printed]))
    changes += [(*place, makefile.splitlines()) for place in blocks(lines, "make")]
    for begin, end, new in sorted(changes, reverse=True):
        lines[begin:end] = new
    return "\n".join(lines)


def terminal(folder: Path) -> Run:
    """A function that runs a command in the folder and gives the lines that it prints."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    left_out = ("COLUMNS", "LINES", "PYTHONUNBUFFERED")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}

    def run(command: str) -> list[str]:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=kept | {"PATH": path, "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,  # some of them show how it fails
        )
        return [line for line in done.stdout.splitlines() if not PROGRESS.match(line)]

    return run


def fresh(page: str) -> tuple[str, str]:
    """The text of a page as it is and as it should be."""
    text = (ROOT / page).read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(ROOT / "sample_data", folder / "sample_data")
        new = refreshed(text, terminal(folder), MAKEFILE.read_text(encoding="utf-8"))
    return text, new


def main() -> None:
    """Write the pages, or check them."""
    is_check, old = "--check" in sys.argv[1:], []
    for page in PAGES:
        text, new = fresh(page)
        if new != text and is_check:
            print(f"{page} is not current; run: python docs/refresh_pages.py", file=sys.stderr)
            old.append(page)
        elif new != text:
            (ROOT / page).write_text(new, encoding="utf-8")
    raise SystemExit(bool(old))


if __name__ == "__main__":
    main()
