"""``predict --mc-dropout``: the mean of several passes with dropout left on, and their spread."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from nntool.errors import UsageError
from nntool.run.directory import Run
from nntool.settings.predict import PredictSettings
from nntool.steps import retraining
from nntool.steps.model import Model
from nntool.steps.streaming import AbandonedError

if TYPE_CHECKING:
    from nntool.nn.dropout_passes import DropoutPasses


class Averaged(NamedTuple):
    """What the passes say in the mean, and how far they lie apart."""

    decided: Any
    probabilities: Any
    deviation: Any
    """``(n, n_classes)``, or ``(n, 1)`` of values."""


def refuse(settings: PredictSettings, model: Model, run: Run) -> None:
    """Raise ``UsageError`` where passes through this model would tell nothing."""
    if not settings.mc_dropout:
        return
    from nntool.nn.dropout_passes import has_dropout

    if not has_dropout(model.net):
        raise UsageError(
            "--mc-dropout needs dropout, and this network was trained without: all passes would"
            " say the same",
            f"{retraining.for_dropout(run)}, then predict again",
        )
    if model.classes is not None and not model.has_probabilities:
        raise UsageError(
            "--mc-dropout takes the mean of probabilities, and a network trained with the loss"
            f" {model.loss_name} has none",
            f"leave it out, or train with another loss: {retraining.for_probabilities(run)}",
        )


def passes_of(settings: PredictSettings, model: Model) -> DropoutPasses:
    """The buffers of one thread."""
    from nntool.nn.dropout_passes import DropoutPasses

    return DropoutPasses(
        model.net, model.theta, model.stats, n_passes=settings.mc_dropout, seed=settings.seed
    )


def averaged(
    passes: DropoutPasses,
    model: Model,
    numeric: Any,
    codes: Any,
    first: int,
    stopped: threading.Event,
) -> Averaged:
    """The mean of probabilities and the class that it speaks for, or the mean of values.

    Many passes take long: between two of them ``stopped`` raises ``AbandonedError``.
    """
    import numpy as np

    def meaning(z: Any) -> Any:
        if stopped.is_set():
            raise AbandonedError
        return model.numbers(z)

    mean, deviation = passes.said_of(numeric, codes, meaning, first)
    if model.classes is None:
        return Averaged(mean[:, 0], None, deviation)
    if len(model.classes) == 2:  # of two equal ones the last, as one output decides
        return Averaged((mean[:, 1] >= mean[:, 0]).astype(np.int32), mean, deviation)
    return Averaged(np.argmax(mean, axis=1).astype(np.int32), mean, deviation)
