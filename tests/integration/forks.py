"""Runs nntool's commands in forks of one process that has paid for the imports.

Each line of standard input is a JSON object: the folder to work in, the words of the command, and
the signal that it gets (0: none), after so many seconds or right before its n-th write. The answer
is one line: exit status (negative: the signal that ended it), standard output and error, and a
letter for each write: m where a name is moved or removed, w where something is made or opened for
writing.
"""

import importlib
import io
import json
import os
import sys
import tempfile
import time
from contextlib import redirect_stderr, redirect_stdout, suppress
from typing import Any

PAID_FOR = (
    "numpy",
    "pyarrow.csv",
    "pyarrow.parquet",
    "sklearn.linear_model",
    "sklearn.metrics",
    "threadpoolctl",
    "nntool.cli.calls",
    "nntool.nn.training",
    "nntool.steps.running",
    "nntool.steps.predict",
    "nntool.steps.show",
    "nntool.steps.status",
)
MOVES = {"os.rename", "os.remove", "os.rmdir", "shutil.rmtree"}
MAKES = {"os.mkdir", "os.utime"}


def main() -> None:
    for module in PAID_FOR:
        importlib.import_module(module)
    _warm_up()
    for line in sys.stdin:
        asked = json.loads(line)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            reading, writing = os.pipe()
            child = os.fork()
            if not child:
                os.close(reading)
                _command(asked, out.fileno(), err.fileno(), writing)
            os.close(writing)
            if asked["after"]:
                time.sleep(asked["after"])
                os.kill(child, asked["signal"])  # it stays a child until it is waited for
            _, status = os.waitpid(child, 0)
            with open(reading, "rb") as pipe:
                writes = pipe.read().decode()
            out.seek(0)
            err.seek(0)
            answer = {
                "status": os.waitstatus_to_exitcode(status),
                "out": out.read().hex(),
                "err": err.read().decode(),
                "writes": writes,
            }
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _warm_up() -> None:
    """Let the command line import what it only imports to read its arguments."""
    from nntool.cli.main import main

    with suppress(SystemExit), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        main(["evaluate", "no run"])


def _command(asked: dict[str, Any], out: int, err: int, writes: int) -> None:
    """Be the command; this does not return."""
    from nntool.cli.main import main

    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.chdir(asked["folder"])
    sys.dont_write_bytecode = True
    done = 0

    def watch(event: str, details: tuple[Any, ...]) -> None:
        nonlocal done
        moves = event in MOVES
        if moves or event in MAKES or (event == "open" and _is_written(*details)):
            done += 1
            if done == asked["before"]:
                os.kill(os.getpid(), asked["signal"])
            os.write(writes, b"m" if moves else b"w")

    sys.addaudithook(watch)
    code = 1
    try:
        main(asked["words"])
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _is_written(path: Any, mode: str | None, flags: int) -> bool:
    is_a_name = isinstance(path, (str, os.PathLike)) and os.fspath(path) != os.devnull
    return is_a_name and bool(flags & (os.O_WRONLY | os.O_RDWR))


if __name__ == "__main__":
    main()
