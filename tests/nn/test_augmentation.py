"""Augmentation: what changes in a batch, what the rows of the source keep, seeds."""

from typing import Any

import numpy as np
import pytest

from nntool.nn.augmentation import (
    AUGMENTATIONS,
    Augmentation,
    Jitter,
    LevelMask,
    Mixup,
    SwapNoise,
    level_counts,
)
from nntool.nn.batches import ArrayRows, Batch
from nntool.nn.blocks import BlockRows
from nntool.nn.registry import InvalidChoice, build

N = 4000


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def arrays(n: int = N) -> dict[str, np.ndarray]:
    """Every cell of a row tells its row, and its column."""
    row = np.arange(n)
    return {
        "numeric": (row[:, None] + np.array([0.0, 0.25])).astype(np.float32),
        "codes": np.stack([row, row + n], axis=1).astype(np.int32),
        "target": (row * 10).astype(np.int32),
        "weight": row.astype(np.float32) + 1,
    }


def batch_of(**changes: Any) -> Batch:
    return Batch(**(arrays() | {"rows": np.arange(N)} | changes))


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("without", [(), ("weight",), ("codes", "weight")])
def test_the_arrays_of_the_source_never_change(name: str, without: tuple[str, ...]) -> None:
    given = {k: v for k, v in arrays(40).items() if k not in without}
    given["target"] = np.array([0] * 30 + [1] * 10, dtype=np.int32)
    before = {k: v.copy() for k, v in given.items()}
    rule: Augmentation = build(AUGMENTATIONS, name)
    source = rule.extend(ArrayRows(**given), [], rng())
    for batch in source.batches(rng(), 40):
        rule.apply(batch, rng())
    for key, array in given.items():
        np.testing.assert_array_equal(array, before[key])


@pytest.mark.parametrize("rule", [Jitter(), Mixup(), SwapNoise()])
def test_the_same_stream_gives_the_same_batch_and_one_row_is_no_trouble(rule: Augmentation) -> None:
    first, second = batch_of(), batch_of()
    rule.apply(first, rng(3))
    rule.apply(second, rng(3))
    np.testing.assert_array_equal(first.numeric, second.numeric)
    np.testing.assert_array_equal(first.codes, second.codes)
    single = Batch(**{k: v[:1] for k, v in arrays().items()})
    rule.apply(single, rng())
    assert single.codes is not None
    np.testing.assert_array_equal(single.codes, [[0, N]])


def test_jitter_is_normal_noise_of_the_given_size_on_numbers_alone() -> None:
    batch = Batch(np.full((20_000, 3), 5, dtype=np.float32), np.zeros((20_000, 1), np.int32))
    Jitter(sigma=0.5).apply(batch, rng())
    assert batch.numeric.dtype == np.float32
    np.testing.assert_allclose(batch.numeric.mean(axis=0), 5, atol=0.02)
    np.testing.assert_allclose(batch.numeric.std(axis=0), 0.5, rtol=0.02)
    z = (batch.numeric - 5) / 0.5
    np.testing.assert_allclose((z**4).mean(), 3, rtol=0.05)
    assert batch.codes is not None
    assert not batch.codes.any()


def test_mixup_blends_numbers_and_leaves_targets_to_the_loss() -> None:
    batch, before = batch_of(), arrays()
    Mixup(alpha=0.7).apply(batch, rng())
    assert batch.share is not None
    assert batch.partner_target is not None
    assert batch.partner_weight is not None
    share = batch.share.astype(float)[:, None]
    partner = batch.partner_target // 10
    np.testing.assert_array_equal(np.sort(partner), np.arange(N))
    np.testing.assert_array_equal(batch.partner_weight, partner + 1)
    np.testing.assert_array_equal(batch.target, before["target"])
    np.testing.assert_array_equal(batch.weight, before["weight"])
    blended = share * before["numeric"] + (1 - share) * before["numeric"][partner]
    np.testing.assert_allclose(batch.numeric, blended, rtol=1e-4, atol=2e-3)
    # Beta(α, α) has mean ½ and variance 1/(4(2α + 1))
    np.testing.assert_allclose(share.mean(), 0.5, atol=0.03)
    np.testing.assert_allclose(share.var(), 1 / (4 * 2.4), rtol=0.05)


def test_mixup_takes_each_code_from_one_of_the_two_rows() -> None:
    batch, before = batch_of(), arrays()
    Mixup(alpha=1.0).apply(batch, rng())
    assert batch.codes is not None
    assert batch.share is not None
    assert batch.partner_target is not None
    theirs = before["codes"][batch.partner_target // 10]
    is_own = batch.codes == before["codes"]
    assert (is_own | (batch.codes == theirs)).all()
    np.testing.assert_allclose(is_own.mean(axis=0), 0.5, atol=0.04)
    np.testing.assert_allclose(is_own[batch.share > 0.9].mean(), 0.95, atol=0.02)
    np.testing.assert_allclose(is_own[batch.share < 0.1].mean(), 0.05, atol=0.02)


def test_mixup_without_weights_has_none_and_leaves_no_trace_in_the_next_batch() -> None:
    given = arrays(8)
    source = ArrayRows(given["numeric"], None, given["target"])
    epoch = source.batches(rng(), 4)
    first = next(epoch)
    Mixup().apply(first, rng())
    assert first.partner_weight is None
    assert first.share is not None
    with pytest.raises(InvalidChoice, match="mixup can be given once"):
        Mixup().apply(first, rng())
    second = next(epoch)
    assert (second.share, second.partner_target, second.partner_weight) == (None, None, None)


def test_the_least_and_the_largest_alpha_stay_finite() -> None:
    for alpha in (1e-6, 1e6):
        batch = batch_of()
        Mixup(alpha=alpha).apply(batch, rng())
        assert np.isfinite(batch.numeric).all()


def test_swap_noise_takes_cells_of_other_rows_of_the_same_column() -> None:
    batch, before = batch_of(), arrays()
    SwapNoise(share=0.3).apply(batch, rng())
    assert batch.codes is not None
    for cells, old in ((batch.numeric, before["numeric"]), (batch.codes, before["codes"])):
        np.testing.assert_allclose((cells != old).mean(axis=0), 0.3, atol=0.03)
        for j in range(cells.shape[1]):
            assert np.isin(cells[:, j], old[:, j]).all()
    moved = batch.numeric[:, 0] != before["numeric"][:, 0]
    assert len(np.unique(batch.numeric[moved, 0])) > 0.75 * moved.sum()  # donors of all kinds
    everywhere = batch_of()
    SwapNoise(share=1).apply(everywhere, rng())
    assert (everywhere.numeric != before["numeric"]).all()
    np.testing.assert_array_equal(everywhere.target, before["target"])


def test_levels_are_counted_over_any_source() -> None:
    codes = np.array([[0, 2], [1, 2], [1, 0], [3, 2]], dtype=np.int32)
    numeric = np.zeros((4, 1), np.float32)
    member = np.array([True, True, True, False])

    class Held:
        def __init__(self, array: np.ndarray) -> None:
            self.array, self.shape, self.dtype = array, array.shape, array.dtype

        def read(self, start: int, out: np.ndarray) -> np.ndarray:
            out[...] = self.array[start : start + len(out)]
            return out

    in_memory = ArrayRows(numeric, codes, index=np.flatnonzero(member))
    in_file = BlockRows(Held(numeric), Held(codes), None, member=member)
    for source in (in_memory, in_file):
        first, second = level_counts(source, [5, 3])
        np.testing.assert_array_equal(first, [1, 2, 0, 0, 0])
        np.testing.assert_array_equal(second, [1, 0, 2])


def test_about_five_rows_of_each_level_train_the_slot_for_unseen_ones() -> None:
    column = np.repeat([0, 1, 2, 3], [100, 4, 100, 2000])
    other = np.repeat([1, 2], [1204, 1000])
    codes = np.stack([column, other], axis=1).astype(np.int32)
    source = ArrayRows(np.zeros((len(codes), 0), np.float32), codes)
    mask = LevelMask(level_counts(source, [5, 3]))
    stream, lost = rng(), np.zeros((2, 4))
    for _ in range(400):
        for batch in source.batches(None, len(codes)):
            mask.apply(batch, stream)
            assert batch.codes is not None
            changed = batch.codes != codes
            assert not batch.codes[changed].any()
            for j in range(2):
                lost[j] += np.bincount(codes[changed[:, j], j], minlength=4)
    np.testing.assert_allclose(lost[0] / 400, [0, 2, 5, 5], rtol=0.06)
    np.testing.assert_allclose(lost[1] / 400, [0, 5, 5, 0], rtol=0.06)


def test_a_mask_needs_codes() -> None:
    with pytest.raises(ValueError, match="needs rows with codes"):
        LevelMask([np.array([0, 3])]).apply(Batch(np.zeros((2, 1), np.float32)), rng())
