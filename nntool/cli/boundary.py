"""The one boundary where an error becomes a message and an exit code."""

from __future__ import annotations

import errno
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer

from nntool.cli.output import Output
from nntool.errors import MachineError, NntoolError

PIPE_CLOSED = 141
INTERRUPTED = 130
REFUSALS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "permission is denied",
    errno.EPERM: "this is not permitted",
    errno.EROFS: "the file system is read-only",
    errno.ENOMEM: "there is not enough memory",
}


@contextmanager
def boundary(output: Output) -> Iterator[None]:
    """Turn every error inside into its message and exit code."""
    try:
        yield
        sys.stdout.flush()
    except NntoolError as error:
        output.error(error)
        raise typer.Exit(error.exit_code) from None
    except BrokenPipeError:
        leave_pipe()
        raise typer.Exit(PIPE_CLOSED) from None
    except KeyboardInterrupt:
        output.end_progress()
        output.say(f"{output.command}: interrupted; nothing half-written was left")
        raise typer.Exit(INTERRUPTED) from None
    except MemoryError:
        output.error(MachineError("there is not enough memory", "use fewer rows or columns"))
        raise typer.Exit(MachineError.exit_code) from None
    except OSError as error:
        if error.errno not in REFUSALS:
            _bug(output, error)
        where = f": {error.filename}" if error.filename else ""
        refusal = MachineError(
            f"{REFUSALS[error.errno or 0]}{where}",
            "make room or choose another place, then try again",
        )
        output.error(refusal)
        raise typer.Exit(refusal.exit_code) from None
    except (typer.Exit, typer.TyperException):
        raise
    except Exception as error:
        _bug(output, error)


def _bug(output: Output, error: Exception) -> None:
    """A short message; the traceback goes to a file in the temporary folder."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="nntool-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        traceback.print_exception(error, file=file)
    bug = NntoolError(
        f"a bug: {type(error).__name__}: {error}",
        f"report it with the file {file.name}, which says where it happened",
    )
    output.error(bug)
    raise typer.Exit(bug.exit_code) from None


def leave_pipe() -> None:
    """The reader has gone: point stdout at nothing, so that nothing fails at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def first_interrupt_is_a_request(output: Output, *, active: bool) -> Iterator[None]:
    """The first Ctrl-C asks the step to end with what it has; a second stops at once."""

    def ask(number: int, frame: FrameType | None) -> None:
        if output.interrupted:
            raise KeyboardInterrupt
        output.interrupted = True
        output.end_progress()
        output.say(f"{output.command}: stopping after this step; Ctrl-C again stops at once")

    if not active:
        yield
        return
    before = signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
