"""The roles of cells that are neither numbers nor dates: categories, names of rows, prose."""

import pyarrow as pa
import pyarrow.compute as pc

from nntool.tables import disguises, suspects
from nntool.tables.casting import booleans, read_numbers, unfit_cells
from nntool.tables.casting import date_formats as dates
from nntool.tables.casting import number_formats as numbers
from nntool.tables.roles.role import FEWEST_ROWS_OF_AN_IDENTIFIER, Role

WORDS_OF_PROSE = 5
MOST_SPELLINGS = 2 * len(booleans.SPELLINGS)


def nearly_numeric(cells: pa.ChunkedArray, n_unfit: int, decimal: str | None) -> Role:
    """The role of cells that are numbers but for a few."""
    shown = ", ".join(repr(cell) for cell in unfit_cells(cells, decimal=decimal))
    are = "1 cell is no number" if n_unfit == 1 else f"{n_unfit} cells are no numbers"
    return Role(
        "categorical",
        f"{are} of {len(cells)}",
        note=f"nearly all its cells are numbers, but {are} ({shown}): categorical;"
        " if they mean missing: --missing-values-in COLUMN=CELL,…;"
        " to read the numbers and make the others missing: --roles COLUMN=numeric",
    )


def nearly_dates(cells: pa.ChunkedArray, n_unfit: int) -> str:
    """What is said of cells that are dates but for a few."""
    are = "1 is none" if n_unfit == 1 else f"{n_unfit:,} are none"
    return (
        f"nearly all its {len(cells):,} cells are dates, but {are}; to read the dates and make the"
        " others missing: --roles COLUMN=date"
    )


def role_of_text(cells: pa.ChunkedArray, note: str | None) -> Role:
    """The role of words; ``note`` is what there is to say of them already."""
    n_cells = len(cells)
    counted = pc.value_counts(cells)
    distinct = counted.field("values")
    n_distinct = len(distinct)
    if n_distinct >= 0.95 * n_cells and n_cells >= FEWEST_ROWS_OF_AN_IDENTIFIER:
        if note is None and _is_prose(cells):
            note = "looks like prose (--roles COLUMN=text to learn from its words)"
        hidden = disguises.disguise(numbers.spread_out(distinct).to_pylist())
        if note is None and hidden:
            note = f"looks like {hidden}; kept as text (write plain numbers to learn from them)"
        return Role("identifier", f"text, {n_distinct} different in {n_cells} values", note=note)
    values = "value" if n_distinct == 1 else "values"
    odd = suspects.lookalikes(counted)
    if odd and note is None:
        note = _but_for(distinct, odd)
    return Role(
        "categorical",
        f"text, {n_distinct} different {values}",
        note=note,
        suspects=odd or None,
        booleans=_booleans(counted) if n_distinct <= MOST_SPELLINGS else None,
    )


def _booleans(counted: pa.StructArray) -> tuple[str, str] | None:
    """How booleans are written, where all cells are such."""
    cells, times = counted.field("values").to_pylist(), counted.field("counts").to_pylist()
    return booleans.spelling_of(dict(zip(cells, times, strict=True)))


def _is_prose(cells: pa.ChunkedArray) -> bool:
    words = pc.count_substring_regex(numbers.spread_out(cells), r"\S+")
    return bool(pc.mean(words).as_py() >= WORDS_OF_PROSE)


def _but_for(distinct: pa.Array, odd: dict[str, int]) -> str | None:
    """What a column would be without the cells that look as if they meant "missing"."""
    rest = pc.filter(distinct, pc.invert(pc.is_in(distinct, value_set=pa.array(list(odd)))))
    if not len(rest):
        return None
    is_date = bool(dates.find_date_formats(pa.chunked_array([rest])).formats)
    kind = "numbers" if read_numbers(rest, []).are_all else "dates" if is_date else None
    shown = ", ".join(map(repr, odd))
    return kind and f"all its cells but {shown} are {kind}"
