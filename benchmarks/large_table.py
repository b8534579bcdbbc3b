"""Training from a feature file larger than memory should be: peak memory and time per row.

A run is made from a small table by nntool itself; its matrices are then exchanged for random ones
of many rows, entered in the manifest as the steps themselves would enter them. ``nntool train`` is
started on it as a process of its own, in turn with a table that is held in memory.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import shared

from nntool.run import names
from nntool.run.directory import Run
from nntool.run.manifest import RowsSeen
from nntool.run.session import Session
from nntool.tables.arrays import MatrixWriter, save

N_COLUMNS = 50
SMALL = 1_200_000
LARGE = 12_000_000
BLOCK = 100_000
MEMORY_GOAL = 1 << 30
TIME_GOAL = 1.5
TRAIN = ["--epochs", "2", "--patience", "0", "--batch-size", "512", "--hidden", "128,64"]


def main() -> None:
    parser = shared.parser(__doc__)
    parser.add_argument("--rows", type=int, default=LARGE, help="rows of the large table")
    options = parser.parse_args()
    n_small, n_large = (SMALL // 4, options.rows // 5) if options.quick else (SMALL, options.rows)
    if n_large <= n_small:
        parser.error(f"--rows: more than {n_small:,} are needed to compare with")
    machine = shared.machine("numpy")
    with shared.scratch() as folder:
        env = shared.environment(folder)
        runs = {n: made(folder, n, env) for n in (n_small, n_large)}
        measured: dict[int, list[dict[str, float]]] = {n: [] for n in runs}
        for _ in range(1 if options.quick else 3):
            for n, run in runs.items():
                measured[n].append(trained(run, env))
    small, large = (summary(n, measured[n]) for n in runs)
    ratio = large["us_per_row"] / small["us_per_row"]
    met = {"memory": large["peak"] < MEMORY_GOAL, "time": ratio <= TIME_GOAL}
    rows = [
        [
            f"{n:,} x {N_COLUMNS}",
            f"{n * N_COLUMNS * 4 / 1e9:.2f}",
            f"{s['peak'] / 1e6:,.0f}",
            f"{s['us_per_row']:.3f}",
            f"{s['wall']:.1f}",
        ]
        for n, s in zip(runs, (small, large), strict=True)
    ]
    text = shared.table(["table", "GB", "peak MB", "us a row", "wall s"], rows)
    text += f"\n\npeak under {MEMORY_GOAL >> 20} MiB: {shared.verdict(met['memory'])}"
    text += f"\ntime a row {ratio:.2f} times, goal {TIME_GOAL}: {shared.verdict(met['time'])}"
    report = {"machine": machine, "small": small, "large": large, "ratio": ratio, "met": met}
    shared.show(report, text, as_json=options.json)


def made(folder: Path, n_rows: int, env: dict[str, str]) -> Path:
    """A run whose training reads ``n_rows`` rows, a tenth of them for validation."""
    table, run = folder / "small.csv", folder / f"run-{n_rows}"
    rng = np.random.default_rng(0)
    with open(table, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*(f"x{j}" for j in range(N_COLUMNS)), "y"])
        writer.writerows(rng.standard_normal((300, N_COLUMNS + 1)).round(6).tolist())
    tool = shared.nntool()
    words = ["--data", str(table), "--target", "y", "--set", "train.epochs=1"]
    shared.run_command([tool, "run", str(run), *words, "--set", "split.test=0.0"], env)
    parts = (np.arange(n_rows) % 10 == 9).astype(np.int8)
    left_out = np.zeros(n_rows, np.int8)
    training = hashlib.sha256((parts == 0).tobytes()).hexdigest()
    seen = RowsSeen(part="train", count=int((parts == 0).sum()), sha256=training)
    with Session(str(run)) as session:
        for step in ("split", "clean", "transform", "select-features"):
            entry = session.run.entry(step)
            assert entry is not None
            staged = session.stage(step)
            for artifact in entry.writes:
                target = staged / artifact.partition("/")[2]
                if artifact == names.TRANSFORM_NUMERIC:
                    write_features(target, n_rows)
                elif artifact == names.TRANSFORM_TARGET:
                    save(target, features_sum(n_rows))
                elif artifact == names.CLEAN_LEFT_OUT:
                    save(target, left_out)
                elif artifact == names.SPLIT_ROWS:
                    save(target, parts)
                else:
                    target.write_bytes(session.run.path(artifact).read_bytes())
            session.finish(
                step,
                asked=entry.asked,
                settings=entry.settings,
                reads={},
                seconds=0,
                facts=entry.facts,
                rows=seen if entry.rows else None,
            )
        for step in ("split", "clean", "transform", "select-features"):
            entry = session.run.entry(step)
            assert entry is not None
            entry.reads = inputs(session.run, step)
        session.commit()
    return run


def inputs(run: Run, step: str) -> dict[str, str]:
    from nntool.run import freshness

    return freshness.inputs(run, step)


def write_features(path: Path, n_rows: int) -> None:
    with MatrixWriter(path, N_COLUMNS, np.float32) as writer:
        for start in range(0, n_rows, BLOCK):
            writer.append(block(start, min(BLOCK, n_rows - start)))


def features_sum(n_rows: int) -> np.ndarray:
    """A target that can be learned."""
    found = np.empty(n_rows, np.float32)
    for start in range(0, n_rows, BLOCK):
        x = block(start, min(BLOCK, n_rows - start))
        found[start : start + len(x)] = np.tanh(x[:, :8].sum(axis=1) / 3)
    return found


def block(start: int, n_rows: int) -> np.ndarray:
    rng = np.random.default_rng(start)
    return rng.standard_normal((n_rows, N_COLUMNS), dtype=np.float32)


def trained(run: Path, env: dict[str, str]) -> dict[str, float]:
    """Train in a process of its own; its peak of resident memory in bytes, and its times."""
    begun = time.perf_counter()
    tool = [shared.nntool(), "train", str(run), "--force", "--quiet", *TRAIN]
    process = subprocess.Popen(tool, env=env, stdin=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(tool)} fails")
    with open(run / names.TRAIN_TIMING, newline="", encoding="utf-8") as file:
        speeds = [float(row["rows_per_second"]) for row in csv.DictReader(file)]
    json.loads((run / names.TRAIN_MODEL).read_text())
    return {
        "peak": usage.ru_maxrss * 1024,
        "us_per_row": 1e6 / statistics.median(speeds),
        "wall": time.perf_counter() - begun,
    }


def summary(n_rows: int, measured: list[dict[str, float]]) -> dict[str, float]:
    found = {key: statistics.median(m[key] for m in measured) for key in measured[0]}
    return {"rows": n_rows, **found, "peak": max(m["peak"] for m in measured)}


if __name__ == "__main__":
    main()
