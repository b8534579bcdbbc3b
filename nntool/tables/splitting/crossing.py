"""Folds for cross-validation: which rows each of them learns from, stops by and is judged by."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nntool.errors import DataError
from nntool.settings.clean import MISSING_VALUES
from nntool.settings.wording import counted
from nntool.tables.splitting import fold, name_of
from nntool.tables.splitting.at_random import Random, Stratified
from nntool.tables.splitting.dealing import Parts
from nntool.tables.splitting.rows import (
    MISSING_TARGET,
    Mask,
    Rows,
    Splitter,
    classes_of,
    make_rows,
)

LEARNS, STOPS, JUDGES = 0, 1, 2
"""The parts of one fold, coded as the parts of a split."""
SMALLER = "give a smaller --cv"


@dataclass(frozen=True)
class Crossing:
    """Rows dealt to folds; `parts` says what each row is for when one fold is judged.

    ``among`` `(n,)` says which rows are dealt at all, ``fold_of`` their fold. ``validation`` is
    the share of the other folds' rows that stops training, dealt by the same method.
    """

    method: Splitter
    rows: Rows
    among: Mask
    fold_of: Parts
    n_folds: int
    validation: float
    seed: tuple[int, ...]
    classes: NDArray[np.int64] | None
    class_names: Sequence[str]
    notes: Sequence[str]

    def parts(self, number: int) -> Parts:
        """The part `(n,)` of every row where fold ``number``, from 1 on, is judged.

        In order of time only older folds are learned from, and newer ones are in no part. Raises
        ``DataError`` where a fold could not be learned or judged.
        """
        judged = number if self.method.in_order else number - 1  # the oldest stretch judges none
        own = np.full(self.fold_of.size, -1, np.int8)
        learns = self.fold_of < judged if self.method.in_order else self.fold_of != judged
        own[learns] = self._with_validation(self.rows.of(learns), number)
        own[self.fold_of == judged] = JUDGES
        self._refuse_useless(own, number)
        parts = np.full(self.among.size, -1, np.int8)
        parts[self.among] = own
        return parts

    def unlearned(self, parts: Parts) -> list[str]:
        """The classes that no row to learn from has."""
        if self.classes is None:
            return []
        n_learned = np.bincount(
            self.classes[parts[self.among] == LEARNS], minlength=len(self.class_names)
        )
        return [
            name
            for name, n in zip(self.class_names, n_learned, strict=True)
            if not n and name != MISSING_TARGET
        ]

    def _with_validation(self, rows: Rows, number: int) -> Parts:
        if not self.validation:
            return np.zeros(len(rows), np.int8)
        shares = np.array([1 - self.validation, self.validation])
        rng = np.random.default_rng([*self.seed, number])
        parts = self.method.deal(rows, shares, rng).parts
        return np.where(parts > STOPS, np.int8(-1), parts)

    def _refuse_useless(self, own: Parts, number: int) -> None:
        """Refuse a fold that would fail later, and far from its cause."""
        where = f"fold {number} of {self.n_folds}"
        has_target = ~self.rows.lacks_target
        for part, what in ((JUDGES, "to be judged by"), (LEARNS, "to learn from")):
            if not (has_target & (own == part)).any():
                raise DataError(f"{where} has no row with a target {what}", SMALLER)
        if self.classes is None:
            return
        learned = np.unique(self.classes[has_target & (own == LEARNS)])
        if learned.size == 1:
            raise DataError(
                f"{where} would learn from rows of one class only,"
                f" {self.class_names[int(learned[0])]!r}",
                f"{SMALLER}, or split with --method stratified",
            )


def cross(
    target: pa.ChunkedArray,
    hashes: NDArray[np.uint64],
    among: Mask,
    method: Splitter,
    task: str,
    n_folds: int,
    validation: float,
    seed: tuple[int, ...],
    *,
    column: pa.ChunkedArray | None = None,
    missing_values: Sequence[str] = MISSING_VALUES,
) -> Crossing:
    """Deal the rows ``among`` `(n,)` to folds as a method of splitting deals its folds.

    ``target``, ``hashes`` and ``column`` are those of `split`. A method that reads the parts from
    the data says nothing of folds: its rows are dealt at random, within classes, as
    ``split --folds`` does. By time there is one stretch more than folds, the oldest, which only
    serves to learn from.
    """
    rows = make_rows(target, task, hashes, column=column, missing_values=missing_values).of(among)
    used = method if method.by_share else (Random() if task == "regression" else Stratified())
    n_stretches = n_folds + 1 if used.in_order else n_folds
    everything = np.zeros(len(rows), np.int8)
    fold_of, report = fold(
        used, rows, everything, n_stretches, np.random.default_rng([*seed, 0]), hint=SMALLER
    )
    classes, names = classes_of(rows) if task != "regression" else (None, [])
    sizes = report["sizes"][1:] if used.in_order else report["sizes"]
    notes = [_words(used, n_folds, sizes, len(rows))]
    if not method.by_share:
        notes.append(
            f"--method {name_of(method)} says parts and no folds, so these are {name_of(used)};"
            " another split --method has folds of its own kind"
        )
    notes += report["notes"][1:] if not used.in_order else []
    return Crossing(used, rows, among, fold_of, n_folds, validation, seed, classes, names, notes)


def _words(method: Splitter, n_folds: int, sizes: Sequence[int], n_rows: int) -> str:
    """How many folds of how many rows, and how they were dealt."""
    name = name_of(method)
    column = getattr(method, "column", None)
    by = f"{name} by {column!r}" if column else name
    least, most = min(sizes), max(sizes)
    each = counted(most, "row") if least == most else f"{least:,} to {most:,} rows"
    later = "; each learns from the rows before it" if method.in_order else ""
    return f"{n_folds} folds ({by}) of {each}, of {n_rows:,} in all{later}"
