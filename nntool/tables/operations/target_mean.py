"""The target's mean for each level, so learned that no training row sees its own target."""

# ruff: noqa: D102  (what each method is for is said once, in Operation)

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nntool.tables.choices import setting
from nntool.tables.operations.levels import codes_of, in_order, levels_of
from nntool.tables.operations.operation import Counts, Gives, Numbers, Operation, State, Training

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TargetMean(Operation):
    """The mean target of the level, drawn towards the mean of all: (Σy + m·ȳ) / (n + m).

    m is `smooth`; unset, it is σ²/τ², the variance of y within the level by that of all rows
    (empirical Bayes), so a level with few or scattered rows is drawn more. Classes are taken as 0
    and 1: two classes give one column, more give one for each class. A training row gets what the
    other folds say of its level; later rows, what all training rows say; a level that training
    never saw is the mean of all. The columns are brought to mean 0 and spread 1 over training, or
    less where levels differ by less than a tenth of the target's spread.

    Source: Micci-Barreca 2001, ACM SIGKDD Explorations 3(1); scikit-learn's TargetEncoder.

    Use: many levels (post codes, products) that differ in the target; a thousand rows or more.
    """

    smooth: float | None = setting(
        None, "So many rows of the overall mean are added to each level.", ge=0
    )
    folds: int = setting(5, "Into so many parts the training rows are dealt.", ge=2, le=100)
    scaled: bool = setting(True, "Whether columns get mean 0 and spread 1 over training.")

    gives: ClassVar[Gives] = "block"
    needs_target: ClassVar[bool] = True

    def fit(self, values: pa.Array) -> State:
        raise TypeError("the target is needed: call fit_to")

    def fit_to(
        self, values: pa.Array, training: Training
    ) -> tuple[State, npt.NDArray[np.float32] | None]:
        levels = in_order(levels_of(values, 1, None)[0])
        codes, y = codes_of(values, levels, [], {}), _columns(training)
        everything = np.arange(len(codes))
        encoded = self._means(codes, y, everything, len(levels))
        crossed = encoded[codes]
        for fold in folds_of(len(codes), self.folds, training.seed):
            others = np.setdiff1d(everything, fold, assume_unique=True)
            if len(others):
                crossed[fold] = self._means(codes, y, others, len(levels))[codes[fold]]
        middle, spread = np.zeros(y.shape[1]), np.ones(y.shape[1])
        if self.scaled:
            # what differs by less is noise of the folds, and is not blown up
            middle, spread = (
                crossed.mean(axis=0),
                np.maximum(crossed.std(axis=0), y.std(axis=0) / 10),
            )
            spread[spread == 0] = 1.0
        state = {
            "levels": levels,
            "means": (encoded - middle) / spread,
            "classes": training.n_classes,
        }
        return state, ((crossed - middle) / spread).astype(np.float32)

    def _means(self, codes: Any, y: Numbers, rows: Indices, n_levels: int) -> Numbers:
        """Give the smoothed means `(n_levels + 1, k)` over some rows, those of all rows last."""
        from sklearn.preprocessing import TargetEncoder

        encoder = TargetEncoder(
            categories=[np.arange(n_levels)],
            target_type="continuous",  # a class as 0 and 1 has the same formulas
            smooth="auto" if self.smooth is None else self.smooth,
        )
        overall = y[rows].mean(axis=0)
        found = np.tile(overall, (n_levels + 1, 1))
        if len(rows) > 1:
            for column, of_column in zip(found.T, y[rows].T, strict=True):
                column[:-1] = encoder.fit(codes[rows, None], of_column).encodings_[0]
        return found

    @staticmethod
    def apply(values: pa.Array, state: State, counts: Counts) -> npt.NDArray[np.float32]:
        codes = codes_of(values, state["levels"], [], counts)
        means: npt.NDArray[np.float32] = state["means"][codes].astype(np.float32)
        return means

    @staticmethod
    def suffixes(state: State) -> list[str]:
        if state["classes"] <= 2:
            return ["_target"]
        return [f"_target{i}" for i in range(state["classes"])]


def folds_of(n_rows: int, n_folds: int, seed: int) -> list[Indices]:
    """Deal rows into folds at random, sizes as equal as can be.

    >>> sorted(len(fold) for fold in folds_of(7, 3, 0))
    [2, 2, 3]
    """
    rng = np.random.default_rng([seed, *b"target-mean"])
    order = rng.permutation(n_rows)
    return [np.sort(part) for part in np.array_split(order, n_folds) if len(part)]


def _columns(training: Training) -> Numbers:
    """Give the target as columns of numbers `(n, k)`: classes as 0 and 1."""
    if not training.n_classes:
        return training.target[:, None].astype(np.float64)
    shown = range(1, 2) if training.n_classes == 2 else range(training.n_classes)
    return np.stack([training.target == code for code in shown], axis=1).astype(np.float64)
