"""What every operation on a column is: settings that learn a state, and a state that is applied."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

LIMIT = 1e100
"""Numbers beyond it are clipped: their squares, and sums of those, stay finite."""

State = dict[str, Any]
"""What was learned: plain data that JSON can hold."""

Numbers = npt.NDArray[np.float64]
"""Numbers of a column, `(n,)`; missing is NaN. Dates are days since 1970-01-01."""

Values = Any
"""What operations hand on: Numbers, texts (a ``pa.Array``), a float32 block `(n, width)`, or int32
codes `(n,)`."""

Counts = dict[str, int]
"""What is counted while one column is worked on, by the name of what happened."""

Gives = Literal["same", "numbers", "texts", "block", "codes"]
"""What an operation makes of cells: the same kind, a number or a text for each, several columns of
numbers, or a code for an embedding."""


class Training(NamedTuple):
    """What may be asked of the training rows beside the cells themselves."""

    target: npt.NDArray[np.float64] | npt.NDArray[np.int32]
    """Numbers in the target's own unit, or codes of classes from 0; `(n,)`, none is missing."""
    n_classes: int
    """0 where the target is a number."""
    seed: int
    """Of everything random in the step: make a generator of your own from it and your name."""


class Operation(ABC):
    """One link of a column's chain; a subclass is a frozen dataclass whose fields are settings."""

    gives: ClassVar[Gives] = "numbers"
    """What the result is, and so what may follow: after ``block`` and ``codes`` nothing may."""

    reads_gaps: ClassVar[bool] = False
    """True where nothing may fill the missing cells before."""

    needs_target: ClassVar[bool] = False
    """True where `fit_to` is to be called, which is given the target."""

    @abstractmethod
    def fit(self, values: Any) -> State:
        """Learn from the training rows of a column."""

    def fit_to(self, values: Any, training: Training) -> tuple[State, Values | None]:
        """Learn from the training rows of a column and their target.

        Also gives what these rows become, where that is not what `apply` gives (an encoding that
        is learned from other rows than those that it is given to), else None.
        """
        return self.fit(values), None

    @staticmethod
    @abstractmethod
    def apply(values: Any, state: State, counts: Counts) -> Values:
        """Work on a chunk of rows with what was learned; never change ``values``."""

    @staticmethod
    def label(state: State) -> str:
        """What is put behind the column's name to name the feature."""
        return ""

    @staticmethod
    def suffixes(state: State) -> list[str]:
        """What is put behind the feature's name to name each column that comes out."""
        return [""]


class TableImputer(ABC):
    """Fills gaps of several columns at once, before their chains; a frozen dataclass."""

    in_order: ClassVar[bool] = False
    """True where `apply` needs all rows of a part at once: it follows an order column."""

    @abstractmethod
    def reads(self, roles: Mapping[str, str]) -> list[str]:
        """Name the columns that it looks at beside those that it fills; roles are by name.

        Raises ``UsageError`` for a column that is not there or is of no use.
        """

    @abstractmethod
    def fit(self, columns: Mapping[str, Values], fills: list[str], training: Training) -> State:
        """Learn from training rows how to fill ``fills``; columns are Numbers or texts by name."""

    @staticmethod
    @abstractmethod
    def apply(columns: Mapping[str, Values], state: State) -> dict[str, Values]:
        """Give each of the filled columns without a gap; ``columns`` are not changed."""


class Mixer(ABC):
    """Makes new columns of several columns of numbers, after the chains; a frozen dataclass."""

    replaces: ClassVar[bool] = False
    """True where the new columns take the place of those that they are made of."""

    @abstractmethod
    def fit(self, matrix: npt.NDArray[np.float64], names: list[str]) -> State:
        """Learn from the training rows `(n, d)`, columns in the order of ``names``.

        The state may hold NumPy arrays of float64.
        """

    @staticmethod
    @abstractmethod
    def apply(matrix: npt.NDArray[np.float64], state: State) -> npt.NDArray[np.float32]:
        """Give the new columns `(n, k)` for rows `(n, d)`; a row's result hangs on it alone."""

    @staticmethod
    @abstractmethod
    def names(state: State) -> list[str]:
        """What the new columns are called, `k` of them."""
