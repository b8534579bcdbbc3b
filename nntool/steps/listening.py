"""Who listens to the training of one member of an ensemble: here, or in a process of its own."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from nntool.errors import StoppedError
from nntool.steps.job import Listener

SECONDS_BETWEEN_GLANCES = 0.2
"""Between two looks at how far a training is, and at whether it is to stop."""
STOP = "stop"


class MemberListener:
    """Passes on how far the members are: those that are done, and the one in hand."""

    def __init__(self, listener: Listener, numbers: range, n_members: int) -> None:
        self._listener, self._numbers, self._n_members = listener, numbers, n_members

    def say(self, text: str) -> None:
        """Drop what a training alone would say: of many members it is said once, for all."""

    def progress(self, label: str, done: float, total: float, detail: str = "") -> None:
        """Tell of the members that are done, and the share of the one in hand."""
        first, last = self._numbers.start, self._numbers.stop - 1
        so_far = first - 1 + len(self._numbers) * (done / total if total else 0.0)
        who = f"member {first}" if first == last else f"members {first} to {last}"
        where = f"members; {who}: epoch {done:,.0f} of {total:,.0f}, {detail}"
        self._listener.progress(label, so_far, self._n_members, where)

    def stop_requested(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return self._listener.stop_requested()


class WorkerListener:
    """Tells the parent by small files in a folder; and looks there whether it is to stop."""

    def __init__(self, folder: Path, numbers: range, parent: int) -> None:
        self._folder, self._numbers = folder, numbers
        self._is_apart, self._started_by = os.getpid() != parent, os.getppid()
        self._last = -SECONDS_BETWEEN_GLANCES
        self._is_stopped = False

    @staticmethod
    def ask_to_stop(folder: Path) -> None:
        """Have all workers of a folder stop after the update in hand."""
        with suppress(OSError):
            (folder / STOP).touch()

    def say(self, text: str) -> None:
        """Drop it."""

    def progress(self, label: str, done: float, total: float, detail: str = "") -> None:
        """Leave the share that is done where the parent finds it."""
        with suppress(OSError):  # the parent may have ended
            first = self._numbers.start
            new = self._folder / f".{first}"
            new.write_text(f"{len(self._numbers)} {done / total if total else 0.0!r}")
            new.replace(self._folder / f"{first}")

    def stop_requested(self) -> bool:
        """Whether the parent asks to stop; looked up now and then.

        Raises ``StoppedError`` where the parent was killed: another training may own the
        checkpoints by now, so that none may be written.
        """
        now = time.monotonic()
        if now - self._last >= SECONDS_BETWEEN_GLANCES and not self._is_stopped:
            self._last = now
            if self._is_apart and (os.getppid() != self._started_by or not self._folder.exists()):
                raise StoppedError("the process that this was done for has ended")
            self._is_stopped = (self._folder / STOP).exists()
        return self._is_stopped


def progress_of(folder: Path, waiting: int) -> tuple[float, str]:
    """How many members are done, with the shares of those in hand.

    All below the number ``waiting`` have come back already.
    """
    done, told = float(waiting - 1), []
    for path in sorted(folder.glob("[0-9]*"), key=lambda path: int(path.name)):
        with suppress(OSError, ValueError):
            n, share = path.read_text().split()
            if int(path.name) >= waiting:
                done += int(n) * float(share)
                told.append(f"{float(share):.0%}")
    return done, f"members; in hand: {', '.join(told)}" if told else "members"
