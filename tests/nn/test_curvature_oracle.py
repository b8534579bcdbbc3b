"""Second-order products are those that torch's autograd finds by going back twice."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nntool.nn.batches import Batch
from nntool.nn.curvature import Curvature
from nntool.nn.heads import Task
from nntool.nn.losses import LOSSES
from nntool.nn.network import Network, NetworkSpec
from nntool.nn.outputs import choose_output
from nntool.nn.registry import build

SCRIPT = Path(__file__).parents[1] / "oracles" / "record_torch_curvature.py"
SPEC = importlib.util.spec_from_file_location("record_torch_curvature", SCRIPT)
assert SPEC is not None
assert SPEC.loader is not None
oracle = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(oracle)

N_CLASSES: dict[Task, int] = {"binary": 2, "multiclass": 3, "regression": 0}


@pytest.fixture(scope="module", params=["recorded", "live"])
def said(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What torch said once, and, where it is installed, what it says now."""
    if request.param == "recorded":
        recorded: dict[str, Any] = json.loads(oracle.RECORD.read_text(encoding="utf-8"))
        return recorded
    torch = pytest.importorskip("torch")
    live: dict[str, Any] = oracle.record(torch)
    return live


@pytest.mark.parametrize("name", oracle.CASES)
def test_products_agree_with_torch(name: str, said: dict[str, Any]) -> None:
    hidden, activation, layer_norm, embedding, loss, n_outputs = oracle.CASES[name]
    spec = NetworkSpec(
        n_numeric=oracle.N_NUMERIC,
        levels=(oracle.N_LEVELS,) if embedding else (),
        widths=(oracle.WIDTH,) if embedding else (),
        hidden=hidden,
        activation=activation,
        layer_norm=layer_norm,
        n_outputs=n_outputs,
    )
    task: Task = {"cce": "multiclass", "bce": "binary"}.get(loss, "regression")
    link = "auto"
    if loss == "mse of sigmoids":
        task, link = "multiclass", "sigmoid"
    output = choose_output(task, N_CLASSES[task], build(LOSSES, loss.split()[0]), link)
    net, rows, wanted = Network(spec), oracle.rows(name), said["products"][name]
    point, direction = (
        np.concatenate([given[place.name].ravel() for place in net.places])
        for given in (oracle.numbers(name, 1.3), oracle.numbers(name, 2.1))
    )
    batch = Batch(rows["numeric"], rows["codes"], rows["target"], rows["weight"])
    block = Curvature(net, output, oracle.N_ROWS, np.float64)
    assert block.visit(net.bind(point), batch) == pytest.approx(wanted["loss"], rel=1e-12)
    found = np.zeros((3, net.size))
    block.add_gradient(found[0])
    block.add_hessian_product(direction, found[1])
    block.add_gauss_newton_product(direction, found[2])
    for row, kind in zip(found, ("gradient", "hessian", "gauss-newton"), strict=True):
        torchs = np.concatenate([wanted[kind][place.name] for place in net.places])
        np.testing.assert_allclose(row, torchs, rtol=0, atol=1e-11 * np.abs(torchs).max())
