"""What a split may look at, and what a way of splitting is."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nntool.errors import UsageError
from nntool.settings.clean import MISSING_VALUES
from nntool.tables.casting import missing_mask, read_numbers
from nntool.tables.splitting.dealing import Parts
from nntool.tables.target_codes import class_order, encode_classes, trimmed

PART_NAMES = ("train", "validation", "test", "none")
"""The parts by the code that they have while rows are dealt; ``none`` becomes −1 at the end."""
REST = 3
MISSING_TARGET = "(missing)"

Mask = NDArray[np.bool_]
Shares = NDArray[np.float64]


class Source(NamedTuple):
    """A source that was collected, and how many rows it gave, in source order."""

    name: str
    n_rows: int


@dataclass(frozen=True)
class Rows:
    """The n rows that are dealt: their target, a hash of each, and a column that was named.

    ``target`` and ``column`` are text without blanks around it; ``hashes`` `(n,)` are equal for
    equal rows.
    """

    target: pa.ChunkedArray
    lacks_target: Mask
    task: str
    hashes: NDArray[np.uint64]
    column: pa.ChunkedArray | None = None
    missing_values: Sequence[str] = MISSING_VALUES
    sources: Sequence[Source] = ()

    def __len__(self) -> int:
        return self.hashes.size

    def of(self, mask: Mask) -> "Rows":
        """Some of the rows, in order; sources are of all rows only."""
        chosen = pa.array(mask)
        return replace(
            self,
            target=self.target.filter(chosen),
            lacks_target=self.lacks_target[mask],
            hashes=self.hashes[mask],
            column=None if self.column is None else self.column.filter(chosen),
            sources=(),
        )

    def named_column(self) -> tuple[pa.ChunkedArray, Mask]:
        """The column that was named, and where it is missing."""
        assert self.column is not None  # `split` is given the column of a method that names one
        return self.column, mask_of_missing(self.column, self.missing_values)


class Dealt(NamedTuple):
    """The part `(n,)` of each row, by the order of the shares, and what is to be said."""

    parts: Parts
    notes: Sequence[str] = ()


class Splitter(Protocol):
    """A way of splitting.

    ``by_share`` is False where the data says what each part is; ``keeps_equal_rows`` is True
    where equal rows always go to one part; ``in_order`` is True where part i is older than i + 1;
    ``together`` says what is never cut.
    """

    by_share: ClassVar[bool]
    keeps_equal_rows: ClassVar[bool]
    in_order: ClassVar[bool]
    together: ClassVar[str]

    def deal(self, rows: Rows, shares: Shares, rng: np.random.Generator) -> Dealt:
        """Deal rows to the parts of these shares, which add up to 1."""

    def fold(self, rows: Rows, n_folds: int, rng: np.random.Generator) -> Dealt:
        """Deal training rows to folds of one size."""


def make_rows(
    target: pa.ChunkedArray,
    task: str,
    hashes: NDArray[np.uint64],
    *,
    column: pa.ChunkedArray | None = None,
    missing_values: Sequence[str] = MISSING_VALUES,
    sources: Sequence[Source] = (),
) -> Rows:
    """Rows with text as it is compared: without the blanks around it."""
    target = trimmed(target)
    lacks_target = mask_of_missing(target, missing_values)
    column = None if column is None else trimmed(column)
    return Rows(target, lacks_target, task, hashes, column, missing_values, sources)


def mask_of_missing(text: pa.ChunkedArray, missing_values: Sequence[str]) -> Mask:
    """Which cells `(n,)` mean "missing"."""
    masks = (np.asarray(missing_mask(c, missing_values)[0], dtype=bool) for c in text.chunks)
    return np.concatenate([np.empty(0, bool), *masks])


def numbers_of(text: pa.ChunkedArray, missing_values: Sequence[str]) -> NDArray[np.float64]:
    """Cells `(n,)` as numbers, written plainly or as all of them show; NaN where they are none."""
    return read_numbers(text, missing_values).to_numpy(len(text))


def classes_of(rows: Rows) -> tuple[NDArray[np.int64], list[str]]:
    """The class of each row as clean names it: in its order, equal numbers one; missing last."""
    distinct = pc.unique(rows.target.filter(pa.array(~rows.lacks_target))).to_pylist()
    names, by_value = class_order(distinct)
    known = {"classes": names, "by_value": by_value, "missing_values": []}
    codes = encode_classes(rows.target, known)[0].astype(np.int64)
    if rows.lacks_target.any():
        names = [*names, MISSING_TARGET]
    return np.where(rows.lacks_target, len(names) - 1, codes), names


def strata_of(rows: Rows, n_bins: int) -> tuple[NDArray[np.int64], list[str]]:
    """The class of each row, or the bin of equal count that its number is in; missing last."""
    if rows.task != "regression":
        return classes_of(rows)
    values = numbers_of(rows.target, rows.missing_values)
    is_number = ~rows.lacks_target & np.isfinite(values)
    edges = np.quantile(values[is_number], np.linspace(0, 1, n_bins + 1)[1:-1])
    bins = np.searchsorted(edges, np.where(is_number, values, 0.0), side="right")
    names = [f"bin {i + 1} of {n_bins}" for i in range(n_bins)]
    return np.where(is_number, bins, n_bins), [*names, MISSING_TARGET]


def require_column(method: str, column: str | None) -> None:
    """Raise ``UsageError`` where a method that needs a column names none."""
    if not column:
        raise UsageError(f"{method} needs a column", f"--method {method}:column=NAME")


def spelled(method: str, column: str | None, *more: str) -> str:
    """A method with its column as a shell reads it.

    >>> spelled("time", "ship date", "missing=train")
    "--method 'time:column=ship date,missing=train'"
    """
    return "--method " + shlex.quote(",".join([f"{method}:column={column}", *more]))
