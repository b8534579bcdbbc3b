import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction import FeatureHasher
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from nntool.errors import DataError, UsageError
from nntool.tables.choices import build
from nntool.tables.operations.categories import ENCODERS
from nntool.tables.operations.levels import in_order

TRAINING = ["b", "a", "b", None, "a", "ö", "ö", "B", "B", "b", None]
LATER = ["a", "new", None, "B", "ö", "other"]


def fitted(choice, values=TRAINING):
    encoder = build(ENCODERS, "ENCODERS", choice)
    return encoder, encoder.fit(pa.array(values, pa.string()))


def encoded(choice, values=TRAINING, later=None, counts=None):
    encoder, state = fitted(choice, values)
    cells = pa.array(values if later is None else later, pa.string())
    return encoder.apply(cells, state, {} if counts is None else counts)


def column(values):
    return np.array(values, dtype=object)[:, None]


@pytest.mark.parametrize("later", [TRAINING, LATER])
def test_one_hot_agrees_with_scikit_learn(later) -> None:
    theirs = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(column(TRAINING))
    ours = encoded({"name": "one-hot", "min_count": 1}, later=later)
    np.testing.assert_array_equal(ours, theirs.transform(column(later)))


def test_one_hot_with_rare_levels_agrees_with_scikit_learn() -> None:
    training = ["a"] * 5 + ["b"] * 4 + ["c"] * 2 + ["d"]
    theirs = OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=3, sparse_output=False
    ).fit(column(training))
    later = ["a", "b", "c", "d", "never seen"]
    ours = encoded({"name": "one-hot", "min_count": 3}, training, later)
    np.testing.assert_array_equal(ours, theirs.transform(column(later)))


def test_one_hot_keeps_the_most_frequent_levels() -> None:
    encoder, state = fitted({"name": "one-hot", "max_levels": 1})
    assert state == {"levels": ["b"], "rare": ["B", "a", "ö", None]}
    assert encoder.suffixes(state) == ["=b", "=other"]


def test_one_hot_names_the_column_of_missing_cells() -> None:
    encoder, state = fitted({"name": "one-hot", "min_count": 1})
    assert encoder.suffixes(state) == ["=B", "=a", "=b", "=ö", "=missing"]


def test_a_missing_cell_that_training_never_had_is_nowhere_and_not_unseen() -> None:
    counts = {}
    assert encoded("one-hot", ["a", "a"], [None, "x"], counts).tolist() == [[0], [0]]
    assert counts == {"unseen": 1}


@pytest.mark.parametrize("later", [TRAINING, LATER])
def test_ordinal_agrees_with_scikit_learn(later) -> None:
    known = [[*in_order(set(TRAINING))]]
    theirs = OrdinalEncoder(
        categories=known,
        handle_unknown="use_encoded_value",
        unknown_value=-1,
        encoded_missing_value=4,
    ).fit(column(TRAINING))
    np.testing.assert_array_equal(
        encoded("ordinal", later=later), theirs.transform(column(later))[:, 0]
    )


def test_levels_that_are_numbers_are_in_order_of_value() -> None:
    assert encoded("ordinal", ["10", "9", "-1", "9.5"]).tolist() == [3, 1, 0, 2]


def test_embedding_codes_go_by_frequency_and_leave_0_to_rare_and_unseen_levels() -> None:
    counts = {}
    training = ["x", "y", "y", "z", "z", "z", "w"]
    codes = encoded("embedding", training, ["z", "y", "x", "w", "new", None], counts)
    assert codes.dtype == np.int32
    assert codes.tolist() == [1, 2, 0, 0, 0, 0]
    assert counts == {"unseen": 1}, "rare levels were seen, missing cells are counted elsewhere"


LEARNED_ALONE = sorted(name for name, cls in ENCODERS.items() if not cls.needs_target)


@pytest.mark.parametrize("name", LEARNED_ALONE)
@given(values=st.lists(st.sampled_from([None, "", " ", "a", "b", "1", "nan"]), min_size=1))
def test_the_order_of_rows_does_not_change_what_is_learned(name, values) -> None:
    assert repr(fitted(name, values)[1]) == repr(fitted(name, values[::-1])[1])


@pytest.mark.parametrize("name", ["one-hot", "ordinal", "embedding", "binary"])
@given(values=st.lists(st.sampled_from([None, "", " ", "a", "b", "1"]), min_size=1))
def test_levels_of_training_are_told_apart(name, values) -> None:
    choice = {"name": name, "min_count": 1} if name in ("one-hot", "embedding") else name
    rows = encoded(choice, values).reshape(len(values), -1).tolist()
    assert len({tuple(row) for row in rows}) == len(set(values))


@pytest.mark.parametrize(("share", "is_rare"), [(0.05, False), (0.051, True)])
def test_levels_below_a_share_are_rare_as_in_scikit_learn(share, is_rare) -> None:
    training = ["a"] * 50 + ["b"] * 45 + ["c"] * 5
    theirs = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=share)
    rare = theirs.fit(column(training)).infrequent_categories_[0]
    assert (rare is not None) == is_rare
    _, state = fitted({"name": "one-hot", "min_share": share}, training)
    assert state["rare"] == (["c"] if is_rare else [])


def test_ordinal_follows_a_given_order() -> None:
    choice = {"name": "ordinal", "order": "low/middle/high"}
    counts = {}
    training = ["high", None, "low"]
    found = encoded(choice, training, ["low", "middle", "high", None, "x"], counts)
    assert found.tolist() == [0, 1, 2, 3, -1]
    assert counts == {"unseen": 1}
    assert encoded({**choice, "order": ["low", "middle", "high"]}, training).tolist() == [2, 3, 0]


def test_an_order_that_leaves_out_a_level_is_refused_with_the_level() -> None:
    with pytest.raises(DataError, match="does not name 'High'"):
        fitted({"name": "ordinal", "order": "low/high"}, ["High", "low"])
    with pytest.raises(UsageError, match="names a level twice"):
        fitted({"name": "ordinal", "order": "low/low"})


def test_frequency_is_the_share_of_training_rows() -> None:
    counts = {}
    found = encoded("frequency", ["x", "x", "y", None], ["x", "y", None, "new"], counts)
    assert found.tolist() == [0.5, 0.25, 0.25, 0]
    assert counts == {"unseen": 1}


def test_hashing_agrees_with_scikit_learn() -> None:
    texts = ["a", "never seen", "ö", "", "a b", "漢字"]
    theirs = FeatureHasher(8, input_type="string").transform([[text] for text in texts])
    np.testing.assert_array_equal(
        encoded({"name": "hashing", "columns": 8}, later=texts), theirs.toarray()
    )
    assert not encoded("hashing", later=[None]).any()


def test_binary_gives_the_bits_of_the_place() -> None:
    found = encoded("binary", ["a", "b", "c", None], ["a", "b", "c", None, "new"])
    assert found.tolist() == [[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0]]
