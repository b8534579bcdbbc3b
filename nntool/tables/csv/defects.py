"""Records that cannot be read as the others: counted, shown, refused beyond a limit."""

import sys
from typing import Any

from nntool.errors import DataError
from nntool.settings.wording import counted

SHOWN = 5
LISTED = 1000
"""So many of the records that stay as bad rows are told one by one in a report."""
COUNTED = 10_000
EXCERPT = 40


class DefectsError(DataError):
    """More defective records than may be left out."""


class Defects:
    """The records of a file that are left out, with line, reason and how they begin.

    ``limit`` of them are accepted; ``listed`` has each of these as plain data. Beyond, the rest
    of the file is still read to count them, then ``refuse`` raises. With ``keep`` any number stay
    as bad rows, the first of them listed. Without ``show`` nothing of their text is kept:
    personal columns may stand in it.
    """

    def __init__(self, name: str, limit: int, *, show: bool = True, keep: bool = False) -> None:
        self.name = name
        self.limit = sys.maxsize if keep else limit
        self._most_listed = LISTED if keep else max(limit, SHOWN)
        self._are_kept = keep
        self.count = 0
        self.listed: list[dict[str, Any]] = []
        self._show = show
        self._has_quotes = False
        self._has_bytes = False

    @property
    def n_to_show(self) -> int:
        """How many more need be looked at one by one."""
        return self._most_listed - len(self.listed) if self._are_kept else max(self.limit, 10)

    @property
    def too_many(self) -> bool:
        """True when the file is refused."""
        return self.count > self.limit

    def add(
        self, line: int, reason: str, text: str, *, quotes: bool = False, encoding: bool = False
    ) -> None:
        """Take down one record; ``line`` is where it can be seen in the file."""
        self.count += 1
        self._has_quotes |= quotes
        self._has_bytes |= encoding
        if len(self.listed) < self._most_listed:
            self.listed.append(
                {"line": line, "reason": reason, **({"text": text} if self._show else {})}
            )
        if self.count > self.limit + COUNTED:
            self.refuse(n_cells=0, is_whole=False)

    def add_many(self, number: int) -> None:
        """Take down records that are counted only."""
        self.count += number

    def refuse(self, n_cells: int, *, is_whole: bool = True, at_end: bool = False) -> None:
        """Raise ``DataError`` if there are more than the limit; ``is_whole``: all are counted.

        ``at_end``: they are the last records of the file.
        """
        if not self.too_many:
            return
        number = f"{self.count:,}" if is_whole else f"at least {self.count:,}"
        records = "1 record is" if number == "1" else f"{number} records are"
        expected = f" ({counted(n_cells, 'cell')})" if n_cells else ""
        raise DefectsError(
            f"{self.name}: {records} not as the others{expected}: {self._shown()}",
            self._hint(at_end=at_end),
        )

    def note(self) -> str | None:
        """What was left out, in one sentence."""
        if not self.count:
            return None
        was = "was" if self.count == 1 else "were"
        records = f"{counted(self.count, 'record')} {was}"
        if self._are_kept:
            rows = counted(self.count, "row")
            return (
                f"{self.name}: {rows} could not be read and {was} not answered (--strict"
                f" refuses them): {self._shown()}"
            )
        return f"{self.name}: {records} left out (--max-bad-rows): {self._shown()}"

    def _shown(self) -> str:
        ordered = sorted(self.listed, key=lambda one: int(one["line"]))[:SHOWN]
        shown = "; ".join(
            f"line {d['line']} {d['reason']}" + (f" ({d['text']})" if d.get("text") else "")
            for d in ordered
        )
        return shown + ("; …" if self.count > SHOWN else "")

    def _hint(self, *, at_end: bool) -> str:
        ways = ["mend these lines"]
        starts = {str(d["text"])[1:3] for d in self.listed if "text" in d}
        sign = next(
            (s for s in ("#", "//", "%") if starts and all(t.startswith(s) for t in starts)), None
        )
        if sign:
            ways.append(f"--comment '{sign}', if they are comments")
        if at_end:
            ways.append(f"--skip-end {self.count}, if the table ends before them")
        if any('\\"' in str(d.get("text")).replace("\\\\", "\\") for d in self.listed):
            ways.append("--stray-quotes backslash, if a backslash makes them characters")
        elif self._has_quotes:
            ways.append(
                "--stray-quotes keep, or --quote none, if quotes inside cells are plain characters"
            )
        ways.append(f"--max-bad-rows {self.count} leaves them out")
        if self._has_bytes:
            ways.append("--encoding cp1252 (or another), if the file was written in that")
        return "; ".join(ways)


def excerpt(data: bytes, most: int = EXCERPT) -> str:
    """How a record begins, to be shown."""
    text = data[: 4 * most].decode("utf-8", errors="replace").rstrip("\r\n")
    return repr(text[:most]) + ("…" if len(text) > most else "")
