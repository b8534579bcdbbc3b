"""Who listens to the training of one member of an ensemble: here, or in a process of its own."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from nntool.errors import StoppedError
from nntool.steps.job import Listener

SECONDS_BETWEEN_GLANCES = 0.2
STOP = "stop"


class MemberListener:
    """Passes on how far the members are: those that are done, and the one in hand."""

    def __init__(self, listener: Listener, number: int, n_members: int) -> None:
        self._listener, self._number, self._n_members = listener, number, n_members

    def say(self, text: str) -> None:
        """Drop what a training alone would say: of many members it is said once, for all."""

    def progress(self, label: str, done: float, total: float, detail: str = "") -> None:
        """Tell of the members that are done, and the share of the one in hand."""
        so_far = self._number - 1 + (done / total if total else 0.0)
        where = f"members; member {self._number}: epoch {done:,.0f} of {total:,.0f}, {detail}"
        self._listener.progress(label, so_far, self._n_members, where)

    def stop_requested(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return self._listener.stop_requested()


class WorkerListener:
    """Tells the parent by small files in a folder; and looks there whether it is to stop."""

    def __init__(self, folder: Path, number: int, parent: int) -> None:
        self._folder, self._number = folder, number
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
            new = self._folder / f".{self._number}"
            new.write_text(repr(done / total if total else 0.0))
            new.replace(self._folder / f"{self._number}")

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


def progress_of(folder: Path, done: int) -> tuple[float, str]:
    """How many members are done, with the shares of those in hand; ``done`` came back already."""
    shares = {}
    for path in folder.glob("[0-9]*"):
        with suppress(OSError, ValueError):
            shares[int(path.name)] = float(path.read_text())
    in_hand = [share for number, share in sorted(shares.items()) if number > done and share < 1]
    finished = sum(share >= 1 for number, share in shares.items() if number > done)
    told = ", ".join(f"{share:.0%}" for share in in_hand)
    return done + finished + sum(in_hand), f"members; in hand: {told}" if told else "members"
