"""The rules of a run one after the other: learned from training rows, then followed by all rows."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nntool.settings.clean import CleanSettings
from nntool.tables.casting import Counts
from nntool.tables.rules import RULES
from nntool.tables.rules.rule import Findings, Judgement, Rule, State

Objections = NDArray[np.int8]
"""For each row the reason of the first rule that objects to it, or 0."""


def check(settings: CleanSettings) -> None:
    """Raise ``UsageError`` for settings of rules that no table could make right."""
    for rule in RULES.values():
        rule.check(settings)


def asked_for(settings: CleanSettings, columns: Mapping[str, str]) -> list[tuple[str, Rule]]:
    """The rules that the settings ask for, by name, in the order in which they are followed."""
    found = ((name, cls.asked_for(settings, columns)) for name, cls in RULES.items())
    return [(name, rule) for name, rule in found if rule is not None]


def learn(
    rules: Iterable[tuple[str, Rule]], features: pa.Table, kept: NDArray[np.bool_]
) -> tuple[list[State], list[Judgement]]:
    """What each rule learns from typed training rows, as the rules before it leave them.

    A row that is not kept, or that a rule objects to, teaches the rules after it nothing. Also
    gives what was found of the training rows alone, by their place in ``features``.
    """
    states: list[State] = []
    judged: list[Judgement] = []
    batch = as_one_batch(features)
    for name, rule in rules:
        table = pa.Table.from_batches([batch])
        if not kept.all():
            table = table.filter(pa.array(kept))
        state: State = {"name": name, **rule.fit(table)}
        judgement: Judgement | None = state.pop("judged", None)
        states.append(state)
        batch, objections = follow(batch, [state], {})
        if judgement is not None:
            judgement = replace(judgement, rows=np.flatnonzero(kept)[judgement.rows])
            judged.append(judgement)
            object_to(judgement, objections)
        kept = kept & (objections == 0)
    return states, judged


def object_to(judgement: Judgement, objections: Objections) -> None:
    """Enter the reason where a row is to be left out and nobody objects to it yet."""
    if judgement.leave_out:
        rows = judgement.rows[objections[judgement.rows] == 0]
        objections[rows] = RULES[judgement.rule].reason


def follow(
    batch: pa.RecordBatch, states: Iterable[State], counts: Counts
) -> tuple[pa.RecordBatch, Objections]:
    """Apply learned rules to a chunk of typed rows: the rows, and who objects to which.

    What happened is added to ``counts`` as ``{column: {"rules": {rule: {what: n}}}}``.
    """
    objections = np.zeros(batch.num_rows, np.int8)
    for state in states:
        rule = RULES[state["name"]]
        found = Findings()
        batch = rule.apply(batch, state, found)
        for column, kinds in found.counts.items():
            of_column = counts.setdefault(column, {}).setdefault("rules", {})
            of_column[state["name"]] = kinds
        if found.rows is not None:
            objections[(objections == 0) & found.rows] = rule.reason
    return batch, objections


def columns_read(states: list[State], wanted: Iterable[str]) -> set[str]:
    """The wanted columns and those that the rules read to write them."""
    needed = set(wanted)
    for state in reversed(states):
        written = set(needed)
        for column, reads in RULES[state["name"]].needs(state).items():
            if column in written:
                needed.update(reads)
    return needed


def is_in_order(states: list[State]) -> bool:
    """Whether a rule follows the order of rows, and so needs all rows of a part at once."""
    return any(RULES[state["name"]].in_order for state in states)


def as_one_batch(table: pa.Table) -> pa.RecordBatch:
    """A table in one piece."""
    arrays = [
        pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
        for column in table.columns
    ]
    return pa.record_batch(arrays, schema=table.schema)
