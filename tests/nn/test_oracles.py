"""What torch says, recorded by ``tests/oracles/record_torch.py``, is what we say.

Where torch has no such rule, or another ε, the paper is written out once more, number by number.
"""

import importlib.util
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nntool.nn.averaging import AVERAGES
from nntool.nn.heads import TargetMap
from nntool.nn.losses import LOSSES
from nntool.nn.optimizers import OPTIMIZERS
from nntool.nn.outputs import choose_output
from nntool.nn.registry import build
from nntool.nn.schedules import SCHEDULES, Moment

SCRIPT = Path(__file__).parents[1] / "oracles" / "record_torch.py"
SPEC = importlib.util.spec_from_file_location("record_torch", SCRIPT)
assert SPEC is not None
assert SPEC.loader is not None
oracle = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(oracle)


@pytest.fixture(scope="module", params=["recorded", "live"])
def said(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What torch said once, and, where it is installed, what it says now."""
    if request.param == "recorded":
        recorded: dict[str, Any] = json.loads(oracle.RECORD.read_text(encoding="utf-8"))
        return recorded
    torch = pytest.importorskip("torch")
    live: dict[str, Any] = oracle.record(torch)
    return live


@pytest.mark.parametrize("name", oracle.LOSS_CASES)
def test_loss_and_gradient_agree_with_torch(name: str, said: dict[str, Any]) -> None:
    loss, settings, task, link, (location, scale) = oracle.LOSS_CASES[name]
    z, y, weight = oracle.loss_inputs(task, link, loss)
    n_classes = {"binary": 2, "multiclass": 3, "regression": 0}[task]
    output = choose_output(
        task,
        n_classes,
        build(LOSSES, loss, settings),
        link,
        target_map=TargetMap(location=location, scale=scale),
    )
    tape = output.tape(len(z), np.float64)
    value = output.value(z, y, weight, tape)
    assert value == pytest.approx(said["losses"][name]["value"], rel=1e-12)
    np.testing.assert_allclose(tape.dz, said["losses"][name]["gradient"], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", oracle.OPTIMIZER_CASES)
def test_optimizer_takes_the_path_of_torch(name: str, said: dict[str, Any]) -> None:
    rule, settings, lr, _, _ = oracle.OPTIMIZER_CASES[name]
    optimizer = build(OPTIMIZERS, rule, settings)
    theta, scale = oracle.start(), oracle.scales()
    state, point = optimizer.init(theta), theta.copy()
    for t in range(1, oracle.N_STEPS + 1):
        optimizer.look_ahead(theta, state, point)
        g = oracle.slope(point, np.sin, scale)
        theta *= 1 - lr * optimizer.weight_decay
        optimizer.step(theta, g, state, lr)
        optimizer.look_ahead(theta, state, point)  # torch's parameters are where nesterov looks
        if str(t) in said["optimizers"][name]:
            wanted = said["optimizers"][name][str(t)]
            np.testing.assert_allclose(point, wanted, rtol=1e-6, atol=1e-9)


def noisy(theta: Any, t: int) -> np.ndarray:
    """Give the gradient of batch ``t``: a slope, and noise that turns its sign now and then."""
    noise = 0.8 * np.sin(1.7 * t * (1 + np.arange(7)))
    slope = oracle.slope(np.asarray(theta), np.sin, oracle.scales())
    return np.asarray((1 + 0.3 * math.sin(t)) * slope + noise)


def epoch_of(t: int) -> float:
    return (t - 1) / 10


def growing(t: int, start: float, mu: float, over: float) -> float:
    return mu if epoch_of(t) >= over else start + (mu - start) * epoch_of(t) / over


def with_momentum(theta: list[float], lr: float, look_ahead: bool) -> None:
    """Sutskever et al. 2013, equations 1 to 4, μ from 0.5 to 0.95 in 6 epochs."""
    v = [0.0] * 7
    for t in range(1, oracle.N_STEPS + 1):
        mu = growing(t, 0.5, 0.95, 6)
        point = [w + mu * u for w, u in zip(theta, v, strict=True)] if look_ahead else theta
        g = noisy(point, t)
        for i in range(7):
            v[i] = mu * v[i] - lr * g[i]
            theta[i] += v[i]


def with_simplified_momentum(theta: list[float], lr: float) -> None:
    """Bengio et al. 2013, equations 6 and 7, with the same μ in both."""
    v = [0.0] * 7
    for t in range(1, oracle.N_STEPS + 1):
        mu = growing(t, 0.5, 0.95, 6)
        g = noisy(theta, t)
        for i in range(7):
            theta[i] += mu * mu * v[i] - (1 + mu) * lr * g[i]
            v[i] = mu * v[i] - lr * g[i]


def with_norm(theta: list[float], lr: float) -> None:
    for t in range(1, oracle.N_STEPS + 1):
        g = noisy(theta, t)
        length = math.hypot(*g)
        for i in range(7):
            theta[i] -= lr * g[i] / length


def with_squares(theta: list[float], lr: float, beta: float | None) -> None:
    """Adagrad without ``beta``, RMSprop with it; ε = 0.01 under the root."""
    total = [0.0] * 7
    for t in range(1, oracle.N_STEPS + 1):
        g = noisy(theta, t)
        for i in range(7):
            kept, share = (1, 1) if beta is None else (beta, 1 - beta)
            total[i] = kept * total[i] + share * g[i] ** 2
            theta[i] -= lr * g[i] * (total[i] + 0.01) ** -0.5


def with_gains(theta: list[float], lr: float, agree: str, mu: float) -> None:
    """Hinton 2012, lecture 6.4: +0.05, ×0.95, within [0.1, 10]."""
    gain, before, v = [1.0] * 7, [0.0] * 7, [0.0] * 7
    for t in range(1, oracle.N_STEPS + 1):
        g = noisy(theta, t)
        for i in range(7):
            other = before[i] if agree == "gradient" else -v[i]
            if g[i] * other > 0:
                gain[i] = min(10.0, gain[i] + 0.05)
            elif g[i] * other < 0:
                gain[i] = max(0.1, gain[i] * 0.95)
            v[i] = mu * v[i] - lr * gain[i] * g[i]
            theta[i] += v[i]
            before[i] = g[i]


def with_curvature(theta: list[float], lr: float) -> None:
    """Schaul & LeCun 2013, Algorithm 1 with n = 1 and no outliers, and our guards."""
    means = [{"g": 0.0, "v": 0.0, "h": 0.0, "tau": 0.0} for _ in theta]
    for t in range(1, oracle.N_STEPS + 1):
        g = noisy(theta, t)
        shift = list(g) if t == 1 else [m["g"] for m in means]
        shifted = noisy([w + d for w, d in zip(theta, shift, strict=True)], t)
        for i, m in enumerate(means):
            m["tau"] = t if t <= 10 else m["tau"]
            if abs(shift[i]) > 0.01 * math.sqrt(m["v"]):
                h = abs(shifted[i] - g[i]) / abs(shift[i])
                m["h"] = h if m["h"] == 0 else (1 - 1 / m["tau"]) * m["h"] + h / m["tau"]
            m["g"] = (1 - 1 / m["tau"]) * m["g"] + g[i] / m["tau"]
            m["v"] = (1 - 1 / m["tau"]) * m["v"] + g[i] ** 2 / m["tau"]
            if t == 10:
                m["v"], m["h"] = 10 * m["v"], 10 * m["h"]
            if t > 10:
                theta[i] -= lr * m["g"] ** 2 / (m["h"] * m["v"]) * g[i]
                m["tau"] = (1 - m["g"] ** 2 / m["v"]) * m["tau"] + 1


def with_sign_of_mean(theta: list[float], lr: float) -> None:
    """Chen et al. 2023, Algorithm 2, β₁ = 0.8, β₂ = 0.95."""
    m = [0.0] * 7
    for t in range(1, oracle.N_STEPS + 1):
        g = noisy(theta, t)
        for i in range(7):
            theta[i] -= lr * math.copysign(1.0, 0.8 * m[i] + 0.2 * g[i])
            m[i] = 0.95 * m[i] + 0.05 * g[i]


# name: our rule, its settings, learning rate, the paper's path (it changes a list of numbers)
PAPER_CASES: dict[str, tuple[str, dict[str, Any], float, Callable[[list[float], float], None]]] = {
    "momentum-growing": (
        "momentum",
        {"start": 0.5, "mu": 0.95, "over": 6},
        0.02,
        lambda theta, lr: with_momentum(theta, lr, look_ahead=False),
    ),
    "nesterov-growing": (
        "nesterov",
        {"start": 0.5, "mu": 0.95, "over": 6},
        0.02,
        lambda theta, lr: with_momentum(theta, lr, look_ahead=True),
    ),
    "nesterov-simplified-growing": (
        "nesterov-simplified",
        {"start": 0.5, "mu": 0.95, "over": 6},
        0.02,
        with_simplified_momentum,
    ),
    "normalized": ("normalized", {}, 0.05, with_norm),
    "adagrad-inside": (
        "adagrad",
        {"epsilon": 0.01},
        0.1,
        lambda theta, lr: with_squares(theta, lr, None),
    ),
    "rmsprop-inside": (
        "rmsprop",
        {"beta": 0.8, "epsilon": 0.01},
        0.02,
        lambda theta, lr: with_squares(theta, lr, 0.8),
    ),
    "gains": ("gains", {}, 0.02, lambda theta, lr: with_gains(theta, lr, "gradient", 0.0)),
    "gains-mu": (
        "gains",
        {"mu": 0.5},
        0.02,
        lambda theta, lr: with_gains(theta, lr, "gradient", 0.5),
    ),
    "gains-velocity": (
        "gains",
        {"agree": "velocity"},
        0.005,
        lambda theta, lr: with_gains(theta, lr, "velocity", 0.9),
    ),
    "lion": ("lion", {"beta1": 0.8, "beta2": 0.95}, 0.02, with_sign_of_mean),
    "vsgd": ("vsgd", {}, 1.0, with_curvature),
}


@pytest.mark.parametrize("name", PAPER_CASES)
def test_optimizer_takes_the_path_of_its_paper(name: str) -> None:
    rule, settings, lr, walk = PAPER_CASES[name]
    optimizer = build(OPTIMIZERS, rule, settings)
    theta = oracle.start()
    wanted = theta.tolist()
    walk(wanted, lr)
    state, point = optimizer.init(theta), theta.copy()
    for t in range(1, oracle.N_STEPS + 1):
        state["epoch"][...] = epoch_of(t)
        optimizer.look_ahead(theta, state, point)
        g = noisy(point, t)
        if optimizer.wants == "curvature":
            optimizer.probe(theta, g, state, point)
            state["probed"][:] = noisy(point, t)
        optimizer.step(theta, g, state, lr)
    assert np.abs(theta - oracle.start()).min() > 0.05, "all have moved"
    np.testing.assert_allclose(theta, wanted, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", oracle.SCHEDULE_CASES)
def test_schedule_gives_the_rates_of_torch(name: str, said: dict[str, Any]) -> None:
    rule, settings, _, _ = oracle.SCHEDULE_CASES[name]
    schedule = build(SCHEDULES, rule, settings)
    stride = oracle.PER_EPOCH if name in oracle.BY_EPOCH else 1
    rates = [
        schedule.rate(oracle.BASE_RATE, Moment(t, oracle.PER_EPOCH, oracle.EPOCHS), {})
        for t in range(1, oracle.PER_EPOCH * oracle.EPOCHS + 1, stride)
    ]
    np.testing.assert_allclose(rates, said["schedules"][name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", oracle.PLATEAU_CASES)
def test_plateau_takes_the_decisions_of_torch(name: str, said: dict[str, Any]) -> None:
    schedule = build(SCHEDULES, "plateau", oracle.PLATEAU_CASES[name][0])
    memory, rates = schedule.start(), []
    for loss in oracle.validation_losses():
        schedule.observe(0.0, loss, memory)
        rates.append(schedule.rate(oracle.BASE_RATE, Moment(1, 1, 1), memory))
    assert len(set(rates)) > 3, "the losses show something"
    np.testing.assert_allclose(rates, said["schedules"][name], rtol=1e-9)


def test_the_running_mean_of_weights_is_that_of_torch(said: dict[str, Any]) -> None:
    average, mean, count = build(AVERAGES, "ema", {"decay": oracle.EMA_DECAY}), np.empty(5), 0
    for t, theta in enumerate(oracle.walk(), start=1):
        count = average.update(mean, theta, count, Moment(t, oracle.N_AVERAGED, 1))
        np.testing.assert_allclose(mean, said["ema"][t - 1], rtol=1e-9, atol=1e-12)
    assert count == oracle.N_AVERAGED


def test_every_loss_and_optimizer_is_compared() -> None:
    with_gradient = {name for name, loss in LOSSES.items() if loss.has_gradient}
    assert {case[0] for case in oracle.LOSS_CASES.values()} == with_gradient
    compared = {case[0] for case in (*oracle.OPTIMIZER_CASES.values(), *PAPER_CASES.values())}
    assert compared == set(OPTIMIZERS)
