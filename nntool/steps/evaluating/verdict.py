"""Bias or variance: what the scores of training and of other rows say together, in words.

The yardstick and its limits are those of `diagnosis`, which reads the losses of a training; here
the kept network is judged, by the metrics that are shown, and chance is told from a difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nntool.settings.wording import number
from nntool.steps import remedies
from nntool.steps.remedies import Remedies
from nntool.steps.yardstick import GAP, LITTLE, Yardstick

if TYPE_CHECKING:
    from nntool.steps.scoring import Scored

BEHIND = 0.05
"""A linear model that is better by this share of what there is to learn shows what is missing."""
SURE = 1.96
"""Standard errors beyond which a difference is not taken for chance."""
FEW = 30
"""Fewer rows do not tell by themselves how far their losses spread: one has no spread at all."""


class Loss(NamedTuple):
    """The mean loss of some rows, its standard error, and that of a constant answer to them."""

    mean: float
    error: float
    constant: float
    shown: str
    """The same as people read it: 'log-loss 0.41'."""

    @property
    def learned(self) -> float:
        """The share by which it is below that of a constant answer to the same rows."""
        return (self.constant - self.mean) / self.constant if self.constant > 0 else 1.0


def verdict(
    train: Loss,
    held: Loss,
    where: str,
    *,
    linear: float | None = None,
    rows: int = 0,
    means: Remedies | None = None,
) -> dict[str, Any]:
    """Judge the losses of training rows and of others, ``where``.

    ``linear`` is the mean loss of a linear model on the other rows, ``rows`` their number,
    ``means`` what can be tried with the method that has trained the network. Gives
    ``what``, ``facts``, ``advice`` (may be empty); ``held``, the other rows; what was ``learned``
    in training and shows in them, each as a share of what there is to learn there; and ``gap`` and
    its standard error ``gap_error``, as shares of what there is to learn in training.

    >>> memorized = Loss(0.1, 0.01, 0.69, "log-loss 0.1"), Loss(0.6, 0.03, 0.69, "log-loss 0.6")
    >>> verdict(*memorized, "test")["what"]
    'high variance'
    """
    means = means or Remedies()
    yardstick = Yardstick(train.constant, held=held.constant)
    learned = yardstick.learned(train.mean)
    learned_there = yardstick.learned_by(train.mean, held.mean)
    gap = yardstick.gap(train.mean, held.mean)
    noise = yardstick.share(SURE * (train.error**2 + held.error**2) ** 0.5)
    facts = (
        f"{train.shown} in training, {held.shown} in {where}; of what there is to learn"
        f" {_share(train.learned)} was learned in training, {_share(held.learned)} shows in {where}"
    )
    what, advice = "fits well", ""
    if learned < LITTLE:
        what, advice = "high bias", means.against_bias
    elif gap > GAP and gap > noise:
        what, advice = "high variance", means.against_variance
    elif noise > GAP:
        what, advice = "too few rows to tell", "more rows, or --cv 5"
        facts += f"; the difference of {rows:,} rows may be chance"
    elif learned_there < LITTLE:
        what, advice = "high bias", means.against_bias
    elif linear is not None and yardstick.share(held.mean - linear) > max(BEHIND, noise):
        what, advice = "high bias", means.against_bias
        facts += "; a linear model is better"
    return {
        "what": what,
        "facts": facts,
        "advice": advice,
        "held": where,
        "learned": {"train": train.learned, "held": held.learned},
        "gap": gap,
        "gap_error": noise / SURE,
    }


def _share(share: float) -> str:
    return f"{share:.0%}" if share > 0 else "nothing"


def of_parts(
    train: Scored, held: Scored, training_target: Any, linear: float | None
) -> dict[str, Any] | None:
    """Judge the answers to training rows and to others; None where either has no loss to judge.

    ``training_target`` are the targets that a constant answer is learned from; ``linear`` is the
    value of the measure that a linear model has on the other rows.
    """
    import numpy as np

    measure = train.measure()
    target = held.known()[0]
    if measure.metric == "accuracy" and linear is not None:
        linear = 1 - linear
    elif measure.metric == "r2" and linear is not None:
        linear = (1 - linear) * float(np.var(target))
    own, there = _loss(train, training_target), _loss(held, training_target)
    if not np.isfinite([*own[:3], *there[:3]]).all():
        return None
    if len(target) < FEW:
        spread = own.error * len(train.known()[0]) ** 0.5
        there = there._replace(error=max(there.error, spread / len(target) ** 0.5))
    means = remedies.of_model(train.model.plain)
    where = Path(held.name).name
    return verdict(own, there, where, linear=linear, rows=len(target), means=means)


def beside_diagnosis(found: dict[str, Any], diagnosis: Sequence[dict[str, str]]) -> dict[str, Any]:
    """The verdict with what training itself said of bias and variance, where that is another.

    It goes by the loss that was trained, with its weights of rows, and by the validation rows.
    """
    kinds = {"high bias": "underfitting", "high variance": "overfitting"}
    other = [
        finding["what"]
        for finding in diagnosis
        if finding["what"].startswith(tuple(kinds.values()))
        and not finding["what"].startswith(kinds.get(found["what"], "?"))
    ]
    if not other:
        return found
    return found | {"facts": f"{found['facts']}; training by its own loss: {', '.join(other)}"}


def _loss(part: Scored, training_target: Any) -> Loss:
    import numpy as np

    from nntool.tables import row_losses

    task, classes = part.model.plain["task"], part.model.classes or ()
    measure = part.measure()
    target, decided, probabilities = part.known()
    with np.errstate(all="ignore"):
        losses = measure.losses(target, decided, probabilities)
        answer = row_losses.constant_answer(
            task, training_target, len(target), len(classes), part.model.tau
        )
        constant = float(np.mean(measure.losses(target, *answer)))
        error = float(np.std(losses)) / max(1, len(losses)) ** 0.5
        value = measure.value(losses, target)
        shown = f"{measure.metric} {number(value)}" if np.isfinite(value) else "a target all alike"
        return Loss(float(np.mean(losses)), error, constant, shown)
