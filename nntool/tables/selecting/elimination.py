"""Recursive elimination: from all features, always without the worst."""

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nntool.tables.choices import setting
from nntool.tables.selecting.judged import Judged, Ranking, Tools
from nntool.tables.selecting.networks import importances

Numbers = npt.NDArray[np.float64]
REPEATS = 5
"""Shuffles of each feature in a round of ``by=network``."""


@dataclass(frozen=True)
class RecursiveElimination:
    """How much a model leans on a feature in the last round that still had it.

    Each round fits a model on the features left, and drops the worst ``drop`` of them, one at
    least, until one is left, or --top. ``by=linear``: a logistic regression (L2, C = 1), for
    numbers a ridge (λ = 1), on columns of spread 1; a column has |w|, a feature of several the
    standard deviation of its share Σxw of the output. ``by=network``: permutation importance.
    Source: Guyon, Weston, Barnhill and Vapnik 2002, Machine Learning 46.
    Use: where features share what they say, so that one counts only once others are gone.
    """

    by: str = setting("linear", "What says which is worst.", choices=("linear", "network"))
    drop: float = setting(0.2, "The share of the features left that a round drops.", gt=0, lt=1)
    max_rows: int = setting(10_000, "Rows, a seeded sample, that are looked at.", ge=10)

    def rank(self, judged: Judged, top: int | None, tools: Tools) -> Ranking:
        """Drop features round by round; the last to go is the best."""
        judged.require(2, "rfe")
        left = list(range(len(judged.blocks)))
        scores = [0.0] * len(left)
        gone: list[int] = []
        fewest = min(top or 1, len(left))
        n_rounds = 0
        while True:
            told = _Counting(tools, len(gone), len(scores) - fewest, n_rounds)
            told()
            found = self._importances(judged.some(left), tools._replace(told=told))
            for i, value in zip(left, found, strict=True):
                scores[i] = value
            n_rounds += 1
            if len(left) <= fewest:
                break
            n_worst = min(max(1, int(self.drop * len(left))), len(left) - fewest)
            # of equally bad ones the later goes
            worst = sorted(left, key=lambda i: (scores[i], -i))[:n_worst]
            gone += worst
            left = [i for i in left if i not in worst]
        best = sorted(left, key=lambda i: -scores[i])
        note = f"recursive elimination took {n_rounds} rounds, one {self.by} model in each"
        return Ranking(scores, best + gone[::-1], [note])

    def _importances(self, judged: Judged, tools: Tools) -> list[float]:
        if self.by == "network":
            found = importances(judged, tools, 1, REPEATS, tools.told)
            return [float(mean) for mean in found.mean(axis=0)]
        designs = [block.design() for block in judged.blocks]
        weights = linear_weights(np.column_stack(designs), judged)
        ends = np.cumsum([design.shape[1] for design in designs])
        parts = np.split(weights, ends[:-1], axis=1)
        return [
            float(np.sqrt((design @ part.T).var(axis=0).sum()))
            for design, part in zip(designs, parts, strict=True)
        ]


@dataclass(frozen=True)
class _Counting:
    """Tells how many features are gone, whatever the network of a round has to say."""

    tools: Tools
    n_gone: int
    n_to_go: int
    n_rounds: int

    def __call__(self, done: float = 0.0, total: float = 1.0, what: str = "") -> None:
        said = f"features eliminated, round {self.n_rounds + 1}"
        self.tools.told(self.n_gone, max(1, self.n_to_go), said)


def linear_weights(x: npt.NDArray[np.float32], judged: Judged) -> Numbers:
    """Give the weights `(q, d)` of a linear model on columns of mean 0 and spread 1."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, Ridge

    if judged.is_regression:
        model: Ridge | LogisticRegression = Ridge(1.0, solver="cholesky")
        y: npt.NDArray[np.generic] = judged.values()
    else:
        model, y = LogisticRegression(max_iter=300), judged.classes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a rough fit ranks as well
        model.fit(x.astype(np.float64), y)
    found: Numbers = np.atleast_2d(model.coef_)
    return found
