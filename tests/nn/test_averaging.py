"""Averages of weights: what is taken, when, and how often; torch's path is in ``test_oracles``."""

import tracemalloc

import numpy as np
import pytest

from nntool.nn.averaging import AVERAGES, EMA, SWA, Average
from nntool.nn.registry import describe
from nntool.nn.schedules import Moment

N_EPOCHS, PER_EPOCH = 8, 3


def averaged(average: Average, path: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Return the mean after all updates and how many it held after each."""
    mean, count, counts = np.full(path.shape[1], np.inf), 0, []
    for t, theta in enumerate(path, start=1):
        before = theta.copy()
        count = average.update(mean, theta, count, Moment(t, PER_EPOCH, N_EPOCHS))
        np.testing.assert_array_equal(theta, before)
        counts.append(count)
    return mean, counts


@pytest.fixture(name="path")
def _path() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((N_EPOCHS * PER_EPOCH, 5)).cumsum(0)


@pytest.mark.parametrize(("start", "first"), [(0.0, 1), (0.7, 6), (0.75, 6), (0.76, 7), (1.0, 8)])
def test_swa_is_the_mean_of_the_ends_of_epochs_from_its_share_on(
    start: float, first: int, path: np.ndarray
) -> None:
    mean, counts = averaged(SWA(from_=start), path)
    ends = path[PER_EPOCH - 1 :: PER_EPOCH][first - 1 :]
    np.testing.assert_allclose(mean, ends.mean(0), rtol=1e-12)
    assert counts[-1] == len(ends)
    assert counts.index(1) == first * PER_EPOCH - 1


def test_the_running_mean_takes_every_update_and_the_first_as_it_is(path: np.ndarray) -> None:
    d = 0.8
    shares = (1 - d) * d ** np.arange(len(path))[::-1]
    shares[0] /= 1 - d
    mean, counts = averaged(EMA(decay=d), path)
    np.testing.assert_allclose(mean, shares @ path, rtol=1e-12)
    assert counts == list(range(1, len(path) + 1))


def test_weights_that_stay_have_themselves_as_mean() -> None:
    theta = np.random.default_rng(2).standard_normal(9).astype(np.float32)
    for average in (EMA(decay=0.9), SWA(from_=0.0)):
        mean, _ = averaged(average, np.tile(theta, (N_EPOCHS * PER_EPOCH, 1)))
        np.testing.assert_array_equal(mean, theta)


@pytest.mark.parametrize("name", AVERAGES)
def test_an_average_allocates_nothing_to_speak_of(name: str) -> None:
    average, mean, theta = AVERAGES[name](), np.zeros(70_000, np.float32), np.ones(70_000, "f4")
    tracemalloc.start()
    try:
        for t in range(1, 5):
            average.update(mean, theta, t, Moment(t, 1, 4))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64_000
    assert mean.any()


@pytest.mark.parametrize("name", AVERAGES)
def test_it_says_when_to_use_it(name: str) -> None:
    assert "\nUse: " in describe(AVERAGES, name).doc
