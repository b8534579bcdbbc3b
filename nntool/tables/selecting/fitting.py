"""The whole judgement, in order, and what it came to."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nntool.errors import DataError
from nntool.settings.select_features import SelectFeaturesSettings
from nntool.settings.wording import listed
from nntool.tables.selecting import filters, redundancy
from nntool.tables.selecting.by_name import Others, apply_names
from nntool.tables.selecting.columns import Array, Blocks, Columns, Rows
from nntool.tables.selecting.features import DROPPED, Feature, gather
from nntool.tables.selecting.judged import Judged, Ranking, Score, Tools, blocks_of

FIT_ROWS = 1_000_000  # beyond it, a seeded sample of the training rows is judged


@dataclass(frozen=True)
class Facts:
    """What is known of the columns from the steps before."""

    produced: Sequence[dict[str, Any]]
    """The list of `transforming.produced`."""
    missing: Mapping[str, float]
    """The share of training rows in which each source column is missing."""
    not_features: Mapping[str, str]
    """The other columns of the table, and why they are no features."""
    mixed: Set[str]
    """Those that are no features of their own: transform made others of them."""
    task: str
    is_refit: bool = False
    """Whether the names are those of an earlier judgement, on other rows."""


def fit(
    numeric: Blocks,
    codes: Blocks,
    target: Array,
    facts: Facts,
    settings: SelectFeaturesSettings,
    scorer: Score,
    rows: npt.NDArray[np.bool_],
    rng: np.random.Generator,
    tools: Tools,
) -> dict[str, Any]:
    """Judge the produced columns `(n, d)` and `(n, k)` by the training rows.

    ``target`` `(n,)` holds codes (−1 missing) or numbers (NaN missing). Gives the names kept, those
    dropped with their reasons, a table of features, and notes. Raises ``DataError`` where no
    feature is left or a name is not known, ``UsageError`` for names that contradict each other.
    """
    features = gather(facts.produced)
    named = apply_names(
        features,
        settings.keep or (),
        settings.drop or (),
        Others(facts.not_features, facts.mixed),
        lenient=facts.is_refit,
    )
    judgement = _Judgement(features, settings, rng, tools, named)
    columns = Columns(numeric, codes, np.flatnonzero(rows))
    columns = judgement.sample(columns, FIT_ROWS, "judged")
    _filter(judgement, columns, facts.missing)
    if judgement.ranks and any(feature.kept for feature in features):
        _rank(judgement, scorer, columns, target, facts.task)
    return _result(judgement, facts.produced, len(columns))


@dataclass(frozen=True)
class _Judgement:
    """The features and all that decides about them."""

    features: list[Feature]
    settings: SelectFeaturesSettings
    rng: np.random.Generator
    tools: Tools
    notes: list[str]

    @property
    def ranks(self) -> bool:
        """Whether scores are asked for: by a limit, or by naming one."""
        s = self.settings
        return s.top is not None or s.min_score is not None or s.score != "mutual-information"

    def sample(self, columns: Columns, most: int, done: str) -> Columns:
        """Give a seeded sample of the rows where there are more than so many, and say so."""
        if len(columns) <= most:
            return columns
        self.notes.append(f"{done} by a seeded sample of {most:,} of {len(columns):,} rows")
        return columns.of(np.sort(self.rng.choice(columns.rows, most, replace=False)))


def _filter(judgement: _Judgement, columns: Columns, missing: Mapping[str, float]) -> None:
    """Drop features for what they are, in the documented order."""
    features, settings = judgement.features, judgement.settings
    if settings.drop_constant:
        filters.drop_constant(features, columns)
    if settings.max_one_value is not None:
        filters.drop_near_constant(features, columns, settings.max_one_value)
    if settings.max_missing is not None:
        filters.drop_missing(features, missing, settings.max_missing)
    if settings.drop_duplicates:
        filters.drop_duplicates(features, columns)
    if settings.max_correlation is not None:
        some = columns
        if any(feature.is_category and feature.kept for feature in features):
            some = judgement.sample(columns, redundancy.ROWS, "Cramér's V and η found")
        redundancy.drop_redundant(features, columns, some, settings.max_correlation)


def _rank(judgement: _Judgement, scorer: Score, columns: Columns, target: Array, task: str) -> None:
    """Score what is kept, rank it, and drop what comes after the first ``top`` or scores less."""
    settings = judgement.settings
    columns = columns.of(_with_target(columns.rows, target, task))
    columns = judgement.sample(columns, scorer.max_rows, "scored")
    kept = [feature for feature in judgement.features if feature.kept]
    seed = int(judgement.rng.integers(2**31))
    judged = Judged(blocks_of(kept, columns), target[columns.rows], task, seed)
    ranking = scorer.rank(judged, settings.top, judgement.tools)
    judgement.notes.extend(ranking.notes)
    _drop_by_rank(kept, ranking, settings)


def _with_target(rows: Rows, target: Array, task: str) -> Rows:
    found = rows[~np.isnan(target[rows]) if task == "regression" else target[rows] >= 0]
    if not len(found):
        raise DataError("no training row has a target", "name another column with clean --target")
    return found


def _drop_by_rank(
    kept: Sequence[Feature], ranking: Ranking, settings: SelectFeaturesSettings
) -> None:
    name = settings.score if isinstance(settings.score, str) else settings.score["name"]
    for place, i in enumerate(ranking.order, start=1):
        feature, score = kept[i], float(ranking.scores[i])
        feature.rank, feature.score = place, score
        if settings.top is not None and place > settings.top:
            feature.drop(f"rank {place} of {len(kept)} by {name}")
        elif settings.min_score is not None and score < settings.min_score:
            feature.drop(f"{name} is {score:.4g}, below {settings.min_score:g}")


def _result(
    judgement: _Judgement, produced: Sequence[dict[str, Any]], n_rows: int
) -> dict[str, Any]:
    features = judgement.features
    reasons = {name: reason for f in features for name, reason in f.dropped}
    kept = [column for column in produced if column["name"] not in reasons]
    if not kept:
        shown = "; ".join(f"{f.name}: {f.reason}" for f in features[:5])
        raise DataError(f"no feature is left ({shown})", _way_out(judgement))
    n_kept = sum(f.kept for f in features)
    notes = [
        f"{n_kept} of {len(features)} features ({len(kept)} of {len(produced)} columns) are kept,"
        f" judged by {n_rows:,} rows",
        *judgement.notes,
    ]
    notes += _note("dropped", [f"{f.name} ({f.reason})" for f in features if not f.kept])
    apart = [f"{name} ({DROPPED})" for f in features if f.kept for name in f.dropped_by_name]
    notes += _note("left out of a feature", apart)
    spared = [f"{f.name} ({'; '.join(f.spared)})" for f in features if f.spared]
    notes += _note("kept by name all the same", spared)
    if judgement.ranks and judgement.settings.top is judgement.settings.min_score is None:
        notes.append("features are ranked, and none is dropped by its rank (--top, --min-score)")
    return {
        "kept": [column["name"] for column in kept],
        "dropped": [{"name": name, "reason": reason} for name, reason in reasons.items()],
        "features": [_described(f) for f in sorted(features, key=_place)],
        "rows": n_rows,
        "notes": notes,
    }


def _place(feature: Feature) -> float:
    return feature.rank or float("inf")


def _described(feature: Feature) -> dict[str, Any]:
    reason = feature.reason
    if feature.is_wanted:
        reason = "kept by name" + "".join(f"; {why}" for why in feature.spared)
    return {
        "feature": feature.name,
        "source": feature.source,
        "columns": feature.all_columns,
        "kept": feature.kept,
        "reason": reason,
        "score": feature.score,
        "rank": feature.rank,
    }


def _note(what: str, shown: Sequence[str]) -> list[str]:
    return [f"{what}: {listed(shown, 10)}"] if shown else []


def _way_out(judgement: _Judgement) -> str:
    """Which limits to look at, of those that were given."""
    s = judgement.settings
    given = {
        "another --drop": bool(s.drop),
        "--no-drop-constant": s.drop_constant,
        "--max-one-value": s.max_one_value is not None,
        "--max-missing": s.max_missing is not None,
        "--max-correlation": s.max_correlation is not None,
        "--min-score": s.min_score is not None,
    }
    looser = ", ".join(name for name, is_given in given.items() if is_given)
    return f"clean more columns, or drop less: {looser}" if looser else "clean more columns"
