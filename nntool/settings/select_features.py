"""Settings of ``select-features``: which produced columns the network is given."""

from typing import Annotated

from nntool.settings.model import Choice, StepSettings, option


class SelectFeaturesSettings(StepSettings, frozen=True, kw_only=True):
    """Which features are kept."""

    keep: (
        Annotated[
            tuple[str, ...],
            option(
                "Keep these whatever is found: source columns, features or produced columns, or"
                " what * and ? fit; repeatable, or with commas.",
                metavar="COLUMN,…",
            ),
        ]
        | None
    ) = None
    drop: (
        Annotated[
            tuple[str, ...],
            option("Drop these first of all; named as in --keep.", metavar="COLUMN,…"),
        ]
        | None
    ) = None
    drop_constant: Annotated[
        bool, option("Whether columns that are constant in training are dropped.")
    ] = True
    max_one_value: (
        Annotated[
            float,
            option(
                "Drop a feature one of whose values has a larger share of training, such as 0.99.",
                gt=0,
                lt=1,
            ),
        ]
        | None
    ) = None
    max_missing: (
        Annotated[
            float,
            option(
                "Drop what comes from a column that is missing in a larger share of training, such"
                " as 0.5.",
                ge=0,
                lt=1,
            ),
        ]
        | None
    ) = None
    drop_duplicates: Annotated[
        bool, option("Whether a column that repeats an earlier one in training is dropped.")
    ] = True
    max_correlation: (
        Annotated[
            float,
            option(
                "Drop the later of two features more alike than this in training: |r| of numbers,"
                " Cramér's V of categories; and a number that a category tells, η.",
                gt=0,
                le=1,
            ),
        ]
        | None
    ) = None
    score: Annotated[
        Choice,
        option(
            "What ranks the features, for --top and --min-score; one other than"
            " mutual-information ranks without them too.",
            registry="SCORES",
        ),
    ] = "mutual-information"
    top: (
        Annotated[int, option("Keep only this many features, the best by --score.", ge=1)] | None
    ) = None
    min_score: (
        Annotated[float, option("Keep only features that --score gives this or more.")] | None
    ) = None
