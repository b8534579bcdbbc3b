"""What the linear program says of classes, against cases that are known."""

import itertools

import numpy as np
import pytest

from nntool.nn.batches import ArrayRows
from nntool.nn.losses import PerceptronLoss
from nntool.nn.network import Network, NetworkSpec
from nntool.nn.outputs import Output, choose_output
from nntool.nn.single_layer import separability
from nntool.nn.single_layer.separability import Parting, is_separable, parting

CUBE = np.array(list(itertools.product([0, 1], repeat=3)), float)


def net_of(x: np.ndarray, y: np.ndarray, k: int) -> tuple[Network, Output, np.ndarray, ArrayRows]:
    """A single layer of weights that are all 0, and rows for it."""
    output = choose_output("binary" if k == 2 else "multiclass", k, PerceptronLoss())
    spec = NetworkSpec(n_numeric=x.shape[1], n_outputs=output.n_outputs, hidden=())
    net = Network(spec)
    rows = ArrayRows(x.astype(np.float32), target=np.asarray(y, np.int32))
    return net, output, np.zeros(net.size), rows


@pytest.mark.parametrize(("n_bits", "n_separable"), [(1, 4), (2, 14), (3, 104)])
def test_it_counts_the_threshold_functions_of_a_few_bits(n_bits: int, n_separable: int) -> None:
    """Their numbers are known: OEIS A000609."""
    x = np.array(list(itertools.product([0, 1], repeat=n_bits)), float)
    tables = itertools.product([False, True], repeat=2**n_bits)
    assert sum(bool(is_separable(x, np.array(table))) for table in tables) == n_separable


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("first", [1, 3, 50])
def test_beginning_with_a_few_rows_comes_to_the_same(
    monkeypatch: pytest.MonkeyPatch, seed: int, first: int
) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((200, 3))
    y = x @ rng.standard_normal(3) > 0.3
    y[rng.random(200) < 0.01 * (seed % 3)] ^= True
    whole = is_separable(x, y)
    monkeypatch.setattr(separability, "FIRST_ROWS", first)
    assert is_separable(x, y) is whole


@pytest.mark.parametrize("seed", range(10))
def test_points_on_a_line_are_separable_where_the_classes_do_not_take_turns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((12, 1))
    y = rng.random(12) < 0.5
    turns = np.count_nonzero(np.diff(y[np.argsort(x[:, 0])]))
    assert is_separable(x, y) is bool(turns <= 1)
    for cut in range(13):
        assert is_separable(x, np.argsort(np.argsort(x[:, 0])) < cut)


@pytest.mark.parametrize("gap", [1e-1, 1e-3, 1e-6])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_a_narrow_gap_is_found_and_one_row_beyond_it_too(gap: float, scale: float) -> None:
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, (300, 4))
    known = np.array([1.0, -2.0, 0.5, 1.0])
    side = x @ known >= 0
    x += np.where(side, gap, -gap)[:, None] * known / 2
    x *= scale
    assert is_separable(x + 3 * scale, side) is True
    beyond = np.vstack([x, -0.9 * x[side][:1]])
    far = (-0.9 * x[side][0] @ known) < 0
    assert far
    assert is_separable(beyond + 3 * scale, np.append(side, False)) is True
    deep = x[side].mean(axis=0)
    assert is_separable(np.vstack([x, deep]) + 3 * scale, np.append(side, False)) is False


def test_one_row_with_both_labels_is_enough() -> None:
    x = np.vstack([CUBE, CUBE[:1]])
    y = x.sum(axis=1) > 1
    assert is_separable(x, y)
    y[-1] = not y[0]
    assert not is_separable(x, y)


def test_columns_that_never_change_or_repeat_each_other_do_not_matter() -> None:
    y = CUBE.sum(axis=1) > 1
    odd = CUBE.sum(axis=1) % 2 == 1
    x = np.hstack([np.full((8, 1), 7.0), CUBE, CUBE, np.zeros((8, 1))])
    assert is_separable(x, y)
    assert not is_separable(x, odd)
    assert is_separable(np.ones((4, 1)), np.ones(4, bool))
    assert not is_separable(np.ones((4, 1)), np.arange(4) > 1)


def test_without_a_bias_the_hyperplane_goes_through_the_origin() -> None:
    x = np.array([[1.0, 0.0], [2.0, 0.0]])
    assert is_separable(x, np.array([True, False]))
    assert not is_separable(x, np.array([True, False]), bias=False)
    assert is_separable(x, np.array([False, False]), bias=False)
    at_origin = np.array([[0.0, 0.0], [1.0, 0.0]])  # a sum of 0 fires, so the origin is a 1
    assert is_separable(at_origin, np.array([True, False]), bias=False)
    assert not is_separable(at_origin, np.array([False, True]), bias=False)


def test_of_three_classes_on_a_line_the_one_between_is_named() -> None:
    x, y = np.arange(6.0)[:, None], np.array([1, 1, 0, 0, 2, 2])
    assert parting(*net_of(x, y, 3)) == Parting(impossible=(0,))


def test_weights_that_are_right_already_need_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    net, output, theta, rows = net_of(CUBE, CUBE.sum(axis=1) > 1, 2)
    theta[:] = [1, 1, 1, -1.5]
    monkeypatch.setattr(separability, "is_separable", None)
    assert parting(net, output, theta, rows) == Parting()


def test_rows_that_do_not_count_are_left_out() -> None:
    net, output, theta, _ = net_of(CUBE[:4, 1:], np.array([0, 1, 1, 0]), 2)
    weight = np.array([1.0, 1.0, 1.0, 0.0])
    rows = ArrayRows(
        CUBE[:4, 1:].astype(np.float32), target=np.array([0, 1, 1, 0], np.int32), weight=weight
    )
    assert parting(net, output, theta, rows) == Parting()


@pytest.mark.parametrize(("limit", "words"), [("MOST_ROWS", "rows"), ("MOST_NUMBERS", "numbers")])
def test_too_large_a_table_is_left_undecided(
    monkeypatch: pytest.MonkeyPatch, limit: str, words: str
) -> None:
    monkeypatch.setattr(separability, limit, 7)
    found = parting(*net_of(CUBE, CUBE.sum(axis=1) > 1, 2))
    assert found.undecided == f"a linear program takes at most 7 {words}"


def test_rows_that_come_block_by_block_keep_their_labels() -> None:
    y = np.random.default_rng(0).integers(0, 2, 3 * separability.BLOCK_ROWS)
    x = y[:, np.newaxis] + np.zeros(1)
    net, output, theta, rows = net_of(x, y, 2)
    assert parting(net, output, theta, rows) == Parting()


def test_a_program_without_an_answer_leaves_it_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(separability, "_solve", lambda signed, least: (None, np.zeros(4)))
    y = CUBE.sum(axis=1) > 1
    assert is_separable(CUBE, y) is None
    assert parting(*net_of(CUBE, y, 2)).undecided == "the linear program came to no end"
