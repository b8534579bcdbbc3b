"""``train``: the network learns from the training rows; validation rows say when to stop."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nntool.errors import DataError, StoppedError, TrainingError, UsageError
from nntool.run import freshness, names
from nntool.run.session import Session
from nntool.settings.model import Choice, plain
from nntool.settings.train import TrainSettings
from nntool.steps import checkpoint, choices, history, rows
from nntool.steps.job import Job, Outcome
from nntool.steps.model import make_output
from nntool.steps.performing import Done, file_name, perform, read_json, write_json
from nntool.steps.select_features import feature_arrays

if TYPE_CHECKING:
    from nntool.nn.batches import ArrayRows
    from nntool.nn.training import Trainer

SECONDS_BETWEEN_CHECKPOINTS = 30.0
PRIOR_PRECISION = 10.0
LARGE_PRODUCT = 4_000_000
"""Multiplications in one product above which several BLAS threads pay (measured: benchmarks/)."""


def train(root: str, settings: TrainSettings, job: Job) -> Outcome:
    """Train the network and write the best weights that were seen."""
    outcome = Outcome("train", root)
    with Session(root) as session:
        train_in(session, settings, job, outcome)
        session.commit()
        raise_if_stopped(outcome, session.run.command("train"))
    return outcome


def raise_if_stopped(outcome: Outcome, command: str) -> None:
    """After the model is in place, say that it is an unfinished one."""
    if outcome.report.get("train", {}).get("ended") == "asked":
        best = outcome.report["train"]["best_epoch"]
        stopped = StoppedError(
            f"interrupted; the weights of epoch {best}, the best so far, are the model now",
            f"{command}  # goes on from here",
        )
        stopped.outcome = outcome
        raise stopped


def train_in(session: Session, settings: TrainSettings, job: Job, outcome: Outcome) -> bool:
    """Stage the model unless it is fresh; returns whether it was trained."""
    choices.check(settings)
    freshness.require(session.run, "train")
    rows.require_training_states(session.run)
    return perform(
        session,
        "train",
        settings,
        job,
        outcome,
        lambda folder: _work(session, settings, job, folder, outcome),
    )


def _work(
    session: Session, settings: TrainSettings, job: Job, folder: Path, outcome: Outcome
) -> Done:
    from nntool.nn.registry import InvalidChoice

    try:
        words = _describe(session, settings, outcome)
        training, validation = _row_sources(session, words)
        resolved = _resolve(settings, words, training.n_rows, validation is not None)
        trainer = _trainer(words, resolved, settings, training, validation)
    except InvalidChoice as error:
        raise UsageError(str(error), "nntool train --help") from None
    of = checkpoint.key(plain(settings) | resolved, freshness.inputs(session.run, "train"))
    log = _History(session.root, of, trainer)
    log.resume(job, settings.epochs)
    outcome.notes += _opening_notes(trainer, resolved, training, validation)
    with _numerics(job, trainer, resolved["batch_size"]) as threads:
        _learn(trainer, log, settings.epochs, job)
    _write(folder, trainer, words, resolved, log, outcome)
    outcome.report["train"]["threads"] = threads
    status = "interrupted" if trainer.ended == "asked" else "finished"
    return Done(resolved=resolved, status=status)  # type: ignore[arg-type] # a Literal


def _describe(session: Session, settings: TrainSettings, outcome: Outcome) -> dict[str, Any]:
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
    if not choices.built("LOSSES", loss).scales_target and task == "regression":
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
        "target_map": scale,
        "scaled": target,
    }


def _row_sources(session: Session, words: dict[str, Any]) -> tuple[ArrayRows, ArrayRows | None]:
    """The training rows, and the validation rows where there are any."""
    import numpy as np

    from nntool.nn.batches import ArrayRows
    from nntool.tables import arrays, transforming

    run = session.run
    numeric, codes = chosen_columns(*feature_arrays(run), words)
    target = arrays.load(run.checked(names.TRANSFORM_TARGET), shape=(numeric.shape[0],))
    if words["task"] == "regression" and words["target_map"]["scale"] != words["scaled"]["scale"]:
        target = transforming.inverse_target(target, words["scaled"]).astype(np.float32)
    found = {}
    for part in ("train", "validation"):
        index = np.flatnonzero(rows.of_part(run, part))
        found[part] = ArrayRows(numeric, codes, target, None, index) if len(index) else None
    training = found["train"]
    if training is None:
        raise DataError("no rows are left to train on", f"nntool split {run.root} --train 0.7")
    _check_target(make_output(words), target, rows.of_part(run, "train"))
    return training, found["validation"]


def chosen_columns(numeric: Any, codes: Any, words: dict[str, Any]) -> tuple[Any, Any]:
    """The kept columns of the produced arrays, in the order in which the network takes them."""
    chosen: dict[str, list[int]] = {"numeric": [], "codes": []}
    for kind, position in zip(words["kinds"], words["positions"], strict=True):
        chosen[kind].append(position)
    if chosen["numeric"] != list(range(numeric.shape[1])):
        numeric = numeric[:, chosen["numeric"]]
    return numeric, codes[:, chosen["codes"]]


def _check_target(output: Any, target: Any, mask: Any) -> None:
    """Refuse a target that the loss cannot take, naming the row."""
    import numpy as np

    from nntool.nn.outputs import InvalidTarget

    index = np.flatnonzero(mask)
    try:
        output.check(target[index])
    except InvalidTarget as error:
        raise DataError(
            f"row {index[error.row] + 1}: the target {error.value:g} {error.reason}",
            "choose another --loss, or leave such rows out",
        ) from None


def _resolve(
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
        "hidden": hidden_units(settings.hidden, n_rows),
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


def hidden_units(asked: tuple[int, ...] | str, n_rows: int) -> list[int]:
    """The units of each hidden layer; auto: one small layer for few rows, else two."""
    if isinstance(asked, tuple):
        return list(asked)
    return [64] if n_rows < 1000 else [128, 64]


def penalties_for(asked: tuple[Choice, ...], n_rows: int) -> list[Choice]:
    """The penalties; auto: L2 whose rate falls with the rows, as a fixed prior on weights has it.

    The mean loss of n rows plus (λ/2)Σw² is, times n, a negative log posterior under weights of
    variance 1/(nλ); nλ = 10 did best on average over 13 tables of 100 to 10,000 rows.
    """
    automatic: Choice = {"name": "l2", "rate": float(f"{PRIOR_PRECISION / n_rows:.6g}")}
    return [automatic if choice == "auto" else choice for choice in asked]


def _trainer(
    words: dict[str, Any],
    resolved: dict[str, Any],
    settings: TrainSettings,
    training: ArrayRows,
    validation: ArrayRows | None,
) -> Trainer:
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
        dropout=settings.dropout,
        input_dropout=settings.input_dropout,
    )
    words["network"] = spec.as_plain()
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
        Network(spec),
        output,
        plan,
        training,
        validation,
        streams=Streams(settings.seed),
        dtype=np.dtype(resolved["dtype"]),
        stopping=EarlyStopping(settings.patience or None, settings.min_delta),
        metrics=history.metrics_of(words["task"], output),
    )


def _opening_notes(
    trainer: Trainer, resolved: dict[str, Any], training: ArrayRows, validation: ArrayRows | None
) -> list[str]:
    held = f"{validation.n_rows:,} validation rows" if validation else "no validation rows"
    return [
        f"{trainer.net.size:,} weights, {training.n_rows:,} training rows, {held},"
        f" batches of {resolved['batch_size']}, learning rate {resolved['learning_rate']:g}"
    ]


@contextmanager
def _numerics(job: Job, trainer: Trainer, batch_size: int | str) -> Iterator[int]:
    """BLAS threads by the size of the products; the engine itself sees what is not finite."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    n_rows = trainer.train.n_rows if batch_size == "full" else int(batch_size)
    largest = n_rows * max((math.prod(place.shape) for place in trainer.net.places), default=0)
    threads = job.cores if largest > LARGE_PRODUCT else 1
    with threadpool_limits(threads, user_api="blas"), np.errstate(all="ignore"):
        yield threads


class _History:
    """The epochs so far, their seconds, and the checkpoint that holds them."""

    def __init__(self, root: Path, of: str, trainer: Trainer) -> None:
        self.root, self.of, self.trainer = root, of, trainer
        self.epochs: list[dict[str, Any]] = []
        self.timing: list[dict[str, Any]] = []
        self._saved = time.monotonic()

    def resume(self, job: Job, epochs: int) -> None:
        """Go on from a checkpoint of this very training, if there is one."""
        found = checkpoint.load(self.root, self.of)
        if found is None or job.force or len(found[2]) > epochs:
            return
        arrays, state, self.epochs = found
        self.trainer.restore(arrays, state)
        done = len(self.epochs)
        job.listener.say(f"nntool train: goes on after epoch {done}, from its checkpoint")

    def add(self, report: Any, seconds: float) -> None:
        """Keep an epoch; every so often all that is needed to go on."""
        self.epochs.append(history.row(report))
        speed = self.trainer.train.n_rows / seconds if seconds else 0.0
        self.timing.append({"epoch": report.epoch, "seconds": seconds, "rows_per_second": speed})
        if time.monotonic() - self._saved > SECONDS_BETWEEN_CHECKPOINTS:
            self.save()

    def save(self) -> None:
        """Write the checkpoint."""
        arrays, state = self.trainer.state()
        checkpoint.save(self.root, self.of, arrays, state, self.epochs)
        self._saved = time.monotonic()


def _learn(trainer: Trainer, log: _History, epochs: int, job: Job) -> None:
    """Run the epochs, telling how far they are; a checkpoint stands at the end."""
    from nntool.nn.reports import Diverged

    begun = last = time.monotonic()
    try:
        for report in trainer.run(should_stop=job.listener.stop_requested):
            now = time.monotonic()
            log.add(report, now - last)
            last = now
            left = (now - begun) / len(log.timing) * (epochs - report.epoch)
            job.listener.progress("training", report.epoch, epochs, history.line(report, left))
    except Diverged as error:
        raise TrainingError(
            history.divergence(error),
            f"a smaller --learning-rate, such as {error.learning_rate / 10:g}",
        ) from None
    log.save()


def _write(
    folder: Path,
    trainer: Trainer,
    words: dict[str, Any],
    resolved: dict[str, Any],
    log: _History,
    outcome: Outcome,
) -> None:
    from nntool.tables import arrays

    theta, stats, best = trainer.result()
    arrays.save_npz(folder / file_name(names.TRAIN_WEIGHTS), {"theta": theta, "stats": stats})
    at_best = log.epochs[best - 1] if best else {}
    ended = trainer.ended
    summary = {
        "epochs": len(log.epochs),
        "best_epoch": best,
        "ended": ended,
        "at_best": at_best,
        "parameters": trainer.net.size,
    }
    write_json(
        folder / file_name(names.TRAIN_MODEL),
        words | {"dtype": resolved["dtype"], "trained": summary},
    )
    history.write(folder / file_name(names.TRAIN_HISTORY), log.epochs)
    history.write(folder / file_name(names.TRAIN_TIMING), log.timing)
    outcome.report["train"] = summary
    outcome.notes.append(history.summary(log.epochs, best, str(ended), resolved["monitor"]))
