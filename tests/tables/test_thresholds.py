"""The best threshold: against all thresholds tried by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nntool.tables import answers
from nntool.tables.metrics import DECISIONS, Scored, Undefined
from nntool.tables.thresholds import best


def by_hand(metric, truth, p, threshold):
    """The metric with this threshold; None where it has none."""
    both = np.column_stack([1 - p, p])
    decided = answers.at_threshold(both, 1, threshold)
    try:
        return DECISIONS[metric].compute(Scored(truth.astype(int), decided, both, 2, 1))
    except Undefined:
        return None


def every_threshold(p):
    steps = np.unique(np.concatenate(([0.0, 0.5, 1.0], p)))
    return np.unique(np.concatenate((steps, (steps[1:] + steps[:-1]) / 2)))


rows = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 0.2, 0.31, 0.5, 0.8, 1.0]) | st.floats(0, 1)),
    min_size=1,
    max_size=10,
)


@pytest.mark.parametrize("metric", DECISIONS)
@given(rows=rows)
@settings(deadline=None, max_examples=60)
def test_no_threshold_is_better(metric, rows):
    truth, p = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    tried = {t: by_hand(metric, truth, p, t) for t in every_threshold(p)}
    values = [value for value in tried.values() if value is not None]
    if not values:
        with pytest.raises(Undefined):
            best(metric, truth, p)
        return
    found = best(metric, truth, p)
    assert 0 <= found.threshold <= 1
    assert found.value == pytest.approx(max(values), abs=1e-12)
    assert by_hand(metric, truth, p, found.threshold) == pytest.approx(found.value, abs=1e-12)
    assert found.at_half == pytest.approx(tried[0.5], abs=1e-12)


def test_of_equally_good_thresholds_it_is_the_one_nearest_a_half():
    truth, p = np.array([False, True]), np.array([0.1, 0.7])
    assert best("f1", truth, p).threshold == 0.5
    assert best("f1", truth, np.array([0.1, 0.3])).threshold == 0.2
    assert best("recall", truth, np.array([0.6, 0.9])).threshold == 0.5
    assert best("recall", truth, np.array([0.1, 0.9])).threshold == 0.5  # from 0 on it is as good
    alike = np.array([False, True, False, True])  # either side of the middle, as good
    assert best("accuracy", alike, np.array([0.1, 0.3, 0.75, 0.95])).threshold in (0.2, 0.8)


def test_a_threshold_is_a_short_number_between_two_probabilities():
    found = best("accuracy", np.array([False, True]), np.array([0.361234, 0.381111]))
    assert found.threshold == 0.37
    close = np.array([0.3, 0.3 + 1e-9])
    assert close[0] < best("accuracy", np.array([False, True]), close).threshold < close[1]


def test_a_threshold_is_neither_of_the_probabilities_that_it_lies_between():
    """Nor is it 0, below the least one: all of them may be printed rounded, and read again."""
    truth, p = np.array([False, True]), np.array([0.26, 0.3])
    assert best("accuracy", truth, p).threshold == 0.28
    assert best("accuracy", np.array([True, True]), np.array([0.06, 0.9])).threshold == 0.03


def test_a_threshold_may_call_all_rows_positive_or_none():
    p = np.array([0.6, 0.7, 0.8])
    assert best("accuracy", np.array([True] * 3), p).value == 1
    none = best("accuracy", np.array([False] * 3), p)
    assert (none.value, none.at_half) == (1, 0)
    assert none.threshold > 0.8


def test_what_is_sure_cannot_be_called_negative():
    found = best("accuracy", np.array([False, False]), np.array([1.0, 0.2]))
    assert found.value == 0.5


def test_a_metric_without_a_value_says_so():
    with pytest.raises(Undefined, match="no row is of the positive class"):
        best("recall", np.array([False, False]), np.array([0.2, 0.7]))


def test_only_metrics_of_decisions_depend_on_a_threshold():
    for name in ("f1", "accuracy", "balanced-accuracy", "mcc", "precision", "recall", "kappa"):
        assert name in DECISIONS
    assert not {"auc", "pr-auc", "log-loss", "brier", "ece"} & set(DECISIONS)


def test_between_probabilities_that_are_neighbours_the_upper_one_is_the_threshold():
    p = np.array([0.0, 5e-324])
    assert best("accuracy", np.array([False, True]), p).threshold == 5e-324
    p = np.array([0.3, np.nextafter(0.3, 1)])
    assert best("accuracy", np.array([False, True]), p).threshold == p[1]
