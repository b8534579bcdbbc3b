"""Settings of ``clean``: the target, what counts as missing, what each column is."""

from typing import Annotated, Literal

from nntool.settings.model import StepSettings, option


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
        option("The class that counts as positive in binary metrics; unset: the last class."),
    ] = None
    missing_values: Annotated[
        tuple[str, ...], option("Cells that mean 'missing' (an empty cell always does).")
    ] = ("NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "?")
    duplicates: Annotated[
        Literal["keep", "leave-out"],
        option("What to do with a row that repeats another row of its part, cell by cell."),
    ] = "keep"
    duplicates_by: Annotated[
        tuple[str, ...],
        option(
            "Columns whose equal values make a row a repeat, too: A,B or repeated; a row with a"
            " missing value there repeats none.",
            metavar="COLUMN,…",
        ),
    ] = ()
    duplicates_keep: Annotated[
        Literal["first", "last"],
        option("Which of several rows that repeat each other stays."),
    ] = "first"
    roles: Annotated[
        dict[str, Literal["numeric", "categorical", "date", "identifier", "ignored"]],
        option(
            "What a column is, where the inferred role is not right: COLUMN=ROLE, repeatable;"
            " roles: numeric, categorical, date, identifier, ignored."
        ),
    ] = {}  # noqa: RUF012 - msgspec copies an empty default for each instance
