"""Columns that a person has named the role of: how their cells are written then."""

from collections.abc import Sequence

import pyarrow as pa

from nntool.errors import DataError
from nntool.settings.roles import AskedRole
from nntool.tables.casting import NumberFormat, present_cells, to_dates, to_numbers
from nntool.tables.casting.date_formats import most_fitting_formats
from nntool.tables.casting.dates import DATE_FORMATS
from nntool.tables.casting.forced_formats import Forced, forced_number_format
from nntool.tables.roles import Hints, Role

USES = {
    "group": "split --method group:column={name} keeps its rows together",
    "time": "split --method time:column={name} trains on what was earlier",
    "weight": "train --sample-weight {name} counts rows by it",
}


def says_how(asked: AskedRole) -> bool:
    """Whether a person says how cells are written, beside what they are."""
    return bool(asked.date_format or asked.decimal or asked.percent)


def forced(
    text: pa.ChunkedArray, name: str, asked: AskedRole, missing: Sequence[str], hints: Hints
) -> Role:
    """The role that a person has named, where the cells say another."""
    reason = "asked for (--roles)"
    use = USES.get(asked.role)
    note = use.format(name=name) if use else None
    cells = present_cells(text, missing)
    if asked.role in ("date", "time"):
        formats = _date_formats(cells, asked, hints)
        if asked.role == "time" and not formats:
            _require_numbers(cells, name, asked, hints)
            return _forced_numbers(asked.role, cells, asked, hints, note)
        _require_dates(cells, name, asked, formats)
        return Role(asked.role, f"{reason}, {', '.join(formats)}", date_formats=formats, note=note)
    if asked.role in ("numeric", "weight"):
        if asked.role == "weight" or asked.decimal or asked.percent:
            _require_numbers(cells, name, asked, hints)
        return _forced_numbers(asked.role, cells, asked, hints, note)
    return Role(asked.role, reason, note=note)


def _forced_numbers(
    role: str, cells: pa.ChunkedArray, asked: AskedRole, hints: Hints, use: str | None
) -> Role:
    written, note = _number_format(cells, asked, hints)
    shown = f", as {written.example!r}" if written else ""
    notes = "; ".join(said for said in (use, note) if said)
    return Role(role, f"asked for (--roles){shown}", written, note=notes or None)


def _date_formats(cells: pa.ChunkedArray, asked: AskedRole, hints: Hints) -> tuple[str, ...]:
    """The formats of a column that is called dates; a time may be a number as well."""
    if asked.date_format:
        return (asked.date_format,)
    if asked.role == "time" and not _plain_unfit(cells):
        return ()
    return most_fitting_formats(cells, hints.day_first)


def _require_dates(
    cells: pa.ChunkedArray, name: str, asked: AskedRole, formats: tuple[str, ...]
) -> None:
    fits = bool(formats) and any(
        to_dates(chunk, formats, [])[0].null_count < len(chunk) for chunk in cells.chunks
    )
    if fits or (not len(cells) and asked.date_format):
        return
    known = ", ".join(DATE_FORMATS)
    written = f"written as {asked.date_format}" if asked.date_format else "a date"
    example = f", such as {cells[0].as_py()!r}" if len(cells) else ""
    raise DataError(
        f"--roles {name}={asked.role}: no cell of {name!r} is {written}{example}",
        f"--roles {name}={asked.role}:FORMAT; the formats are {known}, or others of such parts",
    )


def _number_format(cells: pa.ChunkedArray, asked: AskedRole, hints: Hints) -> Forced:
    """How a column that is called numeric writes numbers."""
    mark = asked.decimal or hints.asked_decimal
    found = forced_number_format(cells, hints.decimal, mark, asked.percent)
    if found.written is None:
        return found
    if mark is None and _plain_unfit(cells) <= _written_unfit(cells, found.written):
        return Forced(None, found.note)
    return found


def _require_numbers(cells: pa.ChunkedArray, name: str, asked: AskedRole, hints: Hints) -> None:
    written = _number_format(cells, asked, hints).written
    unfit = _plain_unfit(cells) if written is None else _written_unfit(cells, written)
    if len(cells) and unfit == len(cells):
        what = "a date or a number" if asked.role == "time" else "such a number"
        raise DataError(
            f"--roles {name}={asked.role}: no cell of {name!r} is {what},"
            f" such as {cells[0].as_py()!r}",
            f"name another column, or --roles {name}=ignored",
        )
    if asked.percent and not (written and written.percent):
        raise DataError(
            f"--roles {name}={asked.role}:percent: no number in {name!r} has a percent sign behind",
            f"--roles {name}={asked.role}",
        )


def _plain_unfit(cells: pa.ChunkedArray) -> int:
    return sum(to_numbers(chunk, [])[0].null_count for chunk in cells.chunks)


def _written_unfit(cells: pa.ChunkedArray, written: NumberFormat) -> int:
    return sum(to_numbers(chunk, [], written)[0].null_count for chunk in cells.chunks)
