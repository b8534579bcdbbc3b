"""Where predictions go: a file that bears its name only when it is whole, or a stream."""

from __future__ import annotations

import errno
import os
import re
import shlex
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from nntool.errors import MachineError, UsageError
from nntool.settings.predict import STDOUT

if TYPE_CHECKING:
    from nntool.tables.sinks import Outlet

STANDARD_OUTPUT = 1
NAMED_STREAMS = {**dict.fromkeys(STDOUT, STANDARD_OUTPUT), "/dev/stderr": 2}
OPEN_FILE = re.compile(r"/(?:dev|proc/self)/fd/(\d+)")
"""What the shell opened for us: it is written where the shell has put it, not opened anew."""


def refuse(output: str, root: Path, source: str, stdin: BinaryIO, stdout: BinaryIO) -> None:
    """Raise ``UsageError`` for a place where predictions must not go."""
    from nntool.tables import sinks

    given = stdin if source == "-" else source
    number = _stream(output)
    if number is not None:
        if number == STANDARD_OUTPUT and _are_same_file(stdout, given):
            raise UsageError(
                "standard output goes into the input", "name another file: --output FILE.csv"
            )
        return
    refuse_no_file("--output", output, "predictions.csv")
    sinks.refuse_name(output)
    refuse_place("--output", output, [root], "predict")
    if _are_same_file(output, given):
        raise UsageError(f"--output {output} is the input", "name another file for the predictions")


def refuse_no_file(option: str, output: str, example: str) -> None:
    """Raise ``UsageError`` for what is no name of a file."""
    if not output or output.endswith("/") or os.path.isdir(output):
        raise UsageError(f"{option} {output!r} is no name of a file", f"write {option} {example}")


def refuse_place(option: str, output: str, roots: Sequence[str | Path], command: str) -> None:
    """Raise ``UsageError`` for a file in a run directory, or in a folder that is not there."""
    path = _target(output)
    for root in roots:
        if path.is_relative_to(os.path.realpath(root)):
            raise UsageError(
                f"{option} {output} lies in the run directory, where {command} writes nothing",
                "write it beside the run directory",
            )
    if not path.parent.is_dir():
        raise UsageError(
            f"{option} {output}: the folder {path.parent} is not there",
            f"mkdir -p {shlex.quote(str(path.parent))}",
        )


def is_stream(output: str) -> bool:
    """Whether a name stands for an open file."""
    return _stream(output) is not None


@contextmanager
def opened(output: str, stdout: BinaryIO) -> Iterator[Outlet]:
    """The way to standard output, to a device or a pipe, or to a file.

    A file is written under another name in its folder and renamed at the end; after a failure
    there is neither of them, and what had its name before is as it was.
    """
    number = _stream(output)
    if number == STANDARD_OUTPUT:
        with _through(stdout, "standard output") as outlet:
            yield outlet
        return
    path = _target(output)
    if number is not None or (path.exists() and not path.is_file()):
        with _named(output):
            name = path if number is None else number
            special = open(name, "wb", 0, closefd=number is None)  # noqa: SIM115 - closed below
        with special, _through(special, output) as outlet:
            yield outlet
        return
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, "the file is protected", output)
    temporary = path.with_name(f".new-{os.getpid()}-{path.name[:100]}")
    try:
        with _named(output):
            temporary.unlink(missing_ok=True)
            file = open(temporary, "xb", 0)  # noqa: SIM115 - closed below
        with file, _through(file, output) as outlet:
            yield outlet
        with _named(output):
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _stream(output: str) -> int | None:
    """The number of the open file that a name stands for, or None."""
    of_shell = OPEN_FILE.fullmatch(output)
    return int(of_shell[1]) if of_shell else NAMED_STREAMS.get(output)


def _target(output: str) -> Path:
    """The file itself, where the name is a link to it."""
    return Path(os.path.realpath(output))


@contextmanager
def _through(stream: BinaryIO, name: str) -> Iterator[Outlet]:
    from nntool.tables.sinks import Outlet

    outlet = Outlet(stream, name)
    try:
        yield outlet
        outlet.flush()
    finally:
        outlet.cut()


@contextmanager
def _named(output: str) -> Iterator[None]:
    """Errors bear the name that the person knows."""
    try:
        yield
    except FileNotFoundError:
        raise MachineError(
            f"{output} cannot be made: its folder is not there", "choose another place"
        ) from None
    except OSError as error:
        error.filename, error.filename2 = output, None
        raise


def _are_same_file(one: str | BinaryIO, other: str | BinaryIO) -> bool:
    """Whether two names or open files are one regular file."""
    found = []
    for file in (one, other):
        with suppress(OSError, ValueError):
            found.append(os.stat(file if isinstance(file, str) else file.fileno()))
    return (
        len(found) == 2 and os.path.samestat(found[0], found[1]) and stat.S_ISREG(found[0].st_mode)
    )
