"""Record what torch says about activations and norms; running this rewrites torch_layers.json.

Everything is float64 and made of sines, so that no generator's version matters.
"""

import json
import platform
from pathlib import Path
from typing import Any

import numpy as np

RECORD = Path(__file__).with_name("torch_layers.json")

# name: our activation, its settings
ACTIVATION_CASES: dict[str, tuple[str, dict[str, float]]] = {
    "elu": ("elu", {}),
    "elu-alpha": ("elu", {"alpha": 0.3}),
    "gelu": ("gelu", {}),
    "identity": ("identity", {}),
    "leaky-relu": ("leaky-relu", {}),
    "leaky-relu-slope": ("leaky-relu", {"slope": 0.2}),
    "lecun-tanh": ("lecun-tanh", {}),
    "mish": ("mish", {}),
    "relu": ("relu", {}),
    "selu": ("selu", {}),
    "sigmoid": ("sigmoid", {}),
    "sigmoid-slope": ("sigmoid", {"a": 2.5}),
    "sign": ("sign", {}),
    "silu": ("silu", {}),
    "softplus": ("softplus", {}),
    "softplus-beta": ("softplus", {"beta": 3.0}),
    "step": ("step", {}),
    "stochastic-binary": ("stochastic-binary", {}),  # what it is when predicting
    "tanh": ("tanh", {}),
    "tanh-linear": ("tanh-linear", {}),
    "tanh-linear-a": ("tanh-linear", {"a": 0.3}),
}
N_ROWS, N_UNITS = 8, 5


def sums() -> np.ndarray:
    """Return sums from −1e4 to 1e4, 0 among them."""
    half = np.concatenate((np.linspace(0.03, 6, 25), [8, 12, 17.5, 19, 30, 88, 100, 750, 1e4]))
    return np.concatenate((-half[::-1], [0.0], half))


def torch_activation(torch: Any, name: str, z: Any) -> Any:
    from torch.nn import functional as f

    kind, settings = ACTIVATION_CASES[name]
    made = {
        "elu": lambda: f.elu(z, **settings),
        "gelu": lambda: f.gelu(z),
        "identity": lambda: z * 1,
        "leaky-relu": lambda: f.leaky_relu(z, settings.get("slope", 0.01)),
        "lecun-tanh": lambda: 1.7159 * torch.tanh(2 * z / 3),
        "mish": lambda: f.mish(z),
        "relu": lambda: f.relu(z),
        "selu": lambda: f.selu(z),
        "sigmoid": lambda: torch.sigmoid(settings.get("a", 1.0) * z),
        "sign": lambda: torch.sign(z),
        "silu": lambda: f.silu(z),
        # torch takes a straight line from the threshold on
        "softplus": lambda: f.softplus(z, settings.get("beta", 1.0), threshold=40),
        "stochastic-binary": lambda: torch.sigmoid(z),
        "step": lambda: (z >= 0).double() + 0 * z,
        "tanh": lambda: torch.tanh(z),
        "tanh-linear": lambda: torch.tanh(z) + settings.get("a", 0.01) * z,
    }
    return made[kind]()


def record_activations(torch: Any) -> dict[str, Any]:
    """Return value and derivative of each activation."""
    said = {}
    for name in ACTIVATION_CASES:
        z = torch.tensor(sums(), requires_grad=True)
        y = torch_activation(torch, name, z)
        y.sum().backward()
        said[name] = {"value": y.tolist(), "slope": z.grad.tolist()}
    return said


def norm_inputs() -> dict[str, np.ndarray]:
    """Return three batches of rows, the gradient of what comes out, γ and β."""
    at = np.arange(3 * N_ROWS * N_UNITS).reshape(3, N_ROWS, N_UNITS)
    return {
        "x": 3 * np.sin(1 + 1.7 * at) + np.arange(N_UNITS),
        "dy": np.cos(2.3 * at[0]),
        "gamma": 1 + 0.5 * np.sin(np.arange(N_UNITS)),
        "beta": np.cos(np.arange(N_UNITS)),
    }


def record_norm(torch: Any, kind: str, *, train: bool) -> dict[str, Any]:
    """Return what comes of the last of three batches; ``train`` False: after training on two."""
    given = {name: torch.tensor(array) for name, array in norm_inputs().items()}
    norm = torch.nn.BatchNorm1d(N_UNITS) if kind == "batch" else torch.nn.LayerNorm(N_UNITS)
    norm = norm.double()
    with torch.no_grad():
        norm.weight.copy_(given["gamma"])
        norm.bias.copy_(given["beta"])
        norm(given["x"][0])
        norm(given["x"][1])
    norm.train(train)
    x = given["x"][2].requires_grad_()
    y = norm(x)
    y.backward(given["dy"])
    said = {"y": y, "dx": x.grad, "dgamma": norm.weight.grad, "dbeta": norm.bias.grad}
    if kind == "batch":
        said |= {"mean": norm.running_mean, "variance": norm.running_var}
    return {name: array.detach().tolist() for name, array in said.items()}


def record(torch: Any) -> dict[str, Any]:
    return {
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "torch": torch.__version__,
        },
        "activations": record_activations(torch),
        "batch-norm-training": record_norm(torch, "batch", train=True),
        "batch-norm-predicting": record_norm(torch, "batch", train=False),
        "layer-norm-training": record_norm(torch, "layer", train=True),
        "layer-norm-predicting": record_norm(torch, "layer", train=False),
    }


if __name__ == "__main__":
    import torch

    RECORD.write_text(json.dumps(record(torch), indent=1) + "\n", encoding="utf-8")
