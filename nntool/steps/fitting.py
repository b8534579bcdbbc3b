"""One network trained to its end: its weights, its epochs, and what is to be said of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nntool.errors import StoppedError, TrainingError
from nntool.steps import (
    diagnosis,
    history,
    learning,
    monitoring,
    references,
    remedies,
    separability,
)
from nntool.steps.job import Job

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from nntool.nn.reports import Diverged
    from nntool.nn.training import Trainer

    Array = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Fitted:
    """What the training of one network came to: plain values, which another process may send."""

    seed: int
    theta: Array
    """`(size,)`, or a row for each snapshot."""
    stats: Array
    best_epoch: int
    snapshots: list[int]
    """The epochs whose weights are kept, where these are snapshots."""
    ended: str
    """One of `history.ENDINGS`."""
    epochs: list[dict[str, Any]]
    """The rows of history.csv."""
    timing: list[dict[str, Any]]
    baseline_loss: float
    is_judged: bool
    """Whether any weights had a value to be chosen by."""
    findings: list[diagnosis.Finding]
    """What is wrong with it."""
    conclusion: str = ""
    """Why there is nothing more to learn, where the method says so."""
    verdict: str = ""
    """Whether the classes are separable, where a perceptron was asked."""
    warnings: list[str] = field(default_factory=list)
    """What is to be said before the summary, and after the findings."""
    remarks: list[str] = field(default_factory=list)
    diverged: dict[str, Any] | None = None
    advice: str = ""
    """What to try where it diverged."""

    @property
    def at_best(self) -> dict[str, Any]:
        """The row of the epoch whose weights were kept."""
        return self.epochs[self.best_epoch - 1] if self.best_epoch else {}


def fit(trainer: Trainer, log: learning.Log, seed: int, job: Job, words: dict[str, Any]) -> Fitted:
    """Train until there is a reason to end; ``words`` are those of model.json.

    Raises ``TrainingError`` or ``StoppedError`` where there is nothing to keep.
    """
    return described(trainer, log, seed, words, learning.learn(trainer, log, job))


def described(
    trainer: Trainer,
    log: learning.Log,
    seed: int,
    words: dict[str, Any],
    diverged: Diverged | None,
) -> Fitted:
    """What a training that has ended came to."""
    _refuse_no_epoch(trainer, log, diverged)
    warning = _refuse_diverged(trainer, log, seed, diverged)
    ended = "diverged" if diverged is not None else trainer.ended or history.UNFINISHED
    theta, stats, best = trainer.result()
    verdict = ""
    if diverged is None:
        verdict = separability.verdict(trainer, words["classes"], log.job)
    snapshots: list[int] = []
    if trainer.plan.snapshots:
        theta, stats, snapshots = trainer.members()
    return Fitted(
        seed=seed,
        theta=theta,
        stats=stats,
        best_epoch=best,
        ended=ended,
        epochs=log.epochs,
        timing=log.timing,
        baseline_loss=log.yardstick.constant,
        snapshots=snapshots,
        is_judged=trainer.best is not None,
        conclusion=trainer.conclusion,
        verdict=verdict,
        findings=_findings(trainer, log, ended),
        warnings=[warning] if warning else [],
        remarks=_remarks(trainer),
        diverged=None if diverged is None else history.divergence(diverged),
        advice="" if diverged is None else _smaller_rate(trainer),
    )


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
    """The rule's own learning rate where that is smaller, else a tenth; other means without one."""
    if trainer.plan.rules.optimizer.whole_batch:
        return "transform --scale standard, a larger --penalty l2:rate=…, or --optimizer adam"
    own, used = trainer.plan.rules.optimizer.learning_rate, trainer.base_rate
    return f"a smaller --learning-rate, such as {own if own < used else used / 10:g}"


def _findings(trainer: Trainer, log: learning.Log, ended: str) -> list[diagnosis.Finding]:
    """What is wrong with the training, judged by the weights that are kept."""
    theta, stats, best = trainer.result()
    kept_loss = None if log.yardstick.like else references.loss_of_weights(trainer, theta, stats)
    return diagnosis.of_training(
        log.epochs,
        best,
        log.yardstick,
        ended=ended,
        activation=trainer.net.spec.activation,
        kept_loss=kept_loss,
        means=remedies.of_method(trainer.plan.rules.optimizer, ended),
    )


def _remarks(trainer: Trainer) -> list[str]:
    """What came to nothing: an average without members, a metric without a value."""
    found = []
    if trainer.plan.average is not None and not trainer.learner.n_averaged:
        found.append(
            "training ended before --average-weights had taken any in: the model is no mean"
            " (swa with a smaller from, fewer --epochs, or --patience 0)"
        )
    if isinstance(trainer.judge.measure, monitoring.EpochMetrics):
        found += trainer.judge.measure.notes()
    return found
