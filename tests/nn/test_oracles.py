"""What torch says, recorded by ``tests/oracles/record_torch.py``, is what we say."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nntool.nn.heads import TargetMap
from nntool.nn.losses import LOSSES
from nntool.nn.optimizers import OPTIMIZERS
from nntool.nn.outputs import choose_output
from nntool.nn.registry import build

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
    state = optimizer.init(theta)
    for t in range(1, oracle.N_STEPS + 1):
        optimizer.step(theta, oracle.slope(theta, np.sin, scale), state, lr)
        if str(t) in said["optimizers"][name]:
            wanted = said["optimizers"][name][str(t)]
            np.testing.assert_allclose(theta, wanted, rtol=1e-6, atol=1e-9)


def test_every_loss_and_optimizer_is_compared() -> None:
    assert {case[0] for case in oracle.LOSS_CASES.values()} == set(LOSSES)
    assert {case[0] for case in oracle.OPTIMIZER_CASES.values()} == set(OPTIMIZERS)
