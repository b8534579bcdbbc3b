"""``train``: the network learns from the training rows; validation rows say when to stop."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nntool.errors import StoppedError, TrainingError, UsageError
from nntool.run import freshness, names
from nntool.run.session import Session
from nntool.settings.model import plain
from nntool.settings.train import TrainSettings
from nntool.steps import checkpoint, choices, history, planning, rows
from nntool.steps.job import Job, Outcome
from nntool.steps.performing import Done, file_name, perform, write_json

if TYPE_CHECKING:
    from nntool.nn.training import Trainer

SECONDS_BETWEEN_CHECKPOINTS = 30.0
LARGE_PRODUCT = 50_000_000
"""Multiplications in one product above which several BLAS threads are taken.

Below it a second thread gains little on an idle machine and loses much on a shared one, where the
threads spin for each other; the choice may not follow the load, or bytes would.
"""


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
        words = planning.describe(session, settings, outcome)
        training, validation = planning.row_sources(session, words)
        resolved = planning.resolve(settings, words, training.n_rows, validation is not None)
        trainer = planning.make_trainer(words, resolved, settings, training, validation)
    except InvalidChoice as error:
        raise UsageError(str(error), "nntool train --help") from None
    of = checkpoint.key(plain(settings) | resolved, freshness.inputs(session.run, "train"))
    log = _History(session.root, of, trainer)
    log.resume(job, settings.epochs)
    opening = planning.opening(trainer, resolved, training, validation)
    job.listener.say(f"nntool train: {opening}")
    with _numerics(job, trainer, resolved["batch_size"]):
        _learn(trainer, log, settings.epochs, job)
        _refuse_no_epoch(trainer, log)
        warning = _refuse_diverged(trainer, log, settings.seed)
    outcome.notes += [warning] if warning else []
    _write(folder, trainer, words, resolved, log, outcome)
    status = "interrupted" if trainer.ended == "asked" else "finished"
    learned = rows.seen(rows.of_part(session.run, "train"), from_split=True)
    return Done(resolved=resolved, rows=learned, status=status)  # type: ignore[arg-type] # a Literal


@contextmanager
def _numerics(job: Job, trainer: Trainer, batch_size: int | str) -> Iterator[None]:
    """BLAS threads by the size of the products; the engine itself sees what is not finite."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    n_rows = trainer.train.n_rows if batch_size == "full" else int(batch_size)
    products = [p for p in trainer.net.places if len(p.shape) == 2 and p.layer != "inputs"]
    largest = n_rows * max(math.prod(place.shape) for place in products)
    threads = job.cores if largest > LARGE_PRODUCT else 1
    with threadpool_limits(threads, user_api="blas"), np.errstate(all="ignore"):
        yield


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
        raise TrainingError(history.divergence(error), _smaller_rate(trainer)) from None
    if log.epochs:
        log.save()


def _refuse_no_epoch(trainer: Trainer, log: _History) -> None:
    """A stop before any epoch was done has nothing to put in the place of an earlier model."""
    if trainer.ended == "asked" and not log.epochs:
        raise StoppedError(
            "interrupted before the first epoch was done; nothing was written", "train again"
        )


def _refuse_diverged(trainer: Trainer, log: _History, seed: int) -> str:
    """A loss that is finite, but far above that of zeros and of the first weights.

    Returns a warning where it is far above that of zeros alone: training was too short.
    """
    best = trainer.result()[2]
    loss = log.epochs[best - 1]["train_loss"] if best else 0.0
    zero = planning.loss_of_zeros(trainer)
    if not best or loss <= zero + 9 * max(abs(zero), 0.1):
        return ""
    loss = planning.loss_of_weights(trainer, *trainer.result()[:2])  # without dropout
    begun = planning.loss_at_start(trainer, seed)
    if not loss <= begun:
        raise TrainingError(
            f"training diverged: the loss of the best epoch, {best}, is {loss:.4g}; it began at"
            f" {begun:.4g}",
            _smaller_rate(trainer),
        )
    return (
        f"the loss of {loss:.4g} is still far above the {zero:.4g} of answering zeros"
        " (more --epochs, or transform --scale standard)"
    )


def _smaller_rate(trainer: Trainer) -> str:
    """The rule's own learning rate where that is smaller, else a tenth."""
    own, used = trainer.plan.rules.optimizer.learning_rate, trainer.base_rate
    return f"a smaller --learning-rate, such as {own if own < used else used / 10:g}"


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
    outcome.notes.append(history.summary(log.epochs, best, str(ended), resolved["monitor"]))
