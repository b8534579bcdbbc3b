"""Groups are never cut, keys never change their part."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nntool.errors import UsageError
from nntool.tables.splitting.by_group import Group, Hash

GROUP, HASH = Group(column="patient"), Hash(column="id")
SHARES = np.array([0.7, 0.15, 0.15])


def shares_of(parts):
    return np.array([(parts == part).mean() for part in (0, 1, 2)])


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(0, 30), min_size=30, max_size=200),
    st.booleans(),
    st.integers(0, 5),
)
def test_groups_are_never_cut_and_shares_are_near(by_column, groups, stratified, seed):
    method = Group(column="patient", stratified=stratified)
    parts, folds, report = by_column(method, groups, seed=seed)
    for group in set(groups):
        mine = np.array(groups) == group
        assert len(set(parts[mine])) == 1
    largest = max(groups.count(group) for group in groups)
    off = np.abs(shares_of(parts) - SHARES) * len(groups)
    assert off.max() <= max(2, largest)
    assert folds is None
    assert f"{len(set(groups)):,} groups by 'patient'" in report["notes"][1]


def best_possible(sizes, shares):
    """The least sum of |rows − wanted| over all deals, tried one by one."""
    wanted = np.array(shares) * sum(sizes)
    deals = np.stack(np.meshgrid(*[range(3)] * len(sizes)), -1).reshape(-1, len(sizes))
    got = np.stack([(deals == part) @ np.array(sizes) for part in range(3)], 1)
    return np.abs(got - wanted).sum(1)[(got > 0).all(1)].min()


@pytest.mark.parametrize("seed", range(5))
def test_a_few_groups_come_as_near_to_the_shares_as_any_deal(by_column, seed):
    sizes = np.random.default_rng(seed).integers(1, 30, 8).tolist()
    parts, _, _ = by_column(GROUP, np.repeat(np.arange(8), sizes), seed=seed)
    off = np.abs(np.bincount(parts, minlength=3) - SHARES * sum(sizes)).sum()
    assert off <= 1.5 * best_possible(sizes, SHARES) + 3


def test_groups_of_one_size_meet_the_shares_exactly(by_column):
    parts, _, _ = by_column(GROUP, np.repeat(np.arange(100), 4))
    assert np.bincount(parts).tolist() == [280, 60, 60]


def test_any_group_may_come_to_any_part_also_the_largest(by_column):
    groups = np.repeat(np.arange(40), [20] + [5] * 39)
    seen = [by_column(GROUP, groups, seed=seed)[0][0] for seed in range(60)]
    assert set(seen) == {0, 1, 2}
    assert 0.4 < np.mean(np.array(seen) == 0) < 0.95


def test_stratified_groups_have_the_classes_in_each_part(by_column):
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(200), 5)
    y = np.repeat(rng.random(200) < 0.3, 5).astype(int)
    off = {}
    for stratified in (False, True):
        method = Group(column="patient", stratified=stratified)
        parts = [by_column(method, groups, y, seed=seed)[0] for seed in range(5)]
        off[stratified] = np.mean(
            [abs(y[p == part].mean() - y.mean()) for p in parts for part in (0, 1, 2)]
        )
    assert off[True] < 0.03 < off[False]


def test_rows_without_a_group_are_groups_of_their_own(by_column):
    groups = ["a"] * 20 + ["b"] * 20 + ["", "NA", None] * 20
    parts, _, report = by_column(GROUP, groups)
    assert len(set(parts[:20])) == len(set(parts[20:40])) == 1
    assert set(parts[40:]) == {0, 1, 2}
    assert report["notes"][-1] == "60 rows without 'patient': a group of its own each"


def test_blanks_around_a_group_do_not_matter_and_writing_does(by_column):
    groups = ["p1", " p1 ", "p01", "p1  "] * 10 + list(range(60))
    parts, _, report = by_column(GROUP, groups)
    assert len({parts[i] for i in range(40) if i % 4 != 2}) == 1
    assert "62 groups" in report["notes"][1]


@given(st.lists(st.integers(0, 50), min_size=30, max_size=80), st.integers(2, 5))
@settings(deadline=None, max_examples=40)
def test_folds_keep_groups_whole_and_are_of_training_rows_alone(by_column, groups, k):
    if len(set(groups)) < 12:
        return
    parts, folds, report = by_column(GROUP, groups, n_folds=k)
    assert ((folds == -1) == (parts != 0)).all()
    for group in set(groups):
        assert len(set(folds[np.array(groups) == group])) == 1
    assert report["folds"]["sizes"] == np.bincount(folds[parts == 0], minlength=k).tolist()
    assert min(report["folds"]["sizes"]) > 0


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(0, 10_000), min_size=60, max_size=200, unique=True),
    st.randoms(use_true_random=False),
    st.integers(0, 3),
)
def test_a_key_keeps_its_part_whatever_rows_come_and_in_any_order(by_column, keys, random, seed):
    parts, folds, _ = by_column(HASH, keys, seed=seed, n_folds=2)
    of_key = dict(zip(keys, zip(parts, folds, strict=True), strict=True))
    more = keys + [k + 20_000 for k in keys]
    random.shuffle(more)
    hashes = np.arange(len(more)) + 7
    again, folds_again, _ = by_column(HASH, more, seed=seed, hashes=hashes, n_folds=2)
    for key, part, fold in zip(more, again, folds_again, strict=True):
        assert of_key.get(key, (part, fold)) == (part, fold)


def test_the_seed_is_a_salt_and_shares_are_met_on_average(by_column):
    keys = np.arange(20_000)
    first, _, report = by_column(HASH, keys)
    other, _, _ = by_column(HASH, keys, seed=1)
    assert np.abs(shares_of(first) - SHARES).max() < 0.015
    assert np.abs(np.mean((first == 0) & (other == 0)) - 0.49) < 0.02
    assert "shares are met on average only" in report["notes"][1]


def test_a_larger_training_share_takes_no_row_away_from_training(by_column):
    keys = np.arange(500)
    small, _, _ = by_column(HASH, keys, shares=(0.5, 0.25, 0.25))
    large, _, _ = by_column(HASH, keys, shares=(0.6, 0.2, 0.2))
    assert (large[small == 0] == 0).all()


def test_rows_without_a_key_go_by_their_whole_text(by_column):
    keys = [""] * 100 + list(range(50))
    parts, _, report = by_column(HASH, keys)
    assert set(parts[:100]) == {0, 1, 2}
    assert report["notes"][-1] == "100 rows without 'id': dealt by their whole text"
    hashes = [*[5] * 50, *range(50, 150)]
    assert len(set(by_column(HASH, keys, hashes=hashes)[0][:50])) == 1


@pytest.mark.parametrize("method", [Group, Hash])
def test_a_method_that_needs_a_column_says_so(method):
    name = method.__name__.lower()
    with pytest.raises(UsageError, match=f"{name} needs a column") as raised:
        method()
    assert raised.value.hint == f"--method {name}:column=NAME"
