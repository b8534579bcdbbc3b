"""Passwords in addresses: refused where they are given, hidden where they might be shown."""

import re
from collections.abc import Iterable

from nntool.errors import UsageError

IN_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<user>[^:/@\s]*):[^\n]*@")
"""A password as SQLAlchemy reads it: from the first colon to the last @."""
IN_QUERY = re.compile(r"(?i)(?P<name>[?&;][^=&;]*(?:password|passwd|pwd)=)[^&;\s'\"]*")


def hidden(text: str) -> str:
    """The text without the passwords of addresses in it.

    >>> hidden("postgresql://ana:s3cret@host/db is gone")
    'postgresql://ana:***@host/db is gone'
    """
    if "://" not in text:
        return text
    text = IN_URL.sub(r"\g<scheme>\g<user>:***@", text)
    return IN_QUERY.sub(r"\g<name>***", text)


def refuse_passwords(sources: Iterable[str]) -> None:
    """Raise ``UsageError`` for an address with a password in it, which is not repeated."""
    for source in sources:
        if hidden(source) != source:
            raise UsageError(
                f"{hidden(source)} has a password in it, and what is typed is written down",
                "leave it out and type: export NNTOOL_SQL_PASSWORD=… (--password-env names another"
                " variable)",
            )
