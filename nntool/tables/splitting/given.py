"""Splits that someone has made already: in a column, or in files of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nntool.errors import DataError, UsageError
from nntool.settings.wording import counted, listed, quoted
from nntool.tables.choices import setting
from nntool.tables.splitting.at_random import Random, Stratified
from nntool.tables.splitting.rows import (
    PART_NAMES,
    REST,
    Dealt,
    Rows,
    Shares,
    Source,
    require_column,
    spelled,
)

WORDS: dict[str, tuple[str, ...]] = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev", "development"),
    "test": ("test", "testing", "holdout", "hold-out"),
    "none": ("none", "unused"),
}
"""The words that name a part, in any case, where no other is given."""


@dataclass(frozen=True)
class Column:
    """A column says which part each row is in.

    The words are train, training; validation, valid, val, dev, development; test, testing,
    holdout; none, unused; in small or capital letters. Rows without a word are in no part. Where
    no row validates, validation rows are cut from the training rows at random (within classes),
    so many that the two stand as --train to --validation.

    Use: a table whose parts are given, so that results compare with those of others.
    """

    column: str | None = setting(None, "The column that says the part: its name or @position.")
    train: str | None = setting(None, "The word of training rows, where it is another.")
    validation: str | None = setting(None, "The word of validation rows, where it is another.")
    test: str | None = setting(None, "The word of test rows, where it is another.")

    by_share: ClassVar[bool] = False
    keeps_equal_rows: ClassVar[bool] = False
    in_order: ClassVar[bool] = False
    together: ClassVar[str] = "rows of one word"

    def __post_init__(self) -> None:
        require_column("column", self.column)

    def deal(self, rows: Rows, shares: Shares, rng: np.random.Generator) -> Dealt:
        """Read the part of each row from its word."""
        text, is_missing = rows.named_column()
        present = pc.if_else(pa.array(is_missing), pa.scalar(None, pa.string()), text)
        encoded = present.combine_chunks().dictionary_encode()
        words = encoded.dictionary.to_pylist()
        known = self._parts_of_words()
        unknown = [word for word in words if word.casefold() not in known]
        if unknown:
            raise self._unknown(unknown, present)
        codes = np.array([known[word.casefold()] for word in words] + [REST], np.int8)
        parts = codes[np.asarray(encoded.indices.fill_null(len(words)), dtype=np.int64)]
        notes = []
        if is_missing.any():
            n = int(np.count_nonzero(is_missing))
            notes.append(f"{n:,} rows without a word in {self.column!r}: in no part")
        return _with_validation(rows, parts, shares, rng, notes)

    def fold(self, rows: Rows, n_folds: int, rng: np.random.Generator) -> Dealt:
        """Deal the training rows to folds at random, within classes."""
        return _usual(rows).fold(rows, n_folds, rng)

    def _parts_of_words(self) -> dict[str, int]:
        own = {"train": self.train, "validation": self.validation, "test": self.test}
        found: dict[str, int] = {}
        for part, name in enumerate(PART_NAMES):
            word = own.get(name)
            found |= dict.fromkeys(WORDS[name] if word is None else (word.casefold(),), part)
        return found

    def _unknown(self, words: list[str], text: pa.ChunkedArray) -> DataError:
        counts = {e["values"]: e["counts"] for e in pc.value_counts(text).to_pylist()}
        words.sort(key=lambda word: (-counts[word], word))
        shown = listed(f"{word!r} ({counted(counts[word], 'row')})" for word in words)
        return DataError(
            f"{self.column!r} holds words that name no part: {shown}",
            f"{spelled('column', self.column, f'train={words[0]}')}: say the word of each part that"
            " has another than train, validation, test, none",
        )


@dataclass(frozen=True)
class Files:
    """The source that a row was collected from says which part it is in.

    A source is named as it was typed, by its file name, by a pattern (`2024-*.csv`) or by its
    position (@1); several with + between them. Where train is not named it is every source that
    no other part names. Validation rows that no source gives are cut from the training rows, as
    with column.

    Use: training and test data that come as files of their own.
    """

    train: str | None = setting(None, "The sources of training rows; unset: all others.")
    validation: str | None = setting(None, "The sources of validation rows.")
    test: str | None = setting(None, "The sources of test rows.")
    none: str | None = setting(None, "The sources of rows that are in no part.")

    by_share: ClassVar[bool] = False
    keeps_equal_rows: ClassVar[bool] = False
    in_order: ClassVar[bool] = False
    together: ClassVar[str] = "rows of one file"

    def __post_init__(self) -> None:
        if self.validation is None and self.test is None and self.none is None:
            raise UsageError(
                "files needs to know which source tests or validates", "--method files:test=FILE"
            )

    def deal(self, rows: Rows, shares: Shares, rng: np.random.Generator) -> Dealt:
        """Give each row the part of its source."""
        of_source = self._parts_of(rows.sources)
        parts = np.repeat(of_source, [source.n_rows for source in rows.sources])
        said = (
            f"{source.name}: {PART_NAMES[part]}, {source.n_rows:,} rows"
            for source, part in zip(rows.sources, of_source.tolist(), strict=True)
        )
        return _with_validation(rows, parts, shares, rng, ["; ".join(said)])

    def fold(self, rows: Rows, n_folds: int, rng: np.random.Generator) -> Dealt:
        """Deal the training rows to folds at random, within classes."""
        return _usual(rows).fold(rows, n_folds, rng)

    def _parts_of(self, sources: Sequence[Source]) -> NDArray[np.int8]:
        """The part of each source; raises ``DataError`` for names that fit none, or two parts."""
        parts: dict[int, int] = {}
        names = [source.name for source in sources]
        collected = f"collected from {quoted(names, 20)}"
        for part, name in enumerate(PART_NAMES):
            for wanted in (getattr(self, name) or "").split("+"):
                found = _matching(names, wanted.strip()) if wanted.strip() else []
                if wanted.strip() and not found:
                    raise DataError(f"files: no source fits {name}={wanted.strip()}", collected)
                for place in found:
                    if parts.setdefault(place, part) != part:
                        raise DataError(
                            f"files: {names[place]} is named for {PART_NAMES[parts[place]]} and for"
                            f" {name}",
                            "name each source once",
                        )
        others = [names[i] for i in range(len(names)) if i not in parts]
        if others and self.train is not None:
            raise DataError(
                f"files: no part names {quoted(others)}", "name them too, as in none=FILE"
            )
        return np.array([parts.get(i, 0) for i in range(len(names))], np.int8)


def _matching(names: Sequence[str], wanted: str) -> list[int]:
    """The places of the sources of that name: as typed, by file name, by position, by pattern."""
    if wanted.startswith("@") and wanted[1:].lstrip("-").isdecimal():
        place = int(wanted[1:])
        index = place - 1 if place > 0 else len(names) + place
        return [index] if place and 0 <= index < len(names) else []
    for fits in (str.__eq__, _has_file_name, fnmatchcase, _fits_file_name):
        found = [i for i, name in enumerate(names) if fits(name, wanted)]
        if found:
            return found
    return []


def _has_file_name(name: str, wanted: str) -> bool:
    return PurePath(name).name == wanted


def _fits_file_name(name: str, pattern: str) -> bool:
    return fnmatchcase(PurePath(name).name, pattern)


def _usual(rows: Rows) -> Random | Stratified:
    """How rows are dealt where nothing else is said."""
    return Random() if rows.task == "regression" else Stratified()


def _with_validation(
    rows: Rows,
    parts: NDArray[np.int8],
    shares: Shares,
    rng: np.random.Generator,
    notes: list[str],
) -> Dealt:
    """The parts, with validation rows cut from the training rows where there are none."""
    trains = parts == 0
    if (parts == 1).any() or not shares[1] or not trains.any():
        return Dealt(parts, notes)
    two = shares[:2] / shares[:2].sum()
    cut, of_cut = _usual(rows).deal(rows.of(trains), two, rng)
    parts[trains] = cut
    note = (
        f"no row was said to validate, so {np.count_nonzero(cut):,} of {np.count_nonzero(trains):,}"
        f" training rows do ({two[1]:.3g} of them; --validation 0: none)"
    )
    return Dealt(parts, [*notes, note, *of_cut])
