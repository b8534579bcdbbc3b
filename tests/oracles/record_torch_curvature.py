"""Record torch's second-order products; running this rewrites torch_curvature.json.

Everything is float64 and made of sines, so that no generator's version matters. The Hessian's is
autograd's, backwards twice; the Gauss–Newton matrix is JᵀHJ, written out with whole Jacobians.
"""

import json
import platform
from pathlib import Path
from typing import Any

import numpy as np

RECORD = Path(__file__).with_name("torch_curvature.json")
N_ROWS, N_NUMERIC, N_LEVELS, WIDTH = 11, 4, 5, 2

# name: hidden layers, activation, layer norm, embedding, loss, number of outputs
CASES: dict[str, tuple[tuple[int, ...], str, bool, bool, str, int]] = {
    "relu-softmax": ((6, 5), "relu", False, False, "cce", 3),
    "tanh-bce": ((6,), "tanh", False, False, "bce", 1),
    "gelu-mse": ((6, 5), "gelu", False, False, "mse", 1),
    "silu-poisson": ((5,), "silu", False, False, "poisson", 1),
    "mish-layer-norm-softmax": ((6, 5), "mish", True, False, "cce", 3),
    "sigmoid-embedding-bce": ((6,), "sigmoid", False, True, "bce", 1),
    "gelu-layer-norm-embedding-mse": ((5, 4), "gelu", True, True, "mse", 1),
    "linear-embedding-softmax": ((), "tanh", False, True, "cce", 3),
    "softplus-squared-sigmoids": ((5,), "softplus", False, False, "mse of sigmoids", 3),
}


def shapes_of(name: str) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a network's parameters, by the names that nntool gives them."""
    hidden, _, layer_norm, embedding, _, n_outputs = CASES[name]
    shapes: dict[str, tuple[int, ...]] = {}
    width = N_NUMERIC
    if embedding:
        shapes["inputs.embedding1"] = (N_LEVELS, WIDTH)
        width += WIDTH
    for number, units in enumerate(hidden, start=1):
        shapes[f"hidden{number}.weight"] = (width, units)
        shapes[f"hidden{number}.bias"] = (units,)
        if layer_norm:
            shapes[f"hidden{number}.gamma"] = (units,)
            shapes[f"hidden{number}.beta"] = (units,)
        width = units
    shapes["output.weight"] = (width, n_outputs)
    shapes["output.bias"] = (n_outputs,)
    return shapes


def numbers(name: str, frequency: float) -> dict[str, np.ndarray]:
    """Return one array of sines for each parameter: a point, or a direction."""
    made = {}
    for k, (parameter, shape) in enumerate(shapes_of(name).items()):
        at = np.arange(np.prod(shape)).reshape(shape)
        made[parameter] = 0.7 * np.sin(1 + frequency * (at + 0.37 * k))
    return made


def rows(name: str) -> dict[str, np.ndarray]:
    """Return numeric columns, codes, targets and weights."""
    _, _, _, _, loss, n_outputs = CASES[name]
    at = np.arange(N_ROWS)
    y: np.ndarray = (3 * at) % 4
    if loss in ("cce", "mse of sigmoids"):
        y = (2 * at) % n_outputs
    elif loss == "bce":
        y = (at % 3 == 0).astype(np.int64)
    elif loss == "mse":
        y = np.cos(1.9 * at)
    return {
        "numeric": np.sin(np.arange(N_ROWS * N_NUMERIC).reshape(N_ROWS, N_NUMERIC) * 1.7),
        "codes": ((at * at) % N_LEVELS)[:, np.newaxis],
        "target": y,
        "weight": 1 + 0.5 * np.sin(at),
    }


def activation(torch: Any, kind: str, z: Any) -> Any:
    from torch.nn import functional as f

    made = {"gelu": f.gelu, "mish": f.mish, "relu": f.relu, "silu": f.silu}
    made |= {"sigmoid": torch.sigmoid, "softplus": f.softplus, "tanh": torch.tanh}
    return made[kind](z)


def raw_outputs(torch: Any, name: str, theta: dict[str, Any]) -> Any:
    """Return the raw outputs; of "mse of sigmoids" what is compared with the targets."""
    from torch.nn import functional as f

    hidden, kind, layer_norm, embedding, loss, _ = CASES[name]
    given = rows(name)
    x = torch.tensor(given["numeric"])
    if embedding:
        x = torch.cat((x, theta["inputs.embedding1"][torch.tensor(given["codes"][:, 0])]), dim=1)
    for number, units in enumerate(hidden, start=1):
        layer = f"hidden{number}"
        x = x @ theta[f"{layer}.weight"] + theta[f"{layer}.bias"]
        if layer_norm:
            x = f.layer_norm(x, (units,), theta[f"{layer}.gamma"], theta[f"{layer}.beta"])
        x = activation(torch, kind, x)
    z = x @ theta["output.weight"] + theta["output.bias"]
    return torch.sigmoid(z) if loss == "mse of sigmoids" else z


def loss_of(torch: Any, name: str, z: Any) -> Any:
    from torch.nn import functional as f

    given = rows(name)
    kind = CASES[name][4]
    y = torch.tensor(given["target"])
    if kind == "cce":
        each = f.cross_entropy(z, y, reduction="none")
    elif kind == "mse of sigmoids":
        each = ((z - f.one_hot(y, z.shape[1])) ** 2).sum(dim=1)
    elif kind == "bce":
        each = f.binary_cross_entropy_with_logits(z[:, 0], y.double(), reduction="none")
    elif kind == "poisson":
        each = f.poisson_nll_loss(z[:, 0], y.double(), log_input=True, reduction="none")
    else:
        each = (z[:, 0] - y) ** 2
    return (each * torch.tensor(given["weight"])).mean()


def products(torch: Any, name: str) -> dict[str, Any]:
    """Return loss, gradient, H·v and (JᵀHJ)·v, the vectors by parameter."""
    point, direction = numbers(name, 1.3), numbers(name, 2.1)
    theta = {k: torch.tensor(a, requires_grad=True) for k, a in point.items()}
    leaves, v = list(theta.values()), [torch.tensor(direction[k]) for k in theta]
    z = raw_outputs(torch, name, theta)
    loss = loss_of(torch, name, z)
    gradient = torch.autograd.grad(loss, leaves, create_graph=True)
    along = sum((g * d).sum() for g, d in zip(gradient, v, strict=True))
    hessian = torch.autograd.grad(along, leaves, retain_graph=True, materialize_grads=True)
    jacobian = torch.stack(
        [
            torch.cat([g.flatten() for g in torch.autograd.grad(one, leaves, retain_graph=True)])
            for one in z.flatten()
        ]
    )
    bent = torch.autograd.functional.hessian(
        lambda flat: loss_of(torch, name, flat.reshape(z.shape)), z.detach().flatten()
    )
    flat = jacobian.T @ (bent @ (jacobian @ torch.cat([d.flatten() for d in v])))
    sizes = [leaf.numel() for leaf in leaves]
    return {
        "loss": loss.item(),
        "gradient": by_name(theta, gradient),
        "hessian": by_name(theta, hessian),
        "gauss-newton": by_name(theta, torch.split(flat, sizes)),
    }


def by_name(theta: dict[str, Any], parts: Any) -> dict[str, list[float]]:
    return {name: part.detach().flatten().tolist() for name, part in zip(theta, parts, strict=True)}


def record(torch: Any) -> dict[str, Any]:
    return {
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "torch": torch.__version__,
        },
        "products": {name: products(torch, name) for name in CASES},
    }


if __name__ == "__main__":
    import torch

    RECORD.write_text(json.dumps(record(torch), indent=1) + "\n", encoding="utf-8")
