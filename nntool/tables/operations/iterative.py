"""Gaps filled by regressions of each column on all others, in rounds."""

# ruff: noqa: D102  (what each method is for is said once, in TableImputer)

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nntool.tables.choices import setting
from nntool.tables.operations.operation import State, TableImputer, Training, Values

MOST_ROWS = 20_000


@dataclass(frozen=True)
class Iterative(TableImputer):
    """Fill by a Bayesian ridge regression of each column on all other numbers, in rounds.

    Gaps begin at the mean; in each round every column's gaps become what its regression says of
    the others, until the changes are small. All regressions are kept and done again, in their
    order, on new rows. They are learned from at most 20,000 training rows, drawn by seed.

    Source: van Buuren & Groothuis-Oudshoorn 2011, J. Statistical Software 45(3), without the
    random draws; as scikit-learn's IterativeImputer.
    Use: for gaps in numbers of which others say much, as of doses, sizes or test scores.
    """

    rounds: int = setting(10, "At most so many rounds.", ge=1, le=100)
    tolerance: float = setting(
        1e-3, "Stop where no cell changes by more than this share of the largest.", gt=0
    )

    def reads(self, roles: Mapping[str, str]) -> list[str]:
        return []

    def fit(self, columns: Mapping[str, Values], fills: list[str], training: Training) -> State:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.experimental import enable_iterative_imputer  # noqa: F401 (makes the next line possible)
        from sklearn.impute import IterativeImputer

        matrix = np.column_stack([columns[name] for name in fills])
        if len(matrix) > MOST_ROWS:
            rng = np.random.default_rng(training.seed)
            matrix = matrix[np.sort(rng.choice(len(matrix), MOST_ROWS, replace=False))]
        known = ~np.isnan(matrix)
        starts = np.where(known, matrix, 0.0).sum(0) / np.maximum(known.sum(0), 1)
        state: State = {"reads": fills, "starts": starts, "note": ""}
        usable = np.flatnonzero(known.any(axis=0))
        found, converged = [], True
        if len(usable) > 1 and len(matrix) > 1:
            imputer = IterativeImputer(
                max_iter=self.rounds, tol=self.tolerance, random_state=training.seed
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                imputer.fit(matrix[:, usable])
            converged = imputer.n_iter_ < self.rounds
            found = imputer.imputation_sequence_
        coefficients = np.zeros((len(found), len(fills)))
        for place, (_, others, regression) in enumerate(found):
            coefficients[place, usable[others]] = regression.coef_
        ended = f"{len(found):,} regressions" + ("" if converged else ", not settled by then")
        return state | {
            "columns": [int(usable[column]) for column, _, _ in found],
            "coefficients": coefficients,
            "intercepts": np.array([float(r.intercept_) for _, _, r in found]),
            "note": f"iterative: {ended} (iterative:rounds={self.rounds})",
        }

    @staticmethod
    def apply(columns: Mapping[str, Values], state: State) -> dict[str, Values]:
        names = state["fills"]
        matrix = np.column_stack([columns[name] for name in names])
        gaps = np.isnan(matrix)
        matrix = np.where(gaps, state["starts"], matrix)
        with_gaps = [np.flatnonzero(of_column) for of_column in gaps.T]
        for column, weights, start in zip(
            state["columns"], state["coefficients"], state["intercepts"], strict=True
        ):
            rows = with_gaps[column]
            if len(rows):  # not BLAS, whose sums would hang on how many rows there are
                matrix[rows, column] = np.einsum("ij,j->i", matrix[rows], weights) + start
        return {name: np.ascontiguousarray(matrix[:, j]) for j, name in enumerate(names)}
