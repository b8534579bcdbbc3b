import hashlib
import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from nntool.errors import DataError, UsageError
from nntool.tables.splitting import Random, Stratified, refuse_useless, split

SHARES = (0.7, 0.15, 0.15)


def dealt(y, hashes=None, shares=SHARES, method="auto", task="multiclass", seed=0):
    column = pa.chunked_array([pa.array([str(v) for v in y], pa.string())])
    hashes = np.arange(len(y), dtype=np.uint64) if hashes is None else np.array(hashes, np.uint64)
    parts, _, report = split(column, hashes, shares, method, task, np.random.default_rng(seed))
    return parts, report


def sizes(parts):
    return [int((parts == part).sum()) for part in (0, 1, 2, -1)]


SHARE = st.sampled_from([0.0, 0.1, 0.15, 0.25, 1 / 3, 0.5])


@given(st.integers(2, 300), st.tuples(SHARE.filter(bool), SHARE, SHARE), st.booleans())
def test_sizes_are_the_shares_to_within_one_row(n, shares, stratified):
    if sum(shares) > 1:
        shares = tuple(s / sum(shares) for s in shares)
    y = np.arange(n) % 2 if stratified else np.arange(n) + 0.5
    task = "binary" if stratified else "regression"
    try:
        parts, report = dealt(y, shares=shares, task=task)
    except DataError:
        assert n * shares[0] < 1
        return
    n_parts = np.count_nonzero([*shares, sum(shares) < 1 - 1e-9])
    if stratified and n // 2 < n_parts:
        return
    exact = np.array([*shares, 1 - sum(shares)]) * n
    assert (np.abs(sizes(parts) - exact) < 1 + 1e-6).all()
    assert list(report["sizes"].values()) == sizes(parts)


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 3), min_size=40, max_size=200),
    st.sampled_from([(0.6, 0.2, 0.2), (0.8, 0.1, 0.1), (0.5, 0.25, 0.0)]),
)
def test_each_class_has_the_shares_to_within_one_row(y, shares):
    if len(set(y)) < 2:
        return
    parts, report = dealt(y, shares=shares)
    n_parts = 3
    for label in set(y):
        mine = np.array(y) == label
        exact = np.array([*shares, 1 - sum(shares)]) * mine.sum()
        if mine.sum() < n_parts:
            assert (parts[mine] == 0).all()
            assert f"'{label}'" in report["notes"][-1]
        else:
            assert (np.abs(sizes(parts[mine]) - exact) <= 1 + 1e-6).all()


def test_class_counts_are_those_of_scikit_learn():
    y = np.random.default_rng(0).choice(list("abc"), 200, p=[0.6, 0.3, 0.1])
    parts, _ = dealt(y, shares=(0.75, 0.0, 0.25))
    train, test = train_test_split(y, train_size=0.75, stratify=y, random_state=0)
    for part, expected in ((0, train), (2, test)):
        mine = np.unique(y[parts == part], return_counts=True)[1]
        assert np.abs(mine - np.unique(expected, return_counts=True)[1]).max() <= 1
        assert mine.sum() == expected.size


@given(st.lists(st.integers(0, 12), min_size=12, max_size=80), st.booleans())
def test_equal_rows_go_to_one_part(groups, stratified):
    y = [g % 2 for g in groups]
    if len(set(y)) < 2:
        return
    method = Stratified() if stratified else Random()
    parts, report = dealt(y, groups, method=method, task="binary")
    for group in set(groups):
        assert len({int(p) for p, g in zip(parts, groups, strict=True) if g == group}) == 1
    assert report["repeated_rows"] == len(groups) - len(set(groups))


def test_a_few_equal_rows_cost_no_exactness():
    hashes = [*range(900), *range(100)]
    parts, _ = dealt(np.arange(1000) + 0.5, hashes, task="regression")
    assert sizes(parts) == [700, 150, 150, 0]


def test_the_seed_decides_and_the_hash_values_do_not():
    y = np.arange(200) % 3
    first, _ = dealt(y)
    assert (dealt(y)[0] == first).all()
    assert (dealt(y, seed=1)[0] != first).any()
    assert (dealt(y, hashes=np.arange(200)[::-1] * 7)[0] == first).all()


def test_every_row_is_as_likely_in_each_part():
    y = [i % 2 for i in range(20)]
    runs = np.array([dealt(y, task="binary", seed=s)[0] for s in range(400)])
    share = (runs == 0).mean(0)
    assert np.abs(share - 0.7).max() < 5 * np.sqrt(0.7 * 0.3 / 400)


def test_rows_without_target_are_a_class_of_their_own():
    y = ["a", "b", "", "NA"] * 50
    _, report = dealt(y)
    assert report["classes"]["(missing)"] == {
        "train": 70,
        "validation": 15,
        "test": 15,
        "none": 0,
    }
    assert set(report["classes"]) == {"a", "b", "(missing)"}
    assert json.loads(json.dumps(report)) == report


def test_a_numeric_target_is_stratified_by_its_quantiles():
    y = np.random.default_rng(0).lognormal(size=500)
    parts, report = dealt(y, method=Stratified(bins=5), task="regression")
    top = y >= np.quantile(y, 0.8)
    assert sizes(parts[top]) == [70, 15, 15, 0]
    assert report["method"] == "stratified"


def test_auto_is_stratified_for_classes_and_random_for_numbers():
    assert dealt([1, 2] * 20, task="binary")[1]["method"] == "stratified"
    assert dealt([1, 2] * 20, task="regression")[1]["method"] == "random"


def test_a_part_may_be_empty_and_the_rest_is_in_no_part():
    y = np.arange(100) + 0.5
    assert sizes(dealt(y, shares=(0.5, 0.0, 0.2), task="regression")[0]) == [50, 0, 20, 30]
    assert sizes(dealt(y, shares=(1.0, 0.0, 0.0), task="regression")[0]) == [100, 0, 0, 0]
    assert sizes(dealt(y, shares=(0.7, 0.2, 0.1), task="regression")[0]) == [70, 20, 10, 0]


@pytest.mark.parametrize("shares", [(0.8, 0.2, 0.1), (0.0, 0.5, 0.5)])
def test_impossible_shares_are_wrong_usage(shares):
    with pytest.raises(UsageError):
        dealt([0, 1] * 10, shares=shares)


@pytest.mark.parametrize(
    ("y", "task", "said"),
    [
        ([], "regression", "no rows"),
        (["", "NA"], "regression", "no row has a target"),
        (["a", "a", ""], "binary", "one value only, 'a'"),
        (["1.5", "1.5", ""], "regression", "one value only, '1.5'"),
    ],
)
def test_too_little_to_split_is_refused(y, task, said):
    with pytest.raises(DataError, match=said):
        dealt(y, task=task, shares=(0.1, 0.9, 0.0))


def test_a_class_that_training_never_sees_is_said():
    _, report = dealt(["a"] * 5 + ["b"] * 3, shares=(0.15, 0.425, 0.425))
    (lost,) = [c for c, n in report["classes"].items() if n["train"] == 0]
    assert f"no row to train of '{lost}'" in report["notes"][-1]


def test_rare_classes_go_to_training_and_that_is_said():
    parts, report = dealt(["a"] * 40 + ["b"] * 40 + ["rare"] * 2)
    assert (parts[-2:] == 0).all()
    assert "'rare'" in report["notes"][-1]


def test_parts_that_would_fail_later_are_refused_with_their_cause():
    def report(sizes, classes=None, repeated=0):
        parts = ("train", "validation", "test")
        return {
            "sizes": dict(zip(parts, sizes, strict=True)),
            "method": "random",
            "classes": classes and {c: {"train": n} for c, n in classes.items()},
            "repeated_rows": repeated,
        }

    refuse_useless(report((2, 1, 0), {"a": 1, "b": 1}), (0.7, 0.3, 0.0), 3)
    with pytest.raises(DataError, match=r"3 rows leave none for the test part, .* 0\.15"):
        refuse_useless(report((2, 1, 0)), SHARES, 3)
    with pytest.raises(DataError, match=r"9 rows, of which 2 differ .* leave none for the test"):
        refuse_useless(report((5, 4, 0), repeated=7), SHARES, 9)
    with pytest.raises(DataError, match="2 training rows are fewer than the 3 classes"):
        refuse_useless(report((2, 1, 1), {"a": 1, "b": 1, "c": 0}), SHARES, 4)
    with pytest.raises(DataError, match="4 training rows are of one class only"):
        refuse_useless(report((4, 1, 1), {"a": 4, "b": 0}), SHARES, 6)


def test_classes_are_those_that_clean_has_equal_numbers_one():
    parts, report = dealt(["0", "0.0", "1", "1.0"] * 10, task="binary")
    assert report["classes"] == {
        "0": {"train": 14, "validation": 3, "test": 3, "none": 0},
        "1": {"train": 14, "validation": 3, "test": 3, "none": 0},
    }
    assert sizes(parts) == [28, 6, 6, 0]


@pytest.mark.parametrize(
    ("task", "method", "digest"),
    [
        ("multiclass", "auto", "c8323ea574ebd73c"),
        ("multiclass", Stratified(), "c8323ea574ebd73c"),
        ("regression", "auto", "92f9154476b02716"),
        ("regression", Stratified(), "6b0f5a34cdf24f8c"),
    ],
)
def test_the_rows_that_a_seed_deals_stay_those_of_every_release(task, method, digest):
    rng = np.random.default_rng(3)
    y = rng.integers(0, 4, 500), rng.normal(size=500)
    row = np.arange(500)
    hashes = np.where(row % 7 == 0, row // 2, row)
    parts, _ = dealt(y[task == "regression"], hashes, (0.6, 0.2, 0.1), method, task, seed=5)
    assert hashlib.sha256(parts.tobytes()).hexdigest()[:16] == digest
