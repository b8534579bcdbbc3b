"""The small networks that judge features: what they learn, what they leave at 0, what they ask."""

import numpy as np
import pytest

from nntool.steps.small_networks import trained
from nntool.tables.choices import build
from nntool.tables.selecting import SCORES
from nntool.tables.selecting.judged import Block, Judged, Tools

TOOLS = Tools(trained, lambda done, total, what: None)
MATTER = {4, 11, 17}


def planted(task, bent, n=1000, d=20):
    """Twenty features; the target is a sum of three of them, or a product and a distance."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(n, d)).astype(np.float32)
    a, b, c = (x[:, i] for i in sorted(MATTER))
    y = a * b + np.abs(c) if bent else 1.5 * a - b + 0.7 * c
    y = y + 0.3 * rng.normal(size=n)
    if task != "regression":
        y = np.digitize(y, np.quantile(y, [0.5] if task == "binary" else [1 / 3, 2 / 3]))
    return Judged([Block(str(i), False, x[:, [i]]) for i in range(d)], y, task, 0)


@pytest.mark.parametrize("bent", [False, True], ids=["straight", "bent"])
@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
@pytest.mark.parametrize("name", ["l1-network", "permutation"])
def test_the_three_that_matter_come_first(task, bent, name):
    judged = planted(task, bent)
    ranking = build(SCORES, "SCORES", name).rank(judged, None, TOOLS)
    assert set(ranking.order[:3]) == MATTER
    # the least of those that matter is far above the best of those that do not
    assert ranking.scores[ranking.order[2]] > 3 * ranking.scores[ranking.order[3]]


def test_elimination_by_networks_finds_what_acts_together():
    scorer = build(SCORES, "SCORES", {"name": "rfe", "by": "network", "drop": 0.4})
    assert set(scorer.rank(planted("regression", bent=True), None, TOOLS).order[:3]) == MATTER


def test_more_l1_leaves_more_weights_at_exactly_0():
    judged = planted("regression", bent=False, n=300)
    zeros = [
        sum(
            score == 0
            for score in build(SCORES, "SCORES", {"name": "l1-network", "rate": rate})
            .rank(judged, None, TOOLS)
            .scores
        )
        for rate in (0.001, 0.03, 10.0)
    ]
    assert zeros[0] < zeros[1] <= 17
    assert zeros[2] == 20


@pytest.mark.parametrize(("n_classes", "name"), [(0, "regression"), (2, "binary"), (3, "more")])
def test_losses_are_those_of_each_row_and_better_than_a_constant(n_classes, name):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 2)).astype(np.float32)
    y = x[:, 0] - x[:, 1]
    target = np.digitize(y, np.quantile(y, np.arange(1, n_classes) / n_classes)) if n_classes else y
    fitted = trained(x, target, n_classes, l1=0.0, seed=0, told=lambda share: None)
    losses = fitted.losses(x, target)
    constant = np.log(n_classes) if n_classes else y.var()
    assert losses.shape == (600,)
    assert losses.mean() < 0.3 * constant
    np.testing.assert_allclose(fitted.losses(x[50:60], target[50:60]), losses[50:60], rtol=1e-4)
    assert (fitted.norms() > 0.1).all()


def test_the_same_seed_gives_the_same_network_and_another_another():
    judged = planted("binary", bent=False, n=200)
    x = np.column_stack([block.design() for block in judged.blocks])
    made = [
        trained(x, judged.coded(), 2, l1=0.0, seed=seed, told=lambda share: None).theta
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(made[0], made[1])
    assert (made[0] != made[2]).any()
