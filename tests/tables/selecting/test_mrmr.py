import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from nntool.tables.selecting.mrmr import MRMR, shared_information

RNG = np.random.default_rng(0)
N = 4000
A, B, C = (RNG.integers(0, 4, N) for _ in range(3))
Y = 2 * (A > 1) + (B > 1)
COPY = np.where(RNG.random(N) < 0.05, C, A)
WEAK = np.where(RNG.random(N) < 0.5, C, B)
COLUMNS = {"copy": COPY, "a": A, "weak": WEAK}


def information(a, b):
    return max(0.0, mutual_info_score(a, b) - np.ptp(a) * np.ptp(b) / (2 * N))


@pytest.fixture
def judged(features):
    return features(COLUMNS, Y, "multiclass", tuple(COLUMNS))


def test_information_is_that_of_scikit_learn_less_what_chance_shares() -> None:
    assert shared_information(A, Y) == pytest.approx(information(A, Y), abs=1e-12)
    assert shared_information(A, C) == pytest.approx(information(A, C), abs=1e-12)


def test_a_copy_comes_after_what_says_less_but_something_new(judged, no_tools) -> None:
    assert information(COPY, Y) > 2 * information(WEAK, Y)
    ranking = MRMR().rank(judged, None, no_tools)
    assert [list(COLUMNS)[i] for i in ranking.order] == ["a", "weak", "copy"]


def test_each_round_adds_what_is_largest_less_its_mean_with_the_chosen(judged, no_tools) -> None:
    ranking = MRMR().rank(judged, None, no_tools)
    columns, chosen = list(COLUMNS.values()), []
    for added in ranking.order:
        left = {
            i: information(columns[i], Y)
            - np.mean([information(columns[i], columns[s]) for s in chosen] or [0])
            for i in range(3)
            if i not in chosen
        }
        assert added == max(left, key=left.get)
        assert ranking.scores[added] == pytest.approx(left[added], abs=1e-9)
        chosen.append(added)


def test_with_top_no_more_are_told_apart_than_asked_for(judged, no_tools) -> None:
    whole, two = (MRMR().rank(judged, top, no_tools) for top in (None, 2))
    assert two.order[:2] == whole.order[:2]
    assert sorted(two.order) == list(range(3))
