"""Numbers with a word behind them: ``12.0 oz.``, ``45 m2``, ``5%``, ``12 €/kg``."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nntool.tables.casting.missing import BLANK

MOST_WORDS = 50
"""Of a column; texts with more, such as addresses, hold names of things and no units."""
LONGEST_WORD = 40
MOST_SHOWN = 5
FEWEST_OF_A_MEDIAN = 5
FAR = 10.0
"""Medians that differ by this factor are hardly of one unit."""

# A digit belongs to a word only as the power of a unit: a second number leaves no split.
_POWER = r"(?:m|ft|in|yd|mi|s)[23]\b"
_WORD = rf"[(\[]?(?:[\p{{L}}°º%\p{{Sc}}″′\"]|{_POWER})(?:[^\d]|{_POWER})*"
SPLIT = rf"^(?P<number>[^\p{{L}}]*\d(?:[eE][+-]?\d+)?)(?P<gap>[.,]?{BLANK}*)(?P<word>{_WORD})$"


class Split(NamedTuple):
    """Cells without the word behind their number, and that word; other cells as they are."""

    numbers: pa.Array
    words: pa.Array
    """Empty where there is none, null where the cell is."""
    is_stuck: pa.Array
    """Whether a letter follows the last digit at once: ``12oz``, but ``3512x`` too."""


def split_words(cells: pa.Array) -> Split:
    """Take the word behind a number from each cell that is one number and one word.

    >>> numbers, words, _ = split_words(pa.array(["12.0 oz.", "45 m2", "2 x 12 oz", "7"]))
    >>> numbers.to_pylist(), words.to_pylist()
    (['12.0', '45', '2 x 12 oz', '7'], ['oz.', 'm2', '', ''])
    """
    found = pc.extract_regex(cells, SPLIT)
    has_word = pc.is_valid(found)
    words = pc.if_else(has_word, pc.utf8_trim_whitespace(pc.struct_field(found, "word")), "")
    words = pc.if_else(pc.is_null(cells), pa.scalar(None, pa.string()), words)
    stuck = pc.and_(
        pc.equal(pc.struct_field(found, "gap"), ""), pc.match_substring_regex(words, r"^\p{L}")
    )
    numbers = pc.if_else(has_word, pc.struct_field(found, "number"), cells)
    return Split(numbers, words, pc.fill_null(stuck, False))


def without_slips(split: Split, times: NDArray[np.int64]) -> tuple[pa.Array, NDArray[np.bool_]]:
    """The words of numbers, and which cells are slips of the hand such as ``3512x``.

    A letter stuck to a number is one where most numbers stand alone, and begins a unit elsewhere.
    """
    has_word = np.asarray(pc.not_equal(split.words, ""), bool)
    if times[has_word].sum() >= times.sum() / 2:
        return split.words, np.zeros(len(times), bool)
    slips = np.asarray(split.is_stuck, bool)
    return pc.if_else(pa.array(slips), "", split.words), slips


def tally(words: pa.Array, times: NDArray[np.int64]) -> dict[str, int]:
    """How many cells have each word, the most frequent first; ``times`` `(n,)` counts cells."""
    encoded = words.dictionary_encode()
    codes = np.asarray(encoded.indices.fill_null(-1), np.int64)
    counts = np.bincount(codes[codes >= 0], times[codes >= 0], len(encoded.dictionary))
    named = zip(encoded.dictionary.to_pylist(), counts.astype(int).tolist(), strict=True)
    return dict(sorted((e for e in named if e[0] and e[1]), key=lambda e: (-e[1], e[0])))


def are_units(words: Mapping[str, int]) -> bool:
    """Whether words are few and short, as those of units are."""
    return len(words) <= MOST_WORDS and all(len(word) <= LONGEST_WORD for word in words)


def listed(words: Mapping[str, int]) -> str:
    """Words and how many cells have them.

    >>> listed({"oz.": 925, "ounce": 7})
    "'oz.' (925), 'ounce' (7)"
    """
    shown = [f"{word!r} ({n:,})" for word, n in list(words.items())[:MOST_SHOWN]]
    more = len(words) - MOST_SHOWN
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def medians(
    values: NDArray[np.float64], words: pa.Array, times: NDArray[np.int64]
) -> dict[str, float]:
    """The median of the numbers before each word, of words that enough cells have."""
    names = np.asarray(words.to_pylist(), dtype=object)
    found = {}
    for word in sorted(set(names)):
        which = names == word
        if times[which].sum() >= FEWEST_OF_A_MEDIAN:
            found[word] = float(np.median(np.repeat(values[which], times[which])))
    return found


def far_apart(found: Mapping[str, float], counts: Mapping[str, int]) -> tuple[str, str] | None:
    """The most frequent word and the first other before which numbers are of another size.

    >>> far_apart({"g": 500.0, "kg": 1.5}, {"g": 30, "kg": 12})
    ('g', 'kg')
    """
    order = sorted(found, key=lambda word: (-counts.get(word, 0), word))
    for word in order[1:]:
        a, b = sorted((abs(found[order[0]]), abs(found[word])))
        if b >= FAR * a and b > 0:
            return order[0], word
    return None


def percents_and_others(found: Mapping[str, float]) -> str:
    """What tells whether a sign that only some numbers have divides by 100.

    >>> percents_and_others({"%": 5.0, "": 0.05})
    "the median of numbers with '%' is 5, of the others 0.05"
    """
    return f"the median of numbers with '%' is {found['%']:g}, of the others {found['']:g}"
