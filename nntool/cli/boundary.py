"""The one boundary where an error becomes a message and an exit code."""

from __future__ import annotations

import errno
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer

from nntool.cli import streams
from nntool.cli.output import Output, tell_at_once
from nntool.errors import MachineError, NntoolError, StoppedError, UsageError
from nntool.settings.secrets import hidden

PIPE_CLOSED = 141
INTERRUPTED = 130
ROOM = "make room, then type the same command again"
ELSEWHERE = "choose another place"
REFUSALS = {
    errno.ENOSPC: ("the disk is full", ROOM),
    errno.EDQUOT: ("the disk quota is used up", ROOM),
    errno.EACCES: ("permission is denied", "look at who may write there: ls -l"),
    errno.EPERM: ("this is not permitted", ELSEWHERE),
    errno.EROFS: ("the file system is read-only", ELSEWHERE),
    errno.ENOMEM: ("there is not enough memory", "use fewer rows or columns"),
    errno.EBADF: ("a standard stream is closed", "open it, or redirect it"),
    errno.EISDIR: ("this is a folder", ELSEWHERE),
    errno.ENOTDIR: ("this is no folder", ELSEWHERE),
    errno.ENAMETOOLONG: ("the name is too long", "choose a shorter one"),
    errno.ELOOP: ("this is a link that leads to itself", ELSEWHERE),
    errno.EFBIG: ("the file would be larger than is permitted", "look at ulimit -f"),
    errno.EIO: ("the disk or the device fails", ELSEWHERE),
}
"""What the machine refuses, and what to do about it."""
NO_THREAD = "can't start new thread"
"""What Python says where a thread or the memory of its stack is refused."""


ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""What ``timeout`` and ``kill`` send, and a terminal that is closed."""


class Terminated(BaseException):
    """One of the signals that end a program."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def boundary(output: Output) -> Iterator[None]:
    """Turn every error inside into its message and exit code."""
    try:
        with _ending_unwinds(), _reported(output):
            yield
            sys.stdout.flush()
    except BrokenPipeError:  # also where the message itself met the closed pipe
        streams.abandon("stdout")
        raise typer.Exit(PIPE_CLOSED) from None


@contextmanager
def _ending_unwinds() -> Iterator[None]:
    """Remove temporary files where a signal ends the program, then die of it as anyone would."""

    def unwind(number: int, frame: FrameType | None) -> None:
        raise Terminated(number)

    ours = [number for number in ENDING if signal.getsignal(number) is signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():
        ours = []  # as where whoever started us has other plans: nohup has
    for number in ours:
        signal.signal(number, unwind)
    try:
        yield
    except Terminated as ended:
        signal.signal(ended.number, signal.SIG_DFL)
        os.kill(os.getpid(), ended.number)
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def _reported(output: Output) -> Iterator[None]:
    try:
        yield
    except NntoolError as error:
        if isinstance(error, UsageError) and not error.hint:
            error.hint = f"{output.command} --help"
        output.error(error)
        sys.stdout.flush()
        raise typer.Exit(error.exit_code) from None
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        output.end_progress()
        output.error(
            StoppedError("interrupted; no file of a run was left half-written", "type it again")
        )
        raise typer.Exit(INTERRUPTED) from None
    except MemoryError:
        output.error(MachineError("there is not enough memory", "use fewer rows or columns"))
        raise typer.Exit(MachineError.exit_code) from None
    except RuntimeError as error:
        if NO_THREAD not in str(error):
            _bug(output, error)
        output.error(
            MachineError(
                "the machine gives this program no further thread",
                "--threads 1; or look at ulimit -u and ulimit -v",
            )
        )
        raise typer.Exit(MachineError.exit_code) from None
    except OSError as error:
        if error.errno not in REFUSALS:
            _bug(output, error)
        output.error(refusal(error))
        _flush_or_abandon()
        raise typer.Exit(MachineError.exit_code) from None
    except (typer.Exit, typer.TyperException):
        raise
    except Exception as error:
        _bug(output, error)


def refusal(error: OSError) -> MachineError:
    """What the machine refuses, and where."""
    where = f": {error.filename}" if error.filename else ""
    what, hint = REFUSALS.get(error.errno or 0, (str(error), ELSEWHERE))
    return MachineError(f"{what}{where}", hint)


def _flush_or_abandon() -> None:
    try:
        sys.stdout.flush()
    except OSError:
        streams.abandon("stdout")


def _bug(output: Output, error: Exception) -> None:
    """A short message; the traceback goes to a file in the temporary folder."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="nntool-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write(hidden("".join(traceback.format_exception(error))))
    bug = NntoolError(
        f"a bug: {type(error).__name__}: {error}",
        f"report it with the file {file.name}, which says where it happened",
    )
    output.error(bug)
    raise typer.Exit(bug.exit_code) from None


@contextmanager
def first_interrupt_is_a_request(output: Output, *, active: bool) -> Iterator[None]:
    """The first Ctrl-C asks the step to end with what it has; a second stops at once."""

    def ask(number: int, frame: FrameType | None) -> None:
        if output.interrupted:
            raise KeyboardInterrupt
        output.interrupted = True
        tell_at_once(f"{output.command}: stopping after this step; Ctrl-C again stops at once")

    if not active:
        yield
        return
    before = signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
