"""Spellings of one category become one: case, blanks and accents, then typing errors.

What was merged is a table from spelling to spelling: a spelling that training did not have is an
unseen category, never matched anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

import pyarrow as pa
import pyarrow.compute as pc

from nntool.settings.clean import CleanSettings
from nntool.tables.columns import resolve_listed
from nntool.tables.rules.numbers import require_role
from nntool.tables.rules.rule import Columns, Findings, Rule, State
from nntool.tables.rules.words import Corrector, Evidence, fold

ALL = ("all",)
MOST_LEFT_APART = 20


class Merged(NamedTuple):
    """One spelling that becomes another, with how many training rows had each."""

    spelling: str
    target: str
    rows: int
    target_rows: int
    similarity: float


@dataclass(frozen=True)
class Spellings(Rule):
    """Merges near spellings into the frequent one; equation of nearness: see ``words``."""

    option: ClassVar[str] = "--merge-spellings"

    columns: tuple[str, ...]
    evidence: Evidence

    @classmethod
    def asked_for(cls, settings: CleanSettings, columns: Columns) -> Self | None:
        """All categorical columns, or those that are named."""
        wanted = settings.merge_spellings
        if not wanted:
            return None
        if wanted == ALL and "all" not in columns:
            names = [name for name, role in columns.items() if role == "categorical"]
        else:
            names = resolve_listed(list(columns), wanted, cls.option)
            require_role(columns, names, "categorical", cls.option)
        evidence = Evidence(
            settings.spelling_similarity, settings.spelling_ratio, settings.spelling_rows
        )
        return cls(tuple(names), evidence)

    def fit(self, table: pa.Table) -> State:
        """Find what is merged in each column."""
        state: State = {"columns": []}
        for name in self.columns:
            merged, corrector = merge(_levels(table.column(name)), self.evidence)
            found: dict[str, Any] = {
                "name": name,
                "merged": [dict(zip(Merged._fields, entry, strict=True)) for entry in merged],
            }
            if corrector.left_apart:
                apart = sorted(corrector.left_apart, key=lambda pair: (-pair.rows, pair))
                found["left_apart"] = [pair._asdict() for pair in apart[:MOST_LEFT_APART]]
            if corrector.words_not_compared:
                found["words_not_compared"] = corrector.words_not_compared
            state["columns"].append(found)
        return state

    @staticmethod
    def apply(batch: pa.RecordBatch, state: State, findings: Findings) -> pa.RecordBatch:
        """Replace the spellings of the table, and nothing else."""
        for column in state["columns"]:
            at = batch.schema.get_field_index(column["name"])
            if at < 0 or not column["merged"]:
                continue
            cells = batch.column(at)
            spellings = pa.array([entry["spelling"] for entry in column["merged"]], pa.string())
            targets = pa.array([entry["target"] for entry in column["merged"]], pa.string())
            places = pc.index_in(cells, value_set=spellings)
            n_merged = len(places) - places.null_count
            if n_merged:
                findings.count(column["name"], {"merged": n_merged})
                cells = pc.coalesce(targets.take(places), cells)
                batch = batch.set_column(at, batch.schema.field(at), cells)
        return batch


def _levels(column: pa.ChunkedArray) -> dict[str, int]:
    """How many rows each spelling has."""
    found = pc.value_counts(column.drop_null())
    return dict(
        zip(found.field("values").to_pylist(), found.field("counts").to_pylist(), strict=True)
    )


def merge(levels: Mapping[str, int], evidence: Evidence) -> tuple[list[Merged], Corrector]:
    """What becomes what among the spellings of a column; the corrector has what was not merged.

    >>> levels = {"Sales": 9, "sales": 3, "Slaes": 1, "Room 101": 9, "Room 102": 1}
    >>> [entry[:2] for entry in merge(levels, Evidence())[0]]
    [('Slaes', 'Sales'), ('sales', 'Sales')]
    """
    groups: dict[str, list[str]] = {}
    for spelling in sorted(levels):
        groups.setdefault(fold(spelling), []).append(spelling)
    # the most frequent spelling of a group stands for it; of two, the first by code points
    heads = {key: min(group, key=lambda s: (-levels[s], s)) for key, group in groups.items()}
    rows = {key: sum(levels[s] for s in group) for key, group in groups.items()}
    corrector = Corrector(rows, evidence)
    corrections = corrector.corrections()
    found = []
    for key, group in groups.items():
        target = heads[corrections[key].target] if key in corrections else heads[key]
        similarity = corrections[key].similarity if key in corrections else 1.0
        found += [
            Merged(spelling, target, levels[spelling], levels[target], round(similarity, 3))
            for spelling in group
            if spelling != target
        ]
    return sorted(found), corrector
