import json

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st

from nntool.errors import UsageError
from nntool.tables.scores import METRICS, Requirement, failed, parse_requirement, score

RNG = np.random.default_rng(0)


def classes_case(n_classes: int, n: int = 300):
    logits = RNG.normal(size=(n, n_classes))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.where(RNG.random(n) < 0.5, p.argmax(axis=1), RNG.integers(0, n_classes, n))
    return truth, p.argmax(axis=1), p, [f"c{i}" for i in range(n_classes)]


def test_classes_are_scored_by_every_metric_of_their_task(reference_metrics) -> None:
    for task, n_classes in (("binary", 2), ("multiclass", 4)):
        truth, given_, p, classes = classes_case(n_classes)
        found = score(task, truth, given_, p, classes=classes)
        expected = {
            name: reference_metrics[task][name](truth, given_, p, n_classes - 1)
            for name in METRICS[task]
        }
        assert found["metrics"] == pytest.approx(expected, rel=1e-9)
        assert found["undefined"] == {}
        assert found["confusion"] == sk.confusion_matrix(truth, given_).tolist()
        table = sk.precision_recall_fscore_support(truth, given_)
        rows = [(r["precision"], r["recall"], r["f1"], r["rows"]) for r in found["per_class"]]
        np.testing.assert_allclose(rows, np.transpose(table))


def test_another_positive_class_turns_the_binary_metrics_round(reference_metrics) -> None:
    truth, given_, p, classes = classes_case(2)
    found = score("binary", truth, given_, p, classes=classes, positive=0)
    expected = {n: m(truth, given_, p, 0) for n, m in reference_metrics["binary"].items()}
    assert found["metrics"] == pytest.approx(expected, rel=1e-9)
    assert (found["positive"], found["undefined"]) == ("c0", {})


def test_numbers_are_scored_by_every_metric_of_theirs(reference_metrics) -> None:
    truth, given_ = RNG.normal(5, 1, 200), RNG.normal(5, 1, 200)
    expected = {n: m(truth, given_, None, 0.9) for n, m in reference_metrics["regression"].items()}
    found = score("regression", truth, given_, tau=0.9)["metrics"]
    assert found == pytest.approx(expected, rel=1e-9)


def test_a_better_prediction_scores_better() -> None:
    truth, _, p, classes = classes_case(3)
    sure = np.eye(3)[truth]
    right = score("multiclass", truth, truth, 0.9 * sure + 0.1 * p, classes=classes)["metrics"]
    wrong = score("multiclass", truth, (truth + 1) % 3, p, classes=classes)["metrics"]
    for name, metric in METRICS["multiclass"].items():
        assert (right[name] > wrong[name]) == metric.higher_is_better
    numbers = RNG.normal(3, 1, 50)
    near = score("regression", numbers, numbers + 0.1)["metrics"]
    far = score("regression", numbers, numbers + 5)["metrics"]
    for name, metric in METRICS["regression"].items():
        assert (near[name] > far[name]) == metric.higher_is_better


def test_rows_without_a_target_are_counted_and_not_scored() -> None:
    found = score("binary", [0, 1, -1], [0, 0, 1], classes=["a", "b"])
    assert (found["rows"], found["unscored"]) == (2, 1)
    assert found["metrics"]["accuracy"] == 0.5
    assert score("regression", [1.0, np.nan], [2.0, 7.0])["metrics"]["mae"] == 1


def test_one_class_only_leaves_curves_without_a_value() -> None:
    found = score("binary", [1, 1], [1, 0], [[0.2, 0.8], [0.6, 0.4]], classes=["a", "b"])
    assert found["metrics"]["auc"] is None
    assert found["undefined"]["auc"] == "all rows are of the positive class"
    assert found["undefined"]["mcc"] == "all rows are of one class"
    assert found["metrics"]["recall"] == 0.5
    assert "no scored row is of class a" in found["notes"][0]


def test_precision_without_a_positive_prediction_has_no_value() -> None:
    found = score("binary", [1, 0], [0, 0], classes=["a", "b"])
    assert found["metrics"]["precision"] is None
    assert (found["metrics"]["recall"], found["metrics"]["f1"]) == (0, 0)
    assert found["per_class"][1]["precision"] is None


def test_without_probabilities_the_metrics_that_need_them_say_so() -> None:
    found = score("binary", [0, 1], [0, 1], classes=["a", "b"])
    assert set(found["undefined"]) == {"auc", "pr-auc", "log-loss", "brier", "ece"}
    assert "no probabilities" in found["undefined"]["auc"]


def test_a_target_of_zero_leaves_mape_and_a_constant_one_r2_without_a_value() -> None:
    assert score("regression", [0.0, 1.0], [1.0, 1.0])["undefined"] == {
        "mape": "the target is 0 in 1 rows"
    }
    assert "r2" in score("regression", [2.0, 2.0], [1.0, 1.0])["undefined"]


def test_a_class_that_no_row_has_is_left_out_of_means() -> None:
    truth, given_, p, classes = classes_case(3)
    kept = truth < 2
    found = score("multiclass", truth[kept], given_[kept], p[kept], classes=classes)
    one_against_rest = [sk.roc_auc_score(truth[kept] == c, p[kept, c]) for c in (0, 1)]
    assert found["metrics"]["auc"] == pytest.approx(np.mean(one_against_rest))
    recalls = [np.mean(given_[truth == c] == c) for c in (0, 1)]
    assert found["metrics"]["balanced-accuracy"] == pytest.approx(np.mean(recalls))
    assert found["per_class"][2]["recall"] is None


@given(
    pairs=st.lists(st.tuples(st.integers(-1, 2), st.integers(0, 2)), max_size=8),
    with_p=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_whatever_is_scored_is_a_number_or_has_a_reason(pairs, with_p) -> None:
    truth, given_ = [t for t, _ in pairs], [g for _, g in pairs]
    p = np.eye(3)[given_] if with_p else None
    found = score("multiclass", truth, given_, p, classes=["a", "b", "c"])
    json.dumps(found, allow_nan=False)
    for name, value in found["metrics"].items():
        assert (value is None) == (name in found["undefined"])


@given(numbers=st.lists(st.tuples(st.floats(), st.floats(allow_nan=False)), max_size=5))
@settings(deadline=None, max_examples=60)
def test_numbers_of_any_size_give_a_number_or_a_reason(numbers) -> None:
    found = score("regression", [t for t, _ in numbers], [y for _, y in numbers])
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("accuracy>=0.9", Requirement("accuracy", ">=", 0.9)),
        (" mse < 1e-3 ", Requirement("mse", "<", 1e-3)),
        ("median-ae<=5", Requirement("median-ae", "<=", 5)),
    ],
)
def test_requirements_are_read(text, parsed) -> None:
    assert parse_requirement(text) == parsed


@pytest.mark.parametrize(
    "text", ["accuracy", "accuracy=0.9", "accuracy>=", ">=1", "auc>=nan", "a>b"]
)
def test_what_is_no_requirement_is_refused_with_the_metrics(text) -> None:
    with pytest.raises(UsageError) as caught:
        parse_requirement(text)
    assert "balanced-accuracy" in caught.value.hint


def test_metrics_of_another_task_are_refused() -> None:
    with pytest.raises(UsageError, match="'mse' is not a metric of a binary task"):
        parse_requirement("mse<=1", "binary")


def test_failed_requirements_are_said() -> None:
    scores = {"metrics": {"accuracy": 0.9, "auc": None}, "undefined": {"auc": "one class"}}
    asked = [parse_requirement(t) for t in ("accuracy>=0.9", "accuracy>0.9", "auc>=0")]
    assert failed(asked, scores) == [
        "accuracy is 0.9, required is > 0.9",
        "auc has no value (one class), required is >= 0",
    ]
