"""Parts that a column or the files say."""

import numpy as np
import pytest

from nntool.errors import DataError, UsageError
from nntool.tables.splitting import Source, refuse_useless
from nntool.tables.splitting.given import Column, Files

COLUMN = Column(column="part")
SOURCES = [Source("data/2023-a.csv", 30), Source("data/2023-b.csv", 20), Source("x/last.csv", 10)]


def test_words_are_known_in_many_forms(by_column):
    words = [" Train ", "training", "val", "VALID", "dev", "validation", "test", "Holdout", "none"]
    parts, _, report = by_column(COLUMN, words * 3)
    assert parts.tolist() == [0, 0, 1, 1, 1, 1, 2, 2, -1] * 3
    assert report["sizes"] == {"train": 6, "validation": 12, "test": 6, "none": 3}


def test_other_words_are_told_and_then_theirs_alone_count(by_column):
    method = Column(column="part", train="A", validation="b", test="C")
    parts, _, _ = by_column(method, ["a", "B", "c"] * 4)
    assert parts.tolist() == [0, 1, 2] * 4
    with pytest.raises(DataError, match=r"'train' \(4 rows\)"):
        by_column(method, ["a", "B", "c", "train"] * 4)


def test_words_that_name_no_part_are_shown_the_most_frequent_first(by_column):
    with pytest.raises(DataError, match=r"no part: 'z' \(8 rows\), 'y' \(4 rows\)") as raised:
        by_column(COLUMN, ["train", "y", "z", "z"] * 4)
    assert "train=z" in raised.value.hint


def test_rows_without_a_word_are_in_no_part(by_column):
    parts, _, report = by_column(COLUMN, ["train", "dev", "test", ""] * 6)
    assert parts.tolist() == [0, 1, 2, -1] * 6
    assert "6 rows without a word in 'part': in no part" in report["notes"]


def test_validation_rows_are_cut_from_training_where_none_is_given(by_column):
    words = ["train"] * 140 + ["test"] * 60
    parts, _, report = by_column(COLUMN, words)
    assert (parts[140:] == 2).all()
    assert np.bincount(parts[:140]).tolist() == [115, 25]
    assert any("no row was said to validate, so 25 of 140 training" in n for n in report["notes"])
    parts, _, _ = by_column(COLUMN, words, shares=(0.7, 0.0, 0.3))
    assert (parts[:140] == 0).all()
    again, _, _ = by_column(COLUMN, words, hashes=[*range(70), *range(70), *range(60)])
    assert (again[:70] == again[70:140]).all()


def test_shares_of_given_parts_are_asked_of_nobody(by_column):
    _, _, report = by_column(COLUMN, ["train"] * 10 + ["dev"] * 10)
    refuse_useless(report, (0.7, 0.15, 0.15), 20)
    with pytest.raises(DataError, match="no row of 20 is said to train"):
        by_column(COLUMN, ["test"] * 20)


@pytest.mark.parametrize(
    ("method", "codes"),
    [
        (Files(test="x/last.csv"), [0, 0, 2]),
        (Files(test="last.csv"), [0, 0, 2]),
        (Files(test="@-1"), [0, 0, 2]),
        (Files(train="@1", validation="2023-b.csv", test="@3"), [0, 1, 2]),
        (Files(test="2023-*.csv"), [2, 2, 0]),
        (Files(test="@1+last.csv", none="@2"), None),
        (Files(train="@1", none="data/2023-b.csv", test="last.csv"), [0, -1, 2]),
    ],
)
def test_a_source_is_named_as_typed_by_its_file_name_a_pattern_or_a_position(
    by_column, method, codes
):
    def dealt():
        return by_column(method, range(60), shares=(0.7, 0.0, 0.3), sources=SOURCES)[0]

    if codes is None:
        with pytest.raises(DataError, match="no row of 60 is said to train"):
            dealt()
        return
    assert dealt().tolist() == np.repeat(codes, [30, 20, 10]).tolist()


def test_each_source_is_said_with_its_part(by_column):
    _, folds, report = by_column(Files(test="@3"), range(60), sources=SOURCES, n_folds=3)
    assert report["notes"][1] == (
        "data/2023-a.csv: train, 30 rows; data/2023-b.csv: train, 20 rows;"
        " x/last.csv: test, 10 rows"
    )
    assert (folds[50:] == -1).all()


@pytest.mark.parametrize(
    ("method", "said"),
    [
        (Files(test="other.csv"), "no source fits test=other.csv"),
        (Files(test="@4"), "no source fits test=@4"),
        (Files(train="@1", test="@3"), "no part names 'data/2023-b.csv'"),
        (Files(validation="@2", test="2023-*"), "data/2023-b.csv is named for validation and for"),
    ],
)
def test_names_that_fit_no_source_or_two_parts_are_refused(by_column, method, said):
    with pytest.raises(DataError) as raised:
        by_column(method, range(60), sources=SOURCES)
    assert said in raised.value.message


def test_files_must_say_which_of_them_tests():
    with pytest.raises(UsageError, match="files needs to know"):
        Files(train="a.csv")
