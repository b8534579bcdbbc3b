"""``train``: the network learns from the training rows; validation rows say when to stop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nntool.errors import StoppedError, TrainingError, UsageError
from nntool.run import freshness, names
from nntool.run.manifest import Status
from nntool.run.session import Session
from nntool.settings.model import plain
from nntool.settings.train import TrainSettings
from nntool.settings.wording import counted
from nntool.steps import (
    automatic_method,
    calibration,
    checkpoint,
    choices,
    demands,
    diagnosis,
    history,
    learning,
    monitoring,
    planning,
    references,
    remedies,
    rows,
    sources,
    trainers,
)
from nntool.steps.job import ConfusionMatrix, Job, Outcome
from nntool.steps.performing import Done, file_name, perform, write_json

if TYPE_CHECKING:
    from nntool.nn.reports import Diverged
    from nntool.nn.training import Trainer


def train(root: str, settings: TrainSettings, job: Job) -> Outcome:
    """Train the network and write the best weights that were seen."""
    outcome = Outcome("train", root)
    with Session(root) as session:
        train_in(session, settings, job, outcome)
        session.commit()
        raise_if_stopped(outcome, session.run.command("train"))
    return outcome


def raise_if_stopped(outcome: Outcome, command: str) -> None:
    """After the model is in place, say that it is an unfinished one, and why."""
    trained = outcome.report.get("train", {})
    kept = f"the weights of epoch {trained.get('best_epoch')}, the best so far, are the model now"
    error: StoppedError | TrainingError
    if trained.get("ended") == "asked":
        error = StoppedError(f"interrupted; {kept}", f"{command}  # goes on from here")
    elif trained.get("ended") == "diverged":
        error = TrainingError(f"{trained['diverged']['message']}; {kept}", trained["try"])
    else:
        return
    error.outcome = outcome
    raise error


def train_in(session: Session, settings: TrainSettings, job: Job, outcome: Outcome) -> bool:
    """Stage the model unless it is fresh; returns whether it was trained."""
    choices.check(settings)
    demands.check(settings)
    freshness.require(session.run, "train")
    rows.require_training_states(session.run)
    return perform(
        session,
        "train",
        settings,
        job,
        outcome,
        lambda folder: train_into(folder, session, settings, job, outcome, session.root),
    )


class Trained(NamedTuple):
    """What a training came to."""

    words: dict[str, Any]
    """What model.json says of the network and its target."""
    resolved: dict[str, Any]
    """The settings, nothing in them 'auto'."""
    trainer: Trainer
    log: learning.Log
    diverged: Diverged | None
    calibrated: calibration.Calibration
    findings: list[diagnosis.Finding]
    """What is wrong with it."""

    @property
    def ended(self) -> str:
        """Why it ended."""
        return _ended(self.trainer, self.diverged)

    @property
    def status(self) -> Status:
        """What run.json says of it."""
        if self.diverged is not None:
            return "diverged"
        return "interrupted" if self.trainer.ended == "asked" else "finished"


def train_into(
    folder: Path,
    session: Session,
    settings: TrainSettings,
    job: Job,
    outcome: Outcome,
    home: Path,
) -> Done:
    """Train from the run's artifacts and write into a folder; ``home`` has its checkpoints."""
    from nntool.nn.registry import InvalidChoice

    try:
        settings, said = demands.adapted(settings, planning.task_of(session))
        outcome.notes += said
        words = planning.describe(session, settings, outcome)
        with sources.row_sources(session.run, words, settings, outcome) as rows_of:
            trained = _learn(session, settings, job, outcome, words, rows_of, home)
    except InvalidChoice as error:
        raise UsageError(str(error), "nntool train --help") from None
    _write(folder, trained)
    _show(outcome, trained)
    learned = rows.seen(rows.of_part(session.run, "train"), from_split=True)
    return Done(resolved=trained.resolved, rows=learned, status=trained.status)


def _learn(
    session: Session,
    settings: TrainSettings,
    job: Job,
    outcome: Outcome,
    words: dict[str, Any],
    rows_of: sources.Sources,
    home: Path,
) -> Trained:
    """Resolve what is 'auto', and train."""
    has_validation = rows_of.validation is not None
    settings, said = automatic_method.settle(settings, words, rows_of.training.n_rows)
    outcome.notes += said
    resolved = planning.resolve(settings, words, rows_of.training.n_rows, has_validation)
    n_real = rows_of.training.n_rows
    rows_of = trainers.grown(settings, words, rows_of)
    if n_added := rows_of.training.n_rows - n_real:
        outcome.notes.append(
            f"{n_added:,} rows that were made up are added to {n_real:,} training rows"
        )
    if settings.learning_rate == "auto":
        outcome.notes.append(trainers.resolve_rate(words, resolved, settings, rows_of))
    trainer = trainers.make_trainer(words, resolved, settings, rows_of)
    outcome.notes += planning.cautions(settings, resolved, trainer)
    of = checkpoint.key(plain(settings) | resolved, freshness.inputs(session.run, "train"))
    with learning.numerics(job, trainer):
        log = learning.Log(home, of, trainer, job)
        log.resume()
        job.listener.say(f"nntool train: {planning.opening(trainer, resolved)}")
        diverged = learning.learn(trainer, log, job)
        _refuse_no_epoch(trainer, log, diverged)
        warning = _refuse_diverged(trainer, log, settings.seed, diverged)
    outcome.notes += [warning] if warning else []
    calibrated = calibration.calibrate(trainer, rows_of, settings.calibration)
    findings = _findings(trainer, log, diverged)
    return Trained(words, resolved, trainer, log, diverged, calibrated, findings)


def _ended(trainer: Trainer, diverged: Diverged | None) -> str:
    return "diverged" if diverged is not None else str(trainer.ended)


def _refuse_no_epoch(trainer: Trainer, log: learning.Log, diverged: Diverged | None) -> None:
    """An end before any epoch was done has nothing to put in the place of an earlier model."""
    if log.epochs:
        return
    if diverged is not None:
        words = history.divergence(diverged)["message"]
        raise TrainingError(f"{words}; nothing was written", _smaller_rate(trainer))
    if trainer.ended == "asked":
        raise StoppedError(
            "interrupted before the first epoch was done; nothing was written", "train again"
        )


def _refuse_diverged(
    trainer: Trainer, log: learning.Log, seed: int, diverged: Diverged | None
) -> str:
    """A loss that is finite, but far above that of zeros and of the first weights.

    Returns a warning where it is far above that of zeros alone: training was too short.
    """
    best = trainer.result()[2]
    loss = log.epochs[best - 1]["train_loss"] if best else 0.0
    zero = references.loss_of_zeros(trainer)
    if not best or loss <= zero + 9 * max(abs(zero), 0.1):
        return ""
    loss = references.loss_of_weights(trainer, *trainer.result()[:2])  # without dropout
    begun = references.loss_at_start(trainer, seed)
    if not loss <= begun:
        end = f"; then {history.divergence(diverged)['message']}" if diverged else ""
        raise TrainingError(
            f"training diverged: the loss of the best epoch, {best}, is {loss:.4g}; it began at"
            f" {begun:.4g}{end}",
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


def _findings(
    trainer: Trainer, log: learning.Log, diverged: Diverged | None
) -> list[diagnosis.Finding]:
    """What is wrong with the training, judged by the weights that are kept."""
    theta, stats, best = trainer.result()
    kept_loss = None if log.yardstick.like else references.loss_of_weights(trainer, theta, stats)
    return diagnosis.of_training(
        log.epochs,
        best,
        log.yardstick,
        ended=_ended(trainer, diverged),
        activation=trainer.net.spec.activation,
        kept_loss=kept_loss,
        means=remedies.of_method(trainer.plan.rules.optimizer, _ended(trainer, diverged)),
    )


def _write(folder: Path, trained: Trained) -> None:
    """Write the model and the history of its training."""
    from nntool.tables import arrays

    trainer, log = trained.trainer, trained.log
    theta, stats, best = trainer.result()
    vectors = {"theta": theta, "stats": stats, **trained.calibrated.arrays}
    arrays.save_npz(folder / file_name(names.TRAIN_WEIGHTS), vectors)
    summary = {
        "epochs": len(log.epochs),
        "best_epoch": best,
        "ended": trained.ended,
        "at_best": log.epochs[best - 1] if best else {},
        "baseline_loss": log.yardstick.constant,
        "diagnosis": [finding._asdict() for finding in trained.findings],
        "parameters": trainer.net.size,
    }
    if trained.diverged is not None:
        told = history.divergence(trained.diverged)
        summary |= {"diverged": told, "try": _smaller_rate(trainer)}
    own = {"dtype": trained.resolved["dtype"], "trained": summary}
    own |= {"calibration": trained.calibrated.plain}
    write_json(folder / file_name(names.TRAIN_MODEL), trained.words | own)
    history.write(folder / file_name(names.TRAIN_HISTORY), log.epochs)
    history.write(folder / file_name(names.TRAIN_TIMING), log.timing)


def _show(outcome: Outcome, trained: Trained) -> None:
    """Draw the training, and say how it ended and what is wrong with it."""
    trainer, log = trained.trainer, trained.log
    best = trainer.result()[2]
    outcome.tables.append(history.curve(history.losses_of(log.epochs), best))
    if trained.calibrated.confusion is not None:
        outcome.tables.append(_confusion(trained.words["classes"], trained.calibrated))
    outcome.notes += trained.calibrated.notes
    judged = trainer.best is not None
    monitor = trained.resolved["monitor"]
    outcome.notes.append(history.summary(log.epochs, best, trained.ended, monitor, judged=judged))
    outcome.notes += [str(finding) for finding in trained.findings]
    if trainer.plan.average is not None and not trainer.learner.n_averaged:
        outcome.notes.append(
            "training ended before --average-weights had taken any in: the model is no mean"
            " (swa with a smaller from, fewer --epochs, or --patience 0)"
        )
    if isinstance(trainer.judge.measure, monitoring.EpochMetrics):
        outcome.notes += trainer.judge.measure.notes()


def _confusion(classes: list[str], calibrated: calibration.Calibration) -> ConfusionMatrix:
    """How the kept weights answer the validation rows that training was stopped by."""
    counts = calibrated.confusion or []
    n = sum(map(sum, counts))
    without = " (without those for calibration)" if n < calibrated.plain["validation_rows"] else ""
    return ConfusionMatrix(
        classes, counts, f"{counted(n, 'validation row')}{without} by the kept weights"
    )
