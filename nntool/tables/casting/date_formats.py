"""In which formats the dates of a column are written: decided where its cells are clear."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nntool.tables.casting.dates import DATE_FORMATS, FAMILIES, pattern, read_dates
from nntool.tables.casting.missing import Text, present_cells
from nntool.tables.casting.number_formats import spread_out

LOOKED_AT_FIRST = 50
NEARLY = 0.9
SOLID = "YYYYMMDD"
"""A date beside other dates only: a column of such cells is one of whole numbers."""
SHORT = "DD.MM.YY"
"""A date, or a version such as 1.2.10."""
MIXED = (*FAMILIES, (SOLID,))


class Finding(NamedTuple):
    """What the cells of a column say of the way in which their dates are written."""

    formats: tuple[str, ...] = ()
    cells: tuple[int, ...] = ()
    """How many cells each format has."""
    day_first: bool | None = None
    """Whether days stand before months, where a cell shows it."""
    is_unclear: bool = False
    note: str | None = None
    n_unfit: int = 0
    """How many cells are no dates, where nearly all are."""


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
    is_date = np.any([*fitting.values()], axis=0)
    if not is_date.all():
        n_unfit = int(times[~is_date].sum())
        return Finding(n_unfit=n_unfit if n_unfit <= (1 - NEARLY) * len(cells) else 0)
    shown = _orders_shown(fitting)
    if len(shown) == 2:
        return Finding(note=_both_orders(distinct, shown))
    own = next(iter(shown), None)
    order = own if own is not None else day_first
    present = [family for family in MIXED if any(fitting[name].any() for name in family)]
    if order is None and any(len(family) == 2 for family in present):
        pair = next(family for family in present if len(family) == 2)
        return Finding(is_unclear=True, note=_both_readings(distinct, fitting[pair[0]], pair))
    doubt = _doubt_of_short(distinct, fitting[SHORT])
    if doubt:
        return Finding(note=doubt)
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
    """Whether nearly all of some texts have the shape of a format: a look before the long one."""
    shapes = [re.compile(shape) for shape in DATE_FORMATS.values()]
    n_alike = sum(1 for text in texts if any(shape.match(text) for shape in shapes))
    solid = re.compile(pattern(SOLID))
    n_solid = sum(1 for text in texts if solid.match(text))
    return n_alike > 0 and n_alike + n_solid >= NEARLY * len(texts)


def _fitting(distinct: pa.Array) -> dict[str, NDArray[np.bool_]]:
    """Which texts fit each format.

    No text fits two families, so each is looked for in what the ones before it have left.
    """
    fitting = {name: np.zeros(len(distinct), bool) for family in MIXED for name in family}
    rest = np.arange(len(distinct))
    for family in MIXED:
        if not rest.size:
            break
        left = distinct.take(pa.array(rest))
        fits = [_fits(left, name) for name in family]
        for name, found in zip(family, fits, strict=True):
            fitting[name][rest[found]] = True
        rest = rest[~np.any(fits, axis=0)]
    return fitting


def _orders_shown(fitting: Mapping[str, NDArray[np.bool_]]) -> dict[bool, NDArray[np.bool_]]:
    """For each order of day and month, True the day first, the texts that have no other."""
    shown: dict[bool, NDArray[np.bool_]] = {}
    for day_first, month_first in (family for family in FAMILIES if len(family) == 2):
        for order, own, other in ((True, day_first, month_first), (False, month_first, day_first)):
            alone = fitting[own] & ~fitting[other]
            if alone.any():
                shown[order] = alone
    return shown


def _fits(distinct: pa.Array, name: str) -> NDArray[np.bool_]:
    return np.asarray(pc.is_valid(read_dates(distinct, name)), dtype=bool)


def _both_readings(distinct: pa.Array, fits: NDArray[np.bool_], pair: Sequence[str]) -> str:
    return (
        f"could be dates, but all cells fit {pair[0]} and {pair[1]}, such as"
        f" {_example(distinct, fits)}; kept as text (--roles COLUMN=date:{pair[0]}"
        f" or COLUMN=date:{pair[1]})"
    )


def _both_orders(distinct: pa.Array, shown: Mapping[bool, NDArray[np.bool_]]) -> str:
    return (
        f"could be dates, but the day stands first in {_example(distinct, shown[True])} and the"
        f" month in {_example(distinct, shown[False])}; kept as text (--roles COLUMN=date reads"
        " them as most are written)"
    )


def _doubt_of_short(distinct: pa.Array, fits: NDArray[np.bool_]) -> str | None:
    """Why dates such as 31.12.20 may be none; None where they are, or there are none.

    A number above 12 is no month. Versions have parts of one digit, or none so large. Where all
    cells could begin with the year (24.01.31), days are taken to differ more than years.
    """
    if not fits.any():
        return None
    texts = distinct.filter(pa.array(fits))
    parts = pc.extract_regex(texts, r"^(?P<first>\d+)\.(?P<middle>\d+)\.(?P<last>\d+)")
    first, middle, last = (pc.struct_field(parts, n) for n in ("first", "middle", "last"))
    two_digits = all(pc.min(pc.utf8_length(part)).as_py() == 2 for part in (first, middle))
    if not two_digits or pc.max(pc.cast(first, pa.int64())).as_py() <= 12:
        return (
            f"could be dates written {SHORT}, such as {_example(distinct, fits)}, or versions;"
            f" kept as text (--roles COLUMN=date:{SHORT})"
        )
    year_first = "YY.MM.DD"
    may_be_turned = _fits(texts, year_first).all()
    if may_be_turned and pc.count_distinct(first).as_py() < pc.count_distinct(last).as_py():
        return _both_readings(distinct, fits, (SHORT, year_first))
    return None


def _example(distinct: pa.Array, which: NDArray[np.bool_]) -> str:
    return repr(distinct[int(np.flatnonzero(which)[0])].as_py())


def most_fitting_formats(cells: pa.ChunkedArray, day_first: bool | None) -> tuple[str, ...]:
    """For a column that a person calls dates: the format of most cells, and those beside it.

    Of equals the one with the day first, unless other columns say else. Empty where no cell is
    a date.
    """
    counted = pc.value_counts(cells)
    distinct, times = counted.field("values"), np.asarray(counted.field("counts"))
    best: list[tuple[int, str]] = []
    for family in MIXED:
        names = family[::-1] if day_first is False else family
        fits = [int(times[_fits(distinct, name)].sum()) for name in names]
        at = int(np.argmax(fits))
        if fits[at]:
            best.append((fits[at], names[at]))
    return tuple(name for _, name in sorted(best, key=lambda pair: -pair[0]))
