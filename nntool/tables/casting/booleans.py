"""Booleans as text: some programs write true, others True or TRUE, and all mean the same."""

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

SPELLINGS = (("false", "true"), ("False", "True"), ("FALSE", "TRUE"))
"""No and yes, as programs write them: databases and JSON, pandas, R and Excel."""
_NO = pa.array([no for no, _ in SPELLINGS])
_EITHER = pa.array([word for pair in SPELLINGS for word in pair])


def spelling_of(cells: Mapping[str, int]) -> tuple[str, str] | None:
    """How most cells write no and yes, of equals the first of ``SPELLINGS``; None for other text.

    >>> spelling_of({"True": 3, "TRUE": 1, "False": 2}), spelling_of({"yes": 3, "True": 1})
    (('False', 'True'), None)
    """
    if not cells or not cells.keys() <= {word for pair in SPELLINGS for word in pair}:
        return None
    return max(SPELLINGS, key=lambda pair: sum(cells.get(word, 0) for word in pair))


def respelled(cells: pa.Array, spelling: Sequence[str]) -> tuple[pa.Array, int]:
    """Cells with no and yes in one spelling, other text as it is; and how many were changed.

    >>> respelled(pa.array(["true", "False", "maybe"]), ("False", "True"))[0].to_pylist()
    ['True', 'False', 'maybe']
    """
    words = pc.and_(
        pc.is_in(cells, value_set=_EITHER),
        pc.invert(pc.is_in(cells, value_set=pa.array(spelling))),
    )
    n_changed = pc.sum(words).as_py() or 0
    if not n_changed:
        return cells, 0
    new = pc.if_else(pc.is_in(cells, value_set=_NO), spelling[0], spelling[1])
    return pc.if_else(words, new, cells), n_changed
