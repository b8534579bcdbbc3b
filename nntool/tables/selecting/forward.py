"""Forward selection: from nothing, always the feature that helps a quick model most."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from nntool.tables.choices import setting
from nntool.tables.selecting.judged import Judged, Ranking, Tools

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Forward:
    """By how much a feature raised the share of the target that a linear model foretells.

    From none, each round adds the feature with which R² = 1 − Σ(y−ŷ)²/Σ(y−ȳ)² over held-out rows
    of the training part is largest; what it added then is its score. The model is least squares
    with a ridge, for classes on one 0/1 column each; a category has columns for its 30 most
    frequent levels. Rounds end when the best adds no more than ``least``, or with --top features;
    the others are ranked by what each would have added next.
    Source: Efroymson 1960, in Mathematical Methods for Digital Computers; by cross-validation.
    Use: for a short list whose members do not repeat each other, where effects are mostly linear.
    """

    folds: int = setting(3, "Parts of the training rows, each held out once.", ge=2)
    least: float = setting(0.0001, "A round that adds no more than this to R² is the last.", ge=0)
    ridge: float = setting(1.0, "What is added to each column's sum of squares.", gt=0)
    most: int = setting(50, "The most rounds there are without --top.", ge=1)
    max_rows: int = setting(10_000, "Rows, a seeded sample, that are looked at.", ge=10)

    def rank(self, judged: Judged, top: int | None, tools: Tools) -> Ranking:
        """Add features round by round; says how many models were fitted."""
        judged.require(self.folds, "forward")
        search = _Search(judged, self.folds, self.ridge)
        left = list(range(len(judged.blocks)))
        scores = [0.0] * len(left)
        order: list[int] = []
        n_rounds = min(top or self.most, len(left))
        before, n_fits = 0.0, 0
        while len(order) < n_rounds:
            for i, r2 in zip(left, search.r2_with_each(left), strict=True):
                scores[i] = r2 - before
            n_fits += len(left) * self.folds
            best = max(left, key=lambda i: scores[i])
            if top is None and scores[best] <= self.least:
                break
            search.add(best)
            before += scores[best]
            order.append(best)
            left.remove(best)
            tools.told(len(order), n_rounds, f"features added, {n_fits:,} models fitted")
        note = (
            f"forward selection added {len(order)} of {len(scores)} features by {n_fits:,} fits of"
            f" a linear model; together they foretell {max(before, 0.0):.1%} of the target's spread"
            " in held-out training rows"
        )
        return Ranking(scores, order + sorted(left, key=lambda i: -scores[i]), [note])


class _Search:
    """Least squares on the features chosen so far and one more, fold by fold, from products alone.

    With X the chosen columns and a constant, and Y the targets, both of the training folds, the
    weights are w = (XᵀX + λI)⁻¹XᵀY, the constant without λ. The squared error in the fold that is
    held out is ΣY² − 2·tr(wᵀXᵀY) + tr(wᵀXᵀXw) with its own products. A feature more is put behind
    the chosen ones by the inverse of a matrix of blocks.
    """

    def __init__(self, judged: Judged, folds: int, ridge: float) -> None:
        rng = np.random.default_rng(judged.seed)
        fold = rng.permutation(judged.n_rows) % folds
        blocks: list[Numbers] = [np.ones((judged.n_rows, 1))]
        blocks += [block.design().astype(np.float64) for block in judged.blocks]
        ends = np.cumsum([block.shape[1] for block in blocks])
        self._where = [slice(a, b) for a, b in pairwise(ends.tolist())]
        y = judged.indicators()
        self._x = [np.column_stack([block[fold == f] for block in blocks]) for f in range(folds)]
        self._y = [y[fold == f] for f in range(folds)]
        self._with_y = _held_and_rest([x.T @ y for x, y in zip(self._x, self._y, strict=True)])
        self._own = [
            _held_and_rest([x[:, where].T @ x[:, where] for x in self._x]) for where in self._where
        ]
        self._penalty = np.full(ends[-1], ridge)
        self._penalty[0] = 0
        self._chosen = np.zeros(1, np.intp)
        self._with_chosen = [x[:, :1].T @ x for x in self._x]
        self._spread = sum(fold.error_without for fold in self._solved())

    def add(self, feature: int) -> None:
        """Choose a feature."""
        where = self._where[feature]
        self._chosen = np.append(self._chosen, np.arange(where.start, where.stop))
        self._with_chosen = [
            np.vstack((products, x[:, where].T @ x))
            for products, x in zip(self._with_chosen, self._x, strict=True)
        ]

    def r2_with_each(self, features: Sequence[int]) -> list[float]:
        """Give R² over the held-out rows with the chosen features and each of these alone."""
        solved = self._solved()
        found = []
        for feature in features:
            where, own = self._where[feature], self._own[feature]
            error = sum(
                fold.error_with(where, *of, self._penalty[where])
                for fold, of in zip(solved, own, strict=True)
            )
            found.append(1 - error / self._spread if self._spread else 0.0)
        return found

    def _solved(self) -> "list[_Solved]":
        penalty = np.diag(self._penalty[self._chosen])
        return [
            _Solved(self._chosen, *products, *with_y, float((y**2).sum()), penalty)
            for products, with_y, y in zip(
                _held_and_rest(self._with_chosen), self._with_y, self._y, strict=True
            )
        ]


def _held_and_rest(products: Sequence[Numbers]) -> list[tuple[Numbers, Numbers]]:
    """For each fold: its own products, and those of all others together."""
    total = sum(products[1:], start=products[0])
    return [(held, total - held) for held in products]


class _Solved:
    """One fold with the chosen columns: what each further feature needs is found once."""

    def __init__(
        self,
        chosen: npt.NDArray[np.intp],
        held: Numbers,
        rest: Numbers,
        y_held: Numbers,
        y_rest: Numbers,
        squares: float,
        penalty: Numbers,
    ) -> None:
        self._held, self._rest = held, rest
        self._y_held, self._y_rest, self._squares = y_held, y_rest, squares
        self._chosen, self._among_held = chosen, held[:, chosen]
        inverse = np.linalg.inv(rest[:, chosen] + penalty)
        self._weights = inverse @ y_rest[chosen]
        self._told = inverse @ rest  # (s, d): each column as the chosen ones foretell it

    @property
    def error_without(self) -> float:
        """The squared error in the fold with the chosen columns alone."""
        return self._error(self._weights)

    def error_with(self, where: slice, held: Numbers, rest: Numbers, penalty: Numbers) -> float:
        """The squared error in the fold with a feature more, whose own products these are."""
        told = self._told[:, where]
        unexplained = rest - self._rest[:, where].T @ told + np.diag(penalty)
        more = np.linalg.solve(
            unexplained, self._y_rest[where] - told.T @ self._y_rest[self._chosen]
        )
        weights = self._weights - told @ more
        own = held @ more - 2 * self._y_held[where] + 2 * self._held[:, where].T @ weights
        return self._error(weights) + float((more * own).sum())

    def _error(self, weights: Numbers) -> float:
        hit = self._among_held @ weights - 2 * self._y_held[self._chosen]
        return self._squares + float((weights * hit).sum())
