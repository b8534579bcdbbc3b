import numpy as np
import pytest
from sklearn.feature_selection import RFE
from sklearn.linear_model import LogisticRegression, Ridge

from nntool.tables.selecting.elimination import RecursiveElimination


def standardized(judged):
    return np.column_stack([block.design() for block in judged.blocks]).astype(float)


@pytest.mark.parametrize("top", [None, 5])
def test_features_go_in_the_order_of_scikit_learns_rfe(planted, no_tools, top) -> None:
    if planted.is_regression:
        estimator = Ridge(1.0, solver="cholesky")
    else:
        estimator = LogisticRegression(max_iter=300)
    theirs = RFE(estimator, n_features_to_select=top or 1, step=1)
    theirs.fit(standardized(planted), planted.coded())
    ours = RecursiveElimination(drop=0.01).rank(planted, top, no_tools)
    place = {i: rank for rank, i in enumerate(ours.order, start=1)}
    expected = {i: max(1, r + (top or 1) - 1) for i, r in enumerate(theirs.ranking_)}
    for i, rank in expected.items():
        assert place[i] == rank if theirs.ranking_[i] > 1 else place[i] <= (top or 1)


def test_a_round_drops_the_share_asked_for(planted, no_tools) -> None:
    (note,) = RecursiveElimination(drop=0.5).rank(planted, None, no_tools).notes
    assert "6 rounds" in note  # 20, 10, 5, 3, 2 and 1
    (note,) = RecursiveElimination(drop=0.5).rank(planted, 10, no_tools).notes
    assert "2 rounds" in note


def test_a_feature_of_several_columns_counts_by_what_it_moves(features, no_tools) -> None:
    rng = np.random.default_rng(0)
    level, x = rng.integers(0, 4, 500), rng.normal(size=500)
    y = x + 3.0 * (level == 0)
    judged = features({"x": x, "level": level}, y, categories=("level",))
    scores = RecursiveElimination().rank(judged, 2, no_tools).scores
    spread = 3.0 * (level == 0).std() / y.std()
    assert scores == [
        pytest.approx(1 / y.std() * x.std(), rel=0.02),
        pytest.approx(spread, rel=0.02),
    ]


def test_with_several_classes_all_outputs_count(features, no_tools) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2))
    judged = features({"a": x[:, 0], "b": x[:, 1]}, np.digitize(x[:, 0], [-0.5, 0.5]), "multiclass")
    model = LogisticRegression(max_iter=300).fit(standardized(judged), judged.coded())
    expected = np.sqrt((model.coef_**2).sum(axis=0))
    assert RecursiveElimination().rank(judged, 2, no_tools).scores == pytest.approx(expected)
