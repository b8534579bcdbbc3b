"""What every rule on cells is: settings that learn a state, and a state that is applied."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nntool.settings.clean import CleanSettings
from nntool.tables.marking import Reason

State = dict[str, Any]
"""What was learned: plain data that JSON can hold."""

Columns = Mapping[str, str]
"""The name and the role of each column, the target apart."""


@dataclass
class Findings:
    """What a rule met in a chunk of rows: counts for the report, and rows that it objects to."""

    counts: dict[str, Any] = field(default_factory=dict)
    """By column, then by what happened: ``{"Age": {"impossible": 2, "made_missing": 2}}``."""
    rows: NDArray[np.bool_] | None = None
    """Rows `(n,)` that are to be left out where they are training rows; their cell is missing."""

    def count(self, column: str, happened: Mapping[str, int]) -> None:
        """Add to what happened in a column; what did not happen is not mentioned.

        >>> findings = Findings()
        >>> findings.count("Age", {"not_valid": 2, "clipped": 0})
        >>> findings.counts
        {'Age': {'not_valid': 2}}
        """
        for kind, n in happened.items():
            if n:
                kinds = self.counts.setdefault(column, {})
                kinds[kind] = kinds.get(kind, 0) + n

    def object_to(self, rows: NDArray[np.bool_]) -> None:
        """Add rows that are to be left out."""
        self.rows = rows if self.rows is None else self.rows | rows


@dataclass(frozen=True)
class Judgement:
    """Training rows that a rule found unusual while it learned: a property of them alone."""

    rule: str
    rows: NDArray[np.int64]
    """Their places, the most unusual first."""
    scores: NDArray[np.float64]
    leave_out: bool


class Rule(ABC):
    """One thing that is done to cells after they are typed; a subclass is a frozen dataclass."""

    in_order: ClassVar[bool] = False
    """True where `apply` needs all rows of a part at once: it follows an order column."""
    reason: ClassVar[Reason] = Reason.NOT_VALID
    """Why a training row that the rule objects to is left out."""
    option: ClassVar[str] = ""
    """The option that asks for the rule, as reports name it: ``--valid``."""

    @classmethod  # noqa: B027 - most have nothing to say
    def check(cls, settings: CleanSettings) -> None:
        """Raise ``UsageError`` for what is wrong whatever the table is, before it is read."""

    @classmethod
    @abstractmethod
    def asked_for(cls, settings: CleanSettings, columns: Columns) -> Self | None:
        """Build the rule that the settings ask for; None where they ask for none.

        Raises ``UsageError`` or ``DataError`` for a column that is not there or is of no use.
        """

    @abstractmethod
    def fit(self, table: pa.Table) -> State:
        """Learn from the kept training rows, typed, as the rules before leave them.

        The state names its columns, so that `apply` finds them, under keys of its own choice.
        A ``Judgement`` of the rows of ``table`` may stand under ``judged``; it is taken out.
        """

    @staticmethod
    @abstractmethod
    def apply(batch: pa.RecordBatch, state: State, findings: Findings) -> pa.RecordBatch:
        """Work on a chunk of typed rows with what was learned: the same columns come out.

        A column that is not in the batch was not asked for by prediction, and is passed over.
        """

    @staticmethod
    def needs(state: State) -> dict[str, list[str]]:
        """For each column that the rule writes, all other columns that must be there for that.

        What is read of a column that the rule itself has written before counts, too.
        """
        return {}
