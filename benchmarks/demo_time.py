"""How long the demo takes: every command of sample_data/demo.sh, from start to end.

The script itself is run, with a stopwatch in the place of its ``nntool``, so that this measures
what the demo does today and not a copy of it.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from shared import (
    SAMPLE_DATA,
    environment,
    machine,
    nntool,
    parser,
    run_command,
    scratch,
    show,
    table,
    verdict,
)

GOAL_SECONDS, GOAL_CORES = 60.0, 2

STOPWATCH = """#!{python}
import json, subprocess, sys, time
begun = time.perf_counter()
code = subprocess.call([{nntool!r}, *sys.argv[1:]])
with open({log!r}, "a") as log:
    log.write(json.dumps([sys.argv[1:], time.perf_counter() - begun]) + "\\n")
sys.exit(code)
"""


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    rounds = 1 if given.quick else given.rounds
    cores = sorted(os.sched_getaffinity(0))[:GOAL_CORES]
    os.sched_setaffinity(0, cores)
    facts = machine("numpy", "pyarrow", "scikit-learn")
    with scratch() as folder:
        env = environment(folder)
        demo(folder, env)  # byte code and the disk's cache are warm after this
        found = [demo(folder, env) for _ in range(rounds)]
    report = {"benchmark": "demo_time", "machine": facts, "rounds": rounds, **summary(found)}
    show(report, text(report), as_json=given.json)


def demo(folder: Path, env: dict[str, str]) -> dict[str, Any]:
    """Run a copy of the demo once: seconds of each nntool command and of all of it."""
    house, log, bin_folder = folder / "house", folder / "log", folder / "bin"
    if house.exists():
        shutil.rmtree(house)
    shutil.copytree(SAMPLE_DATA, house / "sample_data")
    log.unlink(missing_ok=True)
    bin_folder.mkdir(exist_ok=True)
    stopwatch = bin_folder / "nntool"
    words = {"python": sys.executable, "nntool": nntool(), "log": str(log)}
    stopwatch.write_text(STOPWATCH.format(**words), encoding="utf-8")
    stopwatch.chmod(0o755)
    env = env | {"PATH": f"{bin_folder}{os.pathsep}{env['PATH']}"}
    begun = time.perf_counter()
    run_command(["sh", "sample_data/demo.sh"], env, cwd=house)
    seconds = time.perf_counter() - begun
    commands = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return {"commands": commands, "seconds": seconds}


def summary(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians over the rounds, by command, by pipeline and together."""
    commands = []
    for number, (words, _) in enumerate(found[0]["commands"]):
        middle = statistics.median(round_["commands"][number][1] for round_ in found)
        commands.append(
            {"command": " ".join(["nntool", *words]), "run": words[1], "seconds": middle}
        )
    pipelines: dict[str, float] = {}
    for command in commands:
        run = Path(command["run"]).name
        pipelines[run] = pipelines.get(run, 0.0) + command["seconds"]
    together = statistics.median(round_["seconds"] for round_ in found)
    goal = {"goal": GOAL_SECONDS, "seen": together, "met": together < GOAL_SECONDS}
    return {"commands": commands, "pipelines": pipelines, "seconds": together, "goals": [goal]}


def text(report: dict[str, Any]) -> str:
    """The tables for a person."""
    lines = [f"{report['rounds']} rounds on {report['machine']['cores']} cores, medians"]
    rows = [[c["command"], f"{c['seconds']:.2f}"] for c in report["commands"]]
    lines += [table(["command", "seconds"], rows), ""]
    rows = [[name, f"{seconds:.2f}"] for name, seconds in report["pipelines"].items()]
    lines += [table(["pipeline", "seconds"], rows), ""]
    goal = report["goals"][0]
    lines.append(
        f"the whole script: {goal['seen']:.2f} s, goal under {goal['goal']:.0f}: "
        + verdict(goal["met"])
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
