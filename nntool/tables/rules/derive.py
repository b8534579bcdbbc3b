"""Missing values computed from other columns, and columns that are computed altogether."""

import re
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nntool.errors import DataError, UsageError
from nntool.settings.clean import CleanSettings
from nntool.tables.columns import find, resolve_all
from nntool.tables.formulas import evaluating, valid_values
from nntool.tables.formulas.evaluating import as_array, as_column, kind_of
from nntool.tables.formulas.mistakes import mistake, typed_for
from nntool.tables.formulas.operations import DATE, TEXT
from nntool.tables.formulas.parsing import NAME_HINT, Formula, parse
from nntool.tables.formulas.validity import parse as parse_validity
from nntool.tables.rules.rule import Columns, Findings, Rule, State
from nntool.tables.rules.valid import Valid

_HEAD = re.compile(r"""\s*(?P<name>"(?:[^"]|"")*"|`(?:[^`]|``)*`|[^="`]+?)\s*=""")


class Derivation(NamedTuple):
    """A column and the formula that fills it; ``shown`` is the formula without the column."""

    column: str
    formula: Formula
    shown: str


def parse_derivation(text: str) -> Derivation:
    """Read ``column = formula``; raises ``UsageError`` with the place of a mistake."""
    head = _HEAD.match(text)
    if head is None:
        raise mistake(text, 0, "expected a column, then =", "as in Age = 2023 - Birth")
    name = head["name"]
    if name[0] in '"`':
        name = name[1:-1].replace(name[0] * 2, name[0])
    if not name.strip():
        raise mistake(text, 0, "a column without a name", NAME_HINT)
    return Derivation(name, parse(text, head.end()), text[head.end() :].strip())


@dataclass(frozen=True)
class Derive(Rule):
    """A missing value is computed from other columns of its row; a new column altogether.

    Formulas work one after the other, so a later one reads what an earlier one has filled. Where
    a column that is read is missing, or the value is not finite (1/0) or not valid (--valid), the
    cell stays missing. Nothing is learned.
    """

    option: ClassVar[str] = "--derive"

    formulas: tuple[dict[str, Any], ...]
    """Column, formula as it was written, the column that each name in it is, rules of --valid."""

    @classmethod
    def check(cls, settings: CleanSettings) -> None:
        """Refuse what has no meaning."""
        with typed_for(cls.option):
            for text in settings.derive:
                parse_derivation(text)

    @classmethod
    def asked_for(cls, settings: CleanSettings, columns: Columns) -> Self | None:
        """Build it from ``settings.derive``; columns that it makes are there by now."""
        valid = Valid.asked_for(settings, columns)
        found = []
        for text in settings.derive:
            wanted = parse_derivation(text)
            (column,) = _resolved([wanted.column], list(columns), text)
            reads = _resolved(wanted.formula.columns, list(columns), text)
            rules = [rule for name, rule in valid.rules if name == column] if valid else []
            names = dict(zip(wanted.formula.columns, reads, strict=True))
            found.append({"column": column, "formula": text, "reads": names, "valid": rules})
        return cls(tuple(found)) if found else None

    def fit(self, table: pa.Table) -> State:
        """Hold each formula against the kinds of its columns."""
        kinds = {field.name: kind_of(field.type) for field in table.schema}
        with typed_for(self.option):
            for entry in self.formulas:
                _check_kinds(entry, kinds)
        return {"formulas": list(self.formulas)}

    @staticmethod
    def apply(batch: pa.RecordBatch, state: State, findings: Findings) -> pa.RecordBatch:
        """Fill what is missing, and only that."""
        for entry in state["formulas"]:
            name = entry["column"]
            if {name, *entry["reads"].values()} <= set(batch.schema.names):
                column = _filled(batch, entry, findings)
                batch = batch.set_column(batch.schema.get_field_index(name), name, column)
        return batch

    @staticmethod
    def needs(state: State) -> dict[str, list[str]]:
        """What a column reads, and what those read that were filled before it."""
        found = {}
        for column in dict.fromkeys(entry["column"] for entry in state["formulas"]):
            needed = {column: None}
            for entry in reversed(state["formulas"]):
                if entry["column"] in needed:
                    needed.update(dict.fromkeys(entry["reads"].values()))
            found[column] = [name for name in needed if name != column]
        return found


def new_columns(settings: CleanSettings, columns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The columns that formulas make, described as clean describes all; none where all are there.

    Raises ``UsageError`` for a formula that reads or fills the target: it would give it away.
    """
    kinds = {column["name"]: _kind(column["type"]) for column in columns}
    made = []
    for text in settings.derive:
        wanted = parse_derivation(text)
        _refuse_target(wanted, text, settings.target, list(kinds))
        if find(list(kinds), wanted.column) is not None:
            continue
        reads = _resolved(wanted.formula.columns, list(kinds), text)
        names = dict(zip(wanted.formula.columns, reads, strict=True))
        with typed_for(Derive.option):
            kind = evaluating.check(wanted.formula, {n: kinds[name] for n, name in names.items()})
        kinds[wanted.column] = kind
        is_date = kind == DATE
        made.append(
            {
                "name": wanted.column,
                "role": "date" if is_date else "numeric",
                "type": "timestamp" if is_date else "float64",
                "reason": f"a new column: {wanted.shown} (--derive)",
                "note": None,
                "computed": True,
            }
        )
    return made


def _kind(type_name: str) -> str:
    return {"float64": "number", "timestamp": DATE}.get(type_name, TEXT)


def _refuse_target(wanted: Derivation, text: str, target: str, names: list[str]) -> None:
    every = [*names, target]
    if find(every, wanted.column) == target:
        raise UsageError(
            f"--derive {text!r}: {target!r} is the target, and is never made up",
            "a row without its target is left out",
        )
    if any(find(every, name) == target for name in wanted.formula.columns):
        raise UsageError(
            f"--derive {text!r} reads {target!r}, the target: a feature that is made of it gives"
            " it away",
            "compute it from other columns",
        )


def _resolved(wanted: list[str], names: list[str], text: str) -> list[str]:
    try:
        return resolve_all(names, wanted, f"--derive {text!r}", positions=False)
    except DataError as error:
        absent = [name for name in wanted if find(names, name) is None]
        for name in names:
            parts = re.split(r"\W+", name)
            if not name.isidentifier() and len(parts) > 1 and any(a in parts for a in absent):
                raise DataError(
                    error.message,
                    f'a name with other signs in it stands in quotes: "{name.strip()}"',
                ) from None
        raise


def _check_kinds(entry: dict[str, Any], kinds: dict[str, str]) -> None:
    formula = parse_derivation(entry["formula"]).formula
    gives = evaluating.check(formula, {n: kinds[name] for n, name in entry["reads"].items()})
    holds = kinds[entry["column"]]
    if gives != holds:
        raise mistake(
            formula.text,
            0,
            f"column {entry['column']!r} holds {'text' if holds == TEXT else f'{holds}s'}, and the"
            f" formula comes to a {gives}",
            f"--roles '{entry['column']}={'date' if gives == DATE else 'numeric'}', if that is"
            " what its cells are",
        )


def _filled(batch: pa.RecordBatch, entry: dict[str, Any], findings: Findings) -> pa.Array:
    """The column with its gaps filled; only rows with a gap are computed."""
    column = batch.column(entry["column"])
    if not column.null_count:
        return column
    gaps = np.flatnonzero(np.asarray(pc.is_null(column)))
    formula = parse_derivation(entry["formula"]).formula
    reads = {n: batch.column(name).take(pa.array(gaps)) for n, name in entry["reads"].items()}
    computed = evaluating.compute(formula, reads, gaps.size)
    filling = as_column(computed.values)
    valid = np.ones(gaps.size, bool)
    for text in entry["valid"]:
        tests = valid_values.bind(parse_validity(text), kind_of(column.type))
        valid &= valid_values.holds(tests, filling)
    n_filled = int(np.count_nonzero(valid & np.asarray(pc.is_valid(filling))))
    counts = {
        "computed": n_filled,
        "not_finite": int(np.count_nonzero(computed.failed)),
        "computed_not_valid": int(np.count_nonzero(~valid)),
        "still_missing": gaps.size - n_filled,
    }
    of_earlier = findings.counts.get(entry["column"], {})
    of_earlier.pop("still_missing", None)  # this formula has tried the same cells
    findings.count(entry["column"], counts)
    values = as_array(column).copy()
    values[gaps[valid]] = computed.values[valid]
    return as_column(values)
