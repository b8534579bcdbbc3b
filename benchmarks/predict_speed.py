"""How fast ``nntool predict`` is, and that its memory does not grow with the rows.

A seeded table of 20 columns of numbers and 4 of categories, and a network of 128 and 64 units that
is trained on its first rows, once alone and once with others as an ensemble. Each program is a
process of its own, from start to end, started without ``OPENBLAS_CORETYPE`` and
``OPENBLAS_L2_SIZE``.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import IO, Any

import data_steps
import pyarrow as pa
import pyarrow.csv
import shared

N_ROWS = 1_000_000
N_TRAINING = 50_000
REPEATS = 10
NETWORK = ["--set", "train.hidden=[128,64]", "--set", "train.epochs=3"]
READ_AND_WRITE = """
import sys
import pyarrow, pyarrow.csv
pyarrow.csv.read_csv(sys.argv[1])
answers = pyarrow.ipc.open_file(pyarrow.memory_map(sys.argv[2])).read_all()
pyarrow.csv.write_csv(answers, sys.argv[3])
"""
RIVAL, PANDAS, FEW = "pyarrow reads and writes", "python -c 'import pandas'", "10 rows"
N_MEMBERS = 8
ONE, SEVERAL = "1 network", f"{N_MEMBERS} networks"
NOT_FOR_CHILDREN = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
GOALS = {"rows": 2.5, "few": 2.0, "members": 3.0, "memory": 1.2}


def main() -> None:
    parser = shared.parser(__doc__)
    parser.add_argument("--rows", type=int, default=N_ROWS, help="rows of the table")
    parser.add_argument("--rounds", type=int, default=7, help="rounds that are timed")
    options = parser.parse_args()
    n_rows = N_ROWS // 10 if options.quick else options.rows
    rounds = 2 if options.quick else options.rounds
    machine = shared.machine("numpy", "pandas", "pyarrow")
    with shared.scratch() as folder:
        env = {k: v for k, v in shared.environment(folder).items() if k not in NOT_FOR_CHILDREN}
        source, run, few = prepared(folder, n_rows, env)
        ensemble = ensemble_of(folder, run, env)
        megabytes = source.stat().st_size / 1e6
        found = {
            "rows": many_rows(folder, source, run, env, rounds),
            "few": few_rows(folder, few, run, env, 2 * rounds),
            "members": members(folder, source, {ONE: run, SEVERAL: ensemble}, env, rounds),
            "memory": piped(folder, source, run, env),
        }
    report = {"machine": machine, "rows": n_rows, "megabytes": megabytes, "goals": GOALS, **found}
    head = f"{n_rows:,} rows, {megabytes:.0f} MB of CSV, {rounds} rounds\n\n"
    shared.show(report, head + text(found, n_rows), as_json=options.json)


def prepared(folder: Path, n_rows: int, env: Mapping[str, str]) -> tuple[Path, str, Path]:
    """The table, a run that was trained on its first rows, and ten rows."""
    source, training, few = (folder / name for name in ("table.csv", "training.csv", "ten.csv"))
    data_steps.write_table(source, n_rows)
    with open(source, "rb") as file:
        training.write_bytes(b"".join(next(file) for _ in range(min(N_TRAINING, n_rows) + 1)))
    with open(source, "rb") as file:
        few.write_bytes(b"".join(next(file) for _ in range(11)))
    run = str(folder / "run")
    words = ["run", run, "--data", str(training), "--target", data_steps.TARGET]
    shared.run_command([shared.nntool(), *words, *NETWORK], env)
    return source, run, few


def ensemble_of(folder: Path, run: str, env: Mapping[str, str]) -> str:
    """The same run with an ensemble of networks in place of one."""
    ensemble = str(shutil.copytree(run, folder / "ensemble"))
    words = ["train", ensemble, "--hidden", "128,64", "--epochs", "3"]
    shared.run_command([shared.nntool(), *words, "--ensemble", str(N_MEMBERS)], env)
    return ensemble


def members(
    folder: Path, source: Path, runs: Mapping[str, str], env: Mapping[str, str], rounds: int
) -> dict[str, Any]:
    """All rows by one network and by several that answer together, in turn."""
    timed: dict[str, Callable[[], float]] = {
        name: partial(
            shared.run_command,
            [shared.nntool(), "predict", run, str(source), "--output", str(folder / "out.csv")],
            env,
        )
        for name, run in runs.items()
    }
    return summary(shared.alternate(timed, rounds), ONE)


def many_rows(
    folder: Path, source: Path, run: str, env: Mapping[str, str], rounds: int
) -> dict[str, Any]:
    """All rows by threads, in turn with pyarrow that reads the table and writes the same output."""
    answers, arrow, again = (str(folder / name) for name in ("out.csv", "out.arrow", "again.csv"))
    ours = {
        f"nntool, {n} thread{'s' * (n > 1)}": [
            *(shared.nntool(), "predict", run, str(source)),
            *("--output", answers, "--threads", str(n)),
        ]
        for n in sorted({1, len(os.sched_getaffinity(0))}, reverse=True)
    }
    shared.run_command(next(iter(ours.values())), env)
    table = pyarrow.csv.read_csv(answers)
    with pa.ipc.new_file(arrow, table.schema) as writer:
        writer.write_table(table)
    rival = [sys.executable, "-c", READ_AND_WRITE, str(source), arrow, again]
    timed: dict[str, Callable[[], float]] = {
        name: partial(shared.run_command, words, env)
        for name, words in {**ours, RIVAL: rival}.items()
    }
    return summary(shared.alternate(timed, rounds), RIVAL)


def few_rows(
    folder: Path, few: Path, run: str, env: Mapping[str, str], rounds: int
) -> dict[str, Any]:
    """Ten rows, in turn with the import of pandas alone."""
    ours = [shared.nntool(), "predict", run, str(few), "--output", str(folder / "few.csv")]
    timed: dict[str, Callable[[], float]] = {
        FEW: partial(shared.run_command, ours, env),
        PANDAS: partial(shared.run_command, [sys.executable, "-c", "import pandas"], env),
    }
    return summary(shared.alternate(timed, rounds, warm_up=2), PANDAS)


def summary(seconds: Mapping[str, list[float]], rival: str) -> dict[str, Any]:
    """Medians in seconds and, to the rival, the median of the ratios inside a round."""
    return {
        name: {
            "seconds": statistics.median(values),
            "quartiles": shared.quartiles(values),
            "ratio": shared.pairwise(values, seconds[rival]),
        }
        for name, values in seconds.items()
    }


def piped(folder: Path, source: Path, run: str, env: Mapping[str, str]) -> dict[str, Any]:
    """Time and peak memory of the table through a pipe, and of ten times its rows."""
    found = {}
    for repeats in (1, REPEATS):
        begun = time.perf_counter()
        peak = fed(source, repeats, run, str(folder / "piped.csv"), env)
        found[str(repeats)] = {"seconds": time.perf_counter() - begun, "peak_megabytes": peak / 1e6}
    few, many = found["1"]["peak_megabytes"], found[str(REPEATS)]["peak_megabytes"]
    return {**found, "ratio": many / few}


def fed(source: Path, repeats: int, run: str, output: str, env: Mapping[str, str]) -> float:
    """The peak of resident memory, in bytes, of a prediction that is fed by a pipe."""
    words = [shared.nntool(), "predict", run, "-", "--output", output, "--quiet"]
    process = subprocess.Popen(words, env=dict(env), stdin=subprocess.PIPE)
    assert process.stdin is not None
    feeder = threading.Thread(target=feed, args=(source, repeats, process.stdin))
    feeder.start()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    feeder.join()
    if status:
        sys.exit(f"{' '.join(words)} exits with {process.returncode}")
    return float(usage.ru_maxrss * 1024)


def feed(source: Path, repeats: int, pipe: IO[bytes]) -> None:
    """Write the header once and the rows so many times."""
    with pipe, open(source, "rb") as file:
        pipe.write(file.readline())
        start = file.tell()
        for _ in range(repeats):
            file.seek(start)
            shutil.copyfileobj(file, pipe, 1 << 20)


def text(found: Mapping[str, Any], n_rows: int) -> str:
    """The tables for a person."""
    timed = [
        [
            name,
            f"{one['seconds']:.2f}",
            "–".join(f"{quartile:.2f}" for quartile in one["quartiles"]),
            f"{one['ratio']:.2f}",
        ]
        for part in ("rows", "few", "members")
        for name, one in found[part].items()
    ]
    memory = found["memory"]
    through = [
        [
            f"{n_rows * repeats:,}",
            f"{memory[str(repeats)]['seconds']:.1f}",
            f"{memory[str(repeats)]['peak_megabytes']:.0f}",
        ]
        for repeats in (1, REPEATS)
    ]
    seen = {
        "rows": next(iter(found["rows"].values()))["ratio"],
        "few": found["few"][FEW]["ratio"],
        "members": found["members"][SEVERAL]["ratio"],
        "memory": memory["ratio"],
    }
    said = {
        "rows": f"all rows to {RIVAL}",
        "few": f"10 rows to {PANDAS}",
        "members": f"{SEVERAL} to {ONE}",
        "memory": f"peak of {REPEATS} times the rows to that of the table",
    }
    lines = [
        shared.table(["process", "median s", "quartiles", "pairwise"], timed),
        "",
        shared.table(["rows through a pipe", "s", "peak MB"], through),
        "",
    ]
    lines += [
        f"{said[name]}: {seen[name]:.2f} times, goal {goal}: {shared.verdict(seen[name] <= goal)}"
        for name, goal in GOALS.items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
