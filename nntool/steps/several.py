"""What one network came to, or several that answer together, as model.json and the notes say it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from nntool.errors import UsageError
from nntool.settings.train import TrainSettings
from nntool.settings.wording import counted, listed
from nntool.steps import monitoring
from nntool.steps.diagnosis import Finding
from nntool.steps.model import Model, make_output

if TYPE_CHECKING:
    from nntool.nn.training import Trainer
    from nntool.steps.ensembles import Ensemble, Wanted
    from nntool.steps.fitting import Fitted
    from nntool.steps.sources import Sources

ENDINGS = {
    "patience": "stopped early",
    "epochs": "had all epochs",
    "converged": "had nothing more to learn",
    "asked": "was interrupted",
    "diverged": "diverged",
}
"""How members are said to have ended."""


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


def described_alone(model: Model, fitted: Fitted) -> Described:
    """The training of one network: how it ended, what is wrong with it, what came to nothing."""
    summary = {
        "epochs": len(fitted.epochs),
        "best_epoch": fitted.best_epoch,
        "ended": fitted.ended,
        "at_best": fitted.at_best,
        "baseline_loss": fitted.baseline_loss,
        "diagnosis": [finding._asdict() for finding in fitted.findings],
        "parameters": model.net.size,
    }
    if fitted.conclusion:
        summary["conclusion"] = fitted.conclusion
    if fitted.verdict:
        summary["verdict"] = fitted.verdict
    if fitted.diverged is not None:
        summary |= {"diverged": fitted.diverged, "try": fitted.advice}
    verdict = [fitted.verdict] if fitted.verdict and not fitted.conclusion else []
    notes = [fitted.summary, *verdict, *map(str, fitted.findings), *fitted.remarks]
    return Described(model, summary, fitted.epochs, fitted.timing, fitted.warnings, notes)


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
        warnings=_said_by([member.warnings for member in members]),
        notes=_notes(members, together, monitor),
    )


def kept(trained: dict[str, Any]) -> str:
    """What is the model now, after a training that came to no proper end."""
    if "networks" not in trained:
        return f"the weights of epoch {trained['best_epoch']}, the best so far, are the model now"
    n, wanted = trained["networks"], trained["wanted"]
    return f"{n} of {wanted} members, with their best weights so far, are the model now"


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
        "diagnosis": [finding._asdict() for finding in _findings(members)],
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


def _notes(members: Sequence[Fitted], together: dict[str, Any], monitor: str) -> list[str]:
    """How the members ended, what they say together and alone, and what is wrong with them."""
    ends = [member.ended for member in members]
    how = listed(f"{ends.count(end)} {words}" for end, words in ENDINGS.items() if end in ends)
    n_epochs = sum(len(member.epochs) for member in members)
    best = _span([member.best_epoch for member in members], "d")
    told = [
        f"{counted(len(members), 'member')}, {counted(n_epochs, 'epoch')} in all: {how}; kept epoch"
        f" {best}, each the best by {monitor}"
    ]
    alone = [member.at_best.get("validation_loss") for member in members]
    known = [loss for loss in alone if loss is not None]
    if together and known:
        told.append(
            f"validation loss of all members together {together['validation_loss']:.4g}, of each"
            f" alone {_span(known, '.4g')}"
        )
    told += map(str, _findings(members))
    verdicts = [[member.verdict] if member.verdict else [] for member in members]
    return told + _said_by(verdicts) + _said_by([member.remarks for member in members])


def _span(values: Sequence[float], form: str) -> str:
    low, high = format(min(values), form), format(max(values), form)
    return low if low == high else f"{low} to {high}"


def _said_by(texts: Sequence[Sequence[str]]) -> list[str]:
    """What is said of members, once each kind, with the member that it is said of first."""
    found: dict[str, str] = {}
    for number, of_member in enumerate(texts, 1):
        for text in of_member:
            found.setdefault(text, f"member {number}: {text}")
    shown = list(found.values())[:MOST_SAID]
    more = len(found) - len(shown)
    return shown + ([f"… and {more} more like this, of other members"] if more else [])


MOST_SAID = 3
"""Remarks on single members that are shown."""


def _findings(members: Sequence[Fitted]) -> list[Finding]:
    """What is wrong with at least half of the members; the facts are those of one of them."""
    by_kind: dict[str, list[tuple[int, Finding]]] = {}
    for number, member in enumerate(members, 1):
        for finding in member.findings:
            by_kind.setdefault(finding.what, []).append((number, finding))
    found = []
    for what, cases in by_kind.items():
        if 2 * len(cases) < len(members):
            continue
        number, first = cases[0]
        facts = f"{len(cases)} of {len(members)} members; member {number}: {first.facts}"
        found.append(Finding(what, facts, first.advice))
    return found


def _joined(of_members: Sequence[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The rows of all members, with a column before the others that says whose they are."""
    return [{"member": i, **row} for i, rows in enumerate(of_members, 1) for row in rows]
