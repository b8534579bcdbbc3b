"""What the benchmarks share: timing in turn, tables, the machine. Run alone it does nothing."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SAMPLE_DATA = Path(__file__).resolve().parent.parent / "sample_data"


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options that every benchmark has."""
    found = argparse.ArgumentParser(description=description)
    found.add_argument("--quick", action="store_true", help="few rounds: to see that it works")
    found.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    return found


def nntool() -> str:
    """The command that belongs to this Python, else the first on PATH."""
    beside = Path(sys.executable).parent / "nntool"
    found = str(beside) if beside.exists() else shutil.which("nntool")
    if found is None:
        sys.exit("nntool is not installed for this Python: pip install -e .")
    return found


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for runs and byte code, removed at the end."""
    with tempfile.TemporaryDirectory(prefix="nntool-bench-") as folder:
        yield Path(folder)


def environment(folder: Path) -> dict[str, str]:
    """Today's environment with byte code kept in ``folder``, so that warm starts are compared.

    Where byte code is not written, a program is compiled at each start and its rivals are not.
    """
    found = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return found | {"PYTHONPYCACHEPREFIX": str(folder / "pycache"), "NO_COLOR": "1"}


def run_command(
    words: Sequence[str], env: Mapping[str, str], cwd: Path | None = None, *, shell: bool = False
) -> float:
    """Run a command to its end and return its wall time in seconds; stop where it fails."""
    command: Any = words[0] if shell else list(words)
    begun = time.perf_counter()
    done = subprocess.run(
        command, env=dict(env), cwd=cwd, shell=shell, stdin=subprocess.DEVNULL, capture_output=True
    )
    seconds = time.perf_counter() - begun
    if done.returncode:
        said = done.stderr.decode(errors="replace")
        sys.exit(f"{' '.join(words)} exits with {done.returncode}:\n{said}")
    return seconds


def alternate(
    timed: Mapping[str, Callable[[], float]], rounds: int, warm_up: int = 1
) -> dict[str, list[float]]:
    """Seconds of each, all once a round, in an order that is turned round every second time."""
    names = list(timed)
    for _ in range(warm_up):
        for name in names:
            timed[name]()
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            seconds[name].append(timed[name]())
    return seconds


def pairwise(seconds: Sequence[float], rival: Sequence[float]) -> float:
    """The median over rounds of the ratio inside a round: load that comes and goes cancels."""
    return statistics.median(a / b for a, b in zip(seconds, rival, strict=True))


def quartiles(seconds: Sequence[float]) -> tuple[float, float]:
    """The first and third quartile."""
    low, _, high = statistics.quantiles(seconds, n=4, method="inclusive")
    return low, high


def machine(*packages: str) -> dict[str, Any]:
    """What a figure depends on: Python, cores, load, versions, the variables that steer BLAS."""
    steering = ("OPENBLAS_", "OMP_", "MKL_")
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 2),
        "versions": {name: importlib.metadata.version(name) for name in ("nntool", *packages)},
        "variables": {k: v for k, v in sorted(os.environ.items()) if k.startswith(steering)},
    }


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns, the first to the left, the others to the right.

    >>> print(table(["what", "ms"], [["help", "51"], ["predict", "240"]]))
    what      ms
    help      51
    predict  240
    """
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = []
    for row in [header, *rows]:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def verdict(met: bool) -> str:
    """How a goal is said to be met or missed."""
    return "met" if met else "MISSED"


def show(report: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    """Print the report as JSON, or the text with the machine under it."""
    if as_json:
        print(json.dumps(report, indent=2))
        return
    known = report["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in known["versions"].items())
    print(text)
    print()
    print(
        f"Python {known['python']}, {known['system']}, {known['cores']} cores,"
        f" load {known['load']} at the start; {versions}"
    )
    if known["variables"]:
        print("set: " + ", ".join(f"{k}={v}" for k, v in known["variables"].items()))
