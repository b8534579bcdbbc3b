"""The processes that `train_step.py` times, one for each rival. Run alone it does nothing.

Each answers on its standard input and output, a line of JSON for a line of JSON: a cell (hidden,
batch, extras) is made ready, a number of steps is run and timed. A step is forward, loss, backward
and Adam's update of a network of 32 inputs and one output, in float32, on a batch in memory; eight
batches take turns. With ``extras`` it has dropout, batch norm and L2 too.
"""

from __future__ import annotations

import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice, pairwise

import numpy as np
import threadpoolctl

N_INPUTS = 32
N_BATCHES = 8
DROPOUT = 0.1
L2_RATE = 1e-4

Timed = Callable[[int], float]
"""Runs so many steps and returns the seconds that they took together."""


def main() -> None:
    if len(sys.argv) < 2:
        return
    rival, threads = sys.argv[1], int(sys.argv[2])
    make, facts = RIVALS[rival], {}
    if rival == "torch":
        facts = prepare_torch(threads)
    timed: Timed | None = None
    answer(facts)
    with np.errstate(all="ignore"):  # as `nntool train` does: numbers not finite are looked for
        for line in sys.stdin:
            asked = json.loads(line)
            if "steps" in asked and timed is not None:
                answer(timed(asked["steps"]))
            else:
                timed = None  # what the last cell holds is given back first
                timed = make(tuple(asked["hidden"]), asked["batch"], asked["extras"])
                answer(blas())


def answer(said: object) -> None:
    print(json.dumps(said), flush=True)


def blas() -> list[dict[str, object]]:
    """The thread pools of this process: which kernel, how many threads."""
    wanted = ("user_api", "internal_api", "version", "architecture", "num_threads")
    return [{k: pool.get(k) for k in wanted} for pool in threadpoolctl.threadpool_info()]


def rows_for(n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs, and targets with noise: gradients do not vanish while the clock runs."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n_rows, N_INPUTS), dtype=np.float32)
    y = np.sin(x[:, 0]) + x[:, 1] * x[:, 2] + rng.standard_normal(n_rows, dtype=np.float32)
    return x, y.astype(np.float32)


def batches_of(batch: int) -> list[tuple[np.ndarray, np.ndarray]]:
    x, y = rows_for(batch * N_BATCHES)
    return [(x[i : i + batch], y[i : i + batch]) for i in range(0, len(x), batch)]


def in_turn(step: Callable[..., object], batches: Sequence[object]) -> Timed:
    """Time ``step`` over the batches, after one step that brings its arrays back into the cache."""

    def timed(steps: int) -> float:
        step(batches[-1])
        turns = list(islice(cycle(batches), steps))
        begun = time.perf_counter()
        for batch in turns:
            step(batch)
        return time.perf_counter() - begun

    return timed


def ours(hidden: tuple[int, ...], batch: int, extras: bool) -> Timed:
    """What `nntool train` does with a batch: `Stepper.advance`."""
    from nntool.nn.batches import Batch
    from nntool.nn.network import Network, NetworkSpec
    from nntool.nn.optimizers import Adam
    from nntool.nn.outputs import choose_output
    from nntool.nn.penalties import L2
    from nntool.nn.point_losses import MSE
    from nntool.nn.randomness import Streams
    from nntool.nn.stepping import Stepper
    from nntool.nn.updating import UpdateRules

    more = {"dropout": DROPOUT, "batch_norm": True} if extras else {}
    penalties = (L2(rate=L2_RATE),) if extras else ()
    stepper = Stepper(
        Network(NetworkSpec(n_numeric=N_INPUTS, n_outputs=1, hidden=hidden, **more)),
        choose_output("regression", 0, MSE()),
        UpdateRules(optimizer=Adam(), penalties=penalties),
        streams=Streams(0),
        dtype=np.float32,
    )
    advance, rate = stepper.advance, Adam.learning_rate
    batches = [Batch(x, target=y) for x, y in batches_of(batch)]
    return in_turn(lambda rows: advance(rows, rate), batches)


def prepare_torch(threads: int) -> dict[str, str]:
    import torch

    torch.set_num_threads(threads)
    return {"torch": torch.__version__}


def torch_eager(hidden: tuple[int, ...], batch: int, extras: bool) -> Timed:
    """Eager torch with its fused Adam; the loss is not even read."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise((N_INPUTS, *hidden)):
        layers.append(nn.Linear(n_in, n_out))
        layers += [nn.BatchNorm1d(n_out)] if extras else []
        layers.append(nn.ReLU())
        layers += [nn.Dropout(DROPOUT)] if extras else []
    net = nn.Sequential(*layers, nn.Linear(hidden[-1], 1))
    loss = nn.MSELoss()
    decay = L2_RATE if extras else 0.0
    rule = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=decay, fused=True)

    def step(rows: tuple[torch.Tensor, torch.Tensor]) -> None:
        rule.zero_grad(set_to_none=True)
        loss(net(rows[0]), rows[1]).backward()
        rule.step()

    batches = batches_of(batch)
    return in_turn(step, [(torch.tensor(x), torch.tensor(y)[:, None]) for x, y in batches])


def sklearn_mlp(hidden: tuple[int, ...], batch: int, extras: bool) -> Timed:
    """scikit-learn's own loop over batches, without what it does once for each call.

    `partial_fit` of n + 1 batches less that of one batch: checks of the input cancel. Batches are
    not shuffled, so they are slices and nothing is gathered. It has neither dropout nor batch norm.
    """
    from sklearn.neural_network import MLPRegressor

    alpha = L2_RATE if extras else 0.0
    net = MLPRegressor(hidden_layer_sizes=hidden, batch_size=batch, shuffle=False, alpha=alpha)
    net.partial_fit(*rows_for(batch))
    held: dict[int, tuple[np.ndarray, np.ndarray]] = {1: rows_for(batch)}

    def seconds(n_batches: int) -> float:
        if n_batches not in held:
            held[n_batches] = rows_for(batch * n_batches)
        x, y = held[n_batches]
        begun = time.perf_counter()
        net.partial_fit(x, y)
        return time.perf_counter() - begun

    onces: list[float] = []

    def timed(steps: int) -> float:
        onces.append(seconds(1))
        return seconds(steps + 1) - statistics.median(onces)

    return timed


def products(hidden: tuple[int, ...], batch: int, extras: bool) -> Timed:
    """The matrix products of a step alone, into arrays that are there: no network can do less.

    Forward x·w and backward xᵀ·∂z for every layer, ∂z·wᵀ for every layer but the first.
    """
    rng = np.random.default_rng(0)

    def filled(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, dtype=np.float32) / math.sqrt(shape[0])

    calls = []
    for number, (n_in, n_out) in enumerate(pairwise((N_INPUTS, *hidden, 1))):
        x, w, dz = filled(batch, n_in), filled(n_in, n_out), filled(batch, n_out)
        z, dw, dx = np.empty_like(dz), np.empty_like(w), np.empty_like(x)
        calls += [(x, w, z), (x.T, dz, dw)]
        calls += [(dz, w.T, dx)] if number else []

    def step(_: object) -> None:
        for a, b, out in calls:
            np.matmul(a, b, out=out)

    return in_turn(step, [None])


RIVALS: dict[str, Callable[[tuple[int, ...], int, bool], Timed]] = {
    "ours": ours,
    "torch": torch_eager,
    "sklearn": sklearn_mlp,
    "products": products,
}


if __name__ == "__main__":
    main()
