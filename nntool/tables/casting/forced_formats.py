"""How the numbers of a column are written that a person calls numeric, whatever its cells say."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nntool.tables.casting import units
from nntool.tables.casting.disguises import common_disguise, undisguised
from nntool.tables.casting.numbers import NumberFormat, Parts, take_apart


class Forced(NamedTuple):
    """The format that most cells have, and what a person should know of it."""

    written: NumberFormat | None = None
    """None is the plain one."""
    note: str | None = None


def forced_number_format(
    cells: pa.ChunkedArray, table: str | None, asked: str | None, percent: bool = False
) -> Forced:
    """The format that most cells have, for a person who says that the column is numeric.

    Signs and words that stand with numbers are passed over, ``%`` too; with ``percent`` it divides
    by 100. ``table`` is the decimal mark of other columns, ``asked`` the one that was named.

    >>> forced_number_format(pa.chunked_array([["12.0 oz", "16 oz."]]), None, None).written.words
    ['oz', 'oz.']
    """
    name = common_disguise(cells)
    if name is not None:
        bare = pa.chunked_array([undisguised(chunk, name) for chunk in cells.chunks], cells.type)
        forced = forced_number_format(bare, table, asked, percent)
        return forced._replace(written=replace(forced.written or NumberFormat(), affix=name))
    counted = pc.value_counts(cells)
    distinct, times = counted.field("values"), np.asarray(counted.field("counts"))
    marks = [asked] if asked else [mark for mark in (table, ".", ",") if mark]
    split = units.split_words(distinct)
    words, slips = units.without_slips(split, times)
    parts = {mark: take_apart(split.numbers, mark) for mark in marks}
    decimal = max(marks, key=lambda mark: int(times[_mask(parts[mark].fits)].sum()))
    own = parts[decimal]
    fits = _mask(own.fits) & ~slips
    if not fits.any():
        return Forced()
    which = pa.array(fits)
    own, times = Parts(*(part.filter(which) for part in own)), times[fits]
    words = words.filter(which)
    named = units.tally(words, times)
    note = None
    if not units.are_units(named):
        note = f"{len(named):,} different words stand behind its numbers, which are hardly units:"
        note += " cells with words are missing"
        named, percent = {}, False
    words = pc.if_else(pc.equal(words, ""), own.affix, words)
    before = units.tally(own.affix, times)
    named = {word: named.get(word, 0) + before.get(word, 0) for word in {**named, **before}}
    negatives = set(own.negative.to_pylist()) - {"", "-1"}
    written = NumberFormat(decimal, negative=min(negatives, default="-1"))
    if not named:
        return Forced(written, note)
    note = note or _note_of_sizes(own, words, times, named, percent)
    ranked = sorted(named, key=lambda word: (-named[word], word))
    return Forced(replace(written, words=ranked, percent=percent and "%" in named), note)


def _note_of_sizes(
    own: Parts,
    words: pa.Array,
    times: NDArray[np.int64],
    named: Mapping[str, int],
    percent: bool,
) -> str | None:
    """Whether numbers with one word are of another size than those with another."""
    values = np.asarray(pc.cast(own.plain, pa.float64()))
    found = units.medians(values, words, times)
    if "%" in found and "" in found:
        is_far = units.far_apart({"%": found["%"], "": found[""]}, named) is not None
        other = ":percent divides by 100" if is_far else " passes over the sign"
        try_other = f" (--roles COLUMN=numeric{other})" if is_far != percent else ""
        return units.percents_and_others(found) + try_other
    counts = {**named, "": int(times.sum()) - sum(named.values())}
    apart = units.far_apart(found, counts)
    if apart is None:
        return None
    a, b = (
        f"{found[word]:g} with {word!r}" if word else f"{found[word]:g} without a word"
        for word in apart
    )
    return f"the median of its numbers is {a} and {b}: different units are not converted"


def _mask(which: Any) -> NDArray[np.bool_]:
    return np.asarray(which, dtype=bool)
