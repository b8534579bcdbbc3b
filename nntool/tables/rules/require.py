"""Rows that are of no use without a value in certain columns."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nntool.settings.clean import CleanSettings
from nntool.tables.columns import resolve_listed
from nntool.tables.marking import Reason
from nntool.tables.rules.rule import Columns, Findings, Rule, State


@dataclass(frozen=True)
class Require(Rule):
    """A training row in which a required column is missing, after all else, is left out.

    Rows that are not trained on are kept, as rows to be predicted are. Nothing is learned.
    """

    reason: ClassVar[Reason] = Reason.REQUIRED_MISSING
    option: ClassVar[str] = "--require-columns"

    columns: tuple[str, ...]

    @classmethod
    def asked_for(cls, settings: CleanSettings, columns: Columns) -> Self | None:
        """Build it from ``settings.require_columns``; the target is required anyway."""
        every = [*columns, settings.target]
        names = resolve_listed(every, settings.require_columns, cls.option, positions=False)
        required = [name for name in names if name != settings.target]
        return cls(tuple(required)) if required else None

    def fit(self, table: pa.Table) -> State:
        """Keep the names."""
        return {"columns": list(self.columns)}

    @staticmethod
    def apply(batch: pa.RecordBatch, state: State, findings: Findings) -> pa.RecordBatch:
        """Object to rows without a value; no cell changes."""
        for name in state["columns"]:
            if name not in batch.schema.names or not batch.column(name).null_count:
                continue
            missing = np.asarray(pc.is_null(batch.column(name)))
            findings.count(name, {"missing": batch.column(name).null_count})
            findings.object_to(missing)
        return batch
