"""Settings of ``split``: which rows train, validate and test."""

from typing import Annotated, Literal

from nntool.settings.model import Choice, StepSettings, option


class SplitSettings(StepSettings, frozen=True, kw_only=True):
    """How rows are given to parts."""

    train: Annotated[float, option("The share of rows to learn from.", ge=0, le=1)] = 0.7
    validation: Annotated[
        float, option("The share of rows that stops training and sets thresholds.", ge=0, le=1)
    ] = 0.15
    test: Annotated[float, option("The share of rows kept for the final measure.", ge=0, le=1)] = (
        0.15
    )
    method: Annotated[
        Choice,
        option(
            "How rows are dealt; auto: stratified for classes, else random.",
            registry="SPLITTERS",
            words=("auto",),
        ),
    ] = "auto"
    folds: (
        Annotated[
            int,
            option(
                "Also deal the training rows to so many folds, as --method deals (fold.npy).",
                ge=2,
                le=100,
            ),
        ]
        | None
    ) = None
    strict: Annotated[
        bool, option("Whether what the leakage guard finds is an error, not a warning.")
    ] = False
    target: Annotated[
        str | None,
        option("The target, where clean has not run: a name or a position.", metavar="COLUMN"),
    ] = None
    task: Annotated[
        Literal["auto", "binary", "multiclass", "regression"],
        option("What is predicted, where clean has not run."),
    ] = "auto"
