import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, root_mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from nntool.tables import baselines, linear_model

RNG = np.random.default_rng(0)
N = 400
NUMERIC = RNG.normal(size=(N, 3)).astype(np.float32) * np.float32([1, 100, 0.01])
CODES = RNG.integers(0, 4, (N, 2)).astype(np.int32)
LEVELS = [4, 4]
NO_CODES = np.empty((N, 0), np.int32)
TRAIN = np.arange(N) < 300
TEST = ~TRAIN
CLASSES = ["a", "b", "c"]
LABELS = np.argmax(NUMERIC @ np.diag([1, 0.01, 100]) + RNG.normal(size=(N, 3)), axis=1)
AMOUNTS = 1000 + NUMERIC[:, 1] * 3 + 50 * CODES[:, 0] + RNG.normal(size=N)


def scored(task, target, codes=NO_CODES, train=TRAIN, test=TEST, **classes):
    rng = np.random.default_rng(1)
    levels, rows = LEVELS[: codes.shape[1]], baselines.Rows(NUMERIC, codes, target)
    return baselines.score(task, rows.at(train), rows.at(test), levels, rng, **classes)


def test_the_constant_baselines_agree_with_scikit_learn() -> None:
    found = scored("multiclass", LABELS, classes=CLASSES)["constant"]
    dummy = DummyClassifier(strategy="prior").fit(NUMERIC[TRAIN], LABELS[TRAIN])
    p = dummy.predict_proba(NUMERIC[TEST])
    assert found["metrics"]["accuracy"] == dummy.score(NUMERIC[TEST], LABELS[TEST])
    assert found["metrics"]["log-loss"] == pytest.approx(log_loss(LABELS[TEST], p))
    mean = DummyRegressor().fit(NUMERIC[TRAIN], AMOUNTS[TRAIN]).predict(NUMERIC[TEST])
    rmse = scored("regression", AMOUNTS)["constant"]["metrics"]["rmse"]
    assert rmse == pytest.approx(root_mean_squared_error(AMOUNTS[TEST], mean))


def test_logistic_regression_agrees_with_scikit_learn() -> None:
    found = scored("multiclass", LABELS, classes=CLASSES)["linear"]
    twin = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    p = twin.fit(NUMERIC[TRAIN], LABELS[TRAIN]).predict_proba(NUMERIC[TEST])
    assert found["metrics"]["log-loss"] == pytest.approx(log_loss(LABELS[TEST], p), rel=1e-3)
    assert found["model"] == "logistic regression"


def test_ridge_regression_with_codes_agrees_with_scikit_learn() -> None:
    found = scored("regression", AMOUNTS, CODES)["linear"]
    both = np.column_stack((NUMERIC, CODES))
    twin = make_pipeline(
        ColumnTransformer(
            [("n", StandardScaler(), [0, 1, 2]), ("c", OneHotEncoder(sparse_output=False), [3, 4])]
        ),
        Ridge(),
    )
    expected = twin.fit(both[TRAIN], AMOUNTS[TRAIN]).predict(both[TEST])
    rmse = root_mean_squared_error(AMOUNTS[TEST], expected)
    assert found["metrics"]["rmse"] == pytest.approx(rmse, rel=1e-3)


def test_rows_without_a_target_neither_train_nor_count() -> None:
    holes = LABELS.copy()
    holes[::7] = -1
    found = scored("multiclass", holes, classes=CLASSES)
    assert found["linear"]["rows"] == np.count_nonzero(holes[TEST] >= 0)
    gaps = AMOUNTS.copy()
    gaps[::7] = np.nan
    assert np.isfinite(scored("regression", gaps)["linear"]["metrics"]["r2"])


def test_a_class_that_training_lacks_has_probability_zero() -> None:
    found = scored("multiclass", LABELS, train=TRAIN & (LABELS > 0), classes=CLASSES)["linear"]
    assert sum(row[0] for row in found["confusion"]) == 0
    assert found["metrics"]["recall"] > 0.4


def test_one_class_in_training_leaves_the_linear_model_out_and_says_so() -> None:
    found = scored("binary", np.minimum(LABELS, 1), train=LABELS == 0, classes=["a", "b"])
    assert found["linear"]["reason"] == "training has one class only"
    assert found["constant"]["metrics"]["accuracy"] is not None


def test_large_tables_are_sampled_and_that_is_said(monkeypatch) -> None:
    monkeypatch.setattr(baselines, "MAX_ROWS", 50)
    first, again = (scored("multiclass", LABELS, CODES, classes=CLASSES) for _ in range(2))
    assert "sample of 50 training rows" in first["notes"][0]
    assert first == again


@pytest.mark.parametrize(("task", "target"), [("multiclass", LABELS), ("regression", AMOUNTS)])
def test_the_size_of_blocks_changes_nothing(monkeypatch, task, target) -> None:
    classes = {"classes": CLASSES} if task == "multiclass" else {}
    whole = scored(task, target, CODES, **classes)
    monkeypatch.setattr(baselines, "BLOCK", 7)
    again = scored(task, target, CODES, **classes)
    assert again["linear"]["metrics"] == pytest.approx(whole["linear"]["metrics"], rel=1e-9)


def test_no_convergence_is_a_note_and_no_warning(monkeypatch) -> None:
    monkeypatch.setattr(linear_model, "MOST_STEPS", 1)
    assert "converged" in scored("multiclass", LABELS, classes=CLASSES)["notes"][0]


def test_a_column_that_differs_by_rounding_only_says_nothing_to_the_linear_model() -> None:
    nearly = np.full((N, 1), 5, np.float32)
    nearly[0] = np.nextafter(np.float32(5), np.float32(6))
    wild = nearly.copy()
    wild[TEST] = 7
    with_column = np.hstack([NUMERIC, wild])
    rng = np.random.default_rng(1)
    found, expected = (
        baselines.score("regression", rows.at(TRAIN), rows.at(TEST), [], rng)["linear"]
        for rows in (baselines.Rows(x, NO_CODES, AMOUNTS) for x in (with_column, NUMERIC))
    )
    assert found["metrics"]["rmse"] == pytest.approx(expected["metrics"]["rmse"], rel=0.05)
