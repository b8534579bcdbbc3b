"""What every operation on a column is: settings that learn a state, and a state that is applied."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

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

Kind = Literal["numeric", "codes"]


class Operation(ABC):
    """One link of a column's chain; a subclass is a frozen dataclass whose fields are settings."""

    kind: ClassVar[Kind] = "numeric"
    """Where the result goes, if this is the last link: the matrix of numbers or that of codes."""

    gives_numbers: ClassVar[bool] = True
    """True where the result is one number for each row, so that a scaler may follow."""

    @abstractmethod
    def fit(self, values: Any) -> State:
        """Learn from the training rows of a column."""

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
