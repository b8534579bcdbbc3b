"""Predicting: the same bytes however the rows arrive."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nntool.nn.network import Network, NetworkSpec
from nntool.nn.predicting import Predictor, outputs

NET = Network(NetworkSpec(n_numeric=7, levels=(3,), hidden=(33, 9), n_outputs=2))
THETA = NET.initial(np.random.default_rng(0), np.float32)
RNG = np.random.default_rng(1)
NUMERIC = RNG.standard_normal((2500, 7)).astype(np.float32)
CODES = RNG.integers(0, 3, (2500, 1)).astype(np.int32)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 2500), max_size=8))
def test_the_bytes_do_not_depend_on_how_the_input_was_cut(cuts: list[int]) -> None:
    ends = sorted({0, *cuts, 2500})
    chunks = [(NUMERIC[a:b], CODES[a:b]) for a, b in itertools.pairwise(ends)]
    streamed = np.concatenate(list(Predictor(NET, THETA).stream(chunks)))
    assert streamed.tobytes() == outputs(NET, THETA, NUMERIC, CODES).tobytes()


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
