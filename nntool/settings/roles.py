"""What a person may call a column: ``numeric``, ``date:DD/MM/YYYY``, ``weight``."""

from typing import NamedTuple

from nntool.errors import UsageError
from nntool.settings import date_formats

ROLES: dict[str, str] = {
    "numeric": "numbers; numeric:1.234,56 or numeric:1,234.56 says how they are written,"
    " numeric:percent that 5% is 0.05",
    "categorical": "one of some values",
    "date": "dates; date:DD/MM/YYYY says how they are written",
    "text": "free text, of which words are looked at",
    "identifier": "names its row: no feature",
    "ignored": "not used",
    "id": "names its row, as identifier does",
    "group": "rows that belong together: no feature",
    "time": "when, as a date or a number: no feature",
    "weight": "how much a row counts, a number: no feature",
}
NUMBER_FORMATS: dict[str, str] = {"1,234.56": ".", "1.234,56": ",", "1234.56": ".", "1234,56": ","}
"""Numbers that show a decimal mark, and that mark."""
PERCENT = "percent"


class AskedRole(NamedTuple):
    """A role that was asked for, and how its cells are written where that was said too."""

    role: str
    date_format: str | None = None
    decimal: str | None = None
    percent: bool = False
    """``5%`` is 0.05, not 5."""


def parse(text: str) -> AskedRole:
    """Read a role as it is typed; raises ``UsageError``.

    >>> parse("date:DD/MM/YYYY")
    AskedRole(role='date', date_format='DD/MM/YYYY', decimal=None, percent=False)
    """
    role, colon, written = text.partition(":")
    if role not in ROLES:
        raise UsageError(f"--roles: {text!r} is not a choice", f"choose from {', '.join(ROLES)}")
    if not colon:
        return AskedRole(role)
    if role in ("date", "time"):
        date_formats.tokens(written)
        return AskedRole(role, date_format=written)
    if role in ("numeric", "weight"):
        if written == PERCENT:
            return AskedRole(role, percent=True)
        if written not in NUMBER_FORMATS:
            raise UsageError(
                f"--roles: {written!r} does not show how numbers are written",
                f"write {role}:1.234,56 or {role}:1,234.56; {role}:{PERCENT} divides 5% by 100",
            )
        return AskedRole(role, decimal=NUMBER_FORMATS[written])
    raise UsageError(
        f"--roles: {role} takes no format, as in {text!r}",
        "write date:DD/MM/YYYY or numeric:1.234,56",
    )
