import numpy as np
import pyarrow as pa
import pytest
from sklearn.preprocessing import TargetEncoder

from nntool.tables.operations.operation import Training
from nntool.tables.operations.target_mean import TargetMean, folds_of

N, SEED = 200, 4
RNG = np.random.default_rng(1)
LEVELS = RNG.choice([*"abcdefgh"], N)
CELLS = pa.array(LEVELS.tolist())
Y = RNG.normal(size=N) + (LEVELS == "a") * 2
CLASSES = RNG.integers(0, 3, N).astype(np.int32)
TASKS = {
    "regression": (Y, 0, "continuous"),
    "binary": ((Y > 0).astype(np.int32), 2, "binary"),
    "multiclass": (CLASSES, 3, "multiclass"),
}


def fitted(task, **settings):
    target, n_classes, _ = TASKS[task]
    operation = TargetMean(scaled=False, **settings)
    return operation, *operation.fit_to(CELLS, Training(target, n_classes, SEED))


@pytest.mark.parametrize("smooth", [None, 0.0, 10.0])
@pytest.mark.parametrize("task", TASKS)
def test_the_same_folds_give_the_numbers_of_scikit_learn(task, smooth) -> None:
    target, _, kind = TASKS[task]
    folds = folds_of(N, 5, SEED)
    splits = [(np.setdiff1d(np.arange(N), fold), fold) for fold in folds]
    theirs = TargetEncoder(target_type=kind, smooth="auto" if smooth is None else smooth, cv=splits)
    crossed = theirs.fit_transform(LEVELS[:, None], target)
    operation, state, apart = fitted(task, smooth=smooth)
    np.testing.assert_allclose(apart, crossed, atol=1e-6)
    later = ["a", "h", "never seen"]
    np.testing.assert_allclose(
        operation.apply(pa.array(later), state, {}),
        theirs.transform(np.array(later)[:, None]),
        atol=1e-6,
    )


def test_no_training_row_sees_its_own_target() -> None:
    _, _, apart = fitted("regression")
    for row in range(0, N, 29):
        other = Y.copy()
        other[row] += 1000
        _, again = TargetMean(scaled=False).fit_to(CELLS, Training(other, 0, SEED))
        assert again[row] == apart[row]


def test_columns_are_brought_to_spread_1_unless_levels_hardly_differ() -> None:
    _, apart = TargetMean(folds=2).fit_to(CELLS, Training((LEVELS == "a") * 9.0, 0, SEED))
    assert apart.mean() == pytest.approx(0, abs=1e-6)
    assert apart.std() == pytest.approx(1, abs=1e-6)
    ids = pa.array([str(i) for i in range(N)])
    _, apart = TargetMean().fit_to(ids, Training(Y, 0, SEED))
    assert apart.std() < 1, "the means of folds are noise, and are not blown up"


def test_a_missing_cell_is_a_level_and_an_unseen_one_the_mean_of_all() -> None:
    cells = pa.array([None, None, "x", "x"])
    operation = TargetMean(smooth=0.0, scaled=False)
    state, _ = operation.fit_to(cells, Training(np.array([1.0, 1, 3, 3]), 0, SEED))
    counts = {}
    found = operation.apply(pa.array([None, "x", "y"]), state, counts)
    assert found[:, 0].tolist() == [1, 3, 2]
    assert counts == {"unseen": 1}


@pytest.mark.parametrize("target", [[0], [1, 1]])
def test_too_few_rows_for_folds_give_finite_numbers(target) -> None:
    cells = pa.array(["a"] * len(target))
    state, apart = TargetMean().fit_to(cells, Training(np.array(target, np.int32), 2, SEED))
    assert np.isfinite(apart).all()
    assert np.isfinite(state["means"]).all()
