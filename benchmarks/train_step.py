"""How long one training step takes: networks of five sizes, batches of three.

Against eager torch with its fused Adam, scikit-learn's MLPRegressor and the bare matrix products
of the step (`step_rivals.py` says what each does). Every rival is a process of its own, started
without the variables that choose an OpenBLAS kernel; all run once a round, one after the other.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from shared import alternate, machine, parser, show, table, verdict

HIDDEN = ((32,), (64, 64), (256, 256), (512, 512, 512), (1024, 1024))
BATCHES = (32, 256, 2048)
NOT_FOR_CHILDREN = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
SLICE = 0.02
"""Seconds for which one rival runs in a round, if a step is not longer."""
SHARES = {((256, 256), 256): 0.70, ((256, 256), 2048): 0.75, ((512, 512, 512), 2048): 0.85}
"""What the bare products should take of our step, in the cells that have such a goal."""


class Rival:
    """A process that runs steps when it is told to."""

    def __init__(self, name: str, threads: int) -> None:
        count = {f"{lib}_NUM_THREADS": str(threads) for lib in ("OMP", "OPENBLAS", "MKL")}
        env = {k: v for k, v in os.environ.items() if k not in NOT_FOR_CHILDREN}
        script = str(Path(__file__).with_name("step_rivals.py"))
        self.process = subprocess.Popen(
            [sys.executable, script, name, str(threads)],
            env=env | count,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.versions = self._heard()
        self.blas: list[dict[str, Any]] = []

    def prepare(self, hidden: tuple[int, ...], batch: int, extras: bool) -> None:
        """Make a cell ready, and find how many steps fill a slice."""
        self.blas = self._ask(hidden=hidden, batch=batch, extras=extras)
        self.steps = 2
        self._ask(steps=self.steps)
        while (seconds := self._ask(steps=self.steps)) < SLICE / 2:
            self.steps *= 2
        self.steps = max(2, round(self.steps * SLICE / seconds))

    def step(self) -> float:
        """Seconds of one step."""
        return float(self._ask(steps=self.steps)) / self.steps

    def _ask(self, **what: object) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        return self._heard()

    def _heard(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            sys.exit("a process that was to be timed has ended; its error stands above")
        return json.loads(line)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--threads", type=int, default=1, metavar="N", help="BLAS threads of each")
    options.add_argument("--rounds", type=int, default=21)
    given = options.parse_args()
    rounds = 3 if given.quick else given.rounds
    facts = machine("numpy", "scikit-learn")
    with started(given.threads) as rivals:
        facts["versions"] |= {k: v for r in rivals.values() for k, v in r.versions.items()}
        plain = list(measured(rivals, given.threads, rounds, extras=False))
        extras = list(measured(rivals, given.threads, rounds, extras=True))
        facts["blas"] = {name: rival.blas for name, rival in rivals.items()}
    report = {
        "benchmark": "train_step",
        "machine": facts | {"load_at_the_end": round(os.getloadavg()[0], 2)},
        "rounds": rounds,
        "cells": plain,
        "cells_with_extras": extras,
        "means": {"cells": means(plain), "cells_with_extras": means(extras)},
        "goals": goals(plain) if given.threads == 1 else [],
    }
    show(report, text(report), as_json=given.json)


@contextmanager
def started(threads: int) -> Iterator[dict[str, Rival]]:
    """The rivals that can be had here; with several threads also ours on one."""
    names = ["ours", "sklearn", "products"]
    if importlib.util.find_spec("torch") is not None:
        names.insert(1, "torch")
    rivals = {name: Rival(name, threads) for name in names}
    if threads > 1:
        rivals["ours_one_thread"] = Rival("ours", 1)
    try:
        yield rivals
    finally:
        for rival in rivals.values():
            rival.process.communicate()  # closes its input, which ends it


def measured(
    rivals: Mapping[str, Rival], threads: int, rounds: int, *, extras: bool
) -> Iterator[dict[str, Any]]:
    """Cell by cell the median microseconds of a step."""
    for hidden in HIDDEN:
        for batch in BATCHES:
            for rival in rivals.values():
                rival.prepare(hidden, batch, extras)
            seconds = alternate({name: partial(r.step) for name, r in rivals.items()}, rounds)
            cell = {"hidden": list(hidden), "batch": batch, "threads": threads, "torch_us": None}
            yield cell | {f"{k}_us": 1e6 * statistics.median(v) for k, v in seconds.items()}


def ratios(cells: list[dict[str, Any]], above: str, below: str) -> list[float]:
    """One column divided by another, in the cells that have both."""
    return [c[f"{above}_us"] / c[f"{below}_us"] for c in cells if c[f"{above}_us"]]


def means(cells: list[dict[str, Any]]) -> dict[str, float]:
    """Geometric means over the cells."""
    pairs = [("torch", "ours"), ("torch", "products"), ("sklearn", "ours"), ("products", "ours")]
    pairs += [("ours_one_thread", "ours")] if "ours_one_thread_us" in cells[0] else []
    return {
        f"{above}/{below}": statistics.geometric_mean(found)
        for above, below in pairs
        if (found := ratios(cells, above, below))
    }


def goals(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The figures that are asked for on one thread, and whether they are reached."""
    mean = means(cells)
    wanted = [
        ("scikit-learn/nntool, geometric mean", 2.5, mean["sklearn/ours"]),
        ("scikit-learn/nntool, least cell", 1.3, min(ratios(cells, "sklearn", "ours"))),
    ]
    if "torch/ours" in mean:
        share = mean["torch/ours"] / mean["torch/products"]
        wanted += [
            ("torch/nntool, least cell", 1 / 1.03, min(ratios(cells, "torch", "ours"))),
            ("torch/nntool to torch/products, geometric means", 0.7, share),
        ]
    for cell in cells:
        goal = SHARES.get((tuple(cell["hidden"]), cell["batch"]))
        if goal is not None:
            what = f"products/nntool at {size(cell)}, batch {cell['batch']}"
            wanted.append((what, goal, cell["products_us"] / cell["ours_us"]))
    return [
        {"what": what, "goal": goal, "seen": seen, "met": seen >= goal}
        for what, goal, seen in wanted
    ]


def size(cell: Mapping[str, Any]) -> str:
    return ",".join(map(str, cell["hidden"]))


def text(report: Mapping[str, Any]) -> str:
    """The tables for a person."""
    threads = report["cells"][0]["threads"]
    lines = [f"{report['rounds']} rounds, {threads} BLAS thread(s), medians, microseconds a step"]
    titles = {"cells": "plain", "cells_with_extras": "with dropout, batch norm and L2"}
    for name, title in titles.items():
        lines += ["", title, cell_table(report[name])]
        found = ", ".join(f"{k} {v:.2f}" for k, v in report["means"][name].items())
        lines.append(f"geometric means: {found}")
    lines += [""] if report["goals"] else []
    lines += [
        f"{goal['what']}: {goal['seen']:.2f}, goal {goal['goal']:.2f}: {verdict(goal['met'])}"
        for goal in report["goals"]
    ]
    lines += ["", *pools(report["machine"])]
    return "\n".join(lines)


def cell_table(cells: list[dict[str, Any]]) -> str:
    """A row for each cell: microseconds, then how many times as long each rival takes."""
    columns = {"ours": "nntool", "ours_one_thread": "1 thread", "torch": "torch"}
    columns |= {"sklearn": "scikit-learn", "products": "products"}
    names = {k: v for k, v in columns.items() if f"{k}_us" in cells[0] and cells[0][f"{k}_us"]}
    rows = []
    for cell in cells:
        us = {name: cell[f"{name}_us"] for name in names}
        rows.append([size(cell), str(cell["batch"]), *(f"{v:,.0f}" for v in us.values())])
        rows[-1] += [f"{v / us['ours']:.2f}" for name, v in us.items() if name != "ours"]
    ratio_names = [f"{v}/nntool" for k, v in names.items() if k != "ours"]
    return table(["hidden", "batch", *names.values(), *ratio_names], rows)


def pools(facts: Mapping[str, Any]) -> list[str]:
    """Which BLAS kernel each process used, on how many threads, and under what load."""
    lines = []
    for name, found in facts["blas"].items():
        words = [
            [p["internal_api"], p["version"], p["architecture"], f"x{p['num_threads']}"]
            for p in found
        ]
        lines.append(f"{name}: " + "; ".join(" ".join(filter(None, word)) for word in words))
    return [*lines, f"load at the end {facts['load_at_the_end']}"]


if __name__ == "__main__":
    main()
