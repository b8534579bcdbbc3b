"""Folds of a cross-validation: what each learns from, stops by and is judged by."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nntool.errors import DataError
from nntool.tables.splitting import Column, Group, Hash, Random, Stratified, Time
from nntool.tables.splitting.crossing import JUDGES, LEARNS, STOPS, cross


def text(values):
    return pa.chunked_array([pa.array([None if v is None else str(v) for v in values])])


def crossed(method, n_folds, *, y=None, column=None, among=None, hashes=None, **more):
    n = next(len(known) for known in (y, column, among, hashes) if known is not None)
    y = np.arange(n) % 2 if y is None else y
    given = {"validation": 0.2, "seed": (0, 0), "task": "multiclass"} | more
    return cross(
        text(y),
        np.arange(n, dtype=np.uint64) if hashes is None else np.asarray(hashes, np.uint64),
        np.ones(n, bool) if among is None else np.asarray(among),
        method,
        given["task"],
        n_folds,
        given["validation"],
        given["seed"],
        column=None if column is None else text(column),
    )


def parts_of(crossing):
    return [crossing.parts(number) for number in range(1, crossing.n_folds + 1)]


@settings(max_examples=30, deadline=None)
@given(
    n=st.integers(30, 200), n_folds=st.integers(2, 6), seed=st.integers(0, 99), more=st.booleans()
)
def test_each_row_is_judged_once_and_by_a_model_that_did_not_learn_from_it(n, n_folds, seed, more):
    rng = np.random.default_rng(seed)
    among = rng.random(n) < 0.9 if more else np.ones(n, bool)
    among[:20] = True
    found = parts_of(crossed(Stratified(), n_folds, among=among, seed=(seed, 0)))
    judged = np.sum([parts == JUDGES for parts in found], axis=0)
    assert (judged == among).all()
    for parts in found:
        assert ((parts >= 0) == among).all()
        others = np.count_nonzero(among & (parts != JUDGES))
        assert abs(np.count_nonzero(parts == STOPS) - 0.2 * others) <= 1


@pytest.mark.parametrize(
    ("method", "column"),
    [(Group(column="g"), np.arange(120) % 17), (Hash(column="g"), np.arange(120) % 40)],
)
def test_no_group_is_in_two_parts_of_a_fold(method, column):
    for parts in parts_of(crossed(method, 4, column=column)):
        assert set(parts) == {LEARNS, STOPS, JUDGES}
        assert all(len(set(parts[column == g])) == 1 for g in set(column))


def test_equal_rows_are_never_parted():
    hashes = np.arange(120) // 2
    for parts in parts_of(crossed(Random(), 5, hashes=hashes)):
        assert (parts[0::2] == parts[1::2]).all()


def test_by_time_each_fold_learns_from_what_is_older_only():
    when = np.random.default_rng(0).permutation(110)
    found = parts_of(crossed(Time(column="t"), 10, column=when))
    assert [np.count_nonzero(parts == JUDGES) for parts in found] == [10] * 10
    for number, parts in enumerate(found, 1):
        learned, stops, judged = (when[parts == part] for part in (LEARNS, STOPS, JUDGES))
        assert learned.max() < stops.min() <= stops.max() < judged.min()
        assert learned.size + stops.size == 10 * number
        assert (when[parts == -1] > judged.max()).all()


def test_classes_are_in_every_fold_as_they_are_in_all():
    y = np.arange(400) % 4 == 0
    for parts in parts_of(crossed(Stratified(), 8, y=y.astype(int), validation=0.25)):
        for part, n in ((JUDGES, 50), (STOPS, 87.5), (LEARNS, 262.5)):
            assert abs(np.count_nonzero(parts == part) - n) <= 1
            assert abs(y[parts == part].sum() - n / 4) <= 1


def test_another_seed_deals_other_folds_and_the_same_one_the_same():
    one, same, other = (
        crossed(Random(), 4, among=np.ones(80, bool), seed=seed)
        for seed in [(0, 0), (0, 0), (0, 1)]
    )
    assert (np.array(parts_of(one)) == np.array(parts_of(same))).all()
    assert (np.array(parts_of(one)) == np.array(parts_of(one))).all()
    assert (np.array(parts_of(one)) != np.array(parts_of(other))).any()


def test_no_row_stops_where_the_run_has_no_validation():
    for parts in parts_of(crossed(Stratified(), 3, among=np.ones(30, bool), validation=0.0)):
        assert set(parts) == {LEARNS, JUDGES}


def test_parts_that_a_column_says_are_no_folds_and_that_is_said():
    words = ["train", "validation", "test", "train"] * 20
    crossing = crossed(Column(column="part"), 4, column=words, among=[w != "test" for w in words])
    assert [np.bincount(parts[parts >= 0]).tolist() for parts in parts_of(crossing)] == [
        [36, 9, 15]
    ] * 4
    assert crossing.notes[1].startswith("--method column says parts and no folds, so these are")


def test_a_class_that_only_the_judging_rows_have_is_told():
    y = np.array([0, 1] * 30 + [2])
    crossing = crossed(Random(), 3, y=y, validation=0.0)
    told = [crossing.unlearned(parts) for parts in parts_of(crossing)]
    assert told[int(np.argmax([p[-1] == JUDGES for p in parts_of(crossing)]))] == ["2"]
    assert sorted(map(len, told)) == [0, 0, 1]


def test_a_fold_without_rows_is_refused():
    with pytest.raises(DataError, match=r"leave \d+ of 50 folds empty") as raised:
        crossed(Random(), 50, among=np.ones(40, bool))
    assert raised.value.hint == "give a smaller --cv"


def test_a_fold_that_would_learn_one_class_only_is_refused():
    crossing = crossed(Time(column="t"), 2, y=[0] * 20 + [1] * 10, column=range(30))
    with pytest.raises(DataError, match="fold 1 of 2 would learn from rows of one class only, '0'"):
        crossing.parts(1)


def test_a_fold_without_a_target_is_refused():
    y = [str(i % 2) if i < 20 else None for i in range(30)]
    crossing = crossed(Time(column="t"), 2, y=y, column=range(30))
    with pytest.raises(DataError, match="fold 2 of 2 has no row with a target to be judged by"):
        crossing.parts(2)
