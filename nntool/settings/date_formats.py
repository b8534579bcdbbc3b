"""How a person writes a date format: ``DD/MM/YYYY``, ``MON DD, YYYY``."""

import re

from nntool.errors import UsageError

_TOKEN = re.compile(r"YYYY|YY|MON|MM|DD|[A-Za-z]+|[^A-Za-z]+")
KINDS = {"YYYY": "y", "YY": "y", "MON": "m", "MM": "m", "DD": "d"}
EXAMPLES = "YYYY-MM-DD, DD/MM/YYYY, MM/DD/YY, DD-MON-YYYY, YYYYMMDD"


def tokens(text: str) -> list[str]:
    """The words of a format and what stands between them.

    A time of day may follow every date and is no part of the format. Raises ``UsageError`` for
    a format without a year, with a day and no month, or with words that mean nothing.

    >>> tokens("DD-MON-YYYY")
    ['DD', '-', 'MON', '-', 'YYYY']
    """
    found = _TOKEN.findall(text)
    kinds = [KINDS[token] for token in found if token in KINDS]
    wrong = [token for token in found if token.isalpha() and token not in KINDS]
    if wrong or len(set(kinds)) < len(kinds) or set(kinds) not in ({*"ymd"}, {*"ym"}, {"y"}):
        facts = f"{wrong[0]!r} is no part of a date" if wrong else "year, month and day, each once"
        raise UsageError(
            f"the date format {text!r}: {facts} (YYYY or YY, MM or MON, DD)",
            f"write for example {EXAMPLES}",
        )
    return found
