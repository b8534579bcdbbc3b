"""Quotes inside quoted cells that are not doubled, kept as characters where that is asked for."""

import re

import numpy as np

from nntool.tables.csv.records import CR, LF, Positions, Signs, line_ends


def quotes_by_place(data: bytes, signs: Signs) -> Positions:
    """Offsets of the quotes that open and close cells, in turn, judged by what stands beside.

    One opens at the start of a cell and closes before a delimiter or line end; all others are
    characters.
    """
    a = np.frombuffer(data, np.uint8)
    found = np.flatnonzero(a == signs.quote[0])
    ends = {signs.delimiter[0], LF, CR}
    kept: list[int] = []
    for position in found.tolist():
        if len(kept) % 2:
            if position + 1 == a.size or int(a[position + 1]) in ends:
                kept.append(position)
        elif position == 0 or int(a[position - 1]) in ends:
            kept.append(position)
    return np.array(kept, np.int64)


def record_ends_by_place(data: bytes, signs: Signs) -> Positions:
    """Offsets of the last byte of each whole record."""
    ends = line_ends(data, is_whole=False)
    if signs.quote not in data:
        return ends
    outside: Positions = ends[np.searchsorted(quotes_by_place(data, signs), ends) % 2 == 0]
    return outside


def with_doubled_quotes(data: bytes, signs: Signs) -> bytes:
    r"""Whole records with their stray quotes doubled, as a CSV has them.

    >>> with_doubled_quotes(b"'it's','x'\n", Signs(b",", b"'"))
    b"'it''s','x'\n"
    """
    marks = quotes_by_place(data, signs)
    quote = signs.quote
    pieces = []
    at = 0
    for start, stop in zip(marks[0::2].tolist(), marks[1::2].tolist(), strict=False):
        inside = data[start + 1 : stop]
        if quote in inside:
            # What is doubled already is one quote.
            inside = inside.replace(quote * 2, quote).replace(quote, quote * 2)
        pieces += [data[at : start + 1], inside]
        at = stop
    return b"".join([*pieces, data[at:]])


def with_doubled_escapes(data: bytes, signs: Signs) -> bytes:
    r"""The data with a doubled quote for each one behind a backslash: as long as before.

    >>> with_doubled_escapes(b'"a \\"b\\" c","d\\\\"', Signs(b","))
    b'"a ""b"" c","d\\\\"'
    """
    quote = re.escape(signs.quote)
    escaped = rb"(?<!\\)((?:\\\\)*)\\" + quote
    return (
        data
        if b"\\" not in data
        else re.sub(escaped, lambda match: match.group(1) + signs.quote * 2, data)
    )
