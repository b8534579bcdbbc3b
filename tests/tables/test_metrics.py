"""Each metric is what scikit-learn says, or its closed form: also with ties and absent classes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from nntool.tables.metrics import METRICS, Samples, Scored, Undefined
from nntool.tables.metrics.ranking import areas, rank

EVERY = [(task, name) for task, metrics in METRICS.items() for name in metrics]
N = 240


def made(task, n=N, seed=0, *, classes=4, ties=False, only=None):
    """Rows of a task; with ties, probabilities in quarters; ``only`` names the true classes."""
    rng = np.random.default_rng(seed)
    if task == "regression":
        truth = rng.normal(5, 1, n).round(1 if ties else 9)
        return Scored(truth, truth + rng.normal(size=n).round(0 if ties else 9), tau=0.8)
    k = 2 if task == "binary" else classes
    truth = rng.choice(np.arange(k) if only is None else only, n)
    p = rng.dirichlet(np.ones(k), n)
    if ties:
        p = (rng.multinomial(4, np.full(k, 1 / k), n)) / 4
    p = 0.7 * p + 0.3 * np.eye(k)[truth] if not ties else p
    return Scored(truth, p.argmax(axis=1), p, k, positive=k - 1)


def reference(references, task, name, scored):
    extra = scored.tau if task == "regression" else scored.positive
    found = references[task][name](scored.target, scored.predicted, scored.probabilities, extra)
    return pytest.approx(found, rel=1e-9, abs=1e-12)


def test_every_metric_has_a_reference(reference_metrics):
    assert all(name in reference_metrics[task] for task, name in EVERY)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(("task", "name"), EVERY)
def test_a_metric_is_what_the_reference_says(reference_metrics, task, name, ties):
    scored = made(task, ties=ties)
    value = METRICS[task][name].compute(scored)
    assert value == reference(reference_metrics, task, name, scored)


@pytest.mark.parametrize("name", METRICS["binary"])
def test_the_positive_class_may_be_the_first(reference_metrics, name):
    scored = made("binary")
    scored.positive = 0
    value = METRICS["binary"][name].compute(scored)
    assert value == reference(reference_metrics, "binary", name, scored)


@pytest.mark.parametrize("name", METRICS["multiclass"])
def test_a_class_that_no_row_has_is_left_out_of_means(reference_metrics, name):
    scored = made("multiclass", only=[0, 1, 3])
    scored.predicted[scored.predicted == 2] = 0
    value = METRICS["multiclass"][name].compute(scored)
    assert value == reference(reference_metrics, "multiclass", name, scored)


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.parametrize("name", METRICS["multiclass"])
def test_a_class_that_is_only_predicted_counts_as_the_reference_counts_it(reference_metrics, name):
    scored = made("multiclass", only=[0, 1, 3])
    assert (scored.predicted == 2).any()
    value = METRICS["multiclass"][name].compute(scored)
    assert value == reference(reference_metrics, "multiclass", name, scored)


OF_ONE_CLASS = {
    "auc": "all rows are of the positive class",
    "pr-auc": "all rows are of the positive class",
    "mcc": "all rows are of one class",
}


@pytest.mark.parametrize("name", METRICS["binary"])
def test_rows_of_one_class_have_a_value_or_a_reason(reference_metrics, name):
    scored = made("binary", only=[1])
    if name in OF_ONE_CLASS:
        with pytest.raises(Undefined) as reason:
            METRICS["binary"][name].compute(scored)
        assert str(reason.value) == OF_ONE_CLASS[name]
    elif name == "balanced-accuracy":  # the reference warns, and says the recall of that class
        assert METRICS["binary"][name].compute(scored) == np.mean(scored.predicted == 1)
    else:
        value = METRICS["binary"][name].compute(scored)
        assert value == reference(reference_metrics, "binary", name, scored)


@pytest.mark.parametrize("name", ["auc", "auc-weighted", "pr-auc", "pr-auc-weighted", "mcc"])
def test_one_of_several_classes_alone_has_no_curve(name):
    with pytest.raises(Undefined, match="all rows are of one class"):
        METRICS["multiclass"][name].compute(made("multiclass", only=[2]))


def test_agreement_that_could_not_fail_has_no_kappa():
    ones = np.ones(5, np.int64)
    with pytest.raises(Undefined, match="all rows are of one class and predicted as it"):
        METRICS["binary"]["kappa"].compute(Scored(ones, ones, None, 2, 1))


def test_a_sure_and_right_prediction_is_calibrated_and_a_sure_and_wrong_one_is_not():
    truth = np.array([0, 1, 1, 0])
    for p, expected in ((np.eye(2)[truth], 0.0), (np.eye(2)[1 - truth], 1.0)):
        scored = Scored(truth, truth, p, 2, 1)
        assert METRICS["binary"]["ece"].compute(scored) == expected


def test_confidence_on_a_bound_belongs_to_the_bin_below_it():
    p = np.array([[0.8, 0.2], [0.78, 0.22], [0.81, 0.19]])  # 0.8 = 12/15
    scored = Scored(np.array([1, 0, 0]), np.zeros(3, np.int64), p, 2, 1)
    below = abs((0 - 0.8) + (1 - 0.78))
    assert METRICS["binary"]["ece"].compute(scored) == pytest.approx((below + 0.19) / 3)


scores = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]), st.booleans()), min_size=2, max_size=12
)


@given(rows=scores)
@settings(deadline=None, max_examples=150)
def test_areas_are_those_of_scikit_learn_with_any_ties(rows):
    p, positive = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    ranking = rank(p, positive)
    roc, ap = areas(ranking, np.ones((1, positive.sum())), np.ones((1, (~positive).sum())))
    if positive.all() or not positive.any():
        assert np.isnan(roc).all()
        assert np.isnan(ap).all()
    else:
        assert roc[0] == pytest.approx(sk.roc_auc_score(positive, p), abs=1e-12)
        assert ap[0] == pytest.approx(sk.average_precision_score(positive, p), abs=1e-12)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(("task", "name"), EVERY)
def test_a_sample_counts_a_row_as_often_as_it_was_drawn(task, name, ties):
    scored = made(task, 40, ties=ties)
    rng = np.random.default_rng(1)
    drawn = rng.integers(0, 40, (30, 40))
    drawn[7] = 5  # the same row, again and again
    counts = np.array([np.bincount(row, minlength=40) for row in drawn], dtype=float)
    found = METRICS[task][name].of_samples(Samples(scored, counts))
    for value, rows in zip(found, drawn, strict=True):
        p = None if scored.probabilities is None else scored.probabilities[rows]
        own = Scored(
            scored.target[rows],
            scored.predicted[rows],
            p,
            scored.n_classes,
            scored.positive,
            scored.tau,
        )
        try:
            assert value == pytest.approx(METRICS[task][name].compute(own), rel=1e-9, abs=1e-12)
        except Undefined:
            assert np.isnan(value)


def test_a_sample_of_one_row_again_and_again_has_no_spread_to_explain():
    truth = np.random.default_rng(2).normal(1e6, 0.1, 50)
    counts = 50.0 * np.eye(50)
    counts[-1] = 1
    found = METRICS["regression"]["r2"].of_samples(Samples(Scored(truth, truth + 1), counts))
    assert np.isnan(found[:-1]).all()
    assert found[-1] == pytest.approx(sk.r2_score(truth, truth + 1))


def test_each_metric_says_what_it_is_and_when_to_use_it():
    for metrics in METRICS.values():
        for name, metric in metrics.items():
            lines = metric.doc.splitlines()
            assert lines[0].endswith((".", "½.")), name
            assert lines[-1].startswith("Use: "), name


def test_areas_of_a_hundred_thousand_rows_take_no_quadratic_time():
    scored = made("binary", 100_000)
    expected = sk.roc_auc_score(scored.target, scored.probabilities[:, 1])
    assert METRICS["binary"]["auc"].compute(scored) == pytest.approx(expected, rel=1e-12)
