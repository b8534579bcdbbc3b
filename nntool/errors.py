"""What can go wrong, and the exit code that says so.

Each error states the facts (file, line, column, value) in ``message`` and the next thing to type
in ``hint``. The exit codes are stable across releases.
"""

from typing import Any


class NntoolError(Exception):
    """The base of every error that a user can cause or mend."""

    exit_code = 1
    kind = "bug"

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.step: str | None = None
        """The step that failed, where the command does several."""
        self.outcome: Any = None
        """What the command did all the same, to be shown before the error."""


class UsageError(NntoolError):
    """The command line or a settings file says something that has no meaning."""

    exit_code = 2
    kind = "usage"


class DataError(NntoolError):
    """The data is not as needed, or a source or input cannot be read."""

    exit_code = 3
    kind = "data"


class StaleError(NntoolError):
    """An artifact is missing or stale; the hint names the command that makes it."""

    exit_code = 4
    kind = "stale"


class TrainingError(NntoolError):
    """Training failed: it diverged, or a loss is not finite."""

    exit_code = 5
    kind = "training"


class GateError(NntoolError):
    """A requirement on a metric is not met."""

    exit_code = 6
    kind = "gate"


class MachineError(NntoolError):
    """The machine refuses: a lock is held, the disk is full, a path is not permitted."""

    exit_code = 7
    kind = "machine"


class StoppedError(NntoolError):
    """Someone pressed Ctrl-C; what could be kept was kept, and the hint says how to go on."""

    exit_code = 130
    kind = "interrupted"
