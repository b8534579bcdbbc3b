import numpy as np
import pytest
from sklearn.linear_model import Ridge

from nntool.tables.selecting.forward import Forward
from nntool.tables.selecting.judged import Tools

RNG = np.random.default_rng(0)
N = 240
X = RNG.normal(size=(N, 4))
LEVEL = RNG.integers(0, 3, N)
Y = X[:, 0] + 0.5 * X[:, 2] + np.array([0, 1, -1])[LEVEL] + 0.3 * RNG.normal(size=N)
CLASSES = np.digitize(Y, [-1, 0.5])


def held_out_r2(designs, y, seed, folds=3):
    """The same search with scikit-learn's Ridge, fold by fold."""
    fold = np.random.default_rng(seed).permutation(N) % folds
    error = spread = 0.0
    for f in range(folds):
        train, held = fold != f, fold == f
        mean = y[train].mean(axis=0)
        spread += ((y[held] - mean) ** 2).sum()
        if not designs:
            error = spread
            continue
        x = np.column_stack(designs).astype(float)
        # a ridge that spares the constant, on columns whose mean is that of all rows
        told = Ridge(1.0, solver="cholesky").fit(x[train], y[train]).predict(x[held])
        error += ((y[held] - told.reshape(y[held].shape)) ** 2).sum()
    return 1 - error / spread


@pytest.mark.parametrize("task", ["regression", "multiclass"])
def test_each_round_adds_what_a_ridge_foretells_most_with(features, no_tools, task) -> None:
    columns = {f"x{i}": X[:, i] for i in range(4)} | {"level": LEVEL}
    target = Y if task == "regression" else CLASSES
    judged = features(columns, target, task, ("level",))
    ranking = Forward().rank(judged, 5, no_tools)
    designs, y = [block.design() for block in judged.blocks], judged.indicators()
    chosen, before = [], 0.0
    for added in ranking.order:
        r2 = {
            i: held_out_r2([designs[s] for s in [*chosen, i]], y, judged.seed)
            for i in range(5)
            if i not in chosen
        }
        assert added == max(r2, key=r2.get)
        assert ranking.scores[added] == pytest.approx(r2[added] - before, abs=1e-8)
        chosen, before = [*chosen, added], r2[added]


def test_it_ends_when_nothing_helps_and_says_how_many_models_that_took(planted, no_tools) -> None:
    ranking = Forward(least=0.01).rank(planted, None, no_tools)
    (note,) = ranking.notes
    # 20, 19, 18 and, to see that no more helps, 17 features in each of 3 folds
    assert f"added 3 of 20 features by {3 * (20 + 19 + 18 + 17)} fits" in note
    assert all(ranking.scores[i] <= 0.01 for i in ranking.order[3:])


def test_the_number_of_rounds_is_bounded(planted, no_tools) -> None:
    (note,) = Forward(least=0, most=2).rank(planted, None, no_tools).notes
    assert "added 2 of 20 features" in note


def test_a_twin_adds_nothing(features, no_tools) -> None:
    judged = features({"x": X[:, 0], "twin": X[:, 0], "z": X[:, 2]}, Y)
    ranking = Forward().rank(judged, None, no_tools)
    assert ranking.order == [0, 2, 1]
    assert ranking.scores[1] < 0.001


def test_who_listens_can_stop_it(planted) -> None:
    def stop(done, total, what):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Forward().rank(planted, None, Tools(None, stop))
