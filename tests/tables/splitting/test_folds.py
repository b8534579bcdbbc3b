"""Folds of the training rows, by random and stratified."""

import numpy as np
import pytest

from nntool.errors import DataError
from nntool.tables.splitting import Random, Stratified


def test_folds_move_no_row_to_another_part(by_column):
    alone, _, _ = by_column(Stratified(), range(200))
    parts, folds, report = by_column(Stratified(), range(200), n_folds=5)
    assert (parts == alone).all()
    assert report["folds"]["sizes"] == [28] * 5
    assert folds.dtype == np.int8
    assert ((folds >= 0) == (parts == 0)).all()


def test_stratified_folds_have_each_class_in_the_same_share(by_column):
    y = np.arange(400) % 4 == 0
    _, folds, _ = by_column(Stratified(), range(400), y.astype(int), n_folds=7)
    in_fold = [y[folds == fold].sum() for fold in range(7)]
    assert max(in_fold) - min(in_fold) <= 1


def test_rare_classes_are_spread_over_the_folds_not_gathered_in_one(by_column):
    y = np.array([0, 1] * 90 + [2, 3, 4, 5, 6, 7] * 3)
    parts, folds, report = by_column(Stratified(), range(198), y, (1.0, 0.0, 0.0), n_folds=5)
    assert (parts == 0).all()
    assert max(np.bincount(folds[180:], minlength=5)) <= 4
    assert "not in all: '2', '3', '4', '5', '6' and 1 more" in report["notes"][-1]


@pytest.mark.parametrize("method", [Random(), Stratified()])
def test_equal_rows_are_in_one_fold(by_column, method):
    hashes = np.arange(120) // 3
    y = hashes % 2
    _, folds, _ = by_column(method, range(120), y, hashes=hashes, n_folds=4)
    assert all(len(set(folds[hashes == h])) == 1 for h in set(hashes))


def test_more_folds_than_rows_are_refused(by_column):
    with pytest.raises(DataError, match=r"leave \d+ of 50 folds empty") as raised:
        by_column(Random(), range(40), n_folds=50)
    assert raised.value.hint == "give fewer --folds"
