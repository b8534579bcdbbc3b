"""Smoothing of numeric columns, along an order column or by bins: ``--smooth COLUMN=METHOD``.

A missing cell stays missing and is passed over by windows: filling gaps is the business of
``transform``. Along an order only the rows of one part are looked at; in prediction, the input's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nntool.errors import UsageError
from nntool.settings.choices import parse
from nntool.settings.clean import CleanSettings
from nntool.settings.model import Choice
from nntool.tables.casting import to_numbers
from nntool.tables.choices import build, choice_of
from nntool.tables.columns import resolve, resolve_all
from nntool.tables.rules.numbers import refuse_without, require_role
from nntool.tables.rules.rule import Columns, Findings, Rule, State
from nntool.tables.rules.smoothers import SMOOTHERS, Smoother

ORDERED = ("numeric", "date", "identifier")
"""Roles that may have an order: of an identifier, the numbers that it is written with."""


def smoother(choice: Choice) -> Smoother:
    """What a text such as ``rolling-mean:window=5``, or a table of a recipe, asks for."""
    try:
        return build(SMOOTHERS, "smoothers", parse(choice) if isinstance(choice, str) else choice)
    except UsageError as error:
        raise UsageError(f"--smooth: {error.message}", error.hint) from None


@dataclass(frozen=True)
class Smoothing(Rule):
    """What ``--smooth`` does; the two subclasses are one for each kind of smoother."""

    option: ClassVar[str] = "--smooth"

    smoothers: Mapping[str, Smoother]
    order_by: str | None

    @classmethod
    def check(cls, settings: CleanSettings) -> None:
        """Refuse a method that is not there, and an order that is missing."""
        in_order = [smoother(choice).in_order for choice in settings.smooth.values()]
        refuse_without(
            settings.order_by is not None and not any(in_order),
            "--order-by",
            "--smooth COLUMN=rolling-mean",
        )
        for column, choice in settings.smooth.items():
            if smoother(choice).in_order and settings.order_by is None:
                raise UsageError(
                    f"--smooth {column}={_word(choice)} follows an order, and none is given",
                    "--order-by COLUMN (bin-means, bin-medians and bin-edges need none)",
                )

    @classmethod
    def asked_for(cls, settings: CleanSettings, columns: Columns) -> Self | None:
        """Take the columns whose smoother is of this kind."""
        names = resolve_all(list(columns), list(settings.smooth), "--smooth")
        require_role(columns, names, "numeric", "--smooth")
        built = {
            name: smoother(choice)
            for name, choice in zip(names, settings.smooth.values(), strict=True)
        }
        own = {name: found for name, found in built.items() if found.in_order == cls.in_order}
        if not own:
            return None
        return cls(own, _order(settings, columns, own) if cls.in_order else None)

    def fit(self, table: pa.Table) -> State:
        """Learn what each smoother needs to know of training rows."""
        state: State = {"columns": []}
        for name, found in self.smoothers.items():
            values = table.column(name).drop_null().to_numpy()
            choice = choice_of(SMOOTHERS, found)
            state["columns"].append({"name": name, "smoother": choice, **found.fit(values)})
        if self.order_by is not None:
            state["order_by"] = self.order_by
        return state

    @staticmethod
    def apply(batch: pa.RecordBatch, state: State, findings: Findings) -> pa.RecordBatch:
        """Smooth the cells that are not missing, in the order where there is one."""
        if "order_by" in state and state["order_by"] not in batch.schema.names:
            return batch
        for column in state["columns"]:
            at = batch.schema.get_field_index(column["name"])
            if at < 0:
                continue
            found = build(SMOOTHERS, "smoothers", column["smoother"])
            values = batch.column(at).to_numpy(zero_copy_only=False).copy()
            rows = _rows(batch, column["name"], state.get("order_by"))
            smoothed = found.smooth(values[rows], column)
            changed = int(np.count_nonzero(smoothed != values[rows]))
            values[rows] = smoothed
            without_place = _without_place(batch, column["name"], len(rows))
            findings.count(column["name"], {"smoothed": changed, **without_place})
            field = batch.schema.field(at)
            batch = batch.set_column(at, field, pa.array(values, mask=np.isnan(values)))
        return batch

    @staticmethod
    def needs(state: State) -> dict[str, list[str]]:
        """Each column needs the order."""
        order = [state["order_by"]] if "order_by" in state else []
        return {column["name"]: order for column in state["columns"]}


@dataclass(frozen=True)
class SmoothingInOrder(Smoothing):
    """Along an order column, ties in the order of rows."""

    in_order: ClassVar[bool] = True


@dataclass(frozen=True)
class SmoothingByBins(Smoothing):
    """By bins that training rows gave: one row is enough."""

    in_order: ClassVar[bool] = False


def _order(settings: CleanSettings, columns: Columns, own: Mapping[str, Smoother]) -> str:
    order = resolve(list(columns), str(settings.order_by), "--order-by")
    if columns[order] not in ORDERED:
        raise UsageError(
            f"--order-by: {order!r} is {columns[order]}, which has no order",
            "name a column of numbers or dates, or say what it is: --roles COLUMN=date",
        )
    if order in own:
        raise UsageError(
            f"--smooth: {order!r} is the order itself (--order-by)", "smooth another column"
        )
    return order


def _word(choice: Choice) -> Any:
    return choice if isinstance(choice, str) else choice.get("name")


def _rows(batch: pa.RecordBatch, name: str, order_by: str | None) -> NDArray[np.int64]:
    """The rows whose cell is known, and their place in the order too; in that order."""
    known = np.asarray(pc.is_valid(batch.column(name)))
    if order_by is None:
        return np.flatnonzero(known)
    places = _places(batch.column(order_by))
    rows = np.flatnonzero(known & ~np.isnan(places))
    return rows[np.argsort(places[rows], kind="stable")]


def _places(order: pa.Array) -> NDArray[np.float64]:
    """The place of each row in the order as a number; NaN where it has none."""
    if pa.types.is_timestamp(order.type):
        order = order.cast(pa.int64())  # microseconds: whole numbers far below 2^53
    elif pa.types.is_string(order.type):
        order, _ = to_numbers(order, [])
    places: NDArray[np.float64] = order.cast(pa.float64(), safe=False).to_numpy(False)
    return places


def _without_place(batch: pa.RecordBatch, name: str, n_placed: int) -> dict[str, int]:
    """Known cells that were left as they are, as their row has no place in the order."""
    n_known = len(batch) - batch.column(name).null_count
    return {"without_place": n_known - n_placed}
