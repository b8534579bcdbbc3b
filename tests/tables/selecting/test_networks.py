import numpy as np
import pytest

from nntool.tables.choices import build
from nntool.tables.selecting import SCORES
from nntool.tables.selecting.judged import Tools
from nntool.tables.selecting.networks import L1Network, Permutation

RNG = np.random.default_rng(0)
N = 400
X = RNG.normal(size=(N, 3))


class Known:
    """In the place of a network: it knows that the target is the sum of the first two columns."""

    def losses(self, x, target):
        return (x[:, 0] + x[:, 1] - target) ** 2

    def norms(self):
        return np.array([3.0, 4.0, 0.0, 1.0])


@pytest.fixture
def lent():
    calls = []

    def trained(x, target, n_classes, *, l1, seed, told):
        calls.append((x.copy(), target, n_classes, l1, seed))
        told(0.5)
        return Known()

    seen = []
    return Tools(trained, lambda done, total, what: seen.append((done, total))), calls, seen


@pytest.fixture
def judged(features):
    """A pair of columns that is one feature, and two more."""
    x = (X - X.mean(axis=0)) / X.std(axis=0)
    y = x[:, 0] + x[:, 1]
    return features({"pair": x[:, :2], "c": x[:, 2], "d": RNG.normal(size=N)}, y)


def test_the_loss_grows_by_what_shuffled_cells_take_away(judged, lent) -> None:
    tools, calls, _ = lent
    # the target is scaled to a spread of 1, so what the stand-in knows is scaled with it
    scores = Permutation(repeats=20).rank(judged, None, tools).scores
    assert len(calls) == 3
    # shuffled together, columns of spread 1: E(sum − other sum)² − 0 and the target's own scale
    sums = X[:, :2].sum(axis=1)
    assert scores[0] == pytest.approx(2 * np.cov(sums, judged.values())[0, 1], rel=0.1)
    assert scores[1:] == [0, 0]


def test_each_network_learns_from_other_rows_than_it_is_judged_by(judged, lent) -> None:
    tools, calls, seen = lent
    Permutation(folds=4).rank(judged, None, tools)
    assert [len(x) for x, *_ in calls] == [300] * 4
    together = np.concatenate([x for x, *_ in calls])
    assert len(np.unique(together, axis=0)) == N  # each row in three of the four
    assert [seed for *_, seed in calls] == [0, 1, 2, 3]
    assert seen == [(0.5, 4), (1.5, 4), (2.5, 4), (3.5, 4)]
    calls.clear()
    Permutation(folds=1).rank(judged, None, tools)
    assert [len(x) for x, *_ in calls] == [300]


def test_a_feature_has_the_length_of_all_weights_from_its_columns(judged, lent) -> None:
    tools, calls, _ = lent
    ranking = L1Network().rank(judged, None, tools)
    assert ranking.scores == [5.0, 0.0, 1.0]
    assert ranking.order == [0, 2, 1]
    assert "without 1 of 3 features" in ranking.notes[0]
    ((x, _, n_classes, l1, _),) = calls
    assert (x.shape, n_classes) == ((N, 4), 0)
    assert l1 == pytest.approx(np.sqrt(np.log(5) / N) / 3)
    L1Network(rate=0.5).rank(judged, None, tools)
    assert calls[-1][3] == 0.5


def test_elimination_can_ask_a_network_in_each_round(judged, lent) -> None:
    tools, calls, _ = lent
    scorer = build(SCORES, "SCORES", {"name": "rfe", "by": "network"})
    ranking = scorer.rank(judged, 2, tools)
    assert [x.shape[1] for x, *_ in calls] == [4, 3]
    assert ranking.order[0] == 0
