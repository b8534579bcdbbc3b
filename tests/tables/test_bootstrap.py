"""Intervals: as wide as theory says, the same as a bootstrap by hand, whatever the grouping."""

import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nntool.tables import bootstrap
from nntool.tables.bootstrap import affordable, drawn, intervals
from nntool.tables.metrics import METRICS, Scored, Undefined

EVERY = [(task, name) for task, metrics in METRICS.items() for name in metrics]


def rng(seed=0):
    return np.random.default_rng(seed)


def made(task, n=60, seed=0):
    random = rng(seed)
    if task == "regression":
        truth = random.normal(5, 1, n)
        return Scored(truth, truth + random.normal(size=n))
    k = 2 if task == "binary" else 3
    p = random.dirichlet(np.ones(k), n).round(1)
    truth = random.integers(0, k, n)
    return Scored(truth, p.argmax(axis=1), p, k, k - 1)


def repeated(scored, counts):
    """The rows of a resample, one behind the other."""
    rows = np.repeat(np.arange(len(counts)), counts.astype(int))
    p = None if scored.probabilities is None else scored.probabilities[rows]
    k, positive = scored.n_classes, scored.positive
    return Scored(scored.target[rows], scored.predicted[rows], p, k, positive)


@pytest.mark.parametrize(("task", "name"), EVERY)
def test_an_interval_is_that_of_a_bootstrap_by_hand(task, name):
    scored = made(task)
    found = intervals(task, scored, rng(3), resamples=80, level=0.8)
    values, n_undefined = [], 0
    for counts in np.concatenate(list(drawn(60, 80, rng(3)))):
        try:
            values.append(METRICS[task][name].compute(repeated(scored, counts)))
        except Undefined:
            n_undefined += 1
    expected = np.quantile(values, [0.1, 0.9])
    if name == "ece":  # what resampling adds by itself is taken off
        added = np.mean(values) - METRICS[task][name].compute(scored)
        expected = np.maximum(expected - added, 0)
    assert found["metrics"][name] == pytest.approx(expected, rel=1e-9)
    assert found["undefined"].get(name, 0) == n_undefined


def test_a_resample_has_as_many_rows_as_there_are_each_as_likely():
    counts = np.concatenate(list(drawn(7, 4000, rng())))
    assert counts.shape == (4000, 7)
    assert (counts.sum(axis=1) == 7).all()
    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=0.06)
    np.testing.assert_allclose(counts.var(axis=0), 6 / 7, atol=0.1)  # binomial(7, 1/7)


@pytest.mark.parametrize("task", METRICS)
def test_the_grouping_of_resamples_changes_nothing(monkeypatch, task):
    expected = intervals(task, made(task), rng(), resamples=50)
    monkeypatch.setattr(bootstrap, "GROUP", 60 * 7)
    found = intervals(task, made(task), rng(), resamples=50)
    for name, bounds in expected["metrics"].items():
        assert found["metrics"][name] == pytest.approx(bounds, rel=1e-12)


def test_the_seed_says_which_rows_are_drawn():
    first, again, other = (intervals("binary", made("binary"), rng(s)) for s in (1, 1, 2))
    assert json.dumps(first) == json.dumps(again)
    assert first["metrics"] != other["metrics"]


def test_asked_for_alone_a_metric_has_the_interval_that_it_has_among_others():
    every = intervals("binary", made("binary"), rng())["metrics"]
    assert intervals("binary", made("binary"), rng(), names=["f1"])["metrics"] == {
        "f1": every["f1"]
    }


def test_the_interval_of_an_accuracy_is_that_of_a_binomial():
    truth = np.arange(400) < 300
    scored = Scored(truth.astype(int), np.ones(400, int), None, 2, 1)
    found = intervals("binary", scored, rng(), resamples=4000, level=0.9)["metrics"]["accuracy"]
    assert found == pytest.approx(stats.binom(400, 0.75).ppf([0.05, 0.95]) / 400, abs=0.004)


def test_the_interval_of_a_mean_is_that_of_a_normal():
    errors = rng().normal(10, 2, 900)
    found = intervals("regression", Scored(errors, np.zeros(900)), rng(), resamples=4000)
    half = 1.96 * errors.std() / 30
    expected = [errors.mean() - half, errors.mean() + half]
    assert found["metrics"]["mae"] == pytest.approx(expected, abs=0.012)


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_the_true_value_is_in_the_interval_as_often_as_the_level_says(level):
    random = rng(8)
    n_in = dict.fromkeys(("accuracy", "auc", "brier"), 0)
    repeats, n = 200, 150
    for _ in range(repeats):  # truth is drawn with the probability p that is predicted
        p = random.random(n)
        truth = (random.random(n) < p).astype(int)
        scored = Scored(truth, (p >= 0.5).astype(int), np.column_stack([1 - p, p]), 2, 1)
        found = intervals("binary", scored, random, resamples=300, level=level, names=list(n_in))
        exact = {"accuracy": 0.75, "auc": 5 / 6, "brier": 1 / 6}
        for name, value in exact.items():
            low, high = found["metrics"][name]
            n_in[name] += low <= value <= high
    slack = 4 * np.sqrt(level * (1 - level) / repeats)
    for inside in n_in.values():
        assert inside / repeats == pytest.approx(level, abs=slack)


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_the_interval_of_a_calibration_error_has_the_error_in_it(level):
    random = rng(4)
    for n in (30, 300):
        p = random.random(n)  # perfectly calibrated: what is found is chance
        truth = (random.random(n) < p).astype(int)
        scored = Scored(truth, (p >= 0.5).astype(int), np.column_stack([1 - p, p]), 2, 1)
        low, high = intervals("binary", scored, random, level=level, names=["ece"])["metrics"][
            "ece"
        ]
        assert 0 <= low <= METRICS["binary"]["ece"].compute(scored) <= high


def test_resamples_without_a_value_are_left_out_and_counted():
    truth = np.array([1, 0, 0, 0, 0, 0, 0, 0])
    p = np.linspace(0.9, 0.1, 8)
    scored = Scored(truth, (p >= 0.5).astype(int), np.column_stack([1 - p, p]), 2, 1)
    found = intervals("binary", scored, rng(), resamples=1000)
    without = stats.binom(8, 1 / 8).pmf(0)  # the one positive row is not drawn
    assert found["undefined"]["auc"] == pytest.approx(1000 * without, abs=50)
    assert found["metrics"]["auc"] == [1, 1]
    assert "accuracy" not in found["undefined"]


def test_with_fewer_than_half_of_the_resamples_there_is_no_interval():
    scored = Scored(np.array([3.0, 3.0]), np.array([1.0, 2.0]))
    found = intervals("regression", scored, rng(), resamples=100)
    assert (found["metrics"]["r2"], found["undefined"]["r2"]) == (None, 100)
    two = Scored(np.array([3.0, 4.0]), np.array([1.0, 2.0]))
    seen = set()
    for seed in range(8):  # every other resample has one of the two values twice
        found = intervals("regression", two, rng(seed), resamples=100)
        assert (found["metrics"]["r2"] is None) == (found["undefined"]["r2"] > 50)
        seen.add(found["metrics"]["r2"] is None)
    assert seen == {False, True}


def test_what_the_rows_cannot_say_has_no_interval():
    no_p = Scored(np.array([0, 1, 1]), np.array([0, 1, 0]), None, 2, 1)
    found = intervals("binary", no_p, rng(), resamples=50)
    assert found["metrics"]["auc"] is None
    assert found["metrics"]["accuracy"] is not None
    empty = Scored(np.zeros(0), np.zeros(0))
    assert set(intervals("regression", empty, rng())["metrics"].values()) == {None}


def test_many_rows_are_drawn_less_often_and_it_is_told(monkeypatch):
    assert affordable(1000, 100_000) == 1000
    assert affordable(50, 10**9) == 50
    assert affordable(1000, 100_000, n_classes=100) == 200
    monkeypatch.setattr(bootstrap, "MAX_DRAWS", 60 * 300)
    found = intervals("regression", made("regression"), rng())
    assert (found["asked"], found["resamples"]) == (1000, 300)


def test_curves_of_very_many_classes_are_not_drawn_again(monkeypatch):
    monkeypatch.setattr(bootstrap, "MAX_SORTED", 100)
    found = intervals("multiclass", made("multiclass"), rng(), resamples=20)["metrics"]
    assert {name for name, bounds in found.items() if bounds is None} == {
        "auc",
        "auc-weighted",
        "pr-auc",
        "pr-auc-weighted",
    }


@given(
    numbers=st.lists(
        st.tuples(st.floats(allow_nan=False), st.floats(allow_nan=False)), min_size=1, max_size=5
    )
)
@settings(deadline=None, max_examples=60)
def test_numbers_of_any_size_have_intervals_that_are_numbers_or_none(numbers):
    truth, said = (np.array(column) for column in zip(*numbers, strict=True))
    found = intervals("regression", Scored(truth, said), rng(), resamples=20)
    json.dumps(found, allow_nan=False)


@given(
    pairs=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=6),
    with_p=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_few_rows_have_intervals_that_are_numbers_or_none(pairs, with_p):
    truth, said = (np.array(column) for column in zip(*pairs, strict=True))
    p = np.eye(3)[said] if with_p else None
    found = intervals("multiclass", Scored(truth, said, p, 3, 2), rng(), resamples=20)
    json.dumps(found, allow_nan=False)


def test_a_thousand_classes_take_no_matrix_for_each_resample():
    truth, answer = rng().integers(0, 1000, (2, 300))
    rows = Scored(truth, answer, n_classes=1000)
    tracemalloc.start()
    try:
        found = intervals("multiclass", rows, rng(), resamples=200, names=["accuracy", "kappa"])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found["metrics"]["kappa"] is not None
    assert peak < 200e6  # a million cells for each of 200 resamples would be 1.6 GB
