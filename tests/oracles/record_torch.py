"""Record what torch says, into torch.json, of losses, optimizers, schedules and averages.

Everything is float64 and made of sines, so that no generator's version matters.
"""

import json
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

RECORD = Path(__file__).with_name("torch.json")
N_STEPS = 100

# name: loss, its settings, task, link, target map (location, scale)
LOSS_CASES: dict[str, tuple[str, dict[str, Any], str, str, tuple[float, float]]] = {
    "bce": ("bce", {}, "binary", "auto", (0, 1)),
    "bce-smoothed": ("bce", {"smoothing": 0.2}, "binary", "auto", (0, 1)),
    "cce": ("cce", {}, "multiclass", "auto", (0, 1)),
    "cce-smoothed": ("cce", {"smoothing": 0.2}, "multiclass", "auto", (0, 1)),
    "focal-binary": ("focal", {"gamma": 2.0}, "binary", "sigmoid", (0, 1)),
    "focal": ("focal", {"gamma": 0.5}, "multiclass", "auto", (0, 1)),
    "hinge-binary": ("hinge", {}, "binary", "auto", (0, 1)),
    "hinge": ("hinge", {}, "multiclass", "auto", (0, 1)),
    "mse": ("mse", {}, "regression", "auto", (0, 1)),
    "mse-exp": ("mse", {}, "regression", "exp", (0, 1)),
    "mse-sigmoid": ("mse", {}, "multiclass", "sigmoid", (0, 1)),
    "mse-tanh": ("mse", {}, "multiclass", "tanh", (0, 1)),
    "mse-softmax": ("mse", {}, "multiclass", "softmax", (0, 1)),
    "half-mse": ("half-mse", {}, "regression", "auto", (0, 1)),
    "mae": ("mae", {}, "regression", "auto", (0, 1)),
    "mape": ("mape", {}, "regression", "auto", (3.0, 2.0)),
    "mape-floor": ("mape", {"floor": 2.5}, "regression", "auto", (3.0, 2.0)),
    "huber": ("huber", {"delta": 0.7}, "regression", "auto", (0, 1)),
    "quantile": ("quantile", {"tau": 0.8}, "regression", "auto", (0, 1)),
    "poisson": ("poisson", {}, "regression", "auto", (0, 1)),
}

MOMENTS = {"beta1": 0.8, "beta2": 0.9, "epsilon": 1e-3}
TORCH_MOMENTS = {"betas": (0.8, 0.9), "eps": 1e-3}
NESTEROV = {"momentum": 0.8, "nesterov": True}
RATES = {"up": 1.5, "down": 0.3, "least": 1e-3, "most": 0.2}
TORCH_RATES = {"etas": (0.3, 1.5), "step_sizes": (1e-3, 0.2)}

# name: our rule, its settings, learning rate, torch's rule, its settings
OPTIMIZER_CASES: dict[str, tuple[str, dict[str, Any], float, str, dict[str, Any]]] = {
    "sgd": ("sgd", {}, 0.05, "SGD", {}),
    "momentum": ("momentum", {"mu": 0.8}, 0.05, "SGD", {"momentum": 0.8}),
    "nesterov": ("nesterov", {}, 0.02, "SGD", {"momentum": 0.9, "nesterov": True}),
    "nesterov-simplified": ("nesterov-simplified", {"mu": 0.8}, 0.05, "SGD", NESTEROV),
    "adagrad": ("adagrad", {"epsilon": 0.0}, 0.1, "Adagrad", {"eps": 0.0}),
    "adadelta": ("adadelta", {}, 1.0, "Adadelta", {}),
    "adadelta-set": (
        "adadelta",
        {"rho": 0.95, "epsilon": 0.1},
        0.5,
        "Adadelta",
        {"rho": 0.95, "eps": 0.1},
    ),
    "rmsprop": ("rmsprop", {"epsilon": 0.0}, 0.02, "RMSprop", {"alpha": 0.9, "eps": 0.0}),
    "rmsprop-set": (
        "rmsprop",
        {"beta": 0.99, "epsilon": 0.0},
        0.02,
        "RMSprop",
        {"alpha": 0.99, "eps": 0.0},
    ),
    "adam": ("adam", {}, 0.05, "Adam", {}),
    "adam-set": ("adam", MOMENTS, 0.05, "Adam", TORCH_MOMENTS),
    "adamw": ("adamw", {}, 0.05, "AdamW", {}),
    "adamw-set": ("adamw", {"weight_decay": 0.3}, 0.05, "AdamW", {"weight_decay": 0.3}),
    "adamax": ("adamax", {}, 0.05, "Adamax", {}),
    "adamax-set": ("adamax", MOMENTS, 0.05, "Adamax", TORCH_MOMENTS),
    "nadam": ("nadam", {}, 0.05, "NAdam", {}),
    "nadam-set": (
        "nadam",
        {"psi": 0.5, "beta1": 0.8},
        0.05,
        "NAdam",
        {"betas": (0.8, 0.999), "momentum_decay": 0.5},
    ),
    "amsgrad": ("amsgrad", {}, 0.05, "Adam", {"amsgrad": True}),
    "amsgrad-set": ("amsgrad", MOMENTS, 0.05, "Adam", {**TORCH_MOMENTS, "amsgrad": True}),
    "rprop": ("rprop", {}, 0.01, "Rprop", {}),
    "rprop-set": ("rprop", RATES, 0.05, "Rprop", TORCH_RATES),
}

EPOCHS, PER_EPOCH = 10, 4
N_UPDATES = EPOCHS * PER_EPOCH

CYCLE = {"max_lr": 0.3, "total_steps": N_UPDATES, "cycle_momentum": False}
OUR_CYCLE = {"rise": 0.45, "first": 0.2, "last": 0.01}
TORCH_CYCLE = {"pct_start": 0.45, "div_factor": 5.0, "final_div_factor": 100.0, **CYCLE}
TO_THE_END = {"total_iters": N_UPDATES, "power": 1.7}

# name: our schedule, its settings, torch's schedule, its settings
SCHEDULE_CASES: dict[str, tuple[str, dict[str, Any], str, dict[str, Any]]] = {
    "constant": ("constant", {}, "ConstantLR", {"factor": 1.0}),
    "exponential": ("exponential", {}, "ExponentialLR", {"gamma": 0.98}),
    "step": ("step", {"every": 3, "factor": 0.2}, "StepLR", {"step_size": 3, "gamma": 0.2}),
    "polynomial": ("polynomial", {"power": 1.7}, "PolynomialLR", TO_THE_END),
    "cosine": ("cosine", {"floor": 0.1}, "CosineAnnealingLR", {"T_max": 40, "eta_min": 0.03}),
    "one-cycle": ("one-cycle", {}, "OneCycleLR", CYCLE),
    "one-cycle-set": ("one-cycle", OUR_CYCLE, "OneCycleLR", TORCH_CYCLE),
}
BY_EPOCH = {"exponential", "step"}  # torch's step of these is an epoch, of the others an update
BASE_RATE = 0.3

# settings of our plateau, those of torch's
PLATEAU_CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plateau": ({"patience": 2}, {"factor": 0.5, "patience": 1}),
    "plateau-set": (
        {"factor": 0.3, "patience": 1, "threshold": 0.1, "cooldown": 2, "floor": 0.02},
        {"factor": 0.3, "patience": 0, "threshold": 0.1, "cooldown": 2, "min_lr": 0.006},
    ),
}

EMA_DECAY, N_AVERAGED = 0.9, 30


def validation_losses() -> list[float]:
    """Return losses that fall, stay and swing."""
    t = np.arange(40)
    falling: list[float] = (1 / (1 + t // 6) + 0.1 * np.sin(3.0 * t)).tolist()
    return falling


def walk() -> np.ndarray:
    """Return weights after each of some updates."""
    return np.sin(np.arange(N_AVERAGED)[:, None] * (0.3 + np.arange(5)))


def loss_inputs(task: str, link: str, loss: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return raw outputs, targets and weights for one case."""
    n = 12
    n_outputs = 3 if task == "multiclass" else 1
    z = 3 * np.sin(1 + np.arange(n * n_outputs)).reshape(n, n_outputs)
    weight = 1 + 0.5 * np.cos(np.arange(n))
    if task == "regression":
        y = np.abs(np.sin(5 + 2.0 * np.arange(n))) + 0.1
        return z, np.round(3 * y) if loss == "poisson" else y, weight
    return z, (np.arange(n) * 7 % (3 if n_outputs == 3 else 2)), weight


def start() -> np.ndarray:
    return 2 * np.cos(np.arange(7))


def slope(theta: Any, sin: Callable[[Any], Any], scale: Any) -> Any:
    """Give the gradient that the optimizers follow, for arrays of either kind."""
    return scale * theta + 0.5 * sin(3 * theta)


def scales() -> np.ndarray:
    return 0.2 + np.arange(7) / 3


def torch_rows(torch: Any, name: str, z: Any, y: Any) -> Any:
    """Return the loss of each row, in torch's own words where it has them."""
    from torch.nn import functional as f

    loss, settings, task, link, (location, scale) = LOSS_CASES[name]
    if task != "regression":
        k = max(z.shape[1], 2)
        logits = z if z.shape[1] > 1 else torch.cat([torch.zeros_like(z), z], 1)
        log_p = f.log_softmax(logits, 1)[torch.arange(len(y)), y]
    if loss == "bce":
        s = settings.get("smoothing", 0.0)
        target = y.to(z.dtype) * (1 - s) + s / 2
        return f.binary_cross_entropy_with_logits(z[:, 0], target, reduction="none")
    if loss == "cce":
        s = settings.get("smoothing", 0.0)
        return f.cross_entropy(z, y, reduction="none", label_smoothing=s)
    if loss == "focal":
        return -((1 - log_p.exp()) ** settings["gamma"]) * log_p
    if loss == "hinge" and task == "binary":
        return f.relu(1 - (2 * y - 1) * z[:, 0])
    if loss == "hinge":
        others = z.masked_fill(f.one_hot(y, k).bool(), -torch.inf).max(1).values
        return f.relu(1 + others - z[torch.arange(len(y)), y])
    if loss == "poisson":
        return f.poisson_nll_loss(z[:, 0], y, log_input=True, reduction="none")
    links = {
        "auto": lambda v: v,
        "exp": torch.exp,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "softmax": lambda v: torch.softmax(v, 1),
    }
    predicted = links[link](z)
    if task == "regression":
        target = y[:, None]
    else:
        target = f.one_hot(y, k).to(z.dtype)
        target = 2 * target - 1 if link == "tanh" else target
    if loss in ("mse", "half-mse"):
        rows = f.mse_loss(predicted, target, reduction="none")
        return rows.sum(1) * (0.5 if loss == "half-mse" else 1)
    if loss == "mae":
        return f.l1_loss(predicted, target, reduction="none").sum(1)
    if loss == "huber":
        return f.huber_loss(predicted, target, reduction="none", **settings).sum(1)
    if loss == "quantile":
        e = (target - predicted)[:, 0]
        return torch.maximum(settings["tau"] * e, (settings["tau"] - 1) * e)
    own = target * scale + location
    divisor = own.abs().clamp(min=settings.get("floor", 0.0))
    return (100 * ((predicted * scale + location - own) / divisor).abs())[:, 0]


def record_losses(torch: Any) -> dict[str, Any]:
    """Return value and gradient of the weighted mean for each case."""
    said = {}
    for name, (loss, _, task, link, _) in LOSS_CASES.items():
        z, y, weight = loss_inputs(task, link, loss)
        z, y, weight = torch.tensor(z, requires_grad=True), torch.tensor(y), torch.tensor(weight)
        value = (weight * torch_rows(torch, name, z, y)).mean()
        value.backward()
        said[name] = {"value": value.item(), "gradient": z.grad.tolist()}
    return said


def record_optimizers(torch: Any) -> dict[str, Any]:
    """Return the parameters after 1, 10 and 100 updates for each case."""
    said = {}
    scale = torch.tensor(scales())
    for name, (_, _, lr, rule, settings) in OPTIMIZER_CASES.items():
        theta = torch.tensor(start(), requires_grad=True)
        if rule == "NAdam":
            torch.set_default_dtype(torch.float64)  # else its product of inertias is float32
        optimizer = getattr(torch.optim, rule)([theta], lr=lr, **settings)
        path = {}
        for t in range(1, N_STEPS + 1):
            theta.grad = slope(theta.detach(), torch.sin, scale)
            optimizer.step()
            if t in (1, 10, N_STEPS):
                path[str(t)] = theta.detach().tolist()
        torch.set_default_dtype(torch.float32)
        said[name] = path
    return said


def record_schedules(torch: Any) -> dict[str, Any]:
    """Return the rate of each update, or of each epoch, for each case."""
    said = {}
    for name, (_, _, rule, settings) in SCHEDULE_CASES.items():
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=BASE_RATE)
        schedule = getattr(torch.optim.lr_scheduler, rule)(optimizer, **settings)
        said[name] = []
        for _ in range(EPOCHS if name in BY_EPOCH else N_UPDATES):
            said[name].append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
    for name, (_, settings) in PLATEAU_CASES.items():
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=BASE_RATE)
        schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **settings)
        said[name] = []
        for loss in validation_losses():
            schedule.step(loss)
            said[name].append(optimizer.param_groups[0]["lr"])
    return said


def record_average(torch: Any) -> list[list[float]]:
    """Return the running mean of the weights after each update."""
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    weights = torch.nn.ParameterList([torch.zeros(5, dtype=torch.float64)])
    average = AveragedModel(weights, multi_avg_fn=get_ema_multi_avg_fn(EMA_DECAY))
    said = []
    for theta in walk():
        weights[0].data = torch.tensor(theta)
        average.update_parameters(weights)
        said.append(average.module[0].tolist())
    return said


def record(torch: Any) -> dict[str, Any]:
    return {
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "torch": torch.__version__,
        },
        "losses": record_losses(torch),
        "optimizers": record_optimizers(torch),
        "schedules": record_schedules(torch),
        "ema": record_average(torch),
    }


if __name__ == "__main__":
    import torch

    RECORD.write_text(json.dumps(record(torch), indent=1) + "\n", encoding="utf-8")
