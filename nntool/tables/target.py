"""The target: the task that it asks for, and what is learned of it from all rows."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nntool.errors import DataError, UsageError
from nntool.settings.wording import quoted
from nntool.tables.casting import (
    find_number_format,
    present_cells,
    to_numbers,
)
from nntool.tables.casting.missing import Text
from nntool.tables.casting.number_formats import Finding
from nntool.tables.target_codes import (
    class_order,
    encode_classes,
    has_inexact,
    trimmed,
    trimmed_chunks,
)

MOST_WHOLE_NUMBERS = 10
DECIMAL_HINT = "clean with --decimal . or --decimal ,; or choose --task multiclass"
WORDS_HINT = "write its numbers in one unit in the file, or choose --task multiclass"


def is_unclear(text: Text, missing_values: Sequence[str]) -> bool:
    """Whether its cells are numbers under two decimal marks, and not the same numbers."""
    return _how_written(present_cells(text, missing_values), None).is_unclear


def _how_written(cells: pa.ChunkedArray, decimal: str | None) -> Finding:
    """How the numbers are written, where that is not plainly."""
    is_plain = not any(to_numbers(chunk, [])[1].get("unfit") for chunk in cells.chunks)
    return Finding() if is_plain and decimal != "," else find_number_format(cells, asked=decimal)


def refuse_one_value(text: Text, missing_values: Sequence[str]) -> None:
    """Raise ``DataError`` for a target that is the same in all rows that have one.

    The other class may be called as a missing value is: then that is said.

    >>> refuse_one_value(pa.array(["7", "8", ""]), [])
    """
    cells = present_cells(text, missing_values)
    values = pc.unique(cells)
    numbers = to_numbers(pc.cast(values, pa.string()), [])[0].drop_null()
    same_number = len(numbers) == len(values) and len(pc.unique(numbers)) == 1
    if len(values) != 1 and not same_number:
        return
    known = {"", *map(str.strip, values.to_pylist())}
    others = pc.unique(trimmed(text)).to_pylist()
    read = [cell for cell in others if cell is not None and cell not in known]
    missing = f" ({quoted(read, 3)} read as missing: --missing-values)"
    raise DataError(
        f"the target has one value only, {values[0].as_py()!r}{missing if read else ''}: nothing"
        " to learn",
        "choose another --target, or collect other rows",
    )


def decide_task(
    text: Text,
    missing_values: Sequence[str],
    asked: str,
    decimal: str | None = None,
) -> tuple[str, str]:
    """The task (``binary``, ``multiclass`` or ``regression``) and why.

    Text, two values, or whole numbers with at most 10 distinct values are classes. Raises
    ``DataError`` where the cells contradict what was asked, or where there are none.

    >>> decide_task(pa.array(["1", "2", "3.5", "2"]), [], "auto")[0]
    'regression'
    """
    cells = present_cells(text, missing_values)
    if not len(cells):
        raise DataError(
            "the target has no value: every cell is missing",
            "another --target; the column before the last is @-2",
        )
    how = _how_written(cells, decimal)
    cast = [to_numbers(chunk, [], how.written) for chunk in cells.chunks]
    numbers = pa.chunked_array([values.drop_null() for values, _ in cast], pa.float64())
    n_bad = len(cells) - len(numbers)
    are_many = _are_many(cells, asked) and not how.has_words
    if how.note and (asked == "regression" or are_many):
        raise DataError(
            f"the target: {how.note.partition(': kept as text')[0]}",
            WORDS_HINT if how.has_words else DECIMAL_HINT,
        )
    if asked == "regression" and any(counts.get("unfit") for _, counts in cast):
        raise DataError(
            f"--task regression: the target holds text: {_shown(_odd_cells(text, cells))}",
            "choose --task multiclass, or name these cells: --missing-values-in COLUMN=CELL,…",
        )
    if n_bad and asked != "regression":
        return _task_of_text(text, cells, len(numbers), asked)
    values = pc.unique(numbers)
    whole = bool(pc.all(pc.equal(pc.floor(values), values)).as_py())
    # numbers that a float64 cannot tell apart are told apart as text
    n = pc.count_distinct(cells).as_py() if has_inexact(values) else len(values)
    kind = "whole number" if whole else "number"
    reason = f"the target has {n} different {kind}s" if n != 1 else f"the target is one {kind} only"
    if how.written:
        reason += f", as {how.written.example!r} (--decimal)"
    found = "regression"
    if n == 2 or (whole and n <= MOST_WHOLE_NUMBERS):
        found = _classes_by_number(n)
    return _as_asked(found, asked, reason, n, cells)


def _are_many(cells: pa.ChunkedArray, asked: str) -> bool:
    return bool(asked == "auto" and pc.count_distinct(cells).as_py() > MOST_WHOLE_NUMBERS)


def _task_of_text(
    text: Text, cells: pa.ChunkedArray, n_numbers: int, asked: str
) -> tuple[str, str]:
    n = pc.count_distinct(cells).as_py()
    if asked == "auto" and n > MOST_WHOLE_NUMBERS and n_numbers >= 0.9 * len(cells):
        raise DataError(
            f"the target is nearly all numbers, but not {_shown(_odd_cells(text, cells))}",
            "name these cells with --missing-values-in COLUMN=CELL,…, or choose --task multiclass",
        )
    reason = f"the target is text with {n} different values" if n != 1 else "the target is one text"
    return _as_asked(_classes_by_number(n), asked, reason, n, cells)


def _classes_by_number(n: int) -> str:
    return "binary" if n <= 2 else "multiclass"


def _as_asked(
    found: str, asked: str, reason: str, n: int, cells: pa.ChunkedArray
) -> tuple[str, str]:
    """The task that was found, or another that was asked for; the words are the same for both."""
    if asked == "binary" and n > 2:
        values = ", ".join(repr(v) for v in pc.unique(cells).slice(0, 6).to_pylist())
        raise DataError(
            f"--task binary: the target has {n} different values: {values}"
            + (", …" if n > 6 else ""),
            "choose --task multiclass or regression",
        )
    if asked in ("auto", found):
        return found, reason
    return asked, f"asked for, where {reason}"


def _odd_cells(text: Text, cells: pa.ChunkedArray) -> list[tuple[int, str]]:
    """The first cells that are no finite numbers, with their rows (from 1)."""
    odd = []
    row = 0
    present = set(pc.unique(cells).to_pylist()) if len(cells) < 1000 else None
    for chunk in trimmed_chunks(text):
        values, _ = to_numbers(chunk, [])
        for index in np.flatnonzero(np.asarray(pc.is_null(values))):
            cell = chunk[int(index)].as_py()
            if cell and cell.strip() and (present is None or cell in present):
                odd.append((row + int(index) + 1, cell))
            if len(odd) == 3:
                return odd
        row += len(chunk)
    return odd


def _shown(cells: list[tuple[int, str]]) -> str:
    return ", ".join(f"{cell!r} (row {row})" for row, cell in cells)


def _number(cell: str) -> float | None:
    """The finite number that a cell is, read as the rest of the house reads numbers."""
    return to_numbers(pa.array([cell]), [])[0][0].as_py()  # type: ignore[no-any-return]


def fit(
    text: Text,
    name: str,
    asked_task: str,
    positive: str | None,
    missing_values: Sequence[str],
    decimal: str | None = None,
) -> dict[str, Any]:
    """The state of the target, learned from all collected rows: plain data.

    Raises ``DataError`` as ``decide_task`` does, ``UsageError`` for a ``positive`` that is no
    class. Classes are the text in the file without the blanks around it.

    >>> fit(pa.array(["no", "yes"]), "y", "auto", None, [])["positive"]
    'yes'
    """
    task, reason = decide_task(text, missing_values, asked_task, decimal)
    state: dict[str, Any] = {
        "name": name,
        "task": task,
        "reason": reason,
        "missing_values": list(missing_values),
        "classes": None,
        "by_value": False,
        "positive": None,
        "class_counts": None,
    }
    if task == "regression":
        written = _how_written(present_cells(text, missing_values), decimal).written
        if written:
            state["number_format"] = asdict(written)
        if positive is not None:
            raise UsageError(
                "--positive needs classes, but the task is regression",
                "leave it out, or add --task binary",
            )
        return state
    distinct = pc.unique(present_cells(text, missing_values)).to_pylist()
    state["classes"], state["by_value"] = class_order(distinct)
    codes, _ = encode_classes(text, state)
    state["class_counts"] = np.bincount(codes[codes >= 0], minlength=len(state["classes"])).tolist()
    if positive is not None and task != "binary":
        raise UsageError(
            f"--positive is for two classes, and there are {len(state['classes'])}", "leave it out"
        )
    if task == "binary":
        state["positive"] = _positive(state, positive)
    return state


def _positive(state: dict[str, Any], positive: str | None) -> str:
    classes: list[str] = state["classes"]
    if positive is None:
        return classes[-1]
    if positive in classes:
        return positive
    if state["by_value"]:
        same = [cell for cell in classes if _number(cell) == _number(positive)]
    else:
        same = [cell for cell in classes if cell == positive.strip()]
    if len(same) == 1:
        return same[0]
    raise UsageError(
        f"--positive: {positive!r} is not a class", f"choose from {quoted(classes, 20)}"
    )
