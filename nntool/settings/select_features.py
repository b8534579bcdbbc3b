"""Settings of ``select-features``: which produced columns the network is given."""

from typing import Annotated

from nntool.settings.model import Choice, StepSettings, option


class SelectFeaturesSettings(StepSettings, frozen=True, kw_only=True):
    """Which features are kept."""

    drop_constant: Annotated[
        bool, option("Whether columns that are constant in training are dropped.")
    ] = True
    drop_duplicates: Annotated[
        bool, option("Whether a column that repeats an earlier one in training is dropped.")
    ] = True
    max_correlation: (
        Annotated[
            float,
            option(
                "Drop the later of two numeric columns whose |r| in training is above this.",
                gt=0,
                le=1,
            ),
        ]
        | None
    ) = None
    score: Annotated[Choice, option("What ranks the features for --top.", registry="SCORES")] = (
        "mutual-information"
    )
    top: (
        Annotated[int, option("Keep only this many features, the best by --score.", ge=1)] | None
    ) = None
