"""Settings of ``evaluate``: which rows are scored and what is required of the scores."""

from typing import Annotated, Literal

from nntool.settings.model import StepSettings, option

INTERVAL = 0.9
"""The level that is tried where none is asked for; a model that cannot have it is no failure."""


class EvaluateSettings(StepSettings, frozen=True, kw_only=True):
    """Which rows are scored, against what."""

    part: Annotated[
        Literal["test", "validation", "train"], option("The part of the rows that is scored.")
    ] = "test"
    data: Annotated[
        str | None,
        option("Score this CSV, with the target in it, in place of a part.", metavar="FILE"),
    ] = None
    baseline: Annotated[
        bool, option("Whether the majority or mean and a linear model are scored beside it.")
    ] = True
    interval: Annotated[
        float,
        option(
            "The level of the intervals or sets whose coverage is shown.",
            metavar="LEVEL",
            gt=0,
            lt=1,
        ),
    ] = INTERVAL
    by: Annotated[
        tuple[str, ...],
        option("Also score each group of rows by this column; repeatable.", metavar="COLUMN"),
    ] = ()
    importance: Annotated[
        int,
        option(
            "Permutations of each column's cells that say how much it matters; 0 for none, 5 is"
            " usual.",
            ge=0,
            le=1000,
            metavar="REPEATS",
        ),
    ] = 0
    require: Annotated[
        tuple[str, ...],
        option("Exit 6 unless a metric is met, as in 'accuracy>=0.9'; repeatable."),
    ] = ()
