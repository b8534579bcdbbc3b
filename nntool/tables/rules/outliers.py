"""Cells far from the rest of their column: reported, clipped, made missing, or their row left out.

Each rule of OUTLIER_RULES gives two fences, learned from training rows; a cell beyond them is an
outlier. Fences are two numbers for each column, so that prediction does the same to one row.
"""

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nntool.settings.clean import CleanSettings
from nntool.tables.choices import build, setting
from nntool.tables.marking import Reason
from nntool.tables.rules.numbers import known_numbers, numeric_columns, refuse_without
from nntool.tables.rules.rule import Columns, Findings, Rule, State

Fences = tuple[float, float]
"""The least and the largest number that is no outlier."""

TWO_VALUES = "it has two values or fewer"
NO_SPREAD = "half of its numbers or more are equal, so that {rule} sees no spread"


class OutlierRule(ABC):
    """Where a column's outliers begin; a subclass is a frozen dataclass."""

    @abstractmethod
    def fences(self, values: NDArray[np.float64]) -> Fences | None:
        """Give the fences of some numbers `(n,)`; None where they have no spread to judge by."""


@dataclass(frozen=True)
class ZScore(OutlierRule):
    """|x − mean| > limit · σ, σ the population standard deviation.

    Source: Grubbs 1969, Technometrics 11.
    Use: columns that are close to normal; a few huge values widen σ and hide behind each other.
    """

    limit: float = setting(3.0, "How many standard deviations from the mean are still usual.", gt=0)

    def fences(self, values: NDArray[np.float64]) -> Fences | None:
        """Mean ± limit · σ."""
        mean, sigma = float(values.mean()), float(values.std())
        rounding = len(values) * np.finfo(np.float64).eps * abs(mean)
        if sigma <= rounding:
            return None
        return mean - self.limit * sigma, mean + self.limit * sigma


@dataclass(frozen=True)
class InterquartileRange(OutlierRule):
    """x < Q₁ − factor · (Q₃ − Q₁) or x > Q₃ + factor · (Q₃ − Q₁), quartiles interpolated.

    Source: Tukey 1977, Exploratory Data Analysis.
    Use: the first try: quartiles do not move with the outliers; 3 for those that are far out.
    """

    factor: float = setting(1.5, "How many interquartile ranges from the box are usual.", gt=0)

    def fences(self, values: NDArray[np.float64]) -> Fences | None:
        """Q₁ − factor · IQR and Q₃ + factor · IQR."""
        lower, upper = (float(q) for q in np.quantile(values, (0.25, 0.75)))
        if lower == upper:
            return None
        reach = self.factor * (upper - lower)
        return lower - reach, upper + reach


@dataclass(frozen=True)
class MedianDeviation(OutlierRule):
    """0.6745 · |x − median| / MAD > limit, MAD the median of |x − median|.

    Source: Iglewicz & Hoaglin 1993, How to Detect and Handle Outliers.
    Use: many outliers: up to half of the cells may be wrong before it is misled.
    """

    limit: float = setting(3.5, "The largest modified z-score that is still usual.", gt=0)

    def fences(self, values: NDArray[np.float64]) -> Fences | None:
        """Median ± limit · MAD / 0.6745."""
        median = float(np.median(values))
        deviation = float(np.median(np.abs(values - median)))
        if deviation == 0:
            return None
        reach = self.limit * deviation / 0.6745
        return median - reach, median + reach


OUTLIER_RULES: dict[str, type[OutlierRule]] = {
    "zscore": ZScore,
    "iqr": InterquartileRange,
    "mad": MedianDeviation,
}


@dataclass(frozen=True)
class Outliers(Rule):
    """Finds cells beyond the fences of their column, and does with them what was asked for."""

    reason: ClassVar[Reason] = Reason.OUTLIER
    option: ClassVar[str] = "--outliers"

    rule: OutlierRule
    name: str
    action: str
    columns: tuple[str, ...]
    named: bool
    """Whether a person has named the columns: then a column of two values is judged, too."""

    @classmethod
    def check(cls, settings: CleanSettings) -> None:
        """Refuse what is said of outliers where none are looked for."""
        if settings.outliers == "none":
            refuse_without(
                settings.outlier_action != "report", "--outlier-action", "--outliers iqr"
            )
            refuse_without(bool(settings.outlier_columns), "--outlier-columns", "--outliers iqr")

    @classmethod
    def asked_for(cls, settings: CleanSettings, columns: Columns) -> Self | None:
        """Judge all numeric columns, or those of ``--outlier-columns``."""
        if settings.outliers == "none":
            return None
        chosen = settings.outliers
        name = chosen if isinstance(chosen, str) else str(chosen.get("name"))
        wanted = numeric_columns(columns, settings.outlier_columns, "--outlier-columns")
        rule = build(OUTLIER_RULES, "OUTLIER_RULES", chosen)
        named = bool(settings.outlier_columns)
        return cls(rule, name, settings.outlier_action, tuple(wanted), named)

    def fit(self, table: pa.Table) -> State:
        """Learn the fences of each column; which have none is said."""
        judged, passed_over = [], []
        for name in self.columns:
            values = known_numbers(table.column(name))
            fences = None
            why = TWO_VALUES
            if self.named or len(np.unique(values)) > 2:
                fences = self.rule.fences(values) if len(values) else None
                why = NO_SPREAD.format(rule=self.name) if len(values) else "it has no number"
            if fences is None:
                passed_over.append({"name": name, "reason": why})
            else:
                judged.append({"name": name, "low": fences[0], "high": fences[1]})
        settings = dataclasses.asdict(self.rule)  # type: ignore[call-overload]  # every entry is a dataclass
        return {
            "rule": {"name": self.name, **settings},
            "action": self.action,
            "columns": judged,
            "passed_over": passed_over,
        }

    @staticmethod
    def apply(batch: pa.RecordBatch, state: State, findings: Findings) -> pa.RecordBatch:
        """Compare with the fences; a row that is left out has its cell made missing, too."""
        for fences in state["columns"]:
            at = batch.schema.get_field_index(fences["name"])
            if at < 0:
                continue
            values = batch.column(at)
            low, high = pa.scalar(fences["low"]), pa.scalar(fences["high"])
            below = pc.less(values, low).fill_null(False)
            above = pc.greater(values, high).fill_null(False)
            if not _count(below, above, state["action"], fences["name"], findings):
                continue
            beyond = pc.or_(below, above)
            if state["action"] == "clip":
                values = pc.if_else(below, low, pc.if_else(above, high, values))
            elif state["action"] in ("missing", "leave-out"):
                values = pc.if_else(beyond, pa.scalar(None, pa.float64()), values)
            if state["action"] == "leave-out":
                findings.object_to(np.asarray(beyond))
            batch = batch.set_column(at, batch.schema.field(at), values)
        return batch


DONE = {"clip": "clipped", "missing": "made_missing", "leave-out": "made_missing"}


def _count(below: Any, above: Any, action: str, name: str, findings: Findings) -> int:
    """Count the outliers of a column, and what is done with them; returns how many there are."""
    counts = {"too_low": pc.sum(below).as_py() or 0, "too_high": pc.sum(above).as_py() or 0}
    n = sum(counts.values())
    findings.count(name, counts | ({DONE[action]: n} if action in DONE else {}))
    return n
