"""Gaps filled from the training rows that are most alike."""

# ruff: noqa: D102  (what each method is for is said once, in TableImputer)

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nntool.tables.choices import setting
from nntool.tables.operations.operation import Numbers, State, TableImputer, Training, Values

MOST_ROWS = 5_000
ROWS_AT_A_TIME = 256


@dataclass(frozen=True)
class Neighbours(TableImputer):
    """Fill with the mean of the k training rows that are nearest and have a value there.

    Columns are standardized. The distance of two rows is √(d/m · Σ (xⱼ − yⱼ)²) over the m of d
    columns that both have. Where no row is near, the mean of the column. At most 5,000 training
    rows, drawn by seed, stand in the state: a run that was fitted with it holds training rows in
    all that `predict` needs.

    Source: Troyanskaya et al. 2001, Bioinformatics 17(6):520-525; as scikit-learn's KNNImputer.
    Use: for gaps in numbers that hang together, in tables of moderate size: each row with a gap is
    compared with all rows that are kept.
    """

    neighbours: int = setting(5, "How many rows are averaged.", ge=1)
    weights: str = setting(
        "uniform",
        "Whether all count alike, or by 1/distance.",
        choices=("uniform", "distance"),
    )

    def reads(self, roles: Mapping[str, str]) -> list[str]:
        return []

    def fit(self, columns: Mapping[str, Values], fills: list[str], training: Training) -> State:
        matrix = np.column_stack([columns[name] for name in fills])
        donors = matrix
        if len(matrix) > MOST_ROWS:
            rng = np.random.default_rng(training.seed)
            donors = matrix[np.sort(rng.choice(len(matrix), MOST_ROWS, replace=False))]
        known = ~np.isnan(matrix)
        n_known = np.maximum(known.sum(0), 1)
        means = np.where(known, matrix, 0.0).sum(0) / n_known
        spreads = np.sqrt((np.where(known, matrix - means, 0.0) ** 2).sum(0) / n_known)
        return {
            "reads": fills,
            "donors": donors,
            "means": means,
            "spreads": np.where(spreads > 0, spreads, 1.0),
            "neighbours": self.neighbours,
            "weights": self.weights,
            "note": f"knn: {len(donors):,} of {len(matrix):,} training rows are kept in the state;"
            " the files that predict needs hold them",
        }

    @staticmethod
    def apply(columns: Mapping[str, Values], state: State) -> dict[str, Values]:
        names = state["fills"]
        matrix = np.column_stack([columns[name] for name in names])
        with_gaps = np.flatnonzero(np.isnan(matrix).any(axis=1))
        for start in range(0, len(with_gaps), ROWS_AT_A_TIME):
            rows = with_gaps[start : start + ROWS_AT_A_TIME]
            matrix[rows] = _filled(matrix[rows], state)
        return {name: np.ascontiguousarray(matrix[:, j]) for j, name in enumerate(names)}


def _filled(rows: Numbers, state: State) -> Numbers:
    """Some rows without gaps; each hangs on itself and the state alone."""
    donors, spreads = state["donors"], state["spreads"]
    near = distances(rows / spreads, donors / spreads)
    filled = rows.copy()
    for j in range(rows.shape[1]):
        gaps = np.flatnonzero(np.isnan(rows[:, j]))
        having = np.flatnonzero(~np.isnan(donors[:, j]))
        filled[gaps, j] = state["means"][j]
        if len(gaps) and len(having):
            found = _mean_of_nearest(near[np.ix_(gaps, having)], donors[having, j], state)
            filled[gaps, j] = np.where(np.isnan(found), filled[gaps, j], found)
    return filled


def distances(a: Numbers, b: Numbers) -> Numbers:
    """Give the distance `(n, m)` of each row of ``a`` and ``b`` over what both have, else NaN."""
    total = np.zeros((len(a), len(b)))
    n_shared = np.zeros((len(a), len(b)), np.int64)
    for column_a, column_b in zip(a.T, b.T, strict=True):
        difference = column_a[:, None] - column_b
        shared = ~np.isnan(difference)
        total += np.where(shared, difference * difference, 0.0)
        n_shared += shared
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt(np.where(n_shared, total * a.shape[1] / n_shared, np.nan))


def _mean_of_nearest(near: Numbers, values: Numbers, state: State) -> npt.NDArray[np.float64]:
    """The mean of the values of the nearest rows; NaN where no distance is known."""
    k = min(state["neighbours"], near.shape[1])
    unknown = np.isnan(near)
    reachable = np.where(unknown, np.inf, near)
    nearest = np.argsort(reachable, axis=1, kind="stable")[:, :k]
    at = np.take_along_axis(reachable, nearest, axis=1)
    weights = np.isfinite(at).astype(np.float64)
    if state["weights"] == "distance":
        exact = (at == 0).any(axis=1, keepdims=True)
        with np.errstate(divide="ignore"):
            weights = np.where(exact, at == 0, 1 / at)
    total = weights.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((weights * values[nearest]).sum(axis=1) / total)
