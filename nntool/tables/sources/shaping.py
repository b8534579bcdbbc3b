"""What becomes of a source's columns before they are kept: renamed, dropped, pseudonymized."""

from __future__ import annotations

import difflib
import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nntool.errors import DataError, UsageError
from nntool.tables import bad_rows
from nntool.tables import columns as column_names
from nntool.tables.sources.reading import Around, BatchReader, Source, text_schema

PSEUDONYM_DIGITS = 20
"""Hexadecimal digits of a pseudonym: 80 bits, so that of 10⁹ values two meet with p < 10⁻⁶."""


@dataclass(frozen=True)
class Shape:
    """What is done to every source; the names to drop and hash are those after renaming."""

    rename: Mapping[str, str] = field(default_factory=dict)
    drop: Sequence[str] = ()
    pseudonymize: Sequence[str] = ()
    key: bytes = b""
    missing_values: Sequence[str] = ()
    """Cells that stay as they are, beside empty ones, so that missing stays missing."""


@dataclass(frozen=True)
class Shaped:
    """One source as it will be kept."""

    source: Source
    shape: Shape
    taken: list[str]
    """The columns that are read, by their own names."""
    names: list[str]
    """The same columns by the names that they are kept under."""
    renamed: dict[str, str]
    dropped: list[str]
    hashed: list[str]

    def kept(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """A batch of the taken columns as it is kept."""
        arrays = [
            pseudonyms(array, self.shape.key, self.shape.missing_values)
            if name in self.hashed
            else array
            for name, array in zip(self.names, batch.columns, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=text_schema(self.names))


class Reshaped(Around):
    """A reader whose columns are renamed and hashed; bad rows keep their mark."""

    def __init__(self, reader: BatchReader, shaped: Shaped) -> None:
        super().__init__(reader)
        self._reader = reader
        self._shaped = shaped

    @property
    def names(self) -> list[str]:
        """The columns by the names that they are kept under."""
        return self._shaped.names

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self._reader:
            rows, mark = bad_rows.without_mark(batch)
            yield bad_rows.with_mark(self._shaped.kept(rows), mark)


def shape_all(called: Sequence[str], sources: Sequence[Source], shape: Shape) -> list[Shaped]:
    """Each source as it will be kept; ``called`` is what messages call it.

    A name to rename, drop or hash must stand in one source at least. Raises ``DataError``.
    """
    own = list(dict.fromkeys(name for source in sources for name in source.names))
    column_names.resolve_all(own, list(shape.rename), "--rename")
    renamings = [
        renaming(name, source.names, shape.rename)
        for name, source in zip(called, sources, strict=True)
    ]
    after = [
        [renamed.get(name, name) for name in source.names]
        for source, renamed in zip(sources, renamings, strict=True)
    ]
    union = list(dict.fromkeys(name for names in after for name in names))
    drop = column_names.resolve_listed(union, shape.drop, "--drop")
    hashed = column_names.resolve_listed(union, shape.pseudonymize, "--pseudonymize")
    both = [name for name in hashed if name in drop]
    if both:
        raise UsageError(f"{both[0]!r} is dropped and pseudonymized", "give one of the two")
    found = []
    for name, source, names, renamed in zip(called, sources, after, renamings, strict=True):
        pairs = [pair for pair in zip(source.names, names, strict=True) if pair[1] not in drop]
        if not pairs:
            raise DataError(f"{name}: no column is left", "drop fewer columns")
        taken, kept = map(list, zip(*pairs, strict=True))
        dropped = [own for own in names if own in drop]
        own_hashed = [own for own in kept if own in hashed]
        found.append(Shaped(source, shape, taken, kept, renamed, dropped, own_hashed))
    return found


def renaming(called: str, names: Sequence[str], rename: Mapping[str, str]) -> dict[str, str]:
    """The columns of a source that get another name; none may get that of another column."""
    found = {}
    for old, new in rename.items():
        own = column_names.find(names, old, positions=True)
        if own is not None and own != new:
            found[own] = new
    after = [found.get(name, name) for name in names]
    twice = sorted({name for name in after if after.count(name) > 1})
    if twice:
        raise DataError(
            f"{called}: after --rename there are two columns {twice[0]!r}",
            f"give the other one a name too: --rename {twice[0]!r}=…",
        )
    return found


def pseudonyms(text: pa.Array, key: bytes, missing_values: Sequence[str]) -> pa.Array:
    """Keyed hashes (HMAC-SHA256) of cells without the blanks around them; missing stays missing.

    The same value has the same pseudonym in every column and source.

    >>> pseudonyms(pa.array(["Ana", " Ana", "", None]), b"key", []).to_pylist()[1:]
    ['1bc1fa0d5d14963e181b', '', None]
    """
    kept = {token.strip() for token in missing_values} | {""}
    encoded = text.dictionary_encode()
    words = []
    for cell in encoded.dictionary.to_pylist():
        value = cell.strip()
        words.append(cell if value in kept else pseudonym(value, key))
    return pc.take(pa.array(words, pa.string()), encoded.indices)


def pseudonym(value: str, key: bytes) -> str:
    """One value's keyed hash."""
    return hmac.digest(key, value.encode(), hashlib.sha256).hex()[:PSEUDONYM_DIGITS]


def lacking(shaped: Sequence[Shaped]) -> list[list[str]]:
    """For each source, which of all columns it does not have."""
    union = all_names(shaped)
    return [[name for name in union if name not in set(one.names)] for one in shaped]


def all_names(shaped: Sequence[Shaped]) -> list[str]:
    """The columns of all sources, in order of first sight."""
    return list(dict.fromkeys(name for one in shaped for name in one.names))


def refuse_differences(called: Sequence[str], shaped: Sequence[Shaped]) -> None:
    """Raise ``DataError`` that lists what each source lacks, with renamings that may mend it."""
    lacks = lacking(shaped)
    if not any(lacks):
        return
    facts = [
        f"{name} is without {', '.join(map(repr, without))}"
        for name, without in zip(called, lacks, strict=True)
        if without
    ]
    guesses = _guesses(shaped, lacks)
    raise DataError(
        f"the sources have different columns: {'; '.join(facts)}",
        "".join(f"--rename {old!r}={new!r} " for old, new in guesses.items())
        + ("and " if guesses else "")
        + "--missing-columns fill (missing cells where a source has no such column), or --drop",
    )


def _guesses(shaped: Sequence[Shaped], lacks: Sequence[Sequence[str]]) -> dict[str, str]:
    """Columns of later sources that look like one of the first that they lack."""
    first = shaped[0].names
    found: dict[str, str] = {}
    for one, without in zip(shaped[1:], lacks[1:], strict=True):
        own = {name.casefold(): name for name in one.names if name not in first}
        for wanted in (name for name in without if name in first):
            near = difflib.get_close_matches(wanted.casefold(), own, n=1, cutoff=0.7)
            if near:
                found[own.pop(near[0])] = wanted
    return found


def aligned(batch: pa.RecordBatch, names: Sequence[str]) -> pa.RecordBatch:
    """The columns in this order; null where there is none of that name."""
    own = set(batch.schema.names)
    arrays: list[Any] = [
        batch.column(name) if name in own else pa.nulls(batch.num_rows, pa.string())
        for name in names
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=text_schema(names))
