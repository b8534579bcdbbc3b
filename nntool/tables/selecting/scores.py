"""Scores that look at one feature at a time: mutual information, F test, χ² test."""

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nntool.tables.choices import setting
from nntool.tables.selecting.judged import Block, Judged, Ranking, Tools, binned, by_score
from nntool.tables.selecting.significance import chi2_significance, f_significance

Array = npt.NDArray[np.generic]
Numbers = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class MutualInformation:
    """How much knowing the feature tells of the target, in nats; 0 where they are independent.

    Counted where both are categories, else estimated from nearest neighbours (Kraskov,
    Stögbauer and Grassberger, 2004; Ross, 2014). A category is scored as a whole, whatever columns
    it has; any other feature of several columns by its best.
    Use: as the first choice: it also sees what is bent or goes up and down.
    """

    neighbors: int = setting(3, "Neighbours looked at: more are steadier and coarser.", ge=1)
    max_rows: int = setting(20_000, "Rows, a seeded sample, that it is estimated from.", ge=10)

    def rank(self, judged: Judged, top: int | None, tools: Tools) -> Ranking:
        """Score all columns at once; a feature's score is that of its best."""
        tools.told(0, len(judged.blocks), "features scored")
        columns, discrete, owners = [], [], []
        for owner, block in enumerate(judged.blocks):
            for values, is_discrete in _columns_to_score(block):
                columns.append(values)
                discrete.append(is_discrete)
                owners.append(owner)
        found = self.score(np.column_stack(columns), np.array(discrete), judged)
        scores = [0.0] * len(judged.blocks)
        for owner, value in zip(owners, found.tolist(), strict=True):
            scores[owner] = max(value, scores[owner])
        return by_score(scores)

    def score(self, x: Numbers, discrete: npt.NDArray[np.bool_], judged: Judged) -> Numbers:
        """Give the estimate for each column of ``x`` `(n, m)`; discrete ones hold codes from 0."""
        from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

        estimate = mutual_info_regression if judged.is_regression else mutual_info_classif
        with warnings.catch_warnings():
            # it wonders whether a category with many levels was meant as a number: it was not
            warnings.simplefilter("ignore", UserWarning)
            found: Numbers = estimate(
                x,
                judged.target,
                discrete_features=discrete,
                n_neighbors=max(1, min(self.neighbors, judged.n_rows - 1)),
                random_state=judged.seed,
            )
        return found


def _columns_to_score(block: Block) -> list[tuple[Numbers, bool]]:
    """Give a category as one column of codes, anything else column by column."""
    if block.is_category:
        return [(block.codes().astype(np.float64), True)]
    found = []
    for values in block.columns.T:
        distinct, code = np.unique(values, return_inverse=True)
        is_discrete = len(distinct) <= 2
        found.append(((code if is_discrete else values).astype(np.float64), is_discrete))
    return found


@dataclass(frozen=True)
class FTest:
    """How sure it is that the mean of one differs with the other: −log₁₀ of the p of an F test.

    A number and classes: analysis of variance, F = (SS_between/(K−1)) / (SS_within/(n−K)). Two
    numbers: F = r²(n−2)/(1−r²). A category and a number: analysis of variance over the levels. A
    category and classes, where there is no mean: the χ² test. 2 means p = 0.01; since it is the p,
    features of many levels and of one column are told by one measure. A feature of several
    columns of numbers has that of its best.
    Source: Fisher 1925, Statistical Methods for Research Workers.
    Use: for many columns and rows, fast, where what matters rises or falls steadily.
    """

    max_rows: int = setting(100_000, "Rows, a seeded sample, that are tested.", ge=10)

    def rank(self, judged: Judged, top: int | None, tools: Tools) -> Ranking:
        """Test each feature; the categories by their levels, together."""
        judged.require(3, "f-test")
        return by_score([self._of(block, judged) for block in judged.blocks])

    def _of(self, block: Block, judged: Judged) -> float:
        from sklearn.feature_selection import f_classif, f_regression

        n = judged.n_rows
        if block.is_category and not judged.is_regression:
            return _dependence(block.codes(), judged.classes())
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a constant column has no F, and gets 0
            if block.is_category:
                codes = block.codes()
                f, _ = f_classif(judged.values()[:, None], codes)
                degrees = (int(codes.max()), n - int(codes.max()) - 1)
            elif judged.is_regression:
                f, _ = f_regression(block.columns.astype(np.float64), judged.values())
                degrees = (1, n - 2)
            else:
                classes = judged.classes()
                f, _ = f_classif(block.columns.astype(np.float64), classes)
                degrees = (int(classes.max()), n - int(classes.max()) - 1)
        return max(f_significance(value, *degrees) for value in f.tolist())


@dataclass(frozen=True)
class ChiSquare:
    """How sure it is that feature and target are not independent: −log₁₀ of the p of a χ² test.

    χ² = Σ (n_lk − n_l·n_k/n)² / (n_l·n_k/n) over levels l and classes k, on (L−1)(K−1) degrees of
    freedom; for a one-hot block the sum of scikit-learn's chi2 over its columns. A category counts
    as a whole; a number, and a numeric target, is cut into bins of equal frequency.
    Source: Pearson 1900, Philosophical Magazine 50.
    Use: for categories; for numbers too where what matters need not rise or fall steadily.
    """

    bins: int = setting(10, "Into how many bins a number is cut.", ge=2)
    max_rows: int = setting(100_000, "Rows, a seeded sample, that are tested.", ge=10)

    def rank(self, judged: Judged, top: int | None, tools: Tools) -> Ranking:
        """Test each feature; one of several columns of numbers by its best."""
        judged.require(2, "chi2")
        of = binned(judged.values(), self.bins) if judged.is_regression else judged.classes()
        return by_score(
            [max(_dependence(codes, of) for codes in b.bins(self.bins)) for b in judged.blocks]
        )


def _dependence(a: Codes, b: Codes) -> float:
    """Give −log₁₀ p of the χ² test of two categories."""
    table = contingency(a, b)
    n_a, n_b, n = table.sum(axis=1), table.sum(axis=0), len(a)
    expected = np.outer(n_a, n_b) / n
    chi2 = float(((table - expected) ** 2 / expected).sum())
    return chi2_significance(chi2, (len(n_a) - 1) * (len(n_b) - 1))


def contingency(a: Codes, b: Codes) -> Numbers:
    """Count the rows of each pair of levels `(l, k)`.

    >>> contingency(np.array([0, 0, 1]), np.array([1, 0, 1])).tolist()
    [[1.0, 1.0], [0.0, 1.0]]
    """
    k, m = int(a.max()) + 1, int(b.max()) + 1
    counted = np.bincount(a.astype(np.int64) * m + b, minlength=k * m)
    return counted.reshape(k, m).astype(np.float64)
