"""Dates that sources write in different ways, brought to ISO 8601 text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from nntool.tables import casting

ISO = "YYYY-MM-DD"


Found = tuple[str | None, str | None]
"""What ``casting.find_date_format`` says of a column: a format, or a note where several fit."""


def differing(formats: Mapping[str, Found]) -> tuple[dict[str, str], str | None]:
    """Of one column: the format of each source that is to be brought to ISO, and what to say.

    ``formats`` names the sources in which the column has cells. Where a source's dates fit two
    formats, and none of them is that of the other sources, all is kept as it is, and said.

    >>> differing({"a": ("YYYY-MM-DD", None), "b": ("DD/MM/YYYY", None)})[0]
    {'b': 'DD/MM/YYYY'}
    """
    known = {source: found for source, (found, _) in formats.items() if found is not None}
    notes = {
        source: note and note.partition(";")[0]
        for source, (found, note) in formats.items()
        if found is None
    }
    told = ", ".join(f"{found} in {source}" for source, found in known.items())
    if not known or any(note is None for note in notes.values()):
        return {}, None  # not dates in every source, or nothing to tell them apart by
    if not notes and len(set(known.values())) > 1:
        others = {source: found for source, found in known.items() if found != ISO}
        return others, f"dates are {told}: written as {ISO} in all"
    unclear = [
        (source, note)
        for source, note in notes.items()
        if note and (len(set(known.values())) > 1 or not any(f in note for f in known.values()))
    ]
    if not unclear:
        return {}, None
    source, note = unclear[0]
    return {}, (
        f"dates are {told}; those of {source} {note}; kept as text (write"
        f" them as {ISO} in that source)"
    )


def to_iso(text: pa.Array, date_format: str, missing_values: Sequence[str]) -> pa.Array:
    """Dates of a format as ISO 8601 text; cells that mean missing stay as they are.

    >>> to_iso(pa.array(["31/12/2023", "", "1/2/2024 7:05"]), "DD/MM/YYYY", []).to_pylist()
    ['2023-12-31', '', '2024-02-01T07:05:00']
    """
    from nntool.tables.csv.writing import as_text

    dates, _ = casting.to_dates(text, date_format, missing_values)
    return pc.if_else(pc.is_valid(dates), as_text(dates), text)
