"""Columns that follow from others: a cell becomes what nearly all rows of its group have.

The state is a table from the key of a group to its value, for groups in which training rows agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nntool.errors import UsageError
from nntool.settings.clean import CleanSettings
from nntool.tables.columns import resolve_listed
from nntool.tables.rules.rule import Columns, Findings, Rule, State

ARROW = "->"
FEWEST_ROWS = 2
"""So many rows of a group must agree, at least: one row is no evidence."""
BETWEEN_KEYS = "\x1f"


class Dependency(NamedTuple):
    """The value of one column follows from those of others."""

    keys: tuple[str, ...]
    column: str


@dataclass(frozen=True)
class Agreement(Rule):
    """Fills and corrects cells by the majority of the training rows with the same keys.

    v(k) is the most frequent known value of the rows with key k, where it is that of at least
    ``share`` of them; else the group has none, and its cells stay as they are.
    """

    option: ClassVar[str] = "--agree"

    dependencies: tuple[Dependency, ...]
    share: float

    @classmethod
    def check(cls, settings: CleanSettings) -> None:
        """Refuse a text without an arrow, or with nothing on a side of it."""
        for text in settings.agree:
            _sides(text)

    @classmethod
    def asked_for(cls, settings: CleanSettings, columns: Columns) -> Self | None:
        """One dependency for each column on the right, in the order in which they are written."""
        found = []
        for text in settings.agree:
            left, right = (resolve_listed(list(columns), [s], cls.option) for s in _sides(text))
            for column in right:
                if column in left:
                    raise UsageError(
                        f"--agree {text!r}: {column!r} stands on both sides",
                        "name a column on one side only",
                    )
                found.append(Dependency(tuple(left), column))
        return cls(tuple(found), settings.agree_share) if found else None

    def fit(self, table: pa.Table) -> State:
        """Learn the values of the groups, each dependency from what the one before leaves."""
        state: State = {"share": self.share, "dependencies": []}
        for dependency in self.dependencies:
            learned = _learn(table, dependency, self.share)
            state["dependencies"].append(learned)
            values, _ = _follow(table, learned)
            at = table.schema.get_field_index(dependency.column)
            table = table.set_column(at, table.schema.field(at), values)
        return state

    @staticmethod
    def apply(batch: pa.RecordBatch, state: State, findings: Findings) -> pa.RecordBatch:
        """Give each cell the value of its group, if the group has one."""
        for learned in state["dependencies"]:
            if not {*learned["keys"], learned["column"]} <= set(batch.schema.names):
                continue
            values, counts = _follow(batch, learned)
            findings.count(learned["column"], counts)
            at = batch.schema.get_field_index(learned["column"])
            batch = batch.set_column(at, batch.schema.field(at), values)
        return batch

    @staticmethod
    def needs(state: State) -> dict[str, list[str]]:
        """The keys, and what these follow from themselves."""
        reads: dict[str, set[str]] = {}
        for learned in state["dependencies"]:
            of_keys = set(learned["keys"]).union(*(reads.get(k, ()) for k in learned["keys"]))
            reads.setdefault(learned["column"], set()).update(of_keys)
        return {column: sorted(names - {column}) for column, names in reads.items()}


def _sides(text: str) -> tuple[str, str]:
    left, arrow, right = text.partition(ARROW)
    if not arrow or not left.strip() or not right.strip() or ARROW in right:
        raise UsageError(
            f"--agree {text!r}: expected columns, '->' once, and the columns that follow from them",
            "--agree 'zip -> city, state'",
        )
    return left.strip(), right.strip()


def _key(rows: Any, names: Sequence[str]) -> Any:
    """One text for each row that is the same where all keys are; null where one is missing."""
    texts = [_as_text(rows.column(name)) for name in names]
    if len(texts) == 1:
        return texts[0]
    return pc.binary_join_element_wise(*texts, BETWEEN_KEYS)


def _as_text(cells: Any) -> Any:
    if pa.types.is_timestamp(cells.type):
        cells = cells.cast(pa.int64())
    return cells if pa.types.is_string(cells.type) else cells.cast(pa.string())


def _learn(table: pa.Table, dependency: Dependency, share: float) -> State:
    """The value of each group in which enough rows agree; groups by key."""
    cells = table.column(dependency.column)
    key = _key(table, dependency.keys)
    known = pc.and_(pc.is_valid(key), pc.is_valid(cells))
    keys = key.filter(known).combine_chunks().dictionary_encode()
    values = cells.filter(known).combine_chunks().dictionary_encode()
    n_values = max(len(values.dictionary), 1)
    group = np.asarray(keys.indices, dtype=np.int64)
    pairs, rows = np.unique(
        group * n_values + np.asarray(values.indices, dtype=np.int64), return_counts=True
    )
    of_group, of_value = pairs // n_values, pairs % n_values
    total = np.bincount(group, minlength=len(keys.dictionary))
    # above a half there is one value at most for each group
    agree = (rows >= share * total[of_group]) & (rows >= FEWEST_ROWS)
    return {
        "keys": list(dependency.keys),
        "column": dependency.column,
        "groups": keys.dictionary.take(pa.array(of_group[agree])).to_pylist(),
        "values": _plain(values.dictionary.take(pa.array(of_value[agree]))),
        "undecided": int(len(total) - np.count_nonzero(agree)),
    }


def _plain(values: pa.Array) -> list[Any]:
    """Values as JSON can hold them: a time as microseconds."""
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.int64())
    found: list[Any] = values.to_pylist()
    return found


def _follow(rows: Any, learned: State) -> tuple[Any, dict[str, int]]:
    """The cells of a column after the dependency, and how many were filled and corrected."""
    cells = rows.column(rows.schema.get_field_index(learned["column"]))
    plain = pa.int64() if pa.types.is_timestamp(cells.type) else cells.type
    values = pa.array(learned["values"], plain).cast(cells.type)
    places = pc.index_in(
        _key(rows, learned["keys"]), value_set=pa.array(learned["groups"], pa.string())
    )
    of_group = pc.take(values, places)
    filled = pc.and_(pc.is_valid(of_group), pc.is_null(cells))
    corrected = pc.not_equal(of_group, cells).fill_null(False)
    counts = {
        "filled": pc.sum(filled).as_py() or 0,
        "corrected": pc.sum(corrected).as_py() or 0,
    }
    return pc.coalesce(of_group, cells), counts
