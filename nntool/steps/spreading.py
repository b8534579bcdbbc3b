"""``predict --spread`` without passes: how far the members of an ensemble lie apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nntool.errors import UsageError
from nntool.run.directory import Run
from nntool.settings.predict import PredictSettings
from nntool.steps import retraining
from nntool.steps.model import Model

if TYPE_CHECKING:
    from nntool.nn.members.predicting import MembersPredictor, Said


def refuse(settings: PredictSettings, model: Model, run: Run) -> None:
    """Raise ``UsageError`` where there is nothing that could lie apart."""
    if not settings.spread or settings.mc_dropout:
        return
    if model.n_members == 1:
        raise UsageError(
            "--spread is over the networks of an ensemble or the passes of --mc-dropout, and there"
            " is one network and one pass",
            f"--mc-dropout 30 --spread, or first {run.command('train')} --ensemble 5",
        )
    if model.classes is not None and not model.has_probabilities:
        raise UsageError(
            f"--spread is of probabilities, and networks trained with the loss {model.loss_name}"
            " give none",
            f"leave it out, or train with another loss: {retraining.for_probabilities(run)}",
        )


def of_members(
    engine: MembersPredictor, model: Model, numeric: Any, codes: Any, first: int
) -> Said:
    """The answer of all members, and how far apart their values or probabilities lie."""
    return engine.with_spread(numeric, codes, model.numbers, first)


def of_decided(deviation: Any, decided: Any) -> Any:
    """The deviation `(n,)` of the value, or of the probability of the decided class."""
    import numpy as np

    if deviation.shape[1] == 1:
        return deviation[:, 0]
    return np.take_along_axis(deviation, decided[:, None], axis=1)[:, 0]
