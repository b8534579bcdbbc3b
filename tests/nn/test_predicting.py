"""Predicting: the same bytes however the rows arrive."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nntool.nn.arrays import Array
from nntool.nn.batches import Batch
from nntool.nn.network import Network, NetworkSpec
from nntool.nn.predicting import Predictor, outputs

NETS = {
    "plain": NetworkSpec(n_numeric=7, hidden=(33, 9), n_outputs=2),
    "one product": NetworkSpec(n_numeric=7, hidden=(), n_outputs=1),
    "embeddings": NetworkSpec(n_numeric=7, levels=(3,), hidden=(33, 9), n_outputs=2),
    "batch norm": NetworkSpec(
        n_numeric=7, levels=(3,), hidden=(33, 9), n_outputs=1, batch_norm=True
    ),
    "layer norm": NetworkSpec(n_numeric=7, hidden=(130,), n_outputs=3, layer_norm=True),
}
NET = Network(NETS["embeddings"])
THETA = NET.initial(np.random.default_rng(0), np.float32)
RNG = np.random.default_rng(1)
NUMERIC = RNG.standard_normal((2500, 7)).astype(np.float32)
CODES = RNG.integers(0, 3, (2500, 1)).astype(np.int32)


def predictor_of(name: str, dtype: type) -> Predictor:
    net = Network(NETS[name])
    rng = np.random.default_rng(2)
    theta = net.initial(rng, dtype)
    stats = net.initial_stats(dtype)
    stats += rng.random(len(stats)).astype(dtype)
    return Predictor(net, theta, stats)


def in_cuts(predictor: Predictor, ends: list[int], codes: Array | None) -> bytes:
    parts = [
        predictor.outputs(NUMERIC[a:b], None if codes is None else codes[a:b], first=a)
        for a, b in itertools.pairwise(ends)
    ]
    return np.concatenate(parts).tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NETS)
@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(0, 2500), max_size=8))
def test_the_bytes_do_not_depend_on_how_the_input_was_cut(
    name: str, dtype: type, cuts: list[int]
) -> None:
    predictor = predictor_of(name, dtype)
    codes = CODES if NETS[name].levels else None
    whole = predictor.outputs(NUMERIC, codes).tobytes()
    assert in_cuts(predictor, sorted({0, *cuts, 2500}), codes) == whole


def test_a_row_alone_has_the_bytes_that_it_has_among_others() -> None:
    predictor = predictor_of("plain", np.float32)
    rows = [*range(8), *range(1020, 1030), 2499]
    whole = predictor.outputs(NUMERIC)
    for row in rows:
        alone = predictor.outputs(NUMERIC[row : row + 1], first=row)
        assert alone.tobytes() == whole[row : row + 1].tobytes()


def test_rows_lie_at_their_own_places_and_the_rest_is_padding(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net = Network(NETS["embeddings"])
    predictor = Predictor(net, THETA, block=8)
    seen = []

    def forward(_views: object, batch: Batch, *_: object) -> Array:
        assert batch.codes is not None
        seen.append((batch.numeric.copy(), batch.codes.copy()))
        return np.repeat(np.arange(8, dtype=np.float32)[:, None], 2, axis=1)

    monkeypatch.setattr(net, "forward", forward)
    predictor.outputs(NUMERIC[:8], CODES[:8])  # leaves its rows in the buffers
    z = predictor.outputs(NUMERIC[13:18], CODES[13:18], first=13)
    assert z[:, 0].tolist() == [5, 6, 7, 0, 1]
    for buffers, rows, places in (
        (seen[1], slice(13, 16), slice(5, 8)),
        (seen[2], slice(16, 18), slice(0, 2)),
    ):
        for buffer, all_rows in zip(buffers, (NUMERIC, CODES), strict=True):
            expected = np.zeros_like(buffer)
            expected[places] = all_rows[rows]
            np.testing.assert_array_equal(buffer, expected)


def test_a_row_has_the_same_bytes_without_the_rows_after_it() -> None:
    few, all_rows = outputs(NET, THETA, NUMERIC[:5], CODES[:5]), outputs(NET, THETA, NUMERIC, CODES)
    assert few.tobytes() == all_rows[:5].tobytes()


def test_what_was_in_the_buffers_before_does_not_matter() -> None:
    predictor = Predictor(NET, THETA)
    first = predictor.outputs(NUMERIC[:3], CODES[:3])
    predictor.outputs(NUMERIC * 1e6, CODES)
    assert predictor.outputs(NUMERIC[:3], CODES[:3]).tobytes() == first.tobytes()


def test_no_rows_give_no_outputs() -> None:
    assert outputs(NET, THETA, NUMERIC[:0], CODES[:0]).shape == (0, 2)


def test_codes_that_are_missing_are_asked_for() -> None:
    with pytest.raises(ValueError, match="needs categorical codes"):
        outputs(NET, THETA, NUMERIC)
