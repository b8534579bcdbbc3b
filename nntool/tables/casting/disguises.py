"""What is put around a number so that it stays text in a spreadsheet, or what nobody sees."""

import re

import pyarrow as pa
import pyarrow.compute as pc

INVISIBLE = "[\u00ad\u200b-\u200f\u2060\ufeff]*"
# By what the format of a column is called; the number is the only group.
DISGUISES = {
    '="': r'^="(?P<cell>[^"]+)"$',
    "'": r"^'(?P<cell>[^']+)$",
    "invisible": rf"^{INVISIBLE}(?P<cell>.*?){INVISIBLE}$",
}
SAID = {
    '="': 'the signs =" and " around each are passed over',
    "'": "the sign ' before each is passed over",
    "invisible": "invisible characters around each are passed over",
}


def disguise_of(cell: str) -> str | None:
    """What is around a cell; None where it stands alone.

    >>> [disguise_of(cell) for cell in ('="24.5"', "'24.5", "24.5\u200b", "24.5")]
    ['="', "'", 'invisible', None]
    """
    for name, pattern in DISGUISES.items():
        found = re.match(pattern, cell)
        if found and found["cell"] != cell:
            return name
    return None


def common_disguise(cells: pa.ChunkedArray) -> str | None:
    """What is around every cell; None where some stand alone, or in another disguise.

    >>> common_disguise(pa.chunked_array([["'1", "'2"]]))
    "'"
    """
    name = disguise_of(cells[0].as_py()) if len(cells) else None
    if name is None:
        return None
    all_have_it = all(
        pc.all(pc.not_equal(undisguised(distinct, name), distinct)).as_py()
        for distinct in (pc.unique(chunk) for chunk in cells.chunks)
    )
    return name if all_have_it else None


def undisguised(cells: pa.Array, name: str) -> pa.Array:
    """The cells without what is around them; those that have none of it as they are.

    >>> undisguised(pa.array(['="24.5"', "7"]), '="').to_pylist()
    ['24.5', '7']
    """
    found = pc.extract_regex(cells, DISGUISES[name])
    return pc.coalesce(pc.struct_field(found, "cell"), cells)
