"""Values that cannot be: made missing, absolute or clipped, or their rows left out."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nntool.errors import UsageError
from nntool.settings.clean import CleanSettings
from nntool.tables.columns import resolve_all, resolve_listed
from nntool.tables.formulas import valid_values
from nntool.tables.formulas.evaluating import as_array, as_column, kind_of
from nntool.tables.formulas.mistakes import typed_for
from nntool.tables.formulas.validity import Validity, parse
from nntool.tables.marking import Reason
from nntool.tables.rules.rule import Columns, Findings, Rule, State

MENDED = {"abs": "made_absolute", "clip": "clipped"}
"""The actions that give a cell another value, and what that is called in counts."""


@dataclass(frozen=True)
class Valid(Rule):
    """Values outside of what is declared valid become missing, or what is asked for.

    ``abs`` takes the absolute value, ``clip`` the nearest bound, ``leave-out`` leaves training
    rows out; what is not valid even then becomes missing. Nothing is learned.
    """

    reason: ClassVar[Reason] = Reason.NOT_VALID
    option: ClassVar[str] = "--valid"

    rules: tuple[tuple[str, str], ...]
    """Column and rule as it was written, in the order given."""

    @classmethod
    def check(cls, settings: CleanSettings) -> None:
        """Refuse what has no meaning."""
        with typed_for(cls.option):
            for text in settings.valid:
                parse(text)

    @classmethod
    def asked_for(cls, settings: CleanSettings, columns: Columns) -> Self | None:
        """Build it from ``settings.valid``."""
        rules = [
            (name, text)
            for text in settings.valid
            for name in _names(parse(text), columns, settings)
        ]
        return cls(tuple(rules)) if rules else None

    def fit(self, table: pa.Table) -> State:
        """Hold each rule against the kind of its column."""
        with typed_for(self.option):
            for name, text in self.rules:
                valid_values.bind(parse(text), kind_of(table.schema.field(name).type))
        return {"valid": [{"column": name, "rule": text} for name, text in self.rules]}

    @staticmethod
    def apply(batch: pa.RecordBatch, state: State, findings: Findings) -> pa.RecordBatch:
        """Change the cells that are not valid, and only those."""
        for entry in state["valid"]:
            name = entry["column"]
            if name in batch.schema.names:
                column = _valid_only(batch.column(name), parse(entry["rule"]), name, findings)
                batch = batch.set_column(batch.schema.get_field_index(name), name, column)
        return batch


def _names(rule: Validity, columns: Columns, settings: CleanSettings) -> list[str]:
    what = f"--valid {rule.text!r}"
    every = [*columns, settings.target]
    if rule.is_quoted:
        names = resolve_all(every, [rule.names], what, positions=False)
    else:
        names = resolve_listed(every, [rule.names], what, positions=False)
    if settings.target in names:
        raise UsageError(
            f"{what}: {settings.target!r} is the target, which is taken as it is",
            "what means a missing target, whose row is left out, is said with --missing-values",
        )
    return names


def _valid_only(column: pa.Array, rule: Validity, name: str, findings: Findings) -> pa.Array:
    tests = valid_values.bind(rule, kind_of(column.type))
    wrong = ~valid_values.holds(tests, column)
    if not wrong.any():
        return column
    if rule.action in MENDED:
        values = as_array(column)
        moved = np.abs(values) if rule.action == "abs" else valid_values.clipped(tests, values)
        column = as_column(np.where(wrong, moved, values))
    still_wrong = ~valid_values.holds(tests, column)
    n_wrong, n_still_wrong = (int(np.count_nonzero(cells)) for cells in (wrong, still_wrong))
    findings.count(name, {"not_valid": n_wrong})
    if rule.action in MENDED:
        findings.count(name, {MENDED[rule.action]: n_wrong - n_still_wrong})
    findings.count(name, {"made_missing": n_still_wrong})
    if rule.action == "leave-out":
        findings.object_to(wrong)
    return pc.if_else(pa.array(still_wrong), pa.scalar(None, column.type), column)
