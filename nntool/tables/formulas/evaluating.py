"""Formulas checked against the kinds of columns, and computed for many rows at once."""

from collections.abc import Mapping
from functools import reduce
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from nntool.tables.formulas.mistakes import mistake
from nntool.tables.formulas.operations import (
    DATE,
    DURATION,
    NUMBER,
    OPERATIONS,
    TEXT,
    Array,
    Operation,
)
from nntool.tables.formulas.parsing import Formula, Step


class Computed(NamedTuple):
    """The values of a formula `(n_rows,)`, NaN or NaT where there are none."""

    values: Array
    failed: Array
    """Rows whose columns are all there and which have no value all the same: 1/0, log(-1)."""


def kind_of(arrow_type: pa.DataType) -> str:
    """What a formula takes a column for."""
    if pa.types.is_timestamp(arrow_type):
        return DATE
    return NUMBER if pa.types.is_floating(arrow_type) else TEXT


def check(formula: Formula, kinds: Mapping[str, str]) -> str:
    """The kind of what a formula computes; raises ``UsageError`` where kinds do not go together."""
    stack: list[str] = []
    for step in formula.program:
        if step.kind == "number":
            stack.append(NUMBER)
        elif step.kind == "column":
            stack.append(_kind_of_column(formula, step, kinds))
        else:
            taken = _pop(stack, step.n)
            stack.append(_meaning(formula, step, taken).gives)
    (kind,) = stack
    if kind == DURATION:
        raise mistake(
            formula.text,
            formula.program[-1].at,
            "the formula comes to a difference of dates",
            "write days(… - …) or hours(… - …)",
        )
    return kind


def _kind_of_column(formula: Formula, step: Step, kinds: Mapping[str, str]) -> str:
    kind = kinds[str(step.value)]
    if kind == TEXT:
        raise mistake(
            formula.text,
            step.at,
            f"column {step.value!r} holds text, and a formula takes numbers and dates",
            f"--roles '{step.value}=numeric', if its cells are numbers",
        )
    return kind


def _meaning(formula: Formula, step: Step, taken: tuple[str, ...]) -> Operation:
    for meaning in OPERATIONS[str(step.value)]:
        if meaning.fits(taken):
            return meaning
    name = {"neg": "-"}.get(str(step.value), str(step.value))
    known = "; ".join(
        f"{name} takes {' and '.join(dict.fromkeys(f'a {kind}' for kind in meaning.takes))}"
        for meaning in OPERATIONS[str(step.value)]
    )
    what = " and ".join(f"a {kind}" for kind in taken)
    raise mistake(formula.text, step.at, f"{name} of {what} has no meaning", known)


def _pop(stack: list[str], n: int) -> tuple[str, ...]:
    taken = tuple(stack[len(stack) - n :])
    del stack[len(stack) - n :]
    return taken


def compute(formula: Formula, columns: Mapping[str, pa.Array], n_rows: int) -> Computed:
    """The value of a formula in each row.

    A row with a missing column has no value; one whose value is not finite has none either, and
    failed.
    """
    failed = np.zeros(n_rows, bool)
    values: list[Array] = []
    kinds: list[str] = []
    with np.errstate(all="ignore"):
        for step in formula.program:
            if step.kind == "number":
                values.append(np.array(step.value, np.float64))
                kinds.append(NUMBER)
            elif step.kind == "column":
                column = columns[str(step.value)]
                values.append(as_array(column))
                kinds.append(kind_of(column.type))
            else:
                taken = values[len(values) - step.n :]
                del values[len(values) - step.n :]
                meaning = _meaning(formula, step, _pop(kinds, step.n))
                value, wrong = _one(meaning, taken)
                failed |= wrong
                values.append(value)
                kinds.append(meaning.gives)
    return Computed(np.broadcast_to(values[0], n_rows), failed)


def _one(meaning: Operation, taken: list[Array]) -> tuple[Array, Array]:
    """One operation: missing in, missing out; and which rows went wrong here."""
    missing: Array = reduce(np.logical_or, (is_missing(value) for value in taken))
    value = np.array(meaning.compute(*taken))
    nothing = np.array(np.nan if value.dtype.kind == "f" else "NaT", value.dtype)
    is_there = np.isfinite(value)
    value[missing | ~is_there] = nothing
    return value, ~missing & ~is_there


def is_missing(values: Array) -> Array:
    """Which values are NaN or NaT."""
    found: Array = np.isnan(values) if values.dtype.kind == "f" else np.isnat(values)
    return found


def as_array(column: pa.Array) -> Array:
    """A column of numbers or dates, missing as NaN or NaT."""
    values: Array = column.to_numpy(zero_copy_only=False)
    return values.astype("datetime64[us]") if values.dtype.kind == "M" else values


def as_column(values: Array) -> pa.Array:
    """An array of numbers or dates as a column, NaN and NaT as missing."""
    kind = pa.float64() if values.dtype.kind == "f" else pa.timestamp("us")
    return pa.array(values, kind, mask=is_missing(values))
