"""What stands below a table, and what the person may want to say of its first and last rows."""

import codecs
import re
from dataclasses import replace

from nntool.settings.collect import CollectSettings
from nntool.tables.csv.dialect import Dialect
from nntool.tables.csv.encoding import Survey
from nntool.tables.csv.layout import (
    Layout,
    Record,
    looks_like_row,
    odd_records_below,
    records_after,
    records_of,
    start_of,
    without_lines,
)

TOTALS = re.compile(r"\W*(grand |sub)?(totals?|totale|summe|gesamt|insgesamt|sum)\b.*", re.I)


def end_of(
    found: Survey | None, dialect: Dialect, settings: CollectSettings, chosen: Layout
) -> tuple[Dialect, list[str]]:
    """The records below the table, as footnotes; and a hint at a line of totals."""
    if found is None or settings.skip_end != "auto" or not found.tail:
        return dialect, []
    records = _last_records(found, dialect)
    if len(records) < 3:
        return dialect, []
    notes = []
    number = records_after(records, chosen.width)
    if number:
        dialect = replace(dialect, skip_end=number)  # the reader says what it passed over
    rows = [record for record in records[: len(records) - number] if record.n_filled]
    if rows and any(TOTALS.fullmatch(cell) for cell in rows[-1].cells[:2]):
        notes.append(
            f"the last row begins with {start_of(rows[-1])}: --skip-end {number + 1}, if it sums"
            " up the others"
        )
    return dialect, notes


def _last_records(found: Survey, dialect: Dialect) -> list[Record]:
    """The records of the last bytes; none where a quoted cell may begin before these."""
    tail = found.tail
    if found.n_bytes > len(tail) and codecs.lookup(dialect.encoding).name[:6] in (
        "utf-16",
        "utf-32",
    ):
        return []  # its byte order is not known there
    try:
        text = tail.decode(dialect.encoding, errors="replace")
    except UnicodeError:
        return []
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if found.n_bytes > len(tail):
        text = text[text.find("\n") + 1 :]
    if dialect.quote and text.count(dialect.quote) % 2:
        return []
    return records_of(
        without_lines(text, dialect.comment),
        dialect.delimiter,
        dialect.quote,
        skip_blanks=dialect.skip_blanks,
        is_cut=False,
    )


def hints(chosen: Layout, dialect: Dialect) -> list[str]:
    """What the person may want to say of the first records."""
    records = chosen.records[chosen.start :]
    if not dialect.header:
        return []
    if looks_like_row(records):
        return [f"the names of the columns look like a row ({start_of(records[0])}): --no-header"]
    odd = odd_records_below(records[dialect.skip_below :] if dialect.skip_below else records)
    if odd and not dialect.skip_below:
        return [
            f"below the header is text where the rows have numbers ({start_of(records[odd])}):"
            f" --skip-below {odd}, if it is no row"
        ]
    return []
