"""SMOTE: classes become equally large, by rows that lie between neighbours of the class."""

import numpy as np
import pytest

from nntool.nn.augmentation import Smote
from nntool.nn.batches import ArrayRows
from nntool.nn.registry import InvalidChoice


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def extended(source: ArrayRows, blocks: list[list[int]] | None = None, seed: int = 0) -> ArrayRows:
    return Smote().extend(source, blocks or [], rng(seed))


def clouds(counts: list[int], n_numeric: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Return a cloud of points for each class, far from those of the others."""
    target = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
    numeric = rng(1).normal(size=(len(target), n_numeric)) + 100 * target[:, None]
    return numeric.astype(np.float32), target


def new_rows(source: ArrayRows, made: ArrayRows) -> slice:
    return slice(len(source.numeric), len(made.numeric))


def test_every_class_becomes_as_large_as_the_largest() -> None:
    numeric, target = clouds([50, 20, 3, 1])
    weight = np.arange(len(target), dtype=np.float32)
    index = np.setdiff1d(np.arange(len(target)), [0, 1, 55])  # the rest are no training rows
    source = ArrayRows(numeric, None, target, weight, index)
    made = extended(source)
    assert made.target is not None
    assert made.n_rows == 4 * 48
    np.testing.assert_array_equal(np.bincount(made.target[made.index]), [48] * 4)
    np.testing.assert_array_equal(made.index[: len(index)], index)
    np.testing.assert_array_equal(made.numeric[: len(numeric)], numeric)
    # between points of one cloud no coordinate leaves its range
    new = new_rows(source, made)
    for c in range(4):
        mine = numeric[index][target[index] == c]
        of_class = made.numeric[new][made.target[new] == c]
        assert (of_class <= mine.max(axis=0)).all()
        assert (of_class >= mine.min(axis=0)).all()
    assert made.weight is not None
    assert np.isin(made.weight[new], weight[index]).all()


def test_a_new_row_lies_between_a_row_and_one_of_its_five_nearest() -> None:
    numeric, target = clouds([60, 12])
    source = ArrayRows(numeric, None, target, np.arange(72, dtype=np.float32))
    made = extended(source)
    assert made.weight is not None
    new = new_rows(source, made)
    mine = numeric[60:].astype(float)
    distances = np.linalg.norm(mine[:, None] - mine, axis=2)
    used = set()
    for x, base in zip(made.numeric[new], made.weight[new].astype(int) - 60, strict=True):
        near = np.argsort(distances[base])[1:6]
        ways = mine[near] - mine[base]
        u = ((x - mine[base]) * ways).sum(axis=1) / (ways**2).sum(axis=1)
        misses = np.linalg.norm(mine[base] + u[:, None] * ways - x, axis=1)
        fits = (misses < 1e-4) & (u > -1e-6) & (u < 1 + 1e-6)
        assert fits.any()
        used.add(int(np.argmax(fits)))
    assert used == {0, 1, 2, 3, 4}
    # every row begins as many new ones, up to one
    np.testing.assert_array_equal(np.bincount(made.weight[new].astype(int))[60:], 4)


def test_codes_and_one_hot_blocks_take_the_majority_of_the_neighbours() -> None:
    # on a line, so that neighbours are known; the block is columns 2 and 0, one column is spare
    n = 6
    line = np.arange(n) * np.arange(n) * 0.5
    levels = np.array([0, 0, 1, 1, 1, 2])  # 2 stands for a row without a 1
    numeric = np.zeros((20 + n, 4), dtype=np.float32)
    numeric[:20, 1] = rng().normal(size=20) - 1000
    numeric[20:, 1] = line * 100
    numeric[20:, 2] = levels == 0
    numeric[20:, 0] = levels == 1
    target = np.repeat([0, 1], [20, n]).astype(np.int32)
    codes = np.zeros((20 + n, 2), dtype=np.int32)
    codes[20:, 1] = [7, 7, 3, 3, 9, 9]
    source = ArrayRows(numeric, codes, target, np.arange(20 + n, dtype=np.float32))
    made = extended(source, [[2, 0]])
    assert made.codes is not None
    assert made.weight is not None
    new = new_rows(source, made)
    base = made.weight[new].astype(int) - 20
    # all other five rows are neighbours; codes without one majority go to the nearest's
    assert len(base) == 14
    for x, c, b in zip(made.numeric[new], made.codes[new], base, strict=True):
        others = [i for i in sorted(range(n), key=lambda i: abs(line[i] - line[b])) if i != b]
        for found, values in ((c[1], codes[20:, 1]), (tuple(x[[2, 0]]), None)):
            if values is None:
                pattern = [(float(levels[i] == 0), float(levels[i] == 1)) for i in others]
            else:
                pattern = [int(values[i]) for i in others]
            votes = [pattern.count(p) for p in pattern]
            assert found == pattern[votes.index(max(votes))]


def test_a_class_of_equal_rows_and_one_of_a_single_row_are_repeated() -> None:
    numeric = np.concatenate([np.zeros((30, 2)), np.ones((10, 2)), np.full((1, 2), 7)])
    target = np.repeat([0, 1, 2], [30, 10, 1]).astype(np.int32)
    made = extended(ArrayRows(numeric.astype(np.float32), None, target))
    assert made.target is not None
    for c, value in ((0, 0), (1, 1), (2, 7)):
        np.testing.assert_array_equal(made.numeric[made.target == c], value)
    np.testing.assert_array_equal(np.bincount(made.target), 30)


def test_the_same_stream_gives_the_same_rows_and_equal_classes_none() -> None:
    numeric, target = clouds([30, 9])
    source = ArrayRows(numeric, None, target)
    np.testing.assert_array_equal(extended(source).numeric, extended(source).numeric)
    assert (extended(source, seed=1).numeric[39:] != extended(source).numeric[39:]).any()
    numeric, target = clouds([9, 9])
    even = ArrayRows(numeric, None, target)
    assert extended(even) is even


def test_what_cannot_be_done_is_refused() -> None:
    numeric, target = clouds([9, 3])
    with pytest.raises(InvalidChoice, match="new rows by smote need classes"):
        extended(ArrayRows(numeric, None, target.astype(np.float32)))
    codes = np.zeros((12, 1), dtype=np.int32)
    with pytest.raises(InvalidChoice, match="numeric columns, and there are none"):
        extended(ArrayRows(np.zeros((12, 0), np.float32), codes, target))
