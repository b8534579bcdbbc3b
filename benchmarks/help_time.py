"""How long the small commands take: help, and the prediction of ten rows.

Whole processes, from start to end, taken in turn; byte code is warm for all.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from shared import (
    SAMPLE_DATA,
    alternate,
    environment,
    machine,
    nntool,
    pairwise,
    parser,
    quartiles,
    run_command,
    scratch,
    show,
    table,
    verdict,
)

TYPER = "python -c 'import typer'"
HELP, TRAIN_HELP = "nntool --help", "nntool train --help"
PREDICT = "nntool predict, 10 rows"
HELP_GOAL, TRAIN_HELP_GOAL = 1.5, 0.5


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rounds", type=int, default=25)
    given = options.parse_args()
    rounds = 5 if given.quick else given.rounds
    facts = machine("typer", "numpy", "pandas", "pyarrow")
    with scratch() as folder:
        seconds = alternate(commands(folder), rounds, warm_up=2)
    report = {
        "benchmark": "help_time",
        "machine": facts,
        "rounds": rounds,
        "commands": {name: figures(values, seconds[TYPER]) for name, values in seconds.items()},
        "goals": goals(seconds),
    }
    show(report, text(report), as_json=given.json)


def commands(folder: Path) -> dict[str, Callable[[], float]]:
    """What is timed; a run on the customers, which have dates and categories, is made first."""
    env = environment(folder)
    run, rows = str(folder / "run"), folder / "ten.csv"
    data = SAMPLE_DATA / "customers.csv"
    lines = data.read_text(encoding="utf-8").splitlines(keepends=True)
    rows.write_text("".join(lines[:11]), encoding="utf-8")
    run_command([nntool(), "run", run, "--data", str(data), "--target", "churned"], env)

    def python(code: str) -> Callable[[], float]:
        return partial(run_command, [sys.executable, "-c", code], env)

    def tool(*words: str) -> Callable[[], float]:
        return partial(run_command, [nntool(), *words], env)

    return {
        "python -c pass": python("pass"),
        TYPER: python("import typer"),
        HELP: tool("--help"),
        "python -c 'import numpy'": python("import numpy"),
        TRAIN_HELP: tool("train", "--help"),
        "python -c 'import pandas'": python("import pandas"),
        PREDICT: tool("predict", run, str(rows), "--output", str(folder / "answers.csv")),
    }


def figures(values: list[float], rival: list[float]) -> dict[str, float]:
    """Medians in seconds and ratios to ``import typer``."""
    low, high = quartiles(values)
    middle = statistics.median(values)
    return {
        "seconds": middle,
        "first_quartile": low,
        "third_quartile": high,
        "ratio_of_medians": middle / statistics.median(rival),
        "median_of_ratios": pairwise(values, rival),
    }


def goals(seconds: dict[str, list[float]]) -> list[dict[str, object]]:
    """The figures that are asked for, and whether they are reached."""
    ratio = statistics.median(seconds[HELP]) / statistics.median(seconds[TYPER])
    wall = statistics.median(seconds[TRAIN_HELP])
    return [
        {
            "what": f"{HELP} to {TYPER}",
            "goal": HELP_GOAL,
            "seen": ratio,
            "met": ratio < HELP_GOAL,
        },
        {
            "what": f"{TRAIN_HELP}, seconds",
            "goal": TRAIN_HELP_GOAL,
            "seen": wall,
            "met": wall < TRAIN_HELP_GOAL,
        },
    ]


def text(report: dict) -> str:
    """The tables for a person."""
    rows = [
        [
            name,
            f"{1000 * f['seconds']:.0f}",
            f"{1000 * f['first_quartile']:.0f}–{1000 * f['third_quartile']:.0f}",
            f"{f['ratio_of_medians']:.2f}",
            f"{f['median_of_ratios']:.2f}",
        ]
        for name, f in report["commands"].items()
    ]
    header = ["command", "median ms", "quartiles", "to typer", "pairwise"]
    lines = [f"{report['rounds']} rounds", table(header, rows), ""]
    lines += [
        f"{goal['what']}: {goal['seen']:.2f}, goal under {goal['goal']}: {verdict(goal['met'])}"
        for goal in report["goals"]
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
