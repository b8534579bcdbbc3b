"""One update of all members of an ensemble: each by itself, and all together on one array.

It is what `nntool.nn.members.choosing` decides by: 32 inputs, one output, relu, adam, float32, one
BLAS thread. Figures are processor time, which other work on the machine moves little.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import shared

from nntool.nn.batches import ArrayRows
from nntool.nn.losses import BCE
from nntool.nn.members.choosing import worth_batching
from nntool.nn.members.learning import MembersLearner
from nntool.nn.network import Network, NetworkSpec
from nntool.nn.optimizers import Adam
from nntool.nn.outputs import choose_output
from nntool.nn.plan import Plan
from nntool.nn.randomness import Streams
from nntool.nn.training import Trainer
from nntool.nn.updating import UpdateRules

N_INPUTS = 32
NETWORKS = ((32,), (32, 32), (64, 64), (128, 64), (128, 128), (256, 256))
BATCHES = (32, 128, 256)
MEMBERS = (2, 8)
WORK = 300_000_000
"""Products of a row and a weight in one epoch of all members that is timed, about."""


def main() -> None:
    """Time, and show."""
    given = shared.parser(__doc__).parse_args()
    facts = shared.machine("numpy")
    cells = [
        cell(hidden, batch, n_members, 1 if given.quick else 5)
        for hidden in NETWORKS
        for batch in BATCHES
        for n_members in MEMBERS
    ]
    report = {"benchmark": "members_step", "machine": facts, "cells": cells, "goals": goals(cells)}
    shared.show(report, text(report), as_json=given.json)


def cell(hidden: tuple[int, ...], batch: int, n_members: int, rounds: int) -> dict[str, Any]:
    """One network, one size of batches and so many members."""
    trainers = members(hidden, batch, n_members)
    net = trainers[0].net
    learners = [trainer.learner for trainer in trainers]
    together = MembersLearner(learners, range(n_members))  # type: ignore[arg-type]

    def alone() -> None:
        for learner in learners:
            learner.run_epoch(1, lambda: False)

    timed = {
        "alone": stopwatch(alone),
        "together": stopwatch(lambda: together.run_epoch(1, lambda: False)),
    }
    with np.errstate(all="ignore"):
        seconds = shared.alternate(timed, rounds)
    n_updates = trainers[0].train.n_rows // batch
    return {
        "hidden": list(hidden),
        "batch": batch,
        "members": n_members,
        "parameters_times_rows": net.size * batch,
        "together_is_chosen": worth_batching(net, batch, n_members),
        "seconds_alone": min(seconds["alone"]) / n_updates,
        "seconds_together": min(seconds["together"]) / n_updates,
        "times_as_fast": shared.pairwise(seconds["alone"], seconds["together"]),
    }


def members(hidden: tuple[int, ...], batch: int, n_members: int) -> list[Trainer]:
    """Trainers that differ in their seeds, with rows for 6 to 60 updates."""
    net = Network(NetworkSpec(n_numeric=N_INPUTS, hidden=hidden, n_outputs=1))
    n_updates = min(60, max(6, WORK // (n_members * batch * net.size)))
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch * n_updates, N_INPUTS)).astype(np.float32)
    y = (x[:, 0] > x[:, 1] * x[:, 2]).astype(np.int32)
    plan = Plan(rules=UpdateRules(optimizer=Adam()), batch_size=batch, epochs=1_000_000)
    output = choose_output("binary", 2, BCE())
    return [
        Trainer(net, output, plan, ArrayRows(x, target=y), streams=Streams(seed))
        for seed in range(n_members)
    ]


def stopwatch(work: Callable[[], object]) -> Callable[[], float]:
    """The same work, that returns its processor time."""

    def timed() -> float:
        begun = time.process_time()
        work()
        return time.process_time() - begun

    return timed


def goals(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Where all are trained together it is faster: by the geometric mean, and in every cell."""
    chosen = [c["times_as_fast"] for c in cells if c["together_is_chosen"]]
    mean = statistics.geometric_mean(chosen)
    return [
        {"what": "geometric mean", "goal": 1.25, "seen": mean, "met": mean >= 1.25},
        {"what": "least", "goal": 0.95, "seen": min(chosen), "met": min(chosen) >= 0.95},
    ]


def text(report: dict[str, Any]) -> str:
    """The tables for a person."""
    header = ["hidden", "batch", "members", "parameters × rows", "alone µs", "together µs"]
    rows = [
        [
            "×".join(map(str, c["hidden"])),
            str(c["batch"]),
            str(c["members"]),
            f"{c['parameters_times_rows']:,}",
            f"{1e6 * c['seconds_alone']:,.0f}",
            f"{1e6 * c['seconds_together']:,.0f}",
            f"{c['times_as_fast']:.2f}",
            "together" if c["together_is_chosen"] else "alone",
        ]
        for c in report["cells"]
    ]
    lines = [shared.table([*header, "times as fast", "chosen"], rows), ""]
    lines += [
        f"{goal['what']} of times as fast where together is chosen: {goal['seen']:.2f},"
        f" goal at least {goal['goal']}: {shared.verdict(goal['met'])}"
        for goal in report["goals"]
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
