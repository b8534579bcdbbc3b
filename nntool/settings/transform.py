"""Settings of ``transform``: how typed columns become the numbers that a network reads."""

from typing import Annotated, Literal

from nntool.settings.model import Choice, StepSettings, option


class TransformSettings(StepSettings, frozen=True, kw_only=True):
    """How columns become features."""

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
    target_scaling: Annotated[
        Literal["auto", "standard", "none"],
        option("How a numeric target is scaled; auto: standard."),
    ] = "auto"
