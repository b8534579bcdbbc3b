"""When one category is a misspelling of another: judged word by word.

Two words are near if 1 − d/n reaches the wanted similarity: d is the optimal string alignment
distance (letters put in, left out, replaced, or swapped with their neighbour), n the length of the
longer word. Source: Damerau 1964, Communications of the ACM 7: four of five errors are of these
kinds.

Near is not enough: "male" and "female", "legal" and "illegal" are near, too. So a word counts as an
error only where it is rare beside the other, has the same first and last letter and at most
MOST_ERRORS errors, is not of fewer than SHORTEST letters, no Roman numeral, and not the other with
one of CONTRARY in place of its fellow. A letter that stands for another in the same way in several
rows ("inland", "island") is an error only where the word is misspelt in as many different ways:
people mistype in many ways, and real words differ in one. What stands with digits is never changed.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

SHORTEST = 4
MOST_ERRORS = 2
MOST_OF_ONE_ERROR = 0.05
"""The share of a word's rows that have it misspelt in one same way, at most."""
MOST_PAIRS = 200_000_000
"""How many pairs of words are compared in a column, at most: some seconds."""
PAIRS_AT_ONCE = 4_000_000
ROUNDING = 1e-9

CONTRARY_BEGINNINGS = (
    ("hyper", "hypo"),
    ("inter", "intra", "intro"),
    ("micro", "macro"),
    ("maxi", "mini"),
    ("ante", "anti"),
    ("pre", "pro", "per"),
    ("ab", "ad"),
)
CONTRARY_ENDINGS = (
    ("ate", "ite", "ide", "ine", "ane", "ene", "yne", "one"),
    ("ol", "al", "yl"),
)

_LETTERS = re.compile(r"[^\W\d_]+")
_ROMAN = re.compile(r"m*(cm|cd|d?c{0,3})(xc|xl|l?x{0,3})(ix|iv|v?i{0,3})")
_INVISIBLE = str.maketrans("", "", "\u200b\ufeff\u00ad")
_LAST_LATIN = "\u024f"


class Correction(NamedTuple):
    """What a category is a misspelling of, and 1 − d/n of the two."""

    target: str
    similarity: float


class LeftApart(NamedTuple):
    """A word that is near another and rare beside it, but in too many rows for an error."""

    word: str
    near: str
    rows: int
    rows_of_near: int


@dataclass(frozen=True)
class Evidence:
    """What it takes to call a spelling an error."""

    similarity: float = 0.8
    """The least 1 − d/n of two words."""
    ratio: float = 5.0
    """How many times as many rows the right one has, at least."""
    most_rows: int = 3
    """How many rows an error has, at most; more where the right one has far more, or is misspelt in
    more ways."""

    def is_rare(self, rows: int, rows_of_other: int) -> bool:
        """Whether one is rare beside the other: both frequent means that both are right."""
        return rows <= rows_of_other / self.ratio

    def convicts(self, rows: int, rows_of_other: int, ways: int) -> bool:
        """Whether one is an error: rare, and in no more rows than errors come in.

        ``ways`` is in how many ways the other is misspelt, this one among them.
        """
        most = max(self.most_rows, ways, MOST_OF_ONE_ERROR * rows_of_other)
        return self.is_rare(rows, rows_of_other) and rows <= most


def fold(text: str) -> str:
    """What spellings that differ in case, blanks or accents of Latin letters have in common.

    >>> fold("  New\u00a0  YORK "), fold("Málaga")
    ('new york', 'malaga')
    """
    kept, base = [], ""
    for sign in unicodedata.normalize("NFD", text.translate(_INVISIBLE)):
        if not unicodedata.combining(sign):
            base = sign
        elif base <= _LAST_LATIN:  # elsewhere a mark can make another letter: и and й, か and が
            continue
        kept.append(sign)
    return " ".join(unicodedata.normalize("NFC", "".join(kept)).casefold().split())


def words_of(category: str) -> list[str]:
    """The words of a folded category in which errors may be found: none that stand with digits.

    >>> words_of("room 101 st. mary's b12")
    ['room', 'st', 'mary', 's']
    """
    tokens = (token for token in category.split() if not _has_digit(token))
    return [word for token in tokens for word in _LETTERS.findall(token)]


def _has_digit(token: str) -> bool:
    return any(sign.isnumeric() for sign in token)


def replaced(category: str, corrections: Mapping[str, str]) -> str:
    """The category with its misspelt words corrected.

    >>> replaced("slaes (room 101)", {"slaes": "sales"})
    'sales (room 101)'
    """
    return " ".join(
        token
        if _has_digit(token)
        else _LETTERS.sub(lambda found: corrections.get(found[0], found[0]), token)
        for token in category.split()
    )


def contradict(a: str, b: str) -> bool:
    """Whether two words mean different things, however near they are.

    >>> contradict("hypertension", "hypotension"), contradict("xxiii", "xxxii")
    (True, True)
    >>> contradict("birmingham", "birminghxm")
    False
    """
    if _ROMAN.fullmatch(a) or _ROMAN.fullmatch(b):
        return True
    return any(
        (a.startswith(one) and b.startswith(other) and a[len(one) :] == b[len(other) :])
        for family in CONTRARY_BEGINNINGS
        for one in family
        for other in family
        if one != other
    ) or any(
        (a.endswith(one) and b.endswith(other) and a[: -len(one)] == b[: -len(other)])
        for family in CONTRARY_ENDINGS
        for one in family
        for other in family
        if one != other
    )


class Corrector:
    """Finds the misspellings among the folded categories of a column, with their rows."""

    def __init__(self, rows: Mapping[str, int], evidence: Evidence) -> None:
        self.rows = rows
        self.evidence = evidence
        self.words_not_compared = 0
        self.left_apart: list[LeftApart] = []
        self._words: Counter[str] = Counter()
        """How many rows have each word: a word that stands in many categories is no error."""
        for category, n in rows.items():
            for word in words_of(category):
                self._words[word] += n

    def corrections(self) -> dict[str, Correction]:
        """The categories that become another one, which must be there, and frequent beside it."""
        from rapidfuzz.distance import OSA

        of_words = self._corrections_of_words()
        targets = {category: replaced(category, of_words) for category in self.rows}
        targets = {c: target for c, target in targets.items() if self._is_rare(c, target)}
        ways = Counter(targets.values())
        return {
            category: Correction(target, OSA.normalized_similarity(category, target))
            for category, target in targets.items()
            if self.evidence.convicts(self.rows[category], self.rows[target], ways[target])
        }

    def _is_rare(self, category: str, target: str) -> bool:
        there = target != category and target in self.rows
        return there and self.evidence.is_rare(self.rows[category], self.rows[target])

    def _corrections_of_words(self) -> dict[str, str]:
        """Each misspelt word with the right one; none where two are as near."""
        near: dict[str, list[tuple[int, str]]] = defaultdict(list)
        ways: Counter[str] = Counter()
        for word, other, errors in self._near_pairs():
            if self.evidence.is_rare(self._words[word], self._words[other]):
                near[word].append((errors, other))
                ways[other] += 1
        for word, pairs in near.items():
            n = self._words[word]
            near[word] = [
                (errors, other)
                for errors, other in pairs
                if self.evidence.convicts(n, self._words[other], ways[other])
                and (n <= ways[other] or not _only_replaced(word, other, errors))
            ]
            if not near[word]:
                other = pairs[0][1]
                self.left_apart.append(LeftApart(word, other, n, self._words[other]))
        right: dict[str, str] = {}
        # frequent words first: what a word is near to is decided before the word itself
        for word in sorted(near, key=lambda word: (-self._words[word], word)):
            fewest = min((errors for errors, _ in near[word]), default=0)
            candidates = {right.get(o, o) for errors, o in near[word] if errors == fewest}
            target = candidates.pop() if len(candidates) == 1 else None
            if target and any(other == target for _, other in near[word]):
                right[word] = target
        return right

    def _near_pairs(self) -> Iterator[tuple[str, str, int]]:
        """Pairs of a rare and a frequent word that are near, and their distance.

        Only words with the same ends and nearly the same length are compared at all.
        """
        blocks = _by_ends_and_length(self._words)
        left = MOST_PAIRS
        for (ends, length), words in sorted(blocks.items()):
            others = [
                word
                for near in range(length - MOST_ERRORS, length + MOST_ERRORS + 1)
                for word in blocks.get((ends, near), ())
                if self._words[word] >= self.evidence.ratio
            ]
            if not others:
                continue
            most = max(self._words[word] for word in others)
            rare = [word for word in words if self.evidence.is_rare(self._words[word], most)]
            compared = rare[: left // len(others)]
            self.words_not_compared += len(rare) - len(compared)
            left -= len(compared) * len(others)
            yield from self._near_in_block(compared, others)

    def _near_in_block(
        self, words: Sequence[str], others: Sequence[str]
    ) -> Iterator[tuple[str, str, int]]:
        from rapidfuzz.distance import OSA
        from rapidfuzz.process import cdist

        step = max(1, PAIRS_AT_ONCE // len(others))
        for start in range(0, len(words), step):
            rows = words[start : start + step]
            distances = cdist(
                rows,
                others,
                scorer=OSA.distance,
                score_cutoff=MOST_ERRORS,
                dtype=np.uint8,
                workers=1,
            )
            for i, j in zip(*np.nonzero((distances > 0) & (distances <= MOST_ERRORS)), strict=True):
                a, b, errors = rows[i], others[j], int(distances[i, j])
                similarity = 1 - errors / max(len(a), len(b))
                if similarity >= self.evidence.similarity - ROUNDING and not contradict(a, b):
                    yield a, b, errors


def _only_replaced(a: str, b: str, errors: int) -> bool:
    """Whether two words differ in so many letters, and in nothing else.

    >>> _only_replaced("island", "inland", 1), _only_replaced("slaes", "sales", 1)
    (True, False)
    """
    return len(a) == len(b) and sum(x != y for x, y in zip(a, b, strict=True)) == errors


def _by_ends_and_length(words: Mapping[str, int]) -> dict[tuple[str, int], list[str]]:
    """Words that may be compared; those of most rows first, by code points among equals."""
    blocks: dict[tuple[str, int], list[str]] = defaultdict(list)
    for word in sorted(words, key=lambda word: (-words[word], word)):
        if len(word) >= SHORTEST:
            blocks[word[0] + word[-1], len(word)].append(word)
    return blocks
