"""The data steps on a large table: their time and peak memory beside pandas and scikit-learn.

A seeded table of numbers and categories is written as CSV. ``clean`` (read, infer, check, write)
runs in turn with ``pandas.read_csv`` and ``to_parquet``, ``transform`` (fit and apply, defaults)
with scikit-learn's ColumnTransformer (median, standard scaler, one-hot), each as its own process.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import shared

N_ROWS = 1_000_000
N_NUMERIC = 20
LEVELS = (3, 8, 30, 200)
TARGET = "x19"
BLOCK = 100_000
TIME_GOALS = {"clean": 3.0, "transform": 1.0}
MEMORY_GOAL = 3.0

READ_AND_WRITE = """
import sys, pandas
frame = pandas.read_csv(sys.argv[1])
frame.to_parquet(sys.argv[2])
"""
MEASURE = """
import sys, pandas
print(pandas.read_csv(sys.argv[1]).memory_usage(deep=True).sum())
"""
COLUMN_TRANSFORMER = """
import sys, time, pandas
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
frame = pandas.read_parquet(sys.argv[1]).drop(columns=[sys.argv[2]])
numbers = frame.select_dtypes("number").columns
others = frame.columns.difference(numbers, sort=False)
begun = time.perf_counter()
pipeline = ColumnTransformer([
    ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), list(numbers)),
    ("categories", OneHotEncoder(handle_unknown="ignore"), list(others)),
])
pipeline.fit(frame).transform(frame)
print(time.perf_counter() - begun)
"""


def main() -> None:
    parser = shared.parser(__doc__)
    parser.add_argument("--rows", type=int, default=N_ROWS, help="rows of the table")
    parser.add_argument("--rounds", type=int, default=3, help="rounds that are timed")
    parser.add_argument("--part", choices=["clean", "transform"], help="one part alone")
    options = parser.parse_args()
    n_rows, n_rounds = (N_ROWS // 10, 1) if options.quick else (options.rows, options.rounds)
    machine = shared.machine("numpy", "pandas", "pyarrow", "scikit-learn")
    with shared.scratch() as folder:
        env = shared.environment(folder)
        source = folder / "table.csv"
        write_table(source, n_rows)
        table = {
            "rows": n_rows,
            "megabytes": source.stat().st_size / 1e6,
            "frame_megabytes": float(ran([sys.executable, "-c", MEASURE, str(source)], env)[0])
            / 1e6,
        }
        found = {}
        if options.part != "transform":
            found["clean"] = clean(folder, source, env, n_rounds)
        if options.part != "clean":
            found["transform"] = transform(folder, source, env, n_rounds)
    text = "\n\n".join(section(name, part, table) for name, part in found.items())
    head = "{rows:,} rows, {megabytes:.0f} MB of CSV, {frame_megabytes:.0f} MB in memory\n\n"
    report = {"machine": machine, "table": table, **found}
    shared.show(report, head.format(**table) + text, as_json=options.json)


def write_table(path: Path, n_rows: int) -> None:
    """20 columns of numbers, whole and broken, and 4 of categories; one cell in a hundred empty."""
    names = [f"x{j}" for j in range(N_NUMERIC)]
    names += [f"c{j}" for j in range(len(LEVELS))]
    schema = pa.schema([(name, pa.string()) for name in names])
    options = pyarrow.csv.WriteOptions(quoting_style="none")
    with pyarrow.csv.CSVWriter(path, schema, write_options=options) as writer:
        for start in range(0, n_rows, BLOCK):
            writer.write_batch(block(start, min(BLOCK, n_rows - start), schema))


def block(start: int, n_rows: int, schema: pa.Schema) -> pa.RecordBatch:
    rng = np.random.default_rng(start)
    arrays: list[Any] = []
    for j in range(N_NUMERIC):
        values: Any = rng.normal(100 * (j - 8), 50 + 10 * j, n_rows)
        values = values.round().astype(np.int64) if j % 5 == 4 else values.round(4)
        mask = rng.random(n_rows) < 0.01 if f"x{j}" != TARGET else None
        arrays.append(pa.array(values, mask=mask).cast(pa.string()))
    for n_levels in LEVELS:
        codes = np.minimum(rng.geometric(3 / n_levels, n_rows) - 1, n_levels - 1)
        levels = pa.array([f"level {code}" for code in range(n_levels)])
        mask = rng.random(n_rows) < 0.01
        arrays.append(levels.take(pa.array(codes, mask=mask)))
    return pa.record_batch(arrays, schema=schema)


def clean(folder: Path, source: Path, env: Mapping[str, str], n_rounds: int) -> dict[str, Any]:
    """``nntool clean RUN SOURCE`` beside reading with pandas and writing Parquet."""
    run = folder / "run"
    ours = [shared.nntool(), "clean", str(run), str(source), "--target", TARGET, "--quiet"]
    theirs = [sys.executable, "-c", READ_AND_WRITE, str(source), str(folder / "pandas.parquet")]

    def again() -> dict[str, float]:
        shutil.rmtree(run, ignore_errors=True)
        return watched(ours, env)

    return in_turn({"nntool": again, "pandas": lambda: watched(theirs, env)}, n_rounds)


def transform(folder: Path, source: Path, env: Mapping[str, str], n_rounds: int) -> dict[str, Any]:
    """``nntool transform RUN`` beside a ColumnTransformer, both from the clean table on disk."""
    run = folder / "run"
    tool = shared.nntool()
    if not run.exists():
        ran([tool, "clean", str(run), str(source), "--target", TARGET, "--quiet"], env)
    ours = [tool, "transform", str(run), "--force", "--quiet"]
    table = run / "clean" / "table.parquet"
    theirs = [sys.executable, "-c", COLUMN_TRANSFORMER, str(table), TARGET]
    return in_turn(
        {"nntool": lambda: watched(ours, env), "scikit-learn": lambda: watched(theirs, env)},
        n_rounds,
    )


def in_turn(
    timed: Mapping[str, Callable[[], dict[str, float]]], n_rounds: int
) -> dict[str, dict[str, float]]:
    """Medians of each and the largest memory, all once a round, the order turned every second."""
    names = list(timed)
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for number in range(n_rounds):
        for name in names if number % 2 == 0 else reversed(names):
            measured[name].append(timed[name]())
    return {
        name: {
            "seconds": statistics.median(one["seconds"] for one in found),
            "cpu": statistics.median(one["cpu"] for one in found),
            "peak_megabytes": max(one["peak"] for one in found) / 1e6,
            **(
                {"inner": statistics.median(one["inner"] for one in found)}
                if "inner" in found[0]
                else {}
            ),
        }
        for name, found in measured.items()
    }


def watched(words: list[str], env: Mapping[str, str]) -> dict[str, float]:
    """Run a command: its wall and processor time, its peak of resident memory in bytes."""
    begun = time.perf_counter()
    out, usage = ran(words, env)
    found = {
        "seconds": time.perf_counter() - begun,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss * 1024.0,
    }
    return found | ({"inner": float(out)} if out else {})


def ran(words: list[str], env: Mapping[str, str]) -> tuple[str, Any]:
    """What a command prints, and what it used; stop where it fails."""
    process = subprocess.Popen(
        words, env=dict(env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        out = process.stdout.read().strip()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        sys.exit(f"{words[0]} … fails")
    return out, usage


def section(name: str, part: dict[str, dict[str, float]], table: dict[str, float]) -> str:
    """A table of one part and whether its goals are met."""
    ours, (rival, theirs) = part["nntool"], next(p for p in part.items() if p[0] != "nntool")
    rows = [
        [
            f"{name}: {who}",
            f"{one['seconds']:.2f}",
            f"{one['cpu']:.2f}",
            f"{one['peak_megabytes']:,.0f}",
            f"{one['peak_megabytes'] / table['frame_megabytes']:.2f}",
        ]
        for who, one in part.items()
    ]
    ratio = ours["seconds"] / theirs["seconds"]
    memory = ours["peak_megabytes"] / table["frame_megabytes"]
    goal = TIME_GOALS[name]
    text = shared.table(["process", "seconds", "cpu s", "peak MB", "of the frame"], rows)
    if "inner" in theirs:
        text += f"\n{rival}'s fit and transform alone: {theirs['inner']:.2f} s"
    text += f"\ntime {ratio:.2f} times {rival}, goal {goal:g}: {shared.verdict(ratio <= goal)}"
    text += f"; processor time {ours['cpu'] / theirs['cpu']:.2f} times, which load moves less"
    goal = MEMORY_GOAL
    text += f"\npeak {memory:.2f} times the frame, goal {goal:g}: {shared.verdict(memory <= goal)}"
    return text


if __name__ == "__main__":
    main()
