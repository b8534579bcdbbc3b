"""Settings of ``clean``: the target, what counts as missing, what each column is."""

from typing import Annotated, Literal

from nntool.settings.model import StepSettings, option
from nntool.settings.roles import parse


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
    decimal: Annotated[
        Literal["auto", ".", ","],
        option("The decimal mark of numbers; auto: decided by the cells where they are clear."),
    ] = "auto"
    missing_values: Annotated[
        tuple[str, ...], option("Cells that mean 'missing' (an empty cell always does).")
    ] = ("NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "?")
    missing_values_in: Annotated[
        dict[str, str],
        option(
            "Cells that mean 'missing' in one column, beside those that always do:"
            " COLUMN=CELL,CELL, repeatable.",
            metavar="COLUMN=CELL,…",
        ),
    ] = {}  # noqa: RUF012 - msgspec copies an empty default for each instance
    duplicates: Annotated[
        Literal["keep", "leave-out"],
        option("What to do with a row that repeats an earlier row of its part, cell by cell."),
    ] = "keep"
    roles: Annotated[
        dict[str, str],
        option(
            "What a column is, where the inferred role is not right: COLUMN=ROLE, repeatable;"
            " roles: numeric, categorical, date, text, identifier, ignored; no features: id, group,"
            " time, weight; date:DD/MM/YYYY or numeric:1.234,56 says how cells are written.",
            metavar="COLUMN=ROLE",
        ),
    ] = {}  # noqa: RUF012 - msgspec copies an empty default for each instance

    def check_together(self) -> None:
        """Refuse roles that do not exist."""
        for role in self.roles.values():
            parse(role)
