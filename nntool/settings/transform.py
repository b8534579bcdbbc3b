"""Settings of ``transform``: how typed columns become the numbers that a network reads."""

from typing import Annotated, Literal

from nntool.settings.model import Choice, StepSettings, option

DatePart = Literal[
    "days",
    "elapsed",
    "year",
    "quarter",
    "month",
    "week",
    "day",
    "day-of-year",
    "weekday",
    "is-weekend",
    "hour",
    "minute",
    "month-cycle",
    "weekday-cycle",
    "hour-cycle",
    "day-of-year-cycle",
]
"""What ``--dates`` takes."""


class TransformSettings(StepSettings, frozen=True, kw_only=True):
    """How columns become features."""

    columns: Annotated[
        dict[str, str | tuple[Choice, ...]],
        option(
            "What is done with one column, one operation after the other, where it is not what"
            " its role gets: price=log1p,standard; city=one-hot:min_count=5; repeatable. Gaps are"
            " filled before, as for the others, unless the chain begins with what fills them.",
            metavar="COLUMN=NAME,NAME…",
        ),
    ] = {}  # noqa: RUF012 - msgspec copies an empty default for each instance

    impute_numeric: Annotated[
        Choice, option("What fills a missing number.", registry="NUMERIC_IMPUTERS")
    ] = "median"
    impute_categorical: Annotated[
        Choice, option("What fills a missing category.", registry="CATEGORICAL_IMPUTERS")
    ] = "level"
    missing_indicators: Annotated[
        bool, option("Whether a numeric column with gaps in training also gives a 0/1 column.")
    ] = True
    scale: Annotated[Choice, option("How numeric columns are scaled.", registry="SCALERS")] = (
        "standard"
    )
    encode: Annotated[Choice, option("How categories become numbers.", registry="ENCODERS")] = (
        "one-hot"
    )
    dates: Annotated[
        tuple[DatePart, ...],
        option(
            "What becomes of a date, with commas between: days since 1970 (or since the first, by"
            " elapsed), parts and cycles; times of day only where they vary.",
            metavar="PART,PART…",
        ),
    ] = ("days", "month-cycle", "weekday-cycle", "hour-cycle")
    text: Annotated[Choice, option("How free text becomes numbers.", registry="TEXT_ENCODERS")] = (
        "tfidf"
    )
    mix: Annotated[
        tuple[Choice, ...],
        option(
            "New columns made of all that are numbers, after the chains; repeatable, in the order"
            " given.",
            registry="MIXERS",
        ),
    ] = ()
    fit_rows: Annotated[
        int,
        option(
            "Learn from a seeded sample of so many training rows where there are more (the levels"
            " of categories are learned from all).",
            ge=1,
        ),
    ] = 1_000_000
    target_scaling: Annotated[
        Literal["auto", "standard", "log1p", "none"],
        option(
            "How a numeric target is scaled; auto: standard; log1p: ln(1 + y), for amounts with a"
            " long upper tail, then standard."
        ),
    ] = "auto"
