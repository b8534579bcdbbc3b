"""What a training is: the features, the target and the output, and what 'auto' comes to."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nntool.errors import DataError, MachineError, UsageError
from nntool.run import names
from nntool.run.session import Session
from nntool.settings.model import Choice
from nntool.settings.train import TrainSettings
from nntool.steps import choices, history, rows
from nntool.steps.job import Outcome
from nntool.steps.model import chosen_columns, make_output
from nntool.steps.performing import read_json
from nntool.steps.select_features import feature_arrays

if TYPE_CHECKING:
    from nntool.nn.batches import ArrayRows, Batch
    from nntool.nn.training import Trainer

FEW_ROWS = 1000
PRIOR_PRECISION = 10.0
VECTORS = 13
"""Vectors of the length of all weights at the peak of training (12.2 were measured): weights,
gradient, the optimizer's two, the same three as of the last epoch and in the checkpoint, the best
so far, what an update is measured by, scratch."""


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
    loss = DEFAULT_LOSSES[task] if settings.loss == "auto" else settings.loss
    scale = {"location": target.get("mean", 0.0), "scale": target.get("scale", 1.0)}
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
        "levels": [by_name[n]["levels"] for n in kept if by_name[n]["kind"] == "codes"],
        "positions": [by_name[name]["position"] for name in kept],
        "loss": loss,
        "output": settings.output,
        "target_coding": settings.target_coding,
        "in_own_unit": in_own_unit,
        "target_map": scale,
    }


def row_sources(session: Session, words: dict[str, Any]) -> tuple[ArrayRows, ArrayRows | None]:
    """The training rows, and the validation rows where there are any."""
    import numpy as np

    from nntool.nn.batches import ArrayRows
    from nntool.tables import arrays

    run = session.run
    numeric, codes = chosen_columns(*feature_arrays(run), words)
    target = arrays.load(run.checked(names.TRANSFORM_TARGET), shape=(numeric.shape[0],))
    if words["in_own_unit"]:
        target = rows.numeric_target(run, words["target"]).astype(np.float32)
    found = {}
    for part in ("train", "validation"):
        index = np.flatnonzero(rows.of_part(run, part))
        found[part] = ArrayRows(numeric, codes, target, None, index) if len(index) else None
    training = found["train"]
    if training is None:
        raise DataError("no rows are left to train on", f"nntool split {run.root} --train 0.7")
    exact = rows.numeric_target(run, words["target"]) if words["classes"] is None else None
    _check_target(words, target, exact, rows.of_part(run, "train"))
    return training, found["validation"]


def _check_target(words: dict[str, Any], target: Any, exact: Any, mask: Any) -> None:
    """Refuse a target that the loss cannot take, naming the row and its ``exact`` value."""
    import numpy as np

    from nntool.nn.outputs import InvalidTarget

    index = np.flatnonzero(mask)
    try:
        make_output(words).check(target[index])
    except InvalidTarget as error:
        row = int(index[error.row])
        own = f"{exact[row]:g}" if exact is not None else f"{error.value:g}"
        hint = "choose another --loss or --output, or transform with --target-scaling none"
        if words["loss"] in ("mape", {"name": "mape"}):
            hint = "--loss mape:floor=1, the least |target| that an error is divided by"
        raise DataError(f"row {row + 1}: the target {own} {error.reason}", hint) from None


def resolve(
    settings: TrainSettings, words: dict[str, Any], n_rows: int, has_validation: bool
) -> dict[str, Any]:
    """What unset and 'auto' settings come to."""
    from nntool.nn.links import LINKS
    from nntool.nn.registry import choice_of

    output = make_output(words)
    optimizer = choices.built("OPTIMIZERS", settings.optimizer)
    monitor = settings.monitor
    if monitor == "auto":
        monitor = "validation-loss" if has_validation else "train-loss"
    if monitor == "validation-loss" and not has_validation:
        raise UsageError(
            "--monitor validation-loss: the split has no validation rows",
            "nntool split RUN --validation 0.15, or --monitor train-loss",
        )
    return {
        **network_size(settings, n_rows),
        "loss": words["loss"],
        "output": choice_of(LINKS, output.head.link)["name"],
        "target_coding": output.head.coding,
        "learning_rate": settings.learning_rate or optimizer.learning_rate,
        "batch_size": batch_rows(settings.batch_size, n_rows),
        "penalty": penalties_for(settings.penalty, n_rows),
        "monitor": monitor,
        "dtype": "float32" if settings.dtype == "auto" else settings.dtype,
    }


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


def make_trainer(
    words: dict[str, Any],
    resolved: dict[str, Any],
    settings: TrainSettings,
    training: ArrayRows,
    validation: ArrayRows | None,
) -> Trainer:
    """The trainer of a network that fits in memory; adds the network to ``words``."""
    import numpy as np

    from nntool.nn.network import Network, NetworkSpec
    from nntool.nn.randomness import Streams
    from nntool.nn.stopping import EarlyStopping
    from nntool.nn.training import Plan, Trainer
    from nntool.nn.updating import UpdateRules
    from nntool.settings.choices import name_and_settings

    activation, activation_settings = name_and_settings(settings.activation)
    initializer, initializer_settings = name_and_settings(settings.initializer)
    words |= {key: resolved[key] for key in ("output", "target_coding")}
    output = make_output(words)
    spec = NetworkSpec(
        n_numeric=words["kinds"].count("numeric"),
        n_outputs=output.n_outputs,
        levels=tuple(words["levels"]),
        hidden=tuple(resolved["hidden"]),
        activation=activation,
        activation_settings=activation_settings,
        initializer=initializer,
        initializer_settings=initializer_settings,
        dropout=resolved["dropout"],
        input_dropout=settings.input_dropout,
    )
    words["network"] = spec.as_plain()
    net = Network(spec)
    refuse_too_large(net.size, resolved["dtype"])
    penalties = tuple(choices.built("PENALTIES", choice) for choice in resolved["penalty"])
    size = resolved["batch_size"]
    plan = Plan(
        rules=UpdateRules(
            optimizer=choices.built("OPTIMIZERS", settings.optimizer), penalties=penalties
        ),
        epochs=settings.epochs,
        batch_size=None if size == "full" else size,
        learning_rate=resolved["learning_rate"],
        schedule=choices.built("SCHEDULES", settings.schedule),
        monitor=resolved["monitor"],
    )
    return Trainer(
        net,
        output,
        plan,
        training,
        validation,
        streams=Streams(settings.seed),
        dtype=np.dtype(resolved["dtype"]),
        stopping=EarlyStopping(settings.patience or None, settings.min_delta),
        metrics=history.metrics_of(words["task"], output),
    )


def opening(
    trainer: Trainer, resolved: dict[str, Any], training: ArrayRows, validation: ArrayRows | None
) -> str:
    """What is about to be trained, in one line."""
    held = f"{validation.n_rows:,} validation rows" if validation else "no validation rows"
    return (
        f"{trainer.net.size:,} weights, {training.n_rows:,} training rows, {held},"
        f" batches of {resolved['batch_size']}, learning rate {resolved['learning_rate']:g}"
    )


def refuse_too_large(n_weights: int, dtype: str) -> None:
    """Refuse a network whose vectors do not fit in the memory that is there, with the numbers."""
    needed = n_weights * VECTORS * (8 if dtype == "float64" else 4)
    free = available_memory()
    if needed > free:
        raise MachineError(
            f"{n_weights:,} weights need about {needed / 1e9:,.1f} GB to train, and"
            f" {free / 1e9:,.1f} GB are free",
            "give a smaller --hidden",
        )


def available_memory() -> int:
    """Bytes that can be had without swapping: what Linux says, else the free pages."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    found = dict(line.split(":", 1) for line in lines)
    return int(found["MemAvailable"].split()[0]) * 1024


def loss_of_zeros(trainer: Trainer) -> float:
    """The training loss of raw outputs that are all 0: about what a constant answer has."""
    import numpy as np

    n_outputs, dtype = trainer.output.n_outputs, trainer.theta.dtype
    return _mean_loss(trainer, lambda batch: np.zeros((batch.n_rows, n_outputs), dtype))


def loss_at_start(trainer: Trainer, seed: int) -> float:
    """The training loss of the weights that training began with."""
    from nntool.nn.randomness import Streams

    net, dtype = trainer.net, trainer.theta.dtype
    theta = net.initial(Streams(seed)["init"], dtype)
    return loss_of_weights(trainer, theta, net.initial_stats(dtype))


def loss_of_weights(trainer: Trainer, theta: Any, stats: Any) -> float:
    """The training loss of these weights, as in prediction."""
    from nntool.nn.predicting import Predictor

    engine = Predictor(trainer.net, theta, stats)
    return _mean_loss(trainer, lambda batch: engine.outputs(batch.numeric, batch.codes))


def _mean_loss(trainer: Trainer, outputs: Callable[[Batch], Any]) -> float:
    """The mean loss over the training rows of what ``outputs`` answers for each batch."""
    total = 0.0
    for batch in trainer.train.batches(None, 1024):
        z = outputs(batch)
        tape = trainer.output.tape(batch.n_rows, z.dtype)
        total += trainer.output.value(z, batch.target, batch.weight, tape) * batch.n_rows  # type: ignore[arg-type] # training rows have a target
    return total / trainer.train.n_rows
