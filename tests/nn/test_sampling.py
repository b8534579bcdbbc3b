"""Samplers: which rows an epoch has, how often, and what a checkpoint holds of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nntool.nn.batches import ArrayRows
from nntool.nn.registry import InvalidChoice
from nntool.nn.sampling import SHUFFLED, Balanced, EmphasizeErrors, require_classes


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_shuffling_by_a_sampler_is_shuffling_the_index() -> None:
    index = np.array([9, 4, 7, 1, 30, 2])
    order = SHUFFLED.order(rng(5), index, None)
    np.testing.assert_array_equal(index[order], rng(5).permutation(index))
    rows = ArrayRows(np.zeros((31, 1), np.float32), index=index)
    (batch,) = rows.batches(rng(5), 6)
    np.testing.assert_array_equal(batch.rows, rng(5).permutation(index))
    assert SHUFFLED.arrays() == {}


@given(
    counts=st.lists(st.integers(1, 30), min_size=1, max_size=5),
    size=st.integers(1, 12),
    seed=st.integers(0, 5),
)
def test_any_batch_has_the_classes_equally_often_up_to_one(
    counts: list[int], size: int, seed: int
) -> None:
    classes = np.repeat(np.arange(len(counts)) * 2 + 1, counts)
    n = len(classes)
    target = np.full(2 * n, 99)  # of all rows, among which ours are every second
    rows = rng(seed).permutation(n) * 2
    target[rows] = classes
    order = Balanced().order(rng(seed), rows, target)
    assert len(order) == n
    drawn = target[rows[order]]
    for start in range(n):
        batch = drawn[start : start + size]
        found = [np.count_nonzero(batch == c) for c in np.unique(classes)]
        assert max(found) - min(found) <= 1
    # within an epoch no row of a class comes twice before all have come once
    for c in np.unique(classes):
        uses = np.bincount(order[drawn == c], minlength=n)[target[rows] == c]
        assert uses.max() - uses.min() <= 1


def test_no_row_of_the_largest_class_is_lost_for_ever() -> None:
    target = np.array([0] * 90 + [1] * 5 + [2] * 5)
    rows, stream = np.arange(100), rng()
    seen = np.zeros(100, dtype=int)
    for _ in range(30):
        seen += np.bincount(Balanced().order(stream, rows, target), minlength=100)
    assert seen.min() > 0
    assert seen[:90].max() < 25
    np.testing.assert_allclose([seen[:90].sum(), seen[90:95].sum()], 1000, rtol=0.02)


def test_no_class_is_favoured_where_rows_do_not_divide_evenly() -> None:
    target, stream = np.array([0, 0, 1, 1, 2, 2, 2]), rng()
    drawn = [target[Balanced().order(stream, np.arange(7), target)] for _ in range(300)]
    favoured = np.bincount([np.bincount(classes).argmax() for classes in drawn])
    np.testing.assert_allclose(favoured, 100, atol=30)


def test_balance_needs_classes() -> None:
    for target in (np.zeros(3, dtype=np.float32), None):
        with pytest.raises(InvalidChoice, match="balanced batches need classes"):
            Balanced().order(rng(), np.arange(3), target)
    codes = np.zeros(3, dtype=np.int32)
    assert require_classes(codes, "smote") is codes


def frequencies(sampler: EmphasizeErrors, rows: np.ndarray, n_epochs: int = 4000) -> np.ndarray:
    stream = rng()
    orders = [sampler.order(stream, rows, None) for _ in range(n_epochs)]
    assert all(len(order) == len(rows) for order in orders)
    return np.bincount(np.concatenate(orders), minlength=len(rows)) / (n_epochs * len(rows))


def test_half_of_the_draws_go_by_the_loss_last_seen() -> None:
    sampler = EmphasizeErrors(12)
    rows = np.array([10, 3, 5, 8])
    np.testing.assert_allclose(frequencies(sampler, rows), 0.25, atol=0.01)  # none seen
    sampler.observe(rows, np.array([9.0, 9.0, 9.0, 9.0]))
    sampler.observe(rows, np.array([0.0, 1.0, 3.0, 4.0]))
    expected = 0.125 + 0.5 * np.array([0, 1, 3, 4]) / 8
    np.testing.assert_allclose(frequencies(sampler, rows), expected, atol=0.01)


def test_emphasized_rows_come_anywhere_in_the_epoch() -> None:
    sampler = EmphasizeErrors(1000)
    sampler.observe(np.arange(1000), np.where(np.arange(1000) < 10, 1.0, 0.0))
    places = np.flatnonzero(sampler.order(rng(), np.arange(1000), None) < 10)
    assert len(places) > 400
    np.testing.assert_allclose(places.mean(), 500, atol=40)


def test_rows_not_seen_count_as_the_mean_and_so_do_losses_that_are_not_finite() -> None:
    sampler = EmphasizeErrors(4)
    sampler.observe(np.array([0, 1, 2]), np.array([1.0, 3.0, np.inf]))
    sampler.observe(np.array([3]), np.array([np.nan]))
    expected = 0.125 + 0.5 * np.array([1, 3, 2, 2]) / 8
    np.testing.assert_allclose(frequencies(sampler, np.arange(4)), expected, atol=0.01)


@pytest.mark.parametrize(
    ("losses", "emphasis"),
    [
        ([0, 0, 0, 0], [1, 1, 1, 1]),  # nothing wrong anywhere
        ([-2, -1, 0, 1], [0, 1, 2, 3]),  # poisson goes below 0
        ([1e308, 1e308, 0, 0], [1, 1, 0, 0]),  # the sum would overflow
        ([-1.7e308, 1.7e308, 0, 0], [0, 2, 1, 1]),
    ],
)
def test_losses_of_any_size_and_sign(losses: list[float], emphasis: list[float]) -> None:
    sampler = EmphasizeErrors(4)
    sampler.observe(np.arange(4), np.array(losses))
    expected = 0.125 + 0.5 * np.array(emphasis) / sum(emphasis)
    np.testing.assert_allclose(frequencies(sampler, np.arange(4)), expected, atol=0.01)


def test_what_a_checkpoint_holds_decides_what_comes() -> None:
    rows, first, second = np.arange(50), EmphasizeErrors(50), EmphasizeErrors(50)
    first.observe(rows, rng(1).exponential(size=50))
    for name, array in second.arrays().items():
        np.copyto(array, first.arrays()[name])
    np.testing.assert_array_equal(first.order(rng(), rows, None), second.order(rng(), rows, None))


def test_a_source_draws_by_its_sampler_in_training_only() -> None:
    target = np.array([0] * 9 + [1], dtype=np.int32)
    rows = ArrayRows(np.zeros((10, 1), np.float32), target=target)
    (batch,) = rows.batches(rng(), 10, sampler=Balanced())
    assert batch.target is not None
    assert batch.target.sum() == 5
    (batch,) = rows.batches(None, 10, sampler=Balanced())
    np.testing.assert_array_equal(batch.rows, np.arange(10))
