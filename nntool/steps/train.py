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
    ensembles,
    fitting,
    history,
    learning,
    planning,
    rows,
    several,
    sources,
    trainers,
)
from nntool.steps import model as models
from nntool.steps.job import ConfusionMatrix, Job, Outcome
from nntool.steps.members import Wanted
from nntool.steps.performing import Done, file_name, perform, write_json

if TYPE_CHECKING:
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
    error: StoppedError | TrainingError
    if trained.get("ended") == "asked":
        error = StoppedError(
            f"interrupted; {several.kept(trained)}", f"{command}  # goes on from here"
        )
    elif trained.get("ended") == "diverged":
        message = f"{trained['diverged']['message']}; {several.kept(trained)}"
        error = TrainingError(message, trained["try"])
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
    """What a training came to: one network, or several that answer together."""

    found: several.Described
    resolved: dict[str, Any]
    """The settings, nothing in them 'auto'."""
    calibrated: calibration.Calibration

    @property
    def status(self) -> Status:
        """What run.json says of it."""
        unfinished: dict[str, Status] = {"asked": "interrupted", "diverged": "diverged"}
        return unfinished.get(self.found.summary["ended"], "finished")


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
        several.refuse(settings, words)
        with sources.row_sources(session.run, words, settings, outcome) as real_rows:
            wanted, rows_of = _settled(session, settings, words, real_rows, home, outcome)
            trained = _learn(wanted, rows_of, folder, job, outcome)
    except InvalidChoice as error:
        raise UsageError(str(error), "nntool train --help") from None
    _write(folder, trained)
    _show(outcome, trained)
    learned = rows.seen(rows.of_part(session.run, "train"), from_split=True)
    return Done(resolved=trained.resolved, rows=learned, status=trained.status)


def _settled(
    session: Session,
    settings: TrainSettings,
    words: dict[str, Any],
    real_rows: sources.Sources,
    home: Path,
    outcome: Outcome,
) -> tuple[Wanted, sources.Sources]:
    """What is to be trained, nothing in it 'auto', and the rows with those that are made up."""
    n_real = real_rows.training.n_rows
    settings, said = automatic_method.settle(settings, words, n_real)
    outcome.notes += said
    has_validation = real_rows.validation is not None
    resolved = planning.resolve(settings, words, n_real, has_validation)
    rows_of = trainers.grown(settings, words, real_rows)
    if n_added := rows_of.training.n_rows - n_real:
        outcome.notes.append(
            f"{n_added:,} rows that were made up are added to {n_real:,} training rows"
        )
    if settings.learning_rate == "auto":
        outcome.notes.append(trainers.resolve_rate(words, resolved, settings, rows_of))
    of = checkpoint.key(plain(settings) | resolved, freshness.inputs(session.run, "train"))
    return Wanted(session.run, home, settings, words, resolved, of), rows_of


def _learn(
    wanted: Wanted, rows_of: sources.Sources, folder: Path, job: Job, outcome: Outcome
) -> Trained:
    """Train one network or all members; members that are trained elsewhere tell in ``folder``."""
    settings, resolved = wanted.settings, wanted.resolved
    trainer = trainers.make_trainer(wanted.words, resolved, settings, rows_of)
    outcome.notes += planning.cautions(settings, resolved, trainer)
    opening = planning.opening(trainer, resolved)
    if settings.ensemble == 1:
        found = _one(trainer, wanted, rows_of, opening, job)
    else:
        job.listener.say(f"nntool train: {settings.ensemble} members, each of {opening}")
        members = ensembles.train(wanted, trainer, rows_of, job, folder)
        found = several.described(members, trainer, wanted, rows_of)
    checkpoint.keep(wanted.home, settings.ensemble)
    calibrated = calibration.calibrate(found.model, rows_of, settings.calibration)
    return Trained(found, resolved, calibrated)


def _one(
    trainer: Trainer, wanted: Wanted, rows_of: sources.Sources, opening: str, job: Job
) -> several.Described:
    """Train one network, or take several from one training."""
    settings, words = wanted.settings, wanted.words
    with learning.numerics(job, trainer):
        log = learning.Log(wanted.home, wanted.of, trainer, job)
        if said := log.resume():
            job.listener.say(f"nntool train: {said}")
        job.listener.say(f"nntool train: {opening}")
        fitted = fitting.fit(trainer, log, settings.seed, job, words)
    if settings.snapshots:
        return several.described_snapshots(fitted, trainer, settings, words, rows_of)
    model = models.Model(trainer.net, trainer.output, fitted.theta, fitted.stats, words)
    return several.described_alone(model, fitted, trainer.plan.monitor)


def _write(folder: Path, trained: Trained) -> None:
    """Write the model and the history of its training."""
    from nntool.tables import arrays

    found, calibrated = trained.found, trained.calibrated
    vectors = {"theta": found.model.theta, "stats": found.model.stats, **calibrated.arrays}
    arrays.save_npz(folder / file_name(names.TRAIN_WEIGHTS), vectors)
    own = {"dtype": trained.resolved["dtype"], "trained": found.summary}
    own |= {"calibration": calibrated.plain}
    write_json(folder / file_name(names.TRAIN_MODEL), found.model.plain | own)
    history.write(folder / file_name(names.TRAIN_HISTORY), found.history)
    history.write(folder / file_name(names.TRAIN_TIMING), found.timing)


def _show(outcome: Outcome, trained: Trained) -> None:
    """Draw the training, and say how it ended and what is wrong with it."""
    found, calibrated = trained.found, trained.calibrated
    losses = history.losses_of(found.history)
    outcome.tables.append(history.curve(losses, found.summary["best_epoch"]))
    method = choices.built("METHODS", trained.resolved["optimizer"])
    if method.whole_batch and found.model.n_members == 1:
        outcome.notes += history.given_for_penalties(found.history)
    if calibrated.confusion is not None:
        outcome.tables.append(_confusion(found.model.plain["classes"], calibrated))
    outcome.notes += [*found.warnings, *calibrated.notes, *found.notes]


def _confusion(classes: list[str], calibrated: calibration.Calibration) -> ConfusionMatrix:
    """How the kept weights answer the validation rows that training was stopped by."""
    counts = calibrated.confusion or []
    n = sum(map(sum, counts))
    without = " (without those for calibration)" if n < calibrated.plain["validation_rows"] else ""
    return ConfusionMatrix(
        classes, counts, f"{counted(n, 'validation row')}{without} by the kept weights"
    )
