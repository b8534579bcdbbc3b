"""New columns made of all columns of numbers: their products, or their principal components."""

# ruff: noqa: D102  (what each method is for is said once, in Mixer)

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement
from math import comb
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from nntool.errors import DataError
from nntool.settings.transform import TransformSettings
from nntool.tables.choices import build, setting
from nntool.tables.operations.operation import Mixer, Numbers, State

MOST_TERMS = 5_000
NO_SPREAD = 1e-12
"""A component with less than this share of the variance is what rounding leaves of none."""


@dataclass(frozen=True)
class Polynomial(Mixer):
    """Add every product of up to ``degree`` columns: a·b, a², a·b², …

    The columns are scaled before; the terms are not scaled again. More than 5,000 terms are
    refused.

    Use: where effects are known to multiply or to bend, and a network is small; a larger network
    finds them itself.
    """

    degree: int = setting(2, "The most factors of a term.", ge=2, le=5)
    interactions_only: bool = setting(False, "Whether a column is a factor only once in a term.")

    def fit(self, matrix: Numbers, names: list[str]) -> State:
        d = len(names)
        degrees = range(2, self.degree + 1)
        choose = combinations if self.interactions_only else combinations_with_replacement
        n_terms = sum(comb(d if self.interactions_only else d + k - 1, k) for k in degrees)
        if n_terms > MOST_TERMS:
            raise DataError(
                f"{d:,} columns of numbers have {n_terms:,} terms of degree {self.degree}, more"
                f" than {MOST_TERMS:,}",
                "a lower degree, interactions_only=true, or fewer columns",
            )
        terms = [list(term) for k in degrees for term in choose(range(d), k)]
        if not terms:
            raise DataError("one column has no products with others", "leave interactions_only out")
        return {"terms": terms, "factors": names}

    @staticmethod
    def apply(matrix: Numbers, state: State) -> npt.NDArray[np.float32]:
        mixed = np.empty((len(matrix), len(state["terms"])), np.float32)
        for place, (first, *others) in enumerate(state["terms"]):
            product = matrix[:, first]
            for factor in others:
                product = product * matrix[:, factor]
            mixed[:, place] = product
        return mixed

    @staticmethod
    def names(state: State) -> list[str]:
        found = []
        for term in state["terms"]:
            powers = Counter(state["factors"][factor] for factor in term)
            found.append("*".join(n if k == 1 else f"{n}^{k}" for n, k in powers.items()))
        return found


@dataclass(frozen=True)
class PrincipalComponents(Mixer):
    """Put the principal components in the place of the columns: uncorrelated, largest first.

    z = (x − mean) V, with V the eigenvectors of the covariance of training; with ``whiten`` each
    is divided by its standard deviation. A component's sign is that which makes its largest weight
    positive.

    Source: Pearson 1901, Philosophical Magazine 2(11):559-572; as scikit-learn's PCA.
    Use: for many columns that say nearly the same; ``share=1`` only decorrelates.
    """

    replaces: ClassVar[bool] = True

    share: float = setting(
        0.95, "Keep the first components that hold this share of the variance.", gt=0, le=1
    )
    count: int | None = setting(None, "Keep so many components, whatever they hold.", ge=1)
    whiten: bool = setting(False, "Whether each component is scaled to variance 1.")

    def fit(self, matrix: Numbers, names: list[str]) -> State:
        from sklearn.decomposition import PCA

        if len(matrix) < 2:
            raise DataError("pca needs 2 training rows at least", "collect more rows")
        if not matrix.std(axis=0).any():
            raise DataError("pca: no column of numbers differs in training", "leave pca out")
        fitted = PCA(svd_solver="full").fit(matrix)
        variances = fitted.explained_variance_
        total = variances.sum()
        useful = int(np.count_nonzero(variances > NO_SPREAD * total))
        reached = np.cumsum(variances) / total
        wanted = self.count or int(np.searchsorted(reached, self.share - NO_SPREAD)) + 1
        if self.count is not None and self.count > len(names):
            raise DataError(
                f"pca:count={self.count} is more than the {len(names)} columns of numbers",
                f"pca:count={len(names)} or less",
            )
        n = min(wanted, useful)
        weights = fitted.components_[:n]
        weights = weights * _signs(weights)[:, None]
        if self.whiten:
            weights = weights / np.sqrt(variances[:n])[:, None]
        shares = (variances[:n] / total).tolist()
        return {
            "mean": fitted.mean_,
            "weights": weights,
            "shares": shares,
            "note": f"pca: {n} components of {len(names)} columns of numbers hold"
            f" {sum(shares):.1%} of their variance (pca:share={self.share:g})",
        }

    @staticmethod
    def apply(matrix: Numbers, state: State) -> npt.NDArray[np.float32]:
        # not BLAS, whose sums would hang on how many rows there are
        mixed = np.einsum("ij,kj->ik", matrix - state["mean"], state["weights"])
        return np.asarray(mixed, dtype=np.float32)

    @staticmethod
    def names(state: State) -> list[str]:
        return [f"pc_{place}" for place in range(1, len(state["shares"]) + 1)]


MIXERS: dict[str, type[Mixer]] = {"polynomial": Polynomial, "pca": PrincipalComponents}


def mixers_asked_for(settings: TransformSettings) -> Sequence[Mixer]:
    """Build the mixers of the settings, in the order in which they are applied."""
    return [build(MIXERS, "MIXERS", choice) for choice in settings.mix]


def _signs(weights: Numbers) -> Numbers:
    """The sign of the largest weight of each component."""
    largest = np.abs(weights).argmax(axis=1)
    return np.asarray(np.sign(weights[np.arange(len(weights)), largest]))
