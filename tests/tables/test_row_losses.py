"""The losses of rows: their means are scikit-learn's metrics."""

import numpy as np
import pytest
from sklearn import metrics as reference

from nntool.tables.row_losses import constant_answer, measure_of


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def test_log_loss(rng):
    target, p = rng.integers(0, 3, 50), rng.dirichlet([1, 1, 1], 50)
    measure = measure_of("multiclass", probabilities=True)
    losses = measure.losses(target, p.argmax(axis=1), p)
    assert measure.value(losses, target) == pytest.approx(reference.log_loss(target, p))
    assert (measure.metric, measure.higher_is_better) == ("log-loss", False)


def test_accuracy_where_there_are_no_probabilities(rng):
    target, decided = rng.integers(0, 2, 50), rng.integers(0, 2, 50)
    measure = measure_of("binary", probabilities=False)
    value = measure.value(measure.losses(target, decided, None), target)
    assert value == pytest.approx(reference.accuracy_score(target, decided))
    assert measure.higher_is_better


def test_r2(rng):
    target = rng.normal(size=50)
    decided = target + rng.normal(size=50)
    measure = measure_of("regression", probabilities=False)
    value = measure.value(measure.losses(target, decided, None), target)
    assert value == pytest.approx(reference.r2_score(target, decided))
    assert np.isnan(measure.value(np.ones(3), np.full(3, 7.0)))


def test_another_quantile_than_the_median_has_its_pinball_loss(rng):
    target, decided = rng.normal(size=50), rng.normal(size=50)
    measure = measure_of("regression", probabilities=False, tau=0.9)
    value = measure.value(measure.losses(target, decided, None), target)
    assert value == pytest.approx(reference.mean_pinball_loss(target, decided, alpha=0.9))
    assert (measure.metric, measure.higher_is_better) == ("pinball", False)
    assert measure_of("regression", probabilities=False, tau=0.5).metric == "r2"


@pytest.mark.parametrize(
    ("task", "tau"), [("regression", 0.5), ("regression", 0.8), ("binary", 0.5)]
)
def test_no_constant_is_better_in_training_than_the_constant_answer(rng, task, tau):
    target = rng.integers(0, 2, 99) if task == "binary" else rng.exponential(size=99)
    measure = measure_of(task, probabilities=task == "binary", tau=tau)
    decided, p = constant_answer(task, target, 99, 2, tau)
    best = measure.losses(target, decided, p).mean()
    for _ in range(50):
        other = decided + rng.normal(scale=0.2)
        share = np.clip(rng.normal(target.mean(), 0.1), 0.01, 0.99)
        q = None if p is None else np.tile([1 - share, share], (99, 1))
        assert measure.losses(target, other, q).mean() >= best - 1e-12
