"""Scores by a small network: how much it leans on a feature, and which it does without.

The layer above trains them; here is what is asked of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from nntool.tables.choices import setting
from nntool.tables.selecting.judged import Fitted, Judged, Ranking, Told, Tools, by_score

Numbers = npt.NDArray[np.float64]
HELD_OUT = 4
"""One row in so many is held out where there is one network only."""


@dataclass(frozen=True)
class Permutation:
    """By how much the loss of a small network grows when the feature's cells are shuffled.

    Score = mean over repeats and folds of loss(feature shuffled among the held-out rows) − loss,
    in nats for classes, in variances of the target for numbers; about 0 for what it does not use.
    Each network learns from a part of the training rows and is judged on the rest of them. All
    columns of a feature are shuffled together; two that repeat each other share the score.
    Source: Breiman 2001, Machine Learning 45; Fisher, Rudin and Dominici 2019, JMLR 20.
    Use: where features act together or their effect is bent: it asks the kind of model that
    `train` makes.
    """

    folds: int = setting(3, "Networks, each judged on another part; 1 holds out a quarter.", ge=1)
    repeats: int = setting(5, "Shuffles of each feature in each part.", ge=1)
    max_rows: int = setting(10_000, "Rows, a seeded sample, that are looked at.", ge=10)

    def rank(self, judged: Judged, top: int | None, tools: Tools) -> Ranking:
        """Train, shuffle, and rank by the mean growth of the loss."""
        judged.require(max(4, 2 * self.folds), "permutation")
        found = importances(judged, tools, self.folds, self.repeats, tools.told)
        return by_score(found.mean(axis=0).tolist())


@dataclass(frozen=True)
class L1Network:
    """The length of the weights that a small network sends out from the feature, under L1.

    Loss + λ·Σ|w| over the weights of the first layer, with proximal steps, so that weights of no
    use become exactly 0; score = √Σw² over all weights from the feature's columns. λ is ``rate``,
    or, unset, √(ln(d + 1)/n)/3 for d columns and n rows, 0.01 at least. Inputs have spread 1.
    Source: Tibshirani 1996, J. Royal Stat. Soc. B 58.
    Use: to find few of many features at once; what has exactly 0 was not needed beside the others.
    """

    rate: float | None = setting(None, "λ; unset: by the number of columns and rows.", gt=0)
    max_rows: int = setting(10_000, "Rows, a seeded sample, that it learns from.", ge=10)

    def rank(self, judged: Judged, top: int | None, tools: Tools) -> Ranking:
        """Train one network and rank by the weights that are left."""
        judged.require(4, "l1-network")
        designs = [block.design() for block in judged.blocks]
        x = np.column_stack(designs)
        rate = self.rate or max(0.01, sqrt(log(x.shape[1] + 1) / judged.n_rows) / 3)
        fitted = tools.trained(
            x,
            judged.coded(),
            judged.n_classes,
            l1=rate,
            seed=judged.seed,
            told=lambda share: tools.told(share, 1, "of the network is trained"),
        )
        ends = np.cumsum([design.shape[1] for design in designs])
        parts = np.split(fitted.norms(), ends[:-1])
        scores = [float(np.sqrt((part**2).sum())) for part in parts]
        n_zeros = sum(not score for score in scores)
        note = f"the network under L1 (λ = {rate:.3g}) does without {n_zeros} of {len(scores)}"
        return by_score(scores, [f"{note} features"])


def importances(judged: Judged, tools: Tools, folds: int, repeats: int, told: Told) -> Numbers:
    """Give the growth of the loss `(folds·repeats, m)` when each feature is shuffled."""
    designs = [block.design() for block in judged.blocks]
    x, target = np.column_stack(designs), judged.coded()
    ends = np.cumsum([design.shape[1] for design in designs])
    places = [slice(end - d.shape[1], end) for end, d in zip(ends, designs, strict=True)]
    rng = np.random.default_rng(judged.seed)
    part = rng.permutation(judged.n_rows) % (folds if folds > 1 else HELD_OUT)
    found: list[list[float]] = []
    for fold in range(folds):
        held = part == fold
        fitted = tools.trained(
            x[~held],
            target[~held],
            judged.n_classes,
            l1=0.0,
            seed=judged.seed + fold,
            told=lambda share, before=fold: told(before + share, folds, "networks trained"),  # type: ignore[misc] # the default holds the number of this round
        )
        rows, truth = x[held], target[held]
        orders = [rng.permutation(len(rows)) for _ in range(repeats)]
        found += [_growth(fitted, rows, truth, places, order) for order in orders]
    return np.array(found)


def _growth(
    fitted: Fitted,
    rows: npt.NDArray[np.float32],
    truth: npt.NDArray[Any],
    places: Sequence[slice],
    order: npt.NDArray[np.int64],
) -> list[float]:
    """By how much the mean loss grows when the columns of each feature are put in this order."""
    plain = fitted.losses(rows, truth).mean()
    grown = []
    for where in places:
        own = rows[:, where].copy()
        rows[:, where] = own[order]
        grown.append(float(fitted.losses(rows, truth).mean() - plain))
        rows[:, where] = own
    return grown
