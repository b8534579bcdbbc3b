"""What is said of a column: its role, with a reason that a person can check."""

from typing import NamedTuple

from nntool.tables.casting import NumberFormat

FEWEST_ROWS_OF_AN_IDENTIFIER = 20


class Hints(NamedTuple):
    """What is known beside the cells of a column; it decides where they leave a doubt."""

    asked_decimal: str | None = None
    """The decimal mark that a person has named."""
    decimal: str | None = None
    """The decimal mark of the other columns."""
    day_first: bool | None = None
    """Whether the other columns write days before months."""


class Role(NamedTuple):
    """A role of ``ROLES``, why, how its cells are written, and what a person should look at."""

    role: str
    reason: str
    number_format: NumberFormat | None = None
    date_formats: tuple[str, ...] = ()
    note: str | None = None
    suspects: dict[str, int] | None = None
    """Cells that look as if they meant "missing", which nobody has said."""
    decimal: str | None = None
    """The decimal mark that its cells show, none but this."""
    day_first: bool | None = None
    booleans: tuple[str, str] | None = None
    """How its cells write no and yes, where they have nothing else."""
    is_unclear: bool = False
    """Other columns may decide what its cells alone do not."""
