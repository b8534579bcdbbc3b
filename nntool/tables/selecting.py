"""Which produced columns the network is given.

Columns of one block (the one-hot columns of a source, a cycle of a date) are judged as one feature,
except that a constant column of a block is dropped alone. The order of judging: constant columns,
repeated columns, redundant numbers, then the best by score.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from nntool.errors import DataError
from nntool.settings.select_features import SelectFeaturesSettings
from nntool.tables.choices import build
from nntool.tables.relevance import SCORES

__all__ = ["SCORES", "correlations", "fit"]

FIT_ROWS = 1_000_000  # beyond it, a seeded sample of the training rows is judged

Array = npt.NDArray[Any]
Numbers = npt.NDArray[np.float64]


def fit(
    numeric: npt.NDArray[np.float32],
    codes: npt.NDArray[np.int32],
    target: Array,
    task: str,
    produced: Sequence[dict[str, Any]],
    settings: SelectFeaturesSettings,
    rows: npt.NDArray[np.bool_] | None,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Judge the produced columns `(n, d)` and `(n, k)` by the training rows.

    ``target`` `(n,)` holds codes (−1 missing) or numbers (NaN missing); ``produced`` is the list
    of `transforming.produced`. Gives the names kept, those dropped with their reasons, the source
    columns needed, and a table of features. Raises ``DataError`` where no feature is left.
    """
    used = np.arange(len(numeric)) if rows is None else np.flatnonzero(rows)
    notes = []
    if len(used) > FIT_ROWS:
        notes.append(f"judged by a seeded sample of {FIT_ROWS:,} of {len(used):,} rows")
        used = np.sort(rng.choice(used, FIT_ROWS, replace=False))
    matrices = _Matrices(numeric, codes, used)
    features = _features(produced)
    if settings.drop_constant:
        _drop_constant(features, matrices)
    if settings.drop_duplicates:
        _drop_duplicates(features, matrices)
    if settings.max_correlation is not None:
        _drop_redundant(features, matrices, settings.max_correlation)
    if settings.top is not None and any(f.kept for f in features):
        _drop_all_but_best(features, matrices, target, task, settings, rng, notes)
    return _result(features, produced, len(used), notes)


@dataclass
class _Feature:
    """A block of produced columns and what was decided about it."""

    name: str
    source: str
    role: str
    kind: str
    columns: list[tuple[str, int]]
    """Name and position of the columns that are still kept."""
    all_columns: list[str] = field(default_factory=list)
    dropped: list[tuple[str, str]] = field(default_factory=list)
    reason: str = ""
    score: float | None = None
    rank: int | None = None

    @property
    def kept(self) -> bool:
        return bool(self.columns)

    def drop(self, reason: str) -> None:
        self.dropped += [(name, reason) for name, _ in self.columns]
        self.columns, self.reason = [], reason


@dataclass(frozen=True)
class _Matrices:
    """The produced columns, of which only the rows that are judged are ever copied."""

    numeric: npt.NDArray[np.float32]
    codes: npt.NDArray[np.int32]
    rows: npt.NDArray[np.int64]

    def column(self, kind: str, position: int, rows: npt.NDArray[np.int64] | None = None) -> Array:
        """Copy one column, `(n,)`."""
        matrix: Array = self.numeric if kind == "numeric" else self.codes
        return np.take(matrix[:, position], self.rows if rows is None else rows)


def _features(produced: Sequence[dict[str, Any]]) -> list[_Feature]:
    """Gather the columns of each block, in order."""
    by_block: dict[str, _Feature] = {}
    for column in produced:
        block = column["block"]
        shared = (block, column["source"], column["role"], column["kind"])
        feature = by_block.setdefault(block, _Feature(*shared, columns=[]))
        feature.columns.append((column["name"], column["position"]))
        feature.all_columns.append(column["name"])
    return list(by_block.values())


def _drop_constant(features: list[_Feature], matrices: _Matrices) -> None:
    for feature in features:
        for name, position in list(feature.columns):
            values = matrices.column(feature.kind, position)
            if values.min() == values.max():
                feature.dropped.append((name, "constant in training"))
                feature.columns.remove((name, position))
        if not feature.columns:
            feature.reason = "constant in training"


def _drop_duplicates(features: list[_Feature], matrices: _Matrices) -> None:
    """Drop a feature each of whose columns repeats one that was kept before it."""
    first: dict[tuple[str, bytes], tuple[str, int]] = {}
    for feature in features:
        repeated, fresh = [], {}
        for name, position in feature.columns:
            values = matrices.column(feature.kind, position)
            values += values.dtype.type(0)  # −0 becomes 0: equal numbers, equal bytes
            key = (feature.kind, hashlib.blake2b(values.data).digest())
            if key in first:
                repeated.append(first[key][0])
            else:
                fresh[key] = (name, position)
        if feature.kept and not fresh:
            feature.drop(f"repeats {', '.join(repeated)} in training")
        first.update(fresh)


def _drop_redundant(features: list[_Feature], matrices: _Matrices, limit: float) -> None:
    """Drop the later of two numbers whose |r| is above the limit; the earlier must be kept."""
    numbers = [f for f in features if f.kind == "numeric" and len(f.all_columns) == 1 and f.kept]
    if len(numbers) < 2:
        return
    r = np.abs(correlations(matrices.numeric, [f.columns[0][1] for f in numbers], matrices.rows))
    kept: list[int] = []
    for j, feature in enumerate(numbers):
        above = [i for i in kept if r[i, j] > limit]
        if above:
            i = max(above, key=lambda i: r[i, j])
            feature.drop(f"|r| with {numbers[i].name} is {r[i, j]:.4f} in training")
        else:
            kept.append(j)


def correlations(
    matrix: npt.NDArray[np.float32], columns: list[int], rows: npt.NDArray[np.int64]
) -> Numbers:
    """Give Pearson's r `(m, m)` between columns, 0 with a constant one; block by block of rows.

    >>> x = np.float32([[1, 2, 5], [2, 4, 5], [3, 6, 5]])
    >>> correlations(x, [0, 1, 2], np.arange(3)).round(6).tolist()
    [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    blocks = [b[:, None] for b in np.array_split(rows, max(1, len(rows) // 16_384))]
    sums = np.zeros(len(columns))
    for block in blocks:
        sums += matrix[block, columns].sum(axis=0, dtype=np.float64)
    products = np.zeros((len(columns), len(columns)))
    for block in blocks:
        centered = matrix[block, columns] - sums / len(rows)
        products += centered.T @ centered
    spread = np.sqrt(np.diag(products))
    # what rounding leaves of a constant column is no spread
    spread[spread <= 1e-12 * np.abs(sums)] = np.inf
    return np.clip(products / spread / spread[:, None], -1, 1)


def _drop_all_but_best(
    features: list[_Feature],
    matrices: _Matrices,
    target: Array,
    task: str,
    settings: SelectFeaturesSettings,
    rng: np.random.Generator,
    notes: list[str],
) -> None:
    """Score what is kept, rank it, and drop what comes after the first ``top``."""
    scorer = build(SCORES, "SCORES", settings.score)
    rows = matrices.rows
    rows = rows[~np.isnan(target[rows]) if task == "regression" else target[rows] >= 0]
    if not len(rows):
        raise DataError("no training row has a target", "name another column with clean --target")
    if len(rows) > scorer.max_rows:
        notes.append(f"scored by a seeded sample of {scorer.max_rows:,} of {len(rows):,} rows")
        rows = np.sort(rng.choice(rows, scorer.max_rows, replace=False))
    kept = [f for f in features if f.kept]
    columns, discrete, owners = [], [], []
    for owner, feature in enumerate(kept):
        for values, is_discrete in _columns_to_score(feature, matrices, rows):
            columns.append(values)
            discrete.append(is_discrete)
            owners.append(owner)
    seed = int(rng.integers(2**31))
    found = scorer.score(np.column_stack(columns), np.array(discrete), target[rows], task, seed)
    for owner, value in zip(owners, found.tolist(), strict=True):
        kept[owner].score = max(value, kept[owner].score or 0.0)
    kept.sort(key=lambda f: -(f.score or 0.0))
    for place, feature in enumerate(kept, start=1):
        feature.rank = place
        if settings.top is not None and place > settings.top:
            feature.drop(f"rank {place} of {len(kept)} by {_name_of(settings)}")


def _name_of(settings: SelectFeaturesSettings) -> str:
    return settings.score if isinstance(settings.score, str) else str(settings.score["name"])


def _columns_to_score(
    feature: _Feature, matrices: _Matrices, rows: npt.NDArray[np.int64]
) -> list[tuple[Numbers, bool]]:
    """Give a category as one column of codes, anything else column by column."""
    columns = [matrices.column(feature.kind, place, rows) for _, place in feature.columns]
    if feature.role == "categorical" and len(rows):
        _, code = np.unique(np.column_stack(columns), axis=0, return_inverse=True)
        return [(code.reshape(-1).astype(np.float64), True)]
    found = []
    for values in columns:
        distinct, code = np.unique(values, return_inverse=True)
        is_discrete = len(distinct) <= 2
        found.append(((code if is_discrete else values).astype(np.float64), is_discrete))
    return found


def _result(
    features: list[_Feature], produced: Sequence[dict[str, Any]], n_rows: int, notes: list[str]
) -> dict[str, Any]:
    reasons = {name: reason for f in features for name, reason in f.dropped}
    kept = [column for column in produced if column["name"] not in reasons]
    if not kept:
        shown = "; ".join(f"{f.name}: {f.reason}" for f in features[:5])
        raise DataError(
            f"no feature is left ({shown})",
            "clean more columns, or drop less: --no-drop-constant, --max-correlation",
        )
    n_kept = sum(f.kept for f in features)
    notes = [
        f"{n_kept} of {len(features)} features ({len(kept)} of {len(produced)} columns) are kept,"
        f" judged by {n_rows:,} rows",
        *notes,
    ]
    dropped = [f"{f.name} ({f.reason})" for f in features if not f.kept]
    if dropped:
        more = f" and {len(dropped) - 10} more" if len(dropped) > 10 else ""
        notes.append(f"dropped: {', '.join(dropped[:10])}{more}")
    return {
        "kept": [column["name"] for column in kept],
        "dropped": [{"name": name, "reason": reason} for name, reason in reasons.items()],
        "sources": list(dict.fromkeys(column["source"] for column in kept)),
        "features": [
            {
                "feature": f.name,
                "source": f.source,
                "columns": f.all_columns,
                "kept": f.kept,
                "reason": f.reason,
                "score": f.score,
                "rank": f.rank,
            }
            for f in sorted(features, key=lambda f: f.rank or len(features) + 1)
        ],
        "rows": n_rows,
        "notes": notes,
    }
