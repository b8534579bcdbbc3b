"""In which formats the dates of a column are written: decided where its cells are clear."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nntool.tables.casting.dates import DATE_FORMATS, FAMILIES, read_dates
from nntool.tables.casting.missing import Text, present_cells
from nntool.tables.casting.number_formats import spread_out

LOOKED_AT_FIRST = 50


class Finding(NamedTuple):
    """What the cells of a column say of the way in which their dates are written."""

    formats: tuple[str, ...] = ()
    cells: tuple[int, ...] = ()
    """How many cells each format has."""
    day_first: bool | None = None
    """Whether days stand before months, where a cell shows it."""
    is_unclear: bool = False
    note: str | None = None


def find_date_formats(cells: pa.ChunkedArray, day_first: bool | None = None) -> Finding:
    """The formats of present cells, each of which must be a date in one of them.

    ``day_first`` is what other columns show; it is used where no cell of this one does.

    >>> find_date_formats(pa.chunked_array([["13/2/2024", "1/2/2024"]])).formats
    ('DD/MM/YYYY',)
    """
    if not _look_like_dates(pc.unique(spread_out(cells, LOOKED_AT_FIRST)).to_pylist()):
        return Finding()
    counted = pc.value_counts(cells)
    distinct, times = counted.field("values"), np.asarray(counted.field("counts"))
    fitting = _fitting(distinct)
    if fitting is None:
        return Finding()
    shown = {
        order
        for family in FAMILIES
        if len(family) == 2
        for order, alone in ((True, family[0]), (False, family[1]))
        if (fitting[alone] & ~fitting[family[0 if alone == family[1] else 1]]).any()
    }
    if len(shown) == 2:
        return Finding()
    own = next(iter(shown), None)
    order = own if own is not None else day_first
    present = [family for family in FAMILIES if any(fitting[name].any() for name in family)]
    if order is None and any(len(family) == 2 for family in present):
        pair = next(family for family in present if len(family) == 2)
        return Finding(is_unclear=True, note=_both_readings(distinct, fitting, pair))
    formats = tuple(family[0 if order or len(family) == 1 else 1] for family in present)
    n_cells = tuple(int(times[fitting[name]].sum()) for name in formats)
    return Finding(formats, n_cells, own)


def find_date_format(text: Text, missing_values: Sequence[str]) -> tuple[str | None, str | None]:
    """The one format that fits every cell that is not missing, and a note where two do.

    >>> find_date_format(pa.array(["13/2/2024", "1/2/2024"]), [])
    ('DD/MM/YYYY', None)
    """
    found = find_date_formats(present_cells(text, missing_values))
    return (found.formats[0] if len(found.formats) == 1 else None), found.note


def _look_like_dates(texts: list[str]) -> bool:
    """Whether each of some texts has the shape of a format: a quick look before the long one."""
    shapes = [re.compile(pattern) for pattern in DATE_FORMATS.values()]
    return bool(texts) and all(any(shape.match(text) for shape in shapes) for text in texts)


def _fitting(distinct: pa.Array) -> dict[str, NDArray[np.bool_]] | None:
    """Which texts fit each format; None where one fits no format at all.

    No text fits two families, so each is looked for in what the ones before it have left.
    """
    fitting = {name: np.zeros(len(distinct), bool) for name in DATE_FORMATS}
    rest = np.arange(len(distinct))
    for family in FAMILIES:
        if not rest.size:
            break
        left = distinct.take(pa.array(rest))
        fits = [_fits(left, name) for name in family]
        for name, found in zip(family, fits, strict=True):
            fitting[name][rest[found]] = True
        rest = rest[~np.any(fits, axis=0)]
    return None if rest.size else fitting


def _fits(distinct: pa.Array, name: str) -> NDArray[np.bool_]:
    return np.asarray(pc.is_valid(read_dates(distinct, name)), dtype=bool)


def _both_readings(
    distinct: pa.Array, fitting: dict[str, NDArray[np.bool_]], pair: tuple[str, ...]
) -> str:
    shown = distinct[int(np.flatnonzero(fitting[pair[0]])[0])].as_py()
    return (
        f"could be dates, but all cells fit {pair[0]} and {pair[1]}, such as {shown!r};"
        f" kept as text (--roles COLUMN=date:{pair[0]} or COLUMN=date:{pair[1]})"
    )


def most_fitting_formats(cells: pa.ChunkedArray, day_first: bool | None) -> tuple[str, ...]:
    """For a column that a person calls dates: the format of most cells, and those beside it.

    Of equals the one with the day first, unless other columns say else. Empty where no cell is
    a date.
    """
    counted = pc.value_counts(cells)
    distinct, times = counted.field("values"), np.asarray(counted.field("counts"))
    best: list[tuple[int, str]] = []
    for family in (*FAMILIES, ("YYYYMMDD",)):
        names = family[::-1] if day_first is False else family
        fits = [int(times[_fits(distinct, name)].sum()) for name in names]
        at = int(np.argmax(fits))
        if fits[at]:
            best.append((fits[at], names[at]))
    return tuple(name for _, name in sorted(best, key=lambda pair: -pair[0]))
