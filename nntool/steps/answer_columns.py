"""Which columns of answers stand in an output, and what the model cannot give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nntool.errors import UsageError
from nntool.run.directory import Run
from nntool.settings.predict import PredictSettings
from nntool.settings.wording import counted
from nntool.steps import retraining
from nntool.steps.model import Model

if TYPE_CHECKING:
    from nntool.steps.intervals import Intervals
    from nntool.tables.page import Part


def answer_parts(
    settings: PredictSettings, model: Model, run: Run, intervals: Intervals | None = None
) -> list[Part]:
    """The parts that the model fills, in the order of the output: between ids and kept columns.

    That order is: prediction, interval or set, spread, probabilities or top, status.
    """
    from nntool.tables.page import Prediction, Probabilities, Spread, Status, Top

    classes = None if model.classes is None else tuple(model.classes)
    refuse(settings, model, run)
    parts: list[Part] = [Prediction(classes)]
    if intervals is not None:
        parts.append(intervals.part())
    if settings.spread:
        parts.append(Spread())
    if classes is not None and settings.top is not None:
        parts.append(Top(classes, settings.top, settings.probabilities))
    elif classes is not None and settings.probabilities and model.has_probabilities:
        parts.append(Probabilities(classes))
    if settings.status:
        parts.append(Status())
    return parts


def refuse(settings: PredictSettings, model: Model, run: Run) -> None:
    """Raise ``UsageError`` where the model cannot give what is asked of it."""
    classes, target = model.classes, model.plain["target"]
    for option, value in (("--threshold", settings.threshold), ("--top", settings.top)):
        if value is None:
            continue
        if classes is None:
            raise UsageError(
                f"{option} is for classes, and {target!r} is a number (regression)", "leave it out"
            )
        if not model.has_probabilities:
            raise UsageError(
                f"{option} needs probabilities, and a network trained with the loss"
                f" {model.loss_name} gives none",
                f"leave it out, or train with another loss: {retraining.for_probabilities(run)}",
            )
    if settings.threshold is not None and classes is not None and len(classes) != 2:
        raise UsageError(
            f"--threshold is for two classes, and {target!r} has {len(classes)} (multiclass)",
            "leave it out: the likeliest class is the prediction",
        )
    if settings.top is not None and classes is not None and settings.top > len(classes):
        raise UsageError(
            f"--top {settings.top}: {target!r} has only {len(classes)} classes",
            f"--top {len(classes)}, or less",
        )


def notes(
    settings: PredictSettings,
    model: Model,
    intervals: Intervals | None,
    predicted: dict[str, int],
) -> list[str]:
    """What is to be said of the columns; ``predicted`` says how many rows each class was given."""
    found = [] if intervals is None else intervals.notes()
    if settings.threshold is not None:
        positive, n_rows = model.plain["positive"], sum(predicted.values())
        found.append(
            f"{positive!r} is predicted for {predicted[positive]:,} of {counted(n_rows, 'row')}"
            f" (--threshold {settings.threshold:g})"
        )
    if settings.mc_dropout and model.averaging != "arithmetic":
        found.append(
            f"the mean of all passes is arithmetic, not {model.averaging} as that of the members"
            " (--mc-dropout)"
        )
    if settings.probabilities and model.classes is not None and not model.has_probabilities:
        found.append(
            f"a network trained with the loss {model.loss_name} gives no probabilities: there is no"
            " column p_<class>"
        )
    return found
