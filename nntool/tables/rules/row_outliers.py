"""Training rows that are unusual as a whole: reported, or left out of learning.

The methods judge rows beside each other, so there is nothing to apply: no other row is judged, and
prediction does nothing. What they see of a row are its numeric columns, (x − median) / (Q₃ − Q₁),
0 where missing, and a 0/1 column for each level of the categories with few levels.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nntool.errors import DataError
from nntool.settings.clean import CleanSettings
from nntool.tables.choices import build, choice_of, setting
from nntool.tables.marking import Reason
from nntool.tables.rules.numbers import LIMIT, refuse_without
from nntool.tables.rules.rule import Columns, Findings, Judgement, Rule, State

MOST_LEVELS = 20
"""A category of more levels says too little about being unusual for the columns that it takes."""

Matrix = NDArray[np.float64]


class Verdict(NamedTuple):
    """How unusual rows `(n,)` are, larger is more, and which are called so."""

    scores: NDArray[np.float64]
    unusual: NDArray[np.bool_]


class RowOutlierRule(ABC):
    """A way to tell unusual rows; a subclass is a frozen dataclass."""

    @abstractmethod
    def judge(self, rows: Matrix, seed: int) -> Verdict:
        """Judge rows `(n, d)`, n ≥ 2."""


@dataclass(frozen=True)
class IsolationForest(RowOutlierRule):
    """2^(−E[h]/c): rows that random cuts set apart after few steps h; c that of a usual tree.

    Source: Liu, Ting & Zhou 2008, Isolation Forest, ICDM.
    Use: the first try; many rows and columns; rows that are far out in a few columns.
    """

    contamination: float = setting(
        0.01, "The share of training rows that is called unusual.", gt=0, le=0.5
    )
    trees: int = setting(100, "How many trees are grown.", ge=1, le=10_000)
    rows: int = setting(256, "How many rows each tree is grown from.", ge=2)

    def judge(self, rows: Matrix, seed: int) -> Verdict:
        """Of scikit-learn, in one thread."""
        from sklearn.ensemble import IsolationForest as Forest

        forest = Forest(
            n_estimators=self.trees,
            max_samples=min(self.rows, len(rows)),
            contamination=self.contamination,
            random_state=seed,
        )
        labels = forest.fit_predict(rows)
        return Verdict(-forest.score_samples(rows), labels < 0)


@dataclass(frozen=True)
class LocalOutlierFactor(RowOutlierRule):
    """Mean density of the k nearest rows over the own one: far above 1 in thin surroundings.

    Source: Breunig, Kriegel, Ng & Sander 2000, LOF, SIGMOD.
    Use: clusters of different density, where a row is unusual only beside its neighbours.
    """

    contamination: float = setting(
        0.01, "The share of training rows that is called unusual.", gt=0, le=0.5
    )
    neighbors: int = setting(20, "How many neighbours are looked at.", ge=1, le=1000)
    rows: int = setting(
        10_000,
        "Beyond so many training rows, neighbours are looked for in a seeded sample of them.",
        ge=100,
        le=100_000,
    )

    def judge(self, rows: Matrix, seed: int) -> Verdict:
        """Of scikit-learn, in one thread; sampled rows are no neighbours of themselves."""
        from sklearn.neighbors import LocalOutlierFactor as Factor

        n = len(rows)
        sample = np.arange(n)
        if n > self.rows:
            rng = np.random.default_rng(seed)
            sample = np.sort(rng.choice(n, self.rows, replace=False))
        k = min(self.neighbors, len(sample) - 1)
        factor = Factor(n_neighbors=k, novelty=len(sample) < n).fit(rows[sample])
        scores = np.empty(n)
        scores[sample] = -factor.negative_outlier_factor_
        if len(sample) < n:
            others = np.setdiff1d(np.arange(n), sample)
            scores[others] = -factor.score_samples(rows[others])
        limit = np.quantile(scores, 1 - self.contamination)
        return Verdict(scores, scores > limit)


ROW_OUTLIER_RULES: dict[str, type[RowOutlierRule]] = {
    "isolation-forest": IsolationForest,
    "local-outlier-factor": LocalOutlierFactor,
}


@dataclass(frozen=True)
class RowOutliers(Rule):
    """Judges the training rows once; what it finds is a property of them alone."""

    reason: ClassVar[Reason] = Reason.UNUSUAL_ROW
    option: ClassVar[str] = "--row-outliers"

    rule: RowOutlierRule
    action: str
    seed: int
    columns: tuple[tuple[str, str], ...]
    """Names and roles."""

    @classmethod
    def check(cls, settings: CleanSettings) -> None:
        """Refuse what is said of unusual rows where none are looked for."""
        if settings.row_outliers == "none":
            refuse_without(
                settings.row_outlier_action != "report",
                "--row-outlier-action",
                "--row-outliers isolation-forest",
            )

    @classmethod
    def asked_for(cls, settings: CleanSettings, columns: Columns) -> Self | None:
        """Look at all numeric and categorical columns."""
        if settings.row_outliers == "none":
            return None
        used = tuple(
            (name, role) for name, role in columns.items() if role in ("numeric", "categorical")
        )
        if not used:
            raise DataError(
                "--row-outliers: there is no numeric or categorical column to judge rows by",
                "--row-outliers none",
            )
        rule = build(ROW_OUTLIER_RULES, "ROW_OUTLIER_RULES", settings.row_outliers)
        return cls(rule, settings.row_outlier_action, settings.seed, used)

    def fit(self, table: pa.Table) -> State:
        """Judge the rows; ``judged`` is for marks and report, and no part of the state."""
        matrix = features(table, self.columns)
        n = len(matrix)
        verdict = Verdict(np.zeros(n), np.zeros(n, bool))
        if n > 1 and matrix.shape[1]:
            verdict = self.rule.judge(matrix, self.seed)
        rows = np.flatnonzero(verdict.unusual)
        rows = rows[np.argsort(-verdict.scores[rows], kind="stable")]
        return {
            "rule": choice_of(ROW_OUTLIER_RULES, self.rule),
            "action": self.action,
            "rows": n,
            "unusual": len(rows),
            "judged": Judgement(
                "row-outliers", rows, verdict.scores[rows], self.action == "leave-out"
            ),
        }

    @staticmethod
    def apply(batch: pa.RecordBatch, state: State, findings: Findings) -> pa.RecordBatch:
        """Leave all rows as they are."""
        return batch


def features(table: pa.Table, columns: tuple[tuple[str, str], ...]) -> Matrix:
    """What the methods see of rows: `(n, d)`, without gaps."""
    blocks = [np.empty((table.num_rows, 0))]
    for name, role in columns:
        cells: Any = table.column(name).combine_chunks()
        blocks.append(_scaled(cells) if role == "numeric" else _levels(cells))
    return np.hstack(blocks)


def _scaled(cells: pa.Array) -> Matrix:
    """(x − median) / (Q₃ − Q₁); / σ where the quartiles are equal."""
    values = np.clip(cells.to_numpy(zero_copy_only=False), -LIMIT, LIMIT)
    known = values[~np.isnan(values)]
    if not len(known):
        return np.zeros((len(values), 1))
    lower, median, upper = np.quantile(known, (0.25, 0.5, 0.75))
    scale = (upper - lower) or float(known.std()) or 1.0
    scaled: Matrix = np.nan_to_num((values - median) / scale)[:, None]
    return scaled


def _levels(cells: pa.Array) -> Matrix:
    """A 0/1 column for each level, in the order of their names; none where there are too many."""
    levels = sorted(pc.unique(cells.drop_null()).to_pylist())
    if len(levels) > MOST_LEVELS:
        return np.empty((len(cells), 0))
    codes = pc.index_in(cells, value_set=pa.array(levels, pa.string())).fill_null(-1).to_numpy()
    block: Matrix = (codes[:, None] == np.arange(len(levels))).astype(float)
    return block
