"""Settings of ``clean``: the target, what counts as missing, what each column is."""

from typing import Annotated, Literal

from nntool.settings.model import Choice, StepSettings, option
from nntool.settings.roles import parse

MEANING = "What cells and columns mean"
REPEATS = "Rows that repeat others"
CELLS = "Cells that are wrong or missing"
SPELLINGS = "Near spellings"
NOISE = "Outliers and noise"

MISSING_VALUES = ("NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "?")
"""The cells that usually mean missing: for what comes before clean, which may be told others."""


class CleanSettings(StepSettings, frozen=True, kw_only=True):
    """How text becomes a typed table."""

    target: Annotated[
        str, option("The column to predict: its name, or its position (@1, @-1).", metavar="COLUMN")
    ]
    task: Annotated[
        Literal["auto", "binary", "multiclass", "regression"],
        option(
            "What is predicted; auto: text, booleans, two values or at most 10 distinct whole"
            " numbers are classes, else regression."
        ),
    ] = "auto"
    positive: Annotated[
        str | None,
        option(
            "The class that counts as positive in binary metrics; unset: the last class.",
            metavar="CLASS",
        ),
    ] = None

    missing_values: Annotated[
        tuple[str, ...],
        option(
            "Cells that mean 'missing', in place of these (an empty cell always does); repeatable,"
            " or with commas.",
            metavar="CELL,…",
            commas=True,
            group=MEANING,
        ),
    ] = MISSING_VALUES
    missing_values_in: Annotated[
        dict[str, str],
        option(
            "Cells that mean 'missing' in one column, beside those that always do:"
            " COLUMN=CELL,CELL, repeatable.",
            metavar="COLUMN=CELL,…",
            group=MEANING,
        ),
    ] = {}  # noqa: RUF012 - msgspec copies an empty default for each instance
    decimal: Annotated[
        Literal["auto", ".", ","],
        option(
            "The decimal mark of numbers; auto: decided by the cells where they are clear.",
            group=MEANING,
        ),
    ] = "auto"
    roles: Annotated[
        dict[str, str],
        option(
            "What a column is, where the inferred role is not right: COLUMN=ROLE, repeatable;"
            " roles: numeric, categorical, date, text, identifier, ignored; no features: id, group,"
            " time, weight; date:DD/MM/YYYY or numeric:1.234,56 says how cells are written,"
            " numeric:percent that 5% is 0.05.",
            metavar="COLUMN=ROLE",
            group=MEANING,
        ),
    ] = {}  # noqa: RUF012 - msgspec copies an empty default for each instance
    constant_columns: Annotated[
        Literal["ignore", "keep"],
        option(
            "What to do with a feature that has one and the same value in all training rows.",
            group=MEANING,
        ),
    ] = "ignore"

    duplicates: Annotated[
        Literal["keep", "leave-out"],
        option(
            "What to do with a row that repeats another row of its part, cell by cell.",
            group=REPEATS,
        ),
    ] = "keep"
    duplicates_by: Annotated[
        tuple[str, ...],
        option(
            "Columns whose equal values make a row a repeat, too (a row with a missing value there"
            " repeats none); repeatable, or with commas.",
            metavar="COLUMN,…",
            group=REPEATS,
        ),
    ] = ()
    duplicates_keep: Annotated[
        Literal["first", "last"],
        option("Which of several rows that repeat each other stays.", group=REPEATS),
    ] = "first"

    valid: Annotated[
        tuple[str, ...],
        option(
            "What is valid in a column; other values become missing, or :abs, :clip, :leave-out:"
            " 'Age=0..120', 'price>0', 'sex=M|F', 'rooms=whole,1..20', 'when=2000-01-01..:clip';"
            " repeatable.",
            metavar="COLUMN=RULE",
            group=CELLS,
        ),
    ] = ()
    derive: Annotated[
        tuple[str, ...],
        option(
            "Compute missing values of a column, or a new column, from others, one after the"
            " other: 'Age = 2023 - Birth'; repeatable; --explain derive has the functions.",
            metavar="COLUMN=FORMULA",
            group=CELLS,
        ),
    ] = ()
    agree: Annotated[
        tuple[str, ...],
        option(
            "Columns that follow from others, such as 'zip -> city, state', repeatable: a cell that"
            " is missing or differs becomes what nearly all training rows with that zip have.",
            metavar="'COLUMN,… -> COLUMN,…'",
            group=CELLS,
        ),
    ] = ()
    agree_share: Annotated[
        float,
        option(
            "The share of a group's rows that must agree before --agree changes the others.",
            gt=0.5,
            le=1,
            group=CELLS,
        ),
    ] = 0.8
    require_columns: Annotated[
        tuple[str, ...],
        option(
            "Columns without which a training row is left out; repeatable, or with commas.",
            metavar="COLUMN,…",
            group=CELLS,
        ),
    ] = ()

    merge_spellings: Annotated[
        tuple[str, ...],
        option(
            "Categorical columns in which near spellings become the frequent one, or all of them;"
            " repeatable, or with commas.",
            metavar="COLUMN,…|all",
            group=SPELLINGS,
        ),
    ] = ()
    spelling_similarity: Annotated[
        float,
        option(
            "How near words must be to be taken for one: 1 − errors / letters.",
            ge=0.5,
            le=1,
            group=SPELLINGS,
        ),
    ] = 0.8
    spelling_ratio: Annotated[
        float,
        option(
            "How many times as many rows the frequent spelling must have.", ge=2, group=SPELLINGS
        ),
    ] = 5.0
    spelling_rows: Annotated[
        int,
        option(
            "The most training rows of a misspelling; more where the right word has 20 times as"
            " many, or is misspelt in more ways.",
            ge=1,
            group=SPELLINGS,
        ),
    ] = 3

    outliers: Annotated[
        Choice,
        option(
            "What tells outliers in numeric columns.",
            registry="OUTLIER_RULES",
            words=("none",),
            group=NOISE,
        ),
    ] = "none"
    outlier_action: Annotated[
        Literal["report", "clip", "missing", "leave-out"],
        option(
            "What is done with an outlier: reported, clipped, made missing, or its training row"
            " left out (in other rows the cell is missing).",
            group=NOISE,
        ),
    ] = "report"
    outlier_columns: Annotated[
        tuple[str, ...],
        option(
            "Columns in which outliers are looked for; unset: all numeric ones of more than two"
            " values; repeatable, or with commas.",
            metavar="COLUMN,…",
            group=NOISE,
        ),
    ] = ()
    row_outliers: Annotated[
        Choice,
        option(
            "What tells training rows that are unusual as a whole.",
            registry="ROW_OUTLIER_RULES",
            words=("none",),
            group=NOISE,
        ),
    ] = "none"
    row_outlier_action: Annotated[
        Literal["report", "leave-out"],
        option("What is done with an unusual training row.", group=NOISE),
    ] = "report"
    smooth: Annotated[
        dict[str, Choice],
        option(
            "A numeric column and what smooths it, repeatable: rolling-mean, rolling-median and"
            " exponential along --order-by, bin-means, bin-medians and bin-edges without an order.",
            metavar="COLUMN=METHOD[:KEY=VALUE,…]",
            group=NOISE,
        ),
    ] = {}  # noqa: RUF012 - msgspec copies an empty default for each instance
    order_by: Annotated[
        str | None,
        option(
            "The column of numbers or dates that --smooth follows.", metavar="COLUMN", group=NOISE
        ),
    ] = None

    def check_together(self) -> None:
        """Refuse roles that do not exist."""
        for role in self.roles.values():
            parse(role)
