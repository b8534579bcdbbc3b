"""The columns of an output: what stands in them, in which order, and under which names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import pyarrow as pa

from nntool.tables import answers, columns, row_status


class Answered(Protocol):
    """Some rows and what the model says of them; ``steps.predicting.Answers`` is one."""

    @property
    def text(self) -> pa.RecordBatch:
        """The rows as they were read."""

    @property
    def decided(self) -> Any:
        """Class codes, or values in the target's own unit; ``(n,)``."""

    @property
    def probabilities(self) -> Any:
        """``(n, n_classes)``, or None."""

    @property
    def spread(self) -> Any:
        """Standard deviations over several passes ``(n,)``, or None."""

    @property
    def status(self) -> Any:
        """What was met in each row ``(n,)``, codes of row_status; None where nobody asked."""

    @property
    def bad(self) -> Any:
        """A mask ``(n,)`` of the rows that could not be read, or None where all could."""


class Part(Protocol):
    """Some columns that stand side by side.

    ``arrays`` is called in several threads at once; an array may be the dictionary-encoded form of
    its field's type, which is written faster where few values come back often. The cells of a row
    that could not be read are emptied afterwards, but for those of a part that speaks of them.
    """

    speaks_of_bad_rows: ClassVar[bool] = False

    def fields(self) -> list[pa.Field]:
        """The names and types of the columns."""
        ...

    def arrays(self, found: Answered) -> list[pa.Array]:
        """The cells of some rows, column by column."""
        ...


@dataclass(frozen=True)
class Carried(Part):
    """Columns of the input as they are written there."""

    names: tuple[str, ...]

    def fields(self) -> list[pa.Field]:
        """Text under the names of the input."""
        return [pa.field(name, pa.string()) for name in self.names]

    def arrays(self, found: Answered) -> list[pa.Array]:
        """The very cells."""
        return [found.text.column(name) for name in self.names]


@dataclass(frozen=True)
class Prediction(Part):
    """What the model decides: a class by its name, or a value in the target's own unit."""

    classes: tuple[str, ...] | None

    def fields(self) -> list[pa.Field]:
        """One column."""
        return [pa.field("prediction", pa.float64() if self.classes is None else pa.string())]

    def arrays(self, found: Answered) -> list[pa.Array]:
        """The decided class or value."""
        if self.classes is None:
            return answers.value_columns(found.decided)
        return answers.class_columns(found.decided, None, self.classes)


@dataclass(frozen=True)
class Spread(Part):
    """How far several answers to the same row lie apart."""

    def fields(self) -> list[pa.Field]:
        """One column."""
        return [pa.field("spread", pa.float64())]

    def arrays(self, found: Answered) -> list[pa.Array]:
        """The standard deviation of each row."""
        return answers.value_columns(found.spread)


@dataclass(frozen=True)
class Probabilities(Part):
    """The probability of each class."""

    classes: tuple[str, ...]

    def fields(self) -> list[pa.Field]:
        """``p_<class>`` for each class."""
        return [pa.field(f"p_{name}", pa.float64()) for name in self.classes]

    def arrays(self, found: Answered) -> list[pa.Array]:
        """One column for each class."""
        return answers.share_columns(found.probabilities)


@dataclass(frozen=True)
class Top(Part):
    """The likeliest classes, the first first; of equal ones the first in the order of classes."""

    classes: tuple[str, ...]
    k: int
    probabilities: bool

    def fields(self) -> list[pa.Field]:
        """``top_1, p_top_1, top_2, …``, or without probabilities ``top_1, top_2, …``."""
        pairs = [
            (pa.field(f"top_{rank}", pa.string()), pa.field(f"p_top_{rank}", pa.float64()))
            for rank in range(1, self.k + 1)
        ]
        return [field for pair in pairs for field in pair[: 1 + self.probabilities]]

    def arrays(self, found: Answered) -> list[pa.Array]:
        """A class and its probability for each rank."""
        pairs = answers.top_columns(found.probabilities, self.classes, self.k)
        return [array for pair in pairs for array in pair[: 1 + self.probabilities]]


@dataclass(frozen=True)
class Status(Part):
    """What was met in each row, in words."""

    speaks_of_bad_rows: ClassVar[bool] = True

    def fields(self) -> list[pa.Field]:
        """One column."""
        return [pa.field("status", pa.string())]

    def arrays(self, found: Answered) -> list[pa.Array]:
        """The words."""
        return [row_status.column(found.status)]


class Page:
    """All columns of the output: chosen ones of the input around those of the answers."""

    def __init__(self, ids: list[str], own_parts: list[Part], keep: list[str]) -> None:
        self.carried = [*ids, *keep]
        """The columns of the input that the output has."""
        self._parts: list[Part] = [Carried(tuple(ids)), *own_parts, Carried(tuple(keep))]
        own = [field for part in own_parts for field in part.fields()]
        fields = [field for part in self._parts for field in part.fields()]
        names, self.renamed = _names(ids, [field.name for field in own], keep)
        self.schema = pa.schema(
            [field.with_name(name) for field, name in zip(fields, names, strict=True)]
        )

    def batch(self, found: Answered) -> pa.RecordBatch:
        """The cells of some rows."""
        arrays_of_all: list[pa.Array] = []
        for part in self._parts:
            arrays = part.arrays(found)
            if found.bad is not None and not part.speaks_of_bad_rows:
                arrays = [answers.emptied(array, found.bad) for array in arrays]
            arrays_of_all += arrays
        return answers.batch(arrays_of_all, self.schema.names)


def _names(
    ids: list[str], own: list[str], keep: list[str]
) -> tuple[list[str], list[tuple[str, str]]]:
    """The names of all columns; an input column called as an answer gets another name."""
    names, _ = columns.unique_names([*own, *ids, *keep])
    answering, carried = names[: len(own)], names[len(own) :]
    pairs = zip([*ids, *keep], carried, strict=True)
    renamed = [(before, after) for before, after in pairs if before != after]
    return [*carried[: len(ids)], *answering, *carried[len(ids) :]], renamed
