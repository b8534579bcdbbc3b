"""What one network came to, or several that answer together, as model.json and the notes say it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from nntool.errors import UsageError
from nntool.settings.train import TrainSettings
from nntool.settings.wording import counted, listed
from nntool.steps import history, member_notes, monitoring
from nntool.steps.fitting import Fitted
from nntool.steps.model import Model, make_output

if TYPE_CHECKING:
    from nntool.nn.training import Trainer
    from nntool.steps.ensembles import Ensemble
    from nntool.steps.members import Wanted
    from nntool.steps.sources import Sources


def refuse(settings: TrainSettings, words: dict[str, Any]) -> None:
    """Raise ``UsageError`` for a mean that has no meaning for what the networks say."""
    from nntool.nn.temperature import has_probabilities

    if settings.averaging == "arithmetic" or has_probabilities(make_output(words).head):
        return
    what = "values" if words["classes"] is None else "scores without probabilities"
    raise UsageError(
        f"--averaging {settings.averaging} is of probabilities, and these networks say {what}",
        "--averaging arithmetic",
    )


class Described(NamedTuple):
    """A training that has ended, as its files and notes say it."""

    model: Model
    """Its words are all of model.json that is known of the network and its target."""
    summary: dict[str, Any]
    """What model.json and --json say of the training."""
    history: list[dict[str, Any]]
    timing: list[dict[str, Any]]
    warnings: list[str]
    """Notes that come before those on calibration, and those that come after."""
    notes: list[str]


def described_alone(model: Model, fitted: Fitted, monitor: str) -> Described:
    """The training of one network: how it ended, what is wrong with it, what came to nothing."""
    told = history.summary(
        fitted.epochs,
        fitted.best_epoch,
        fitted.ended,
        monitor,
        judged=fitted.is_judged,
        conclusion=fitted.conclusion,
    )
    verdict = [fitted.verdict] if fitted.verdict and not fitted.conclusion else []
    return Described(
        model=model,
        summary=_summary_of_one(fitted, model),
        history=fitted.epochs,
        timing=fitted.timing,
        warnings=fitted.warnings,
        notes=[told, *verdict, *map(str, fitted.findings), *fitted.remarks],
    )


def _summary_of_one(fitted: Fitted, model: Model) -> dict[str, Any]:
    """What model.json says of one training."""
    found = {
        "epochs": len(fitted.epochs),
        "best_epoch": fitted.best_epoch,
        "ended": fitted.ended,
        "at_best": fitted.at_best,
        "baseline_loss": fitted.baseline_loss,
        "diagnosis": [finding._asdict() for finding in fitted.findings],
        "parameters": model.net.size,
    }
    found |= _end_of(fitted)
    if fitted.diverged is not None:
        found |= {"diverged": fitted.diverged, "try": fitted.advice}
    return found


def _end_of(fitted: Fitted) -> dict[str, str]:
    """What there is to say of an end: why it is one, whether classes are separable."""
    said = {"conclusion": fitted.conclusion, "verdict": fitted.verdict}
    return {name: text for name, text in said.items() if text}


def described_snapshots(
    fitted: Fitted,
    trainer: Trainer,
    settings: TrainSettings,
    words: dict[str, Any],
    rows_of: Sources,
) -> Described:
    """Several networks from one training: its weights at the end of each cycle of the rate."""
    epochs = fitted.snapshots
    members = [
        {
            "seed": fitted.seed,
            "epochs": epoch,
            "best_epoch": epoch,
            "ended": fitted.ended,
            "validation_loss": fitted.epochs[epoch - 1]["validation_loss"],
        }
        for epoch in epochs
    ]
    plain = words | {"members": members, "averaging": settings.averaging}
    model = Model(trainer.net, trainer.output, fitted.theta, fitted.stats, plain)
    together = _judged(model, rows_of, trainer.plan.monitor)
    summary = _summary_of_one(fitted, model) | {"best_epoch": epochs[-1], "at_best": together}
    summary |= {"networks": len(epochs), "wanted": settings.snapshots}
    places = listed([str(epoch) for epoch in epochs], most=10)
    told = (
        f"{counted(len(epochs), 'network')} from one training of"
        f" {counted(len(fitted.epochs), 'epoch')}, as it was after epoch {places}; nothing stops it"
        " early"
    )
    return Described(
        model=model,
        summary=summary,
        history=fitted.epochs,
        timing=fitted.timing,
        warnings=fitted.warnings,
        notes=[
            told,
            *member_notes.of_losses(members, together),
            *map(str, fitted.findings),
            *fitted.remarks,
        ],
    )


def described(found: Ensemble, trainer: Trainer, wanted: Wanted, rows_of: Sources) -> Described:
    """The training of all members; ``trainer`` is that of any of them."""
    members, monitor = found.members, wanted.resolved["monitor"]
    model = _model_of(members, trainer, wanted)
    together = _judged(model, rows_of, monitor)
    summary = _summary(found, together, wanted.settings.ensemble)
    return Described(
        model=model,
        summary=summary | {"parameters": trainer.net.size},
        history=_joined([member.epochs for member in members]),
        timing=_joined([member.timing for member in members]),
        warnings=member_notes.said_by([member.warnings for member in members]),
        notes=member_notes.notes(members, together, monitor),
    )


def kept(trained: dict[str, Any]) -> str:
    """What is the model now, after a training that came to no proper end."""
    if "networks" not in trained:
        return f"the weights of epoch {trained['best_epoch']}, the best so far, are the model now"
    n, wanted = trained["networks"], trained["wanted"]
    are = "is" if n == 1 else "are"
    return f"{n} of {wanted} networks, as good as they were, {are} the model now"


def _model_of(found: Sequence[Fitted], trainer: Trainer, wanted: Wanted) -> Model:
    """All members as one model."""
    import numpy as np

    members = [
        {
            "seed": member.seed,
            "epochs": len(member.epochs),
            "best_epoch": member.best_epoch,
            "ended": member.ended,
            "validation_loss": member.at_best.get("validation_loss"),
            **_end_of(member),
        }
        for member in found
    ]
    theta = np.stack([member.theta for member in found])
    stats = np.stack([member.stats for member in found])
    plain = wanted.words | {"members": members, "averaging": wanted.settings.averaging}
    return Model(trainer.net, trainer.output, theta, stats, plain)


def _judged(model: Model, rows_of: Sources, monitor: str) -> dict[str, Any]:
    """Loss and metrics of the answer of all members on the rows that training stopped by.

    Named as in history.csv; {} without such rows.
    """
    import numpy as np
    from threadpoolctl import threadpool_limits

    from nntool.steps.calibration import outputs_of

    if rows_of.validation is None:
        return {}
    y, weight = rows_of.judged_target, _weights(rows_of)
    with threadpool_limits(1, user_api="blas"), np.errstate(all="ignore"):
        z = outputs_of(model.engine(), rows_of.validation)
        loss = model.output.value(z, y, weight, model.output.tape(len(z), z.dtype))
        measure = monitoring.metrics_of(
            model.plain["task"], model.output, model.plain, monitor, rows_of.judged_truth
        )
        metrics = measure(z, y, weight)
    found = {"validation_loss": loss}
    return found | {f"validation_{name}": value for name, value in metrics.items()}


def _weights(rows_of: Sources) -> Any:
    """The weights of the rows that training stopped by, in order; None where they have none."""
    import numpy as np

    from nntool.nn.predicting import BLOCK_ROWS

    if rows_of.validation is None:
        return None
    found = [
        batch.weight.copy()
        for batch in rows_of.validation.batches(None, BLOCK_ROWS)
        if batch.weight is not None
    ]
    return np.concatenate(found) if found else None


def _summary(found: Ensemble, together: dict[str, Any], wanted: int) -> dict[str, Any]:
    """What model.json says of the training of all members.

    ``epochs`` are the most of any member, ``best_epoch`` the median of theirs.
    """
    members = found.members
    last = members[-1]
    told = {
        "epochs": max(len(member.epochs) for member in members),
        "best_epoch": statistics.median_low(member.best_epoch for member in members),
        "ended": found.ended or _common_end(members),
        "at_best": together,
        "baseline_loss": members[0].baseline_loss,
        "diagnosis": [finding._asdict() for finding in member_notes.findings(members)],
        "networks": len(members),
        "wanted": wanted,
    }
    if last.diverged is not None:
        place = f"member {len(members)} of {wanted}: "
        diverged = last.diverged | {"message": place + last.diverged["message"]}
        told |= {"diverged": diverged, "try": last.advice}
    return told


def _common_end(members: Sequence[Fitted]) -> str:
    """Why all ended, or that some had all their epochs."""
    ends = {member.ended for member in members}
    return ends.pop() if len(ends) == 1 else "epochs" if "epochs" in ends else "patience"


def _joined(of_members: Sequence[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The rows of all members, with a column before the others that says whose they are."""
    return [{"member": i, **row} for i, rows in enumerate(of_members, 1) for row in rows]
