"""How the numbers of a column are written: decided by its cells where they are clear."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nntool.tables.casting import units
from nntool.tables.casting.disguises import common_disguise, undisguised
from nntool.tables.casting.missing import Text, chunks_of
from nntool.tables.casting.numbers import NumberFormat, Parts, take_apart

LOOKED_AT_FIRST = 1000
FEWEST_NUMBERS = 0.5
"""Of the cells looked at first; a column with fewer is text, and no more is done."""
NEARLY_ALL = 0.98
"""Of the cells; then a column is shown as numbers with words, and what keeps it from being such."""
LONGEST_EXACT = 15
"""Digits that a float64 holds whatever they are."""


class Finding(NamedTuple):
    """What the cells of a column say of the way in which their numbers are written."""

    written: NumberFormat | None = None
    decimal: str | None = None
    """The decimal mark, where the cells leave no other."""
    is_unclear: bool = False
    """Two decimal marks are possible, and give different numbers."""
    note: str | None = None
    n_unfit: int = 0
    """Cells that are no numbers in the reading that fits most."""
    reading: str = "."
    """The decimal mark of that reading."""
    has_words: bool = False
    """Its cells are numbers with different words behind them."""


def spread_out(cells: Text, most: int = LOOKED_AT_FIRST) -> pa.ChunkedArray:
    """Some cells from the whole length of a column, the same whatever its chunks."""
    step = max(1, len(cells) // most)
    start, some = 0, []
    for chunk in chunks_of(cells):
        index = np.arange(-start % step, len(chunk), step)
        some.append(chunk.take(pa.array(index)))
        start += len(chunk)
    return pa.chunked_array(some, cells.type)


def find_number_format(
    cells: pa.ChunkedArray, table: str | None = None, asked: str | None = None
) -> Finding:
    """How present cells write numbers; ``table`` is the mark of other columns, used in doubt.

    ``asked`` is the decimal mark that a person has named: then no other is looked for. One word
    behind every number is passed over; where words differ, a note says what a person may do.

    >>> find_number_format(pa.chunked_array([["1.234,5", "99"]])).written.example
    '1.234,56'
    >>> find_number_format(pa.chunked_array([["1,234", "5,678"]])).is_unclear
    True
    >>> find_number_format(pa.chunked_array([["12.5 oz", "7 oz"]])).written.words
    ['oz']
    """
    found = _find_without_words(cells, table, asked)
    if found.written is not None or found.note is not None:
        return found
    return _find_with_words(cells, table, asked) or _find_disguised(cells, table, asked) or found


def _find_disguised(cells: pa.ChunkedArray, table: str | None, asked: str | None) -> Finding | None:
    """How numbers are written that all stand in one disguise; None where they do not."""
    name = common_disguise(cells)
    if name is None:
        return None
    bare = undisguised(pc.unique(cells), name)
    found = _find_without_words(pa.chunked_array([bare]), table, asked)
    written = found.written or NumberFormat()
    if found.n_unfit or found.note or written.affix:
        return None  # no numbers, codes, or numbers that could be others
    return found._replace(written=replace(written, affix=name))


def _find_without_words(cells: pa.ChunkedArray, table: str | None, asked: str | None) -> Finding:
    first = spread_out(cells)
    marks = [asked] if asked else [".", ","]
    if not len(first) or all(
        pc.sum(take_apart(first, mark).fits).as_py() < FEWEST_NUMBERS * len(first) for mark in ".,"
    ):
        return Finding(n_unfit=len(cells))
    counted = pc.value_counts(cells)
    distinct, times = counted.field("values"), np.asarray(counted.field("counts"))
    parts = {mark: take_apart(distinct, mark) for mark in marks}
    unfit = {mark: int(times[~_mask(parts[mark].fits)].sum()) for mark in marks}
    fitting = [mark for mark in marks if not unfit[mark]]
    if asked and not fitting and (other := _find_without_words(cells, None, None).written):
        return Finding(
            n_unfit=len(cells),
            note=f"its numbers are written as {other.example!r}, against --decimal {asked}:"
            " kept as text",
        )
    if not fitting:
        best = min(marks, key=lambda mark: unfit[mark])
        return Finding(n_unfit=unfit[best], reading=best)
    if any(_are_codes(parts[mark]) for mark in fitting):
        return Finding(n_unfit=len(cells))
    found = Finding(decimal=fitting[0])
    if len(fitting) == 2:
        decimal = None
        if not parts["."].plain.equals(parts[","].plain):
            decimal = _mark_of_ambiguous(distinct, parts["."])
            if decimal is None and table is None:
                return Finding(is_unclear=True, note=_both_readings(distinct, parts))
        found = Finding(decimal=decimal)
    return _finished(distinct, times, parts, found, found.decimal or table or fitting[0])


def _find_with_words(
    cells: pa.ChunkedArray, table: str | None, asked: str | None
) -> Finding | None:
    """How the numbers are written that have words behind them; None where there are none such."""
    first = units.split_words(spread_out(cells).combine_chunks()).numbers
    enough = NEARLY_ALL * len(first)
    if not any(pc.sum(take_apart(first, mark).fits).as_py() >= enough for mark in ".,"):
        return None
    counted = pc.value_counts(cells)
    distinct, times = counted.field("values"), np.asarray(counted.field("counts"))
    split = units.split_words(distinct)
    numbers = split.numbers
    words, slips = units.without_slips(split, times)
    if not pc.any(pc.not_equal(words, "")).as_py():
        return None
    fits = _fits_best(numbers, times) & ~slips
    n_cells, n_unfit = int(times.sum()), int(times[~fits].sum())
    named = units.tally(words.filter(pa.array(fits)), times[fits])
    if not named or not units.are_units(named) or n_unfit > (1 - NEARLY_ALL) * n_cells:
        return None
    found = _find_without_words(pa.chunked_array([numbers]), table, asked)
    if found.note is not None:
        return found
    if found.written is None and not n_unfit:
        return None  # codes: leading zeros, or too many digits
    n_with_word = sum(named.values())
    if found.written is not None and len(named) == 1 and n_with_word == n_cells:
        return found._replace(written=replace(found.written, words=list(named)))
    where = "" if n_with_word == n_cells else f" in {n_with_word:,} of {n_cells:,} cells"
    odd = ""
    if n_unfit:
        unfit = distinct.filter(pa.array(~fits))[:3].to_pylist()
        odd = f"; {n_unfit:,} would be missing, such as {', '.join(map(repr, unfit))}"
    note = (
        f"its cells are numbers with words behind them{where}, {units.listed(named)}: kept as"
        f" text (--roles COLUMN=numeric to read the numbers and pass over the words{odd})"
    )
    return Finding(n_unfit=n_cells, note=note, has_words=True)


def _fits_best(numbers: pa.Array, times: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which cells are numbers under the decimal mark under which most are."""
    fits = [_mask(take_apart(numbers, mark).fits) for mark in ".,"]
    return max(fits, key=lambda which: int(times[which].sum()))


def shows_point(cells: pa.ChunkedArray) -> bool:
    """Whether plain numbers have a decimal point that cannot separate thousands.

    >>> [shows_point(pa.chunked_array([[cell]])) for cell in ("1.5", "1.234", "12")]
    [True, False, False]
    """
    pointed = pc.filter(cells, pc.match_substring(cells, "."))
    like_thousands = pc.match_substring_regex(pointed, r"^[+-]?[1-9]\d{0,2}\.\d{3}$")
    return not pc.all(like_thousands, min_count=0).as_py()


def _finished(
    distinct: pa.Array,
    times: NDArray[np.int64],
    parts: dict[str, Parts],
    found: Finding,
    decimal: str,
) -> Finding:
    """The whole format under a decimal mark, or a note on what keeps the cells from having one."""
    own = parts[decimal]
    affixes = sorted(pc.unique(own.affix).to_pylist())
    named = [affix for affix in affixes if affix]
    if len(named) > 1:
        shown = " and ".join(repr(affix) for affix in named[:3])
        return found._replace(
            note=f"its numbers have {shown}: different units, kept as text"
            " (--roles COLUMN=numeric to pass over them)"
        )
    if named == ["%"] and "" in affixes:
        return found._replace(note=_note_of_percents(own, times))
    negatives = set(pc.unique(own.negative).to_pylist()) - {""}
    odd = sorted(negatives - {"-1"})
    if (len(negatives) > 1 and odd) or (not _mask(pc.equal(own.negative, "")).any() and odd):
        shown = _first(distinct, pc.equal(own.negative, odd[0]))
        return found._replace(
            note=f"it is not clear what {shown} means: kept as text"
            " (--roles COLUMN=numeric to read it as a negative number)"
        )
    if _are_phone_like(own):
        return found._replace(
            note=f"could be numbers or codes, such as {distinct[0].as_py()!r}: kept as text"
            " (--roles COLUMN=numeric to use them as numbers)"
        )
    written = NumberFormat(decimal, named[0] if named else "", odd[0] if odd else "-1")
    return found._replace(written=written, reading=decimal)


def _note_of_percents(own: Parts, times: NDArray[np.int64]) -> str:
    found = units.medians(np.asarray(pc.cast(own.plain, pa.float64())), own.affix, times)
    medians = f" ({units.percents_and_others(found)})" if len(found) == 2 else ""
    return (
        f"only some of its numbers have '%'{medians}: kept as text (--roles COLUMN=numeric to pass"
        " over the sign, COLUMN=numeric:percent to divide by 100 where it stands)"
    )


def _mark_of_ambiguous(distinct: pa.Array, parts: Parts) -> str | None:
    """The mark, where every comma stands before three digits: by money, or by numbers below 1000.

    Of numbers written as short as may be, hardly one in a thousand is whole where others have
    three decimals; money has two.
    """
    if pc.any(pc.match_substring(distinct, ".")).as_py():
        return None
    if set(pc.unique(parts.affix).to_pylist()) - {"", "%"}:
        return "."
    digits = pc.utf8_length(parts.plain)
    is_short = pc.and_(pc.less_equal(digits, 3), pc.not_equal(parts.plain, "0"))
    has_comma = pc.match_substring(parts.whole, ",")
    long_without = pc.and_(pc.greater(digits, 3), pc.invert(has_comma))
    return "." if pc.any(is_short).as_py() and not pc.any(long_without).as_py() else None


def _both_readings(distinct: pa.Array, parts: dict[str, Parts]) -> str:
    differ = pc.not_equal(parts["."].plain, parts[","].plain)
    shown, point, comma = (
        pc.filter(values, differ)[0].as_py()
        for values in (distinct, parts["."].plain, parts[","].plain)
    )
    return (
        f"could be numbers, but {shown!r} is {float(point):g} with --decimal . and"
        f" {float(comma):g} with --decimal ,: kept as text"
    )


def _are_codes(parts: Parts) -> bool:
    """Leading zeros, or more digits than a float64 holds: names of things, not amounts."""
    whole = pc.replace_substring_regex(parts.whole, r"[^\d]", "")
    return bool(
        pc.any(pc.match_substring_regex(parts.whole, r"^0\d")).as_py()
        or pc.max(pc.utf8_length(whole)).as_py() > LONGEST_EXACT
    )


def _are_phone_like(parts: Parts) -> bool:
    """Whole groups of three digits in every cell, and not one amount with a shorter first group.

    Commas, money, signs and fractions are those of amounts.
    """
    grouped = pc.match_substring_regex(parts.whole, r"^\d{3}(?:[^\d,]\d{3})+$")
    bare = pc.and_(pc.equal(parts.affix, ""), pc.equal(parts.negative, ""))
    bare = pc.and_(bare, pc.equal(parts.fraction, ""))
    return bool(pc.all(pc.and_(grouped, bare)).as_py())


def _first(distinct: pa.Array, which: pa.Array) -> str:
    return repr(pc.filter(distinct, which)[0].as_py())


def _mask(which: Any) -> NDArray[np.bool_]:
    return np.asarray(which, dtype=bool)
