import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer

from nntool.errors import DataError
from nntool.tables.operations import text as texts
from nntool.tables.operations.text import HashedWords, TfIdf

TRAINING = [
    "The quick brown fox, the lazy dog",
    "A brown DOG; a brown cat",
    "Straße und Ärger, 42 mal",
    "the fox_1 and the cat",
    "!",
    "İstanbul'da 42",
]
LATER = [*TRAINING, "", "unheard", "dog dog dog cat", "the quick und"]


def column(values):
    return pa.array(values, pa.string())


def applied(operation, later=LATER, training=TRAINING):
    state = operation.fit(column(training))
    return operation.apply(column(later), state, {})


@pytest.mark.parametrize("ngrams", [1, 2, 3])
@pytest.mark.parametrize("min_count", [1, 2])
@pytest.mark.parametrize("max_features", [3, 1000])
def test_tfidf_agrees_with_scikit_learn(ngrams, min_count, max_features) -> None:
    theirs = TfidfVectorizer(
        ngram_range=(1, ngrams), min_df=min_count, max_features=max_features
    ).fit(TRAINING)
    found = applied(TfIdf(ngrams=ngrams, min_count=min_count, max_features=max_features))
    np.testing.assert_allclose(found, theirs.transform(LATER).toarray(), atol=1e-6)


@pytest.mark.parametrize("ngrams", [1, 2])
def test_hashed_words_agree_with_scikit_learn(ngrams) -> None:
    theirs = HashingVectorizer(n_features=16, ngram_range=(1, ngrams))
    found = applied(HashedWords(columns=16, ngrams=ngrams))
    np.testing.assert_allclose(found, theirs.transform(LATER).toarray(), atol=1e-6)


@given(st.lists(st.text(max_size=30), min_size=1, max_size=5))
def test_any_text_has_the_words_of_scikit_learn(values) -> None:
    theirs = HashingVectorizer(n_features=32, ngram_range=(1, 2))
    found = applied(HashedWords(columns=32, ngrams=2), values)
    np.testing.assert_allclose(found, theirs.transform(values).toarray(), atol=1e-6)


def test_columns_are_named_by_their_word() -> None:
    operation = TfIdf(min_count=1, max_features=2)
    assert operation.suffixes(operation.fit(column(["dog dog cat", "cat dog x"]))) == [
        "[cat]",
        "[dog]",
    ]


def test_missing_texts_are_0_and_do_not_count_as_texts() -> None:
    with_gaps = applied(TfIdf(min_count=1), ["the mal", None], [*TRAINING, None, None])
    np.testing.assert_array_equal(with_gaps, applied(TfIdf(min_count=1), ["the mal", ""]))
    assert not with_gaps[1].any()


@pytest.mark.parametrize("training", [[None, None], ["! ?", "a b"], ["one", "two"]])
def test_a_column_without_words_is_refused(training) -> None:
    with pytest.raises(DataError, match="no word"):
        TfIdf().fit(column(training))


def test_the_size_of_the_inner_blocks_changes_nothing(monkeypatch) -> None:
    whole = applied(TfIdf())
    monkeypatch.setattr(texts, "CELLS", 1)
    np.testing.assert_array_equal(applied(TfIdf()), whole)
