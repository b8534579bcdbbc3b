"""Calibration: which validation rows are kept apart, and what the model learns from them."""

import hashlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nntool.steps import calibration

SMALL = ["--hidden", "6", "--epochs", "4", "--batch-size", "16"]


@given(
    validation=st.lists(st.booleans(), max_size=60),
    percent=st.integers(1, 99),
    seed=st.integers(0, 99),
)
def test_each_validation_row_stops_or_calibrates_and_one_at_least_stops(validation, percent, seed):
    validation = np.array(validation, bool)
    found = calibration.divided(validation, percent / 100, seed)
    np.testing.assert_array_equal(found.stopping | found.calibration, validation)
    assert not found.are_shared
    n = int(validation.sum())
    assert found.calibration.sum() == percent * n // 100  # ⌊n·share⌋, by whole numbers
    assert found.stopping.any() == bool(n)


def test_a_share_of_0_has_all_rows_serve_both():
    validation = np.array([True, False, True, True])
    found = calibration.divided(validation, 0.0, 3)
    np.testing.assert_array_equal(found.stopping, validation)
    np.testing.assert_array_equal(found.calibration, validation)
    assert found.are_shared
    assert not calibration.divided(np.zeros(4, bool), 0.0, 3).are_shared


def test_the_rows_follow_the_seed_and_nothing_else():
    validation = np.arange(400) % 3 == 0
    first, again, other = (calibration.divided(validation, 0.5, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.calibration, again.calibration)
    assert (first.calibration != other.calibration).any()
    digest = hashlib.sha256(np.packbits(first.calibration).tobytes()).hexdigest()
    assert digest[:12] == "47433b4bee5c"  # a model of today finds its rows tomorrow


def test_rows_drawn_are_spread_over_the_table():
    drawn = np.flatnonzero(calibration.divided(np.ones(10_000, bool), 0.5, 0).calibration)
    assert abs(drawn.mean() - 5_000) < 100  # 3.5 standard errors of 29
