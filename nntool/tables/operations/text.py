"""Free text as columns of numbers: words weighed by how rare they are, or hashed."""

# ruff: noqa: D102  (what each method is for is said once, in Operation)

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nntool.errors import DataError
from nntool.tables.choices import setting
from nntool.tables.operations.murmur import hashed_places
from nntool.tables.operations.operation import Counts, Gives, Operation, State

WORDS = r"(?u)\b\w\w+\b"
CELLS = 4_000_000  # of a block that is worked on at a time
Block = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TfIdf(Operation):
    """How often a text holds a word, times how rare the word is, each row of length 1.

    tf·(ln((1 + n)/(1 + df)) + 1) for n training texts, df of them with the word. Words are runs of
    at least two letters, digits or underscores, in lower case; `ngrams=2` takes pairs of
    neighbours as well. A text without any of the kept words, and a missing one, is 0 in all.

    Source: Spärck Jones 1972, J. Documentation 28(1); scikit-learn's TfidfVectorizer.

    Use: titles, reviews, descriptions, some hundreds of them or more; the columns have names.
    """

    max_features: int = setting(100, "So many words, the most frequent, are kept.", ge=1, le=20_000)
    ngrams: int = setting(1, "Up to so many neighbouring words are taken together.", ge=1, le=5)
    min_count: int = setting(2, "Words in fewer training texts are left out.", ge=1)

    gives: ClassVar[Gives] = "block"

    def fit(self, values: pa.Array) -> State:
        from sklearn.feature_extraction.text import TfidfVectorizer

        model = TfidfVectorizer(
            max_features=self.max_features,
            ngram_range=(1, self.ngrams),
            min_df=min(self.min_count, max(1, len(values) - values.null_count)),
            token_pattern=WORDS,
        )
        try:
            model.fit(values.drop_null().to_pylist())
        except ValueError:
            raise DataError(
                f"tfidf: no word of two letters or more stands in {self.min_count} training texts",
                "tfidf:min_count=1, or hashing, or clean with --roles COLUMN=ignored",
            ) from None
        return {
            "words": model.get_feature_names_out().tolist(),
            "idf": model.idf_.tolist(),
            "ngrams": self.ngrams,
        }

    @staticmethod
    def apply(values: pa.Array, state: State, counts: Counts) -> Block:
        words, idf = pa.array(state["words"], pa.string()), np.array(state["idf"])

        def weights(some: pa.Array) -> npt.NDArray[np.float64]:
            rows, terms = _terms(some, state["ngrams"])
            found = pc.index_in(terms, value_set=words)
            known = np.asarray(found.is_valid())
            cells = rows[known] * len(idf) + np.asarray(found.drop_null())
            times = np.bincount(cells, minlength=len(some) * len(idf))
            weighed: npt.NDArray[np.float64] = times.reshape(len(some), len(idf)) * idf
            return weighed

        return _in_parts(values, len(idf), weights)

    @staticmethod
    def suffixes(state: State) -> list[str]:
        return [f"[{word}]" for word in state["words"]]


@dataclass(frozen=True)
class HashedWords(Operation):
    """The words of a text, each ±1 in column |h| mod `columns` by its MurmurHash3 h, length 1.

    Words as in `tfidf`. Nothing is learned and no word is unseen; words that meet in one column
    add up. A text without words, and a missing one, is 0 in all.

    Source: Weinberger et al. 2009, arXiv:0902.2206; scikit-learn's HashingVectorizer.

    Use: texts whose words keep changing; more columns than `tfidf` would need.
    """

    columns: int = setting(64, "So many columns.", ge=2, le=4096)
    ngrams: int = setting(1, "Up to so many neighbouring words are taken together.", ge=1, le=5)

    gives: ClassVar[Gives] = "block"

    def fit(self, values: pa.Array) -> State:
        return {"columns": self.columns, "ngrams": self.ngrams}

    @staticmethod
    def apply(values: pa.Array, state: State, counts: Counts) -> Block:
        width = state["columns"]

        def sums(some: pa.Array) -> npt.NDArray[np.float64]:
            rows, terms = _terms(some, state["ngrams"])
            encoded = terms.dictionary_encode()
            places, signs = hashed_places(encoded.dictionary, width)
            codes = np.asarray(encoded.indices)
            cells = rows * width + places[codes]
            # small whole numbers: the sums are exact in any order
            added = np.bincount(cells, weights=signs[codes], minlength=len(some) * width)
            return added.reshape(len(some), width).astype(np.float64)

        return _in_parts(values, width, sums)

    @staticmethod
    def suffixes(state: State) -> list[str]:
        return [f"_hash{i}" for i in range(state["columns"])]


TEXT_ENCODERS: dict[str, type[Operation]] = {"tfidf": TfIdf, "hashing": HashedWords}


def terms_of(text: str, ngrams: int) -> Iterator[str]:
    """Give the words of a text in lower case, then its pairs of neighbours, and so on.

    >>> list(terms_of("The cat, the hat; a b", 2))
    ['the', 'cat', 'the', 'hat', 'the cat', 'cat the', 'the hat']
    """
    words = _WORD.findall(text.lower())
    yield from words
    for n in range(2, ngrams + 1):
        for start in range(len(words) - n + 1):
            yield " ".join(words[start : start + n])


_WORD = re.compile(WORDS)


def _terms(texts: pa.Array, ngrams: int) -> tuple[npt.NDArray[np.int64], pa.Array]:
    """Give all terms of some texts, and the row of each."""
    terms: list[str] = []
    ends = []
    for text in texts.to_pylist():
        terms += terms_of(text or "", ngrams)
        ends.append(len(terms))
    rows = np.repeat(np.arange(len(ends)), np.diff([0, *ends]))
    return rows, pa.array(terms, pa.string())


def _in_parts(
    values: pa.Array, width: int, weigh: Callable[[pa.Array], npt.NDArray[np.float64]]
) -> Block:
    """Weigh the terms of some rows at a time, and bring each row to length 1."""
    block = np.zeros((len(values), width), np.float32)
    step = max(1, CELLS // width)
    for start in range(0, len(values), step):
        part = weigh(values.slice(start, step))
        length = np.sqrt(np.square(part).sum(axis=1, keepdims=True))
        block[start : start + step] = np.divide(part, length, out=part, where=length > 0)
    return block
