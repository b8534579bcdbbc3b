"""How much a feature says about the target."""

import warnings
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from nntool.tables.choices import setting

Array = npt.NDArray[Any]
Numbers = npt.NDArray[np.float64]


class Score(Protocol):
    """How much each feature says about the target."""

    @property
    def max_rows(self) -> int:
        """So many rows, a seeded sample, are looked at."""

    def score(
        self, x: Numbers, discrete: npt.NDArray[np.bool_], y: Array, task: str, seed: int
    ) -> Numbers:
        """Give one number for each column of ``x`` `(n, m)`, codes where it is discrete."""


@dataclass(frozen=True)
class MutualInformation:
    """How much knowing the feature tells of the target, in nats; 0 where they are independent.

    Counted where both are categories, else estimated from nearest neighbours (Kraskov,
    Stögbauer and Grassberger, 2004; Ross, 2014). A category is scored as a whole, whatever columns
    it has; any other feature of several columns by its best.
    """

    neighbors: int = setting(3, "Neighbours looked at: more are steadier and coarser.", ge=1)
    max_rows: int = setting(20_000, "Rows, a seeded sample, that it is estimated from.", ge=10)

    def score(
        self, x: Numbers, discrete: npt.NDArray[np.bool_], y: Array, task: str, seed: int
    ) -> Numbers:
        """Give the estimate for each column of ``x`` `(n, m)`; discrete ones hold codes from 0."""
        from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

        estimate = mutual_info_regression if task == "regression" else mutual_info_classif
        with warnings.catch_warnings():
            # it wonders whether a category with many levels was meant as a number: it was not
            warnings.simplefilter("ignore", UserWarning)
            found: Numbers = estimate(
                x,
                y,
                discrete_features=discrete,
                n_neighbors=max(1, min(self.neighbors, len(y) - 1)),
                random_state=seed,
            )
        return found


SCORES: dict[str, type[Score]] = {"mutual-information": MutualInformation}
