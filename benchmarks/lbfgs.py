"""L-BFGS against scikit-learn's MLP with solver "lbfgs": the loss that is reached, and the time.

The same network, the same rows, both in float64 on one BLAS thread, from the same initial weights,
with the same penalty and the same number of iterations; both take their turns in one process.
"""

from __future__ import annotations

import math
import statistics
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import threadpoolctl
from shared import alternate, machine, pairwise, parser, show, table, verdict
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.neural_network import MLPClassifier, MLPRegressor

HIDDEN = ((32,), (128, 64))
ACTIVATIONS = ("relu", "tanh")
ITERATIONS = 50
SEEDS = 4
"""Initial weights that losses are a geometric mean over: one cell of one seed says little."""
ALPHA = 0.1
"""Of scikit-learn's penalty, ½·alpha·Σw²/n: losses then stay above 0 in so many iterations."""


class Rows(NamedTuple):
    """A table: standardized columns, targets as scikit-learn takes them, and the task."""

    x: np.ndarray
    y: np.ndarray
    task: str


class Fit(NamedTuple):
    """What a training came to: loss and penalty, how many iterations."""

    loss: float
    iterations: int


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rounds", type=int, default=11)
    given = options.parse_args()
    rounds = 3 if given.quick else given.rounds
    facts = machine("numpy", "scikit-learn", "scipy")
    with (
        threadpoolctl.threadpool_limits(1),
        np.errstate(all="ignore"),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # that the iterations did not suffice is meant
        cells = [
            measured(name, rows, hidden, activation, rounds)
            for name, rows in tables().items()
            for hidden in HIDDEN
            for activation in ACTIVATIONS
        ]
    report = {
        "benchmark": "lbfgs",
        "machine": facts,
        "rounds": rounds,
        "iterations": ITERATIONS,
        "cells": cells,
        "goals": goals(cells),
    }
    show(report, text(report), as_json=given.json)


def tables() -> dict[str, Rows]:
    """Three tables that everyone has, and a larger one with a bent target."""
    found = {
        "breast cancer": (load_breast_cancer(return_X_y=True), "binary"),
        "wine": (load_wine(return_X_y=True), "multiclass"),
        "diabetes": (load_diabetes(return_X_y=True), "regression"),
        "waves": (waves(), "regression"),
    }
    return {name: standardized(x, y, task) for name, ((x, y), task) in found.items()}


def waves() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((10_000, 20))
    y = np.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.1 * rng.standard_normal(len(x))
    return x, y


def standardized(x: np.ndarray, y: np.ndarray, task: str) -> Rows:
    """Both sides see the same numbers: those that float32 can hold."""
    x = ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32)
    if task == "regression":
        return Rows(x, ((y - y.mean()) / y.std()).astype(np.float32), task)
    return Rows(x, y.astype(np.int32), task)


def measured(
    name: str, rows: Rows, hidden: tuple[int, ...], activation: str, rounds: int
) -> dict[str, Any]:
    """One cell: medians of seconds, and what each came to in all of them."""
    ours, rival = (
        trained_by_us(rows, hidden, activation),
        trained_by_sklearn(rows, hidden, activation),
    )
    fits = {"ours": [ours()], "sklearn": [rival()]}
    for seed in range(1, SEEDS):
        fits["ours"].append(trained_by_us(rows, hidden, activation, seed)())
        fits["sklearn"].append(trained_by_sklearn(rows, hidden, activation, seed)())
    seconds = alternate({"ours": timed(ours), "sklearn": timed(rival)}, rounds)
    return {
        "table": name,
        "hidden": list(hidden),
        "activation": activation,
        "pairwise": pairwise(seconds["ours"], seconds["sklearn"]),
        **{f"{who}_seconds": statistics.median(took) for who, took in seconds.items()},
        **{
            f"{who}_loss": statistics.geometric_mean(fit.loss for fit in each)
            for who, each in fits.items()
        },
        **{f"{who}_iterations": min(fit.iterations for fit in each) for who, each in fits.items()},
    }


def timed(train: Callable[[], Fit]) -> Callable[[], float]:
    def once() -> float:
        begun = time.perf_counter()
        train()
        return time.perf_counter() - begun

    return once


def trained_by_us(
    rows: Rows, hidden: tuple[int, ...], activation: str, seed: int = 0
) -> Callable[[], Fit]:
    """What `nntool train --optimizer lbfgs` does with the rows, as often as it is called."""
    from nntool.nn.batches import ArrayRows
    from nntool.nn.full_batch.quasi_newton import LBFGS
    from nntool.nn.penalties import L2
    from nntool.nn.plan import Plan
    from nntool.nn.randomness import Streams
    from nntool.nn.training import Trainer
    from nntool.nn.updating import UpdateRules

    net, output = network(rows, hidden, activation)
    rules = UpdateRules(optimizer=LBFGS(tolerance=0.0), penalties=(L2(rate=ALPHA / len(rows.x)),))
    plan = Plan(rules=rules, epochs=ITERATIONS, batch_size=None)

    def train() -> Fit:
        source = ArrayRows(rows.x, None, rows.y)
        trainer = Trainer(net, output, plan, source, streams=Streams(seed), dtype=np.float64)
        reports = list(trainer.run())
        return Fit(reports[-1].train_loss + reports[-1].penalty, len(reports))

    return train


def network(rows: Rows, hidden: tuple[int, ...], activation: str) -> tuple[Any, Any]:
    from nntool.nn.losses import LOSSES
    from nntool.nn.network import Network, NetworkSpec
    from nntool.nn.outputs import choose_output

    loss = {"binary": "bce", "multiclass": "cce", "regression": "half-mse"}[rows.task]
    n_classes = 0 if rows.task == "regression" else len(np.unique(rows.y))
    output = choose_output(rows.task, n_classes, LOSSES[loss]())  # type: ignore[arg-type]  # a task
    spec = NetworkSpec(
        n_numeric=rows.x.shape[1],
        hidden=hidden,
        n_outputs=output.n_outputs,
        activation=activation,
        initializer="glorot-uniform",
    )
    return Network(spec), output


def trained_by_sklearn(
    rows: Rows, hidden: tuple[int, ...], activation: str, seed: int = 0
) -> Callable[[], Fit]:
    """The rival, from the weights that our seed draws."""
    from nntool.nn.randomness import Streams

    net, _ = network(rows, hidden, activation)
    theta = net.initial(Streams(seed)["init"], np.float64)
    drawn = [p for p in net.bind(theta).parameters if p]
    base = MLPRegressor if rows.task == "regression" else MLPClassifier
    x = rows.x.astype(np.float64)

    class FromThere(base):  # type: ignore[misc, valid-type]  # one of two
        def _init_coef(self, fan_in: int, fan_out: int, dtype: Any) -> tuple[Any, Any]:
            weight, bias = drawn[self._next]
            self._next += 1
            return weight.copy(), bias.copy()

    def train() -> Fit:
        model = FromThere(
            hidden_layer_sizes=hidden,
            activation=activation,
            solver="lbfgs",
            alpha=ALPHA,
            max_iter=ITERATIONS,
            max_fun=10**9,
            tol=0.0,
        )
        model._next = 0
        model.fit(x, rows.y)
        return Fit(float(model.loss_), int(model.n_iter_))

    return train


def goals(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Whether the loss is nowhere worse, and the time no longer."""
    ratios = [cell["ours_seconds"] / cell["sklearn_seconds"] for cell in cells]
    losses = [cell["ours_loss"] / cell["sklearn_loss"] for cell in cells]
    wanted = [
        ("time, geometric mean", 1.0, statistics.geometric_mean(ratios)),
        ("time, longest cell", 1.0, max(ratios)),
        ("loss, geometric mean", 1.0, statistics.geometric_mean(losses)),
    ]
    return [
        {"what": what, "goal": goal, "seen": seen, "met": seen <= goal}
        for what, goal, seen in wanted
    ]


def text(report: Mapping[str, Any]) -> str:
    """The table for a person."""
    header = ["table", "hidden", "activation", "loss", "sklearn", "ms", "sklearn", "ms/ms", "pairs"]
    rows = [
        [
            cell["table"],
            ",".join(map(str, cell["hidden"])),
            cell["activation"],
            f"{cell['ours_loss']:.5f}",
            f"{cell['sklearn_loss']:.5f}",
            f"{1e3 * cell['ours_seconds']:,.0f}",
            f"{1e3 * cell['sklearn_seconds']:,.0f}",
            f"{cell['ours_seconds'] / cell['sklearn_seconds']:.2f}",
            f"{cell['pairwise']:.2f}",
        ]
        for cell in report["cells"]
    ]
    lines = [
        f"{report['iterations']} iterations, {report['rounds']} rounds, medians, one BLAS thread",
        "",
        table(header, rows),
        "",
    ]
    lines += [
        f"nntool/scikit-learn, {goal['what']}: {goal['seen']:.2f}, at most {goal['goal']:.1f}:"
        f" {verdict(goal['met'])}"
        for goal in report["goals"]
    ]
    short = [c for c in report["cells"] if min(c["ours_iterations"], math.inf) < ITERATIONS]
    lines += [f"ended early: {c['table']} {c['hidden']} {c['activation']}" for c in short]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
