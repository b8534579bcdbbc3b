"""Settings of ``predict``: where predictions go and what stands beside them."""

from typing import Annotated

from nntool.settings.model import StepSettings, option


class PredictSettings(StepSettings, frozen=True, kw_only=True):
    """Where predictions go and what stands beside them."""

    output: Annotated[
        str, option("Where the CSV goes; '-' is standard output.", metavar="FILE")
    ] = "-"
    id: Annotated[
        tuple[str, ...],
        option(
            "Input columns to put first, by which predictions are joined back; repeatable, or with"
            " commas.",
            metavar="COLUMN,…",
        ),
    ] = ()
    keep: Annotated[
        tuple[str, ...],
        option(
            "Input columns to put after the predictions; repeatable, or with commas. '*': all of"
            " them.",
            metavar="COLUMN,…",
        ),
    ] = ()
    interval: (
        Annotated[
            float,
            option(
                "Add an interval (lower, upper) or, for classes, a set that holds the truth in this"
                " share of rows like those of training.",
                metavar="LEVEL",
                gt=0,
                lt=1,
            ),
        ]
        | None
    ) = None
    probabilities: Annotated[
        bool, option("Whether the probability of each class stands beside the prediction.")
    ] = True
    threshold: (
        Annotated[
            float,
            option(
                "With two classes: the positive one is predicted where its probability is at least"
                " this.",
                ge=0,
                le=1,
                metavar="NUMBER",
            ),
        ]
        | None
    ) = None
    top: (
        Annotated[
            int,
            option(
                "The K likeliest classes with their probabilities, in place of those of all.",
                ge=1,
                metavar="K",
            ),
        ]
        | None
    ) = None
