"""What torch says, recorded by ``tests/oracles/record_torch.py``, is what we say."""

import importlib.util
import json
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


@pytest.mark.parametrize("name", oracle.SCHEDULE_CASES)
def test_schedule_gives_the_rates_of_torch(name: str, said: dict[str, Any]) -> None:
    rule, settings, _, _, by_update = oracle.SCHEDULE_CASES[name]
    schedule = build(SCHEDULES, rule, settings)
    stride = 1 if by_update else oracle.PER_EPOCH
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
    assert {case[0] for case in oracle.LOSS_CASES.values()} == set(LOSSES)
    in_torch = {case[0] for case in oracle.OPTIMIZER_CASES.values()}
    assert in_torch == set(OPTIMIZERS) - oracle.NOT_IN_TORCH
