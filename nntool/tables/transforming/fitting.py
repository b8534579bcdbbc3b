"""Learning from the training rows how columns become numbers."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nntool.errors import DataError
from nntool.settings.transform import TransformSettings
from nntool.tables import drift
from nntool.tables.choices import choice_of
from nntool.tables.operations import MIXERS, mixers_asked_for
from nntool.tables.operations.operation import State, TableImputer, Training, Values
from nntool.tables.transforming.applying import require, training_rounds
from nntool.tables.transforming.chains import (
    IMPUTED_BY,
    Plan,
    chains_of,
    fit_chain,
    free,
    gaps_in,
    give_names,
    plan,
    values_of,
)
from nntool.tables.transforming.features import produced

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]


class Fitted(NamedTuple):
    """What was learned, and what training rows become where that is not what `apply` gives."""

    state: State
    apart: dict[str, npt.NDArray[np.float32]]
    """Produced columns `(n_training_rows,)` by name, in the order of the training rows."""
    reference: dict[str, drift.Reference]
    """What the training rows of each source column look like, for new ones to be compared with."""


def fit(
    table: pa.Table,
    columns: Sequence[tuple[str, str]],
    settings: TransformSettings,
    rows: Mask | None = None,
    target: npt.NDArray[Any] | None = None,
    n_classes: int = 0,
) -> Fitted:
    """Learn from the training rows how each column becomes numbers.

    ``columns`` are name and role of all columns in source order; identifiers and ignored columns
    become nothing. ``rows`` `(n,)` marks the training rows, None is all. ``target`` `(n,)` holds
    numbers in their own unit or codes of classes, for operations that look at it. Raises
    ``DataError`` where no column or no row is left, ``UsageError`` for a choice that is not known.
    """
    planned = plan(columns, settings)
    if not planned:
        raise DataError(
            "no column is left that could be a feature",
            "clean again with --roles COLUMN=numeric or COLUMN=categorical",
        )
    used = np.arange(table.num_rows) if rows is None else np.flatnonzero(rows)
    if not len(used):
        raise DataError("there is no training row to learn from", "see the report of split")
    learner = _Learner(table, dict(columns), used, settings, target, n_classes)
    require(table, learner.reads(planned))
    state: State = {"rows": len(used), "imputers": learner.imputers(planned), "columns": []}
    if len(learner.sample) < len(used):
        state["sampled"] = len(learner.sample)
    apart: list[tuple[State, Values]] = []
    for of_column in planned:
        for entry, values in learner.chains(of_column):
            state["columns"].append(entry)
            if values is not None:
                apart.append((entry, values))
    taken = {entry["source"] for entry in state["columns"]}
    give_names(state["columns"], taken)
    columns_apart = {
        name: column
        for entry, values in apart
        for name, column in zip(
            entry["produces"], np.float32(values).reshape(len(used), -1).T, strict=True
        )
    }
    state["mixers"] = []
    for mixer in mixers_asked_for(settings):
        learner.mix(mixer, state, columns_apart, taken)
    return Fitted(state, columns_apart, learner.reference)


class _Learner:
    """The training rows, and what is asked of them more than once."""

    def __init__(
        self,
        table: pa.Table,
        roles: Mapping[str, str],
        rows: Rows,
        settings: TransformSettings,
        target: npt.NDArray[Any] | None,
        n_classes: int,
    ) -> None:
        self.table = table
        self.roles = roles
        self.rows = rows
        self.settings = settings
        self.sample = _sample(rows, settings)
        self.filled: dict[str, Values] = {}
        self.reference: dict[str, drift.Reference] = {}
        self._target = target
        self._n_classes = n_classes

    def reads(self, planned: Sequence[Plan]) -> list[str]:
        """Name every column that is looked at."""
        joint = (one.joint.reads(self.roles) for one in planned if one.joint is not None)
        return list(dict.fromkeys([*(one.source for one in planned), *chain.from_iterable(joint)]))

    def training(self, rows: Rows) -> Training:
        """What operations may ask of some training rows."""
        target = np.zeros(len(rows)) if self._target is None else self._target[rows]
        return Training(target, self._n_classes, self.settings.seed)

    def values(self, source: str, rows: Rows) -> Values:
        """The cells of a column in some training rows, as they were before anything was done."""
        values = values_of(self.table.column(source))
        if len(rows) == self.table.num_rows:
            return values
        return values.take(pa.array(rows)) if isinstance(values, pa.Array) else values[rows]

    def imputers(self, planned: Sequence[Plan]) -> list[State]:
        """Learn what fills several columns at once, and fill the training rows with it."""
        fills: dict[int, tuple[TableImputer, list[str]]] = {}
        for one in planned:
            if one.joint is not None:
                fills.setdefault(id(one.joint), (one.joint, []))[1].append(one.source)
        states = []
        for imputer, names in fills.values():
            reads = imputer.reads(self.roles)
            needed = list(dict.fromkeys([*names, *reads]))
            columns = {name: self.values(name, self.sample) for name in needed}
            learned = imputer.fit(columns, names, self.training(self.sample))
            registry, _ = IMPUTED_BY[self.roles[names[0]]]
            states.append(
                {
                    "name": choice_of(registry, imputer)["name"],
                    "role": self.roles[names[0]],
                    "fills": names,
                    "in_order": imputer.in_order,
                    **learned,
                    "reads": learned.get("reads", reads),
                }
            )
            everything = {name: self.values(name, self.rows) for name in needed}
            self.filled.update(imputer.apply(everything, states[-1]))
        return states

    def chains(self, of_column: Plan) -> list[tuple[State, Values | None]]:
        """Learn the chains of one source column from its training values."""
        source, role = of_column.source, of_column.role
        original = self.values(source, self.rows)
        shared: State = {"source": source, "role": role, "missing": gaps_in(original)}
        shared["range"] = None
        if not isinstance(original, pa.Array) and shared["missing"] < len(original):
            shared["range"] = [float(np.nanmin(original)), float(np.nanmax(original))]
        if role in drift.WATCHED:
            self.reference[source] = drift.learn(original, role)
        found = []
        for links in chains_of(of_column, original, shared["missing"], self.settings):
            values = original if links[0].reads_gaps else self.filled.get(source, original)
            rows = self.rows
            if not isinstance(values, pa.Array) and not any(link.needs_target for link in links):
                rows = self.sample
                if len(rows) < len(self.rows):
                    values = np.asarray(values)[np.searchsorted(self.rows, rows)]
            try:
                entry, apart = fit_chain(links, role, values, self.training(rows))
            except DataError as error:
                raise DataError(f"column {source!r}: {error.message}", error.hint) from None
            found.append(({**shared, **entry}, apart))
        return found

    def mix(
        self,
        mixer: Any,
        state: State,
        apart: dict[str, npt.NDArray[np.float32]],
        taken: set[str],
    ) -> None:
        """Learn a mixer from the columns that are numbers, and add it to the state."""
        names = [name for name in _numbers(state) if name in {c["name"] for c in produced(state)}]
        if not names:
            raise DataError(
                "no feature is a number, so there is nothing to mix", "leave the option out"
            )
        matrix = training_rounds(self.table, self.rows, state, names, apart)
        learned = mixer.fit(matrix[np.searchsorted(self.rows, self.sample)], names)
        block = free(choice_of(MIXERS, mixer)["name"], "", taken)
        found: State = {
            "name": choice_of(MIXERS, mixer)["name"],
            "block": block,
            "inputs": names,
            "replaces": mixer.replaces,
            **learned,
        }
        found["produces"] = [free(name, block, taken) for name in mixer.names(learned)]
        state["mixers"].append(found)
        if any(name in apart for name in names):
            mixed = mixer.apply(matrix, learned)
            apart.update(zip(found["produces"], mixed.T, strict=True))


def _sample(rows: Rows, settings: TransformSettings) -> Rows:
    """The training rows that numbers are learned from: all, or a seeded sample of them."""
    if len(rows) <= settings.fit_rows:
        return rows
    rng = np.random.default_rng(settings.seed)
    return np.sort(rng.choice(rows, settings.fit_rows, replace=False))


def _numbers(state: State) -> list[str]:
    """Name the columns that are one number for each row: no 0/1 columns, no codes, no gaps."""
    chains = [
        name
        for entry in state["columns"]
        if entry["gives"] == "numbers"
        for name in entry["produces"]
    ]
    return chains + [name for mixer in state["mixers"] for name in mixer["produces"]]
