"""The target: the task that it asks for, its classes, and its codes."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nntool.errors import DataError, UsageError
from nntool.settings.wording import quoted
from nntool.tables.casting import (
    Counts,
    find_number_format,
    merge_counts,
    missing_mask,
    to_numbers,
)
from nntool.tables.casting.number_formats import Finding
from nntool.tables.casting.numbers import format_in

Text: TypeAlias = "pa.ChunkedArray | pa.Array"
MOST_WHOLE_NUMBERS = 10
DECIMAL_HINT = "clean with --decimal . or --decimal ,; or choose --task multiclass"

FIRST_INEXACT = 2.0**53


def trimmed(text: Text) -> Text:
    """Cells without the blanks around them, as all cells are read: ' yes' is the class 'yes'."""
    return pc.utf8_trim_whitespace(text) if pa.types.is_string(text.type) else text


def _chunks(text: Text) -> list[pa.Array]:
    text = trimmed(text)
    return list(text.chunks) if isinstance(text, pa.ChunkedArray) else [text]


def _present(text: Text, missing_values: Sequence[str]) -> pa.ChunkedArray:
    """The cells that are not missing."""
    chunks = _chunks(text)
    kept = [pc.filter(c, pc.invert(missing_mask(c, missing_values)[0])) for c in chunks]
    return pa.chunked_array(kept, pa.string())


def is_unclear(text: Text, missing_values: Sequence[str]) -> bool:
    """Whether its cells are numbers under two decimal marks, and not the same numbers."""
    return _how_written(_present(text, missing_values), None).is_unclear


def _how_written(cells: pa.ChunkedArray, decimal: str | None) -> Finding:
    """How the numbers are written, where that is not plainly."""
    is_plain = not any(to_numbers(chunk, [])[1].get("unfit") for chunk in cells.chunks)
    return Finding() if is_plain and decimal != "," else find_number_format(cells, asked=decimal)


def refuse_one_value(text: Text, missing_values: Sequence[str]) -> None:
    """Raise ``DataError`` for a target that is the same in all rows that have one.

    >>> refuse_one_value(pa.array(["7", "8", ""]), [])
    """
    values = pc.unique(_present(text, missing_values))
    numbers = to_numbers(pc.cast(values, pa.string()), [])[0].drop_null()
    same_number = len(numbers) == len(values) and len(pc.unique(numbers)) == 1
    if len(values) == 1 or same_number:
        known = {"", *map(str.strip, values.to_pylist())}
        others = pc.unique(pc.utf8_trim_whitespace(pa.chunked_array(_chunks(text), pa.string())))
        read = [cell for cell in others.to_pylist() if cell is not None and cell not in known]
        missing = f" ({', '.join(map(repr, read[:3]))} read as missing: --missing-values)"
        raise DataError(
            f"the target has one value only, {values[0].as_py()!r}{missing if read else ''}:"
            " nothing to learn",
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
    cells = _present(text, missing_values)
    if not len(cells):
        raise DataError(
            "the target has no value: every cell is missing",
            "another --target; the column before the last is @-2",
        )
    how = _how_written(cells, decimal)
    cast = [to_numbers(chunk, [], how.written) for chunk in cells.chunks]
    numbers = pa.chunked_array([values.drop_null() for values, _ in cast], pa.float64())
    n_bad = len(cells) - len(numbers)
    if how.note and (asked == "regression" or _are_many(cells, asked)):
        raise DataError(f"the target: {how.note.partition(': kept as text')[0]}", DECIMAL_HINT)
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
    for chunk in _chunks(text):
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


def has_inexact(values: pa.Array) -> bool:
    """Whether any number is so large that a float64 no longer tells it from its neighbours."""
    return bool(len(values) and pc.max(pc.abs(values)).as_py() >= FIRST_INEXACT)


def class_order(texts: Sequence[str]) -> tuple[list[str], bool]:
    """Classes in order, and whether that is by value: if all are numbers, else by code point.

    Numbers that are equal are one class, written as the shortest of them.

    >>> class_order(["10", "9", "9.0"])
    (['9', '10'], True)
    >>> class_order(["b", "a ", "10"])
    (['10', 'a ', 'b'], False)
    """
    values = to_numbers(pa.array(texts, pa.string()), [])[0].to_pylist()
    if not texts or any(value is None or abs(value) >= FIRST_INEXACT for value in values):
        return sorted(set(texts)), False
    best: dict[float, str] = {}
    for value, cell in zip(values, texts, strict=True):
        known = best.get(value)
        if known is None or (len(cell), cell) < (len(known), known):
            best[value] = cell
    return [best[value] for value in sorted(best)], True


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
        written = _how_written(_present(text, missing_values), decimal).written
        if written:
            state["number_format"] = asdict(written)
        if positive is not None:
            raise UsageError("--positive needs classes, but the task is regression")
        return state
    distinct = pc.unique(_present(text, missing_values)).to_pylist()
    state["classes"], state["by_value"] = class_order(distinct)
    codes, _ = encode_classes(text, state)
    state["class_counts"] = np.bincount(codes[codes >= 0], minlength=len(state["classes"])).tolist()
    if positive is not None and task != "binary":
        raise UsageError(f"--positive is for two classes, and there are {len(state['classes'])}")
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


def encode_classes(text: Text, state: dict[str, Any]) -> tuple[NDArray[np.int32], Counts]:
    """Codes `(n,)` of the classes; −1 where the cell is missing or no class (counted apart).

    >>> encode_classes(pa.array(["2.0", "1", "", "7"]), fit(pa.array(["1", "2"]), "y", "auto",
    ...     None, []))[0].tolist()
    [1, 0, -1, -1]
    """
    codes = [np.empty(0, np.int32)]
    total: Counts = {}
    for chunk in _chunks(text):
        found, counts = _encode_chunk(chunk, state)
        codes.append(found)
        merge_counts(total, counts)
    return np.concatenate(codes), total


def _encode_chunk(text: pa.Array, state: dict[str, Any]) -> tuple[NDArray[np.int32], Counts]:
    encoded = text.dictionary_encode()
    levels = encoded.dictionary
    is_missing = np.asarray(missing_mask(levels, state["missing_values"])[0], dtype=bool)
    keys: list[Any] = levels.to_pylist()
    classes: list[Any] = list(state["classes"])
    if state["by_value"]:
        keys = to_numbers(levels, [])[0].to_pylist()
        classes = to_numbers(pa.array(classes, pa.string()), [])[0].to_pylist()
    index = {key: code for code, key in enumerate(classes)}
    # The last entry is for null cells, whose dictionary index is taken as −1.
    codes = np.array(
        [-1 if absent else index.get(key, -1) for key, absent in zip(keys, is_missing, strict=True)]
        + [-1],
        np.int32,
    )
    at = np.asarray(encoded.indices.fill_null(-1), dtype=np.int64)
    uses = np.bincount(np.where(at < 0, len(levels), at), minlength=len(levels) + 1)
    missing = int(uses[-1]) + int(uses[:-1][is_missing].sum())
    counts: Counts = {"missing": missing} if missing else {}
    unseen = np.flatnonzero((codes[:-1] < 0) & ~is_missing)
    if unseen.size:
        counts["unseen"] = {levels[int(i)].as_py(): int(uses[i]) for i in unseen}
    return codes[at], counts


def encode_values(text: Text, state: dict[str, Any]) -> tuple[NDArray[np.float64], Counts]:
    """Numbers `(n,)` of a regression target; NaN where missing, counted as ``to_numbers`` does."""
    values = [np.empty(0)]
    total: Counts = {}
    for chunk in _chunks(text):
        if pa.types.is_floating(chunk.type):
            numbers, counts = chunk, ({"empty": chunk.null_count} if chunk.null_count else {})
        else:
            numbers, counts = to_numbers(chunk, state["missing_values"], format_in(state))
        values.append(numbers.to_numpy(zero_copy_only=False))
        merge_counts(total, counts)
    return np.concatenate(values), total
