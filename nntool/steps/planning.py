"""What a training is: the features, the target and the output, and what 'auto' comes to."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nntool.errors import MachineError, UsageError
from nntool.run import names
from nntool.run.session import Session
from nntool.settings.choices import name_and_settings
from nntool.settings.model import Choice
from nntool.settings.train import TrainSettings
from nntool.steps import choices, monitoring
from nntool.steps.job import Outcome
from nntool.steps.model import make_output
from nntool.steps.performing import read_json

if TYPE_CHECKING:
    from nntool.nn.network import Network
    from nntool.nn.optimizers import Method
    from nntool.nn.plan import Plan
    from nntool.nn.training import Trainer

FEW_ROWS = 1000
PRIOR_PRECISION = 10.0
VECTORS = 7
"""Vectors of the length of all weights at the peak of training, beside those that are kept three
times (now, as of the last epoch, in the checkpoint): gradient, best so far, what an update is
measured by, scratch. With Adam 12.2 were measured and 7 + 3·3 are counted."""
VECTORS_AT_ONCE = 12
"""The same of full-batch methods: points before and after, on trial and the best on a line, each
with its gradient, and those of the rows. With lbfgs 83.5 were measured and 12 + 3·24 are counted,
with bfgs 3.2 matrices and 3, with newton and levenberg-marquardt 3.3 and 3.7 and 4."""


def task_of(session: Session) -> str:
    """What is to be learned: "binary", "multiclass" or "regression"."""
    task: str = read_json(session.run.checked(names.CLEAN_STATE))["target"]["task"]
    return task


def describe(session: Session, settings: TrainSettings, outcome: Outcome) -> dict[str, Any]:
    """All of model.json that is known before training: features, target, output."""
    from nntool.nn.outputs import DEFAULT_LOSSES
    from nntool.tables import transforming

    run = session.run
    state = read_json(run.checked(names.TRANSFORM_STATE))
    clean = read_json(run.checked(names.CLEAN_STATE))
    kept = read_json(run.checked(names.SELECT_COLUMNS))["kept"]
    target, task = state["target"], clean["target"]["task"]
    by_name = {column["name"]: column for column in transforming.produced(state["features"])}
    loss = _smoothed(DEFAULT_LOSSES[task] if settings.loss == "auto" else settings.loss, settings)
    scale = {"location": target.get("mean", 0.0), "scale": target.get("scale", 1.0)}
    if target.get("scaling") == "log1p":
        scale["log1p"] = True
    in_own_unit = task == "regression" and not choices.built("LOSSES", loss).scales_target
    if in_own_unit:
        outcome.notes.append("this loss takes the target in its own unit: target scaling is off")
        scale = {"location": 0.0, "scale": 1.0}
    return {
        "format": 1,
        "task": task,
        "target": clean["target"]["name"],
        "classes": clean["target"]["classes"],
        "positive": clean["target"]["positive"],
        "columns": kept,
        "kinds": [by_name[name]["kind"] for name in kept],
        "blocks": [by_name[name]["block"] for name in kept],
        "levels": [by_name[n]["levels"] for n in kept if by_name[n]["kind"] == "codes"],
        "positions": [by_name[name]["position"] for name in kept],
        "loss": loss,
        "output": settings.output,
        "target_coding": settings.target_coding,
        "in_own_unit": in_own_unit,
        "target_map": scale,
    }


def _smoothed(loss: Choice, settings: TrainSettings) -> Choice:
    """The loss with --label-smoothing in it; refused where the task's loss has none."""
    if not settings.label_smoothing:
        return loss
    name, of_loss = name_and_settings(loss)
    if name not in ("bce", "cce"):
        raise UsageError(
            f"--label-smoothing is for the losses bce and cce, and this task's loss is {name}",
            "leave it out",
        )
    return {"name": name, **of_loss, "smoothing": settings.label_smoothing}


def resolve(
    settings: TrainSettings, words: dict[str, Any], n_rows: int, has_validation: bool
) -> dict[str, Any]:
    """What unset and 'auto' settings come to."""
    from nntool.nn.links import LINKS
    from nntool.nn.registry import choice_of

    output = make_output(words)
    optimizer = choices.built("METHODS", settings.optimizer)
    rate: dict[str, Any] = {}
    if optimizer.by_batches:
        _refuse_decay_beyond_zero(settings, optimizer)
    if not optimizer.whole_batch:
        rate["learning_rate"] = settings.learning_rate or optimizer.learning_rate
    monitor = monitoring.monitor_of(settings.monitor, words["task"], has_validation=has_validation)
    return {
        **network_size(settings, n_rows),
        "loss": words["loss"],
        "optimizer": settings.optimizer,
        "output": choice_of(LINKS, output.head.link)["name"],
        "target_coding": output.head.coding,
        **rate,
        "batch_size": batch_rows(settings.batch_size, n_rows),
        "penalty": penalties_for(settings.penalty, n_rows),
        "monitor": monitor,
        **({"sample_weight": words["sample_weight"]} if settings.sample_weight else {}),
        "dtype": "float32" if settings.dtype == "auto" else settings.dtype,
    }


def _refuse_decay_beyond_zero(settings: TrainSettings, optimizer: Method) -> None:
    """Refuse a decoupled decay that would turn the sign of every weight: 1 − ηλ below 0."""
    decay = optimizer.weight_decay if settings.weight_decay is None else settings.weight_decay
    rate = settings.learning_rate or optimizer.learning_rate
    if rate != "auto" and rate * decay > 1:
        raise UsageError(
            f"--weight-decay {decay:g} at learning rate {rate:g} turns weights around: each update"
            f" multiplies them by 1 − {rate * decay:g}",
            f"--weight-decay below {1 / rate:g}, such as 0.01",
        )


def batch_rows(asked: int | str, n_rows: int) -> int | str:
    """Rows in a mini-batch; auto: about a thirty-second of them, a power of two from 16 to 512."""
    if isinstance(asked, int) or asked == "full":
        return asked
    largest_power = 1 << (max(n_rows // 32, 1).bit_length() - 1)
    return min(max(largest_power, 16), 512)


def network_size(settings: TrainSettings, n_rows: int) -> dict[str, Any]:
    """Hidden units and dropout; auto: few rows get one layer, much silenced, more rows get two."""
    units, dropout = ([64], 0.3) if n_rows < FEW_ROWS else ([128, 64], 0.1)
    return {
        "hidden": units if settings.hidden == "auto" else list(settings.hidden),
        "dropout": dropout if settings.dropout == "auto" else settings.dropout,
    }


def penalties_for(asked: tuple[Choice, ...], n_rows: int) -> list[Choice]:
    """The penalties; auto: L2 whose rate falls with the rows, as a fixed prior on weights has it.

    The mean loss of n rows plus (λ/2)Σw² is, times n, a negative log posterior under weights of
    variance 1/(nλ); nλ = 10 did best on average over 13 tables of 100 to 10,000 rows.
    """
    automatic: Choice = {"name": "l2", "rate": float(f"{PRIOR_PRECISION / n_rows:.6g}")}
    return [automatic if choice == "auto" else choice for choice in asked]


def opening(trainer: Trainer, resolved: dict[str, Any]) -> str:
    """What is about to be trained, in one line."""
    n_held = trainer.validation.n_rows if trainer.validation else 0
    held = f"{n_held:,} validation rows" if n_held else "no validation rows"
    size = resolved["batch_size"]
    batches = "all rows in one batch" if size == "full" else f"batches of {size}"
    rate = resolved.get("learning_rate")
    at_rate = "" if rate is None else f", learning rate {rate:g}"
    return (
        f"{trainer.net.size:,} weights, {trainer.train.n_rows:,} training rows, {held},"
        f" {batches}{at_rate}"
    )


def cautions(settings: TrainSettings, resolved: dict[str, Any], trainer: Trainer) -> list[str]:
    """What is possible, but seldom meant."""
    rule = trainer.plan.rules.optimizer
    name = name_and_settings(resolved["optimizer"])[0] if "optimizer" in resolved else ""
    found = []
    by_rate = [f"--schedule {name_and_settings(settings.schedule)[0]}", "--warmup", "--snapshots"]
    is_given = [settings.schedule != "constant", settings.warmup > 0, settings.snapshots > 0]
    idle = [option for option, given in zip(by_rate, is_given, strict=True) if given]
    if idle and rule.only_starts_at_rate:
        found.append(
            f"{name} takes the learning rate for its first step alone, and finds the others itself:"
            f" {' and '.join(idle)} {'have' if len(idle) > 1 else 'has'} no part in them"
        )
    if rule.full_batch and resolved["batch_size"] != "full":
        found.append(
            f"{name} goes by the sign of the gradient: +0.1 nine times and −0.9 once, which sum to"
            " 0, move a weight far; with small batches it goes astray (--batch-size full)"
        )
    output = trainer.output
    if getattr(rule, "product", "") == "gauss-newton" and not output.loss.is_curved(output.head):
        found.append(
            f"the loss {name_and_settings(resolved['loss'])[0]} is made of straight pieces, and the"
            f" products of {name} know nothing of it: it goes by the gradient alone, and lbfgs does"
            " so for less"
        )
    balancing = ["--class-weights balanced"] if settings.class_weights == "balanced" else []
    balancing += ["--balanced-batches"] if settings.balanced_batches else []
    balancing += (
        ["--augment smote"]
        if any(name_and_settings(choice)[0] == "smote" for choice in settings.augment)
        else []
    )
    if len(balancing) > 1 and balancing[0] == "--class-weights balanced":
        found.append(
            f"{' and '.join(balancing)} make up for the same rare classes more than once"
            " (leave one out)"
        )
    return found


def bytes_to_train(net: Network, plan: Plan, dtype: str) -> int:
    """About the memory that the vectors of one training take."""
    method: Any = plan.rules.optimizer
    floats = net.size * VECTORS_AT_ONCE
    if method.whole_batch:
        kept = floats_of_state(method.init, net.size)
        floats += 3 * (2 * net.size + kept)
        if method.max_size is not None and kept < net.size**2:
            floats += 4 * net.size**2  # a matrix that each iteration makes, and its factors
    elif method.by_batches:
        floats = net.size * _vectors_of_updates(plan)
    return int(floats) * (8 if dtype == "float64" else 4)


def refuse_too_large(net: Network, plan: Plan, dtype: str) -> None:
    """Refuse a network whose vectors do not fit in the memory that is there, with the numbers."""
    needed, free = bytes_to_train(net, plan, dtype), available_memory()
    if needed > free:
        raise MachineError(
            f"{net.size:,} weights need about {needed / 1e9:,.1f} GB to train, and"
            f" {free / 1e9:,.1f} GB are free",
            "give a smaller --hidden"
            + (", or --optimizer adam" if plan.rules.optimizer.whole_batch else ""),
        )


def _vectors_of_updates(plan: Plan) -> int:
    """The vectors of mini-batches, and those that are kept three times."""
    rules, rule = plan.rules, plan.rules.rule
    kept = 1 + len(rule.state_names) + (plan.average is not None)
    apart = rule.wants is not None or plan.weight_noise > 0
    return VECTORS + 3 * kept + apart + 2 * (rules.layer_rates is not None)


def floats_of_state(init: Callable[[int, str], Mapping[str, Any]], size: int) -> int:
    """The numbers that a method keeps for ``size`` parameters; ``init`` makes its arrays.

    They are counted for 1, 2 and 3 parameters: a sum of numbers, vectors and matrices is
    quadratic in their size.

    >>> import numpy as np
    >>> floats_of_state(lambda n, _: {"pairs": np.zeros((10, n)), "norm": np.zeros(())}, 500)
    5001
    """
    one, two, three = (sum(a.size for a in init(n, "float64").values()) for n in (1, 2, 3))
    squares = (three - 2 * two + one) // 2
    lines = two - one - 3 * squares
    total: int = (one - lines - squares) + lines * size + squares * size**2
    return total


def available_memory() -> int:
    """Bytes that can be had without swapping: what Linux says, else the free pages."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    found = dict(line.split(":", 1) for line in lines)
    return int(found["MemAvailable"].split()[0]) * 1024
