"""What clean says of a table: roles, missing cells and left-out rows, in words and numbers."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nntool.settings.clean import CleanSettings
from nntool.tables.casting import Counts
from nntool.tables.marking import REASONS, Reason, repeated


def report(
    state: dict[str, Any],
    counts: Counts,
    hashes: NDArray[np.uint64],
    left_out: NDArray[np.int8],
    settings: CleanSettings,
    parts: NDArray[np.int8] | None,
) -> dict[str, Any]:
    """Numbers by column and by reason, and ``notes``: sentences with the option that helps.

    ``counts`` are those of ``apply`` over all rows.
    """
    n_repeated = int(repeated(hashes, parts).sum())
    columns = {
        column["name"]: {
            "role": column["role"],
            "reason": column["reason"],
            "missing": n_missing(counts.get(column["name"], {})),
            **counts.get(column["name"], {}),
        }
        for column in state["columns"]
    }
    left = {
        REASONS[reason]: int(np.count_nonzero(left_out == reason))
        for reason in Reason
        if reason is not Reason.KEPT
    }
    target = state["target"]
    return {
        "rows": int(hashes.size),
        "kept": int(np.count_nonzero(left_out == Reason.KEPT)),
        "left_out": left,
        "repeated_rows": n_repeated,
        "columns": columns,
        "target": {
            **{key: target[key] for key in ("name", "task", "reason", "classes", "class_counts")},
            **counts.get(target["name"], {}),
        },
        "notes": [
            f"the task is {target['task']}: {target['reason']} (--task to choose another)",
            *_role_notes(state),
            *_missing_notes(state, counts),
            *_row_notes(int(hashes.size), left, n_repeated, settings),
        ],
    }


def n_missing(counts: Counts) -> int:
    """The number of cells that are missing, for whatever cause.

    >>> n_missing({"empty": 2, "tokens": {"?": 3}, "unfit": 1})
    6
    """
    return sum(sum(n.values()) if isinstance(n, dict) else n for n in counts.values())


def _role_notes(state: dict[str, Any]) -> list[str]:
    by_role: dict[str, list[str]] = {}
    for column in state["columns"]:
        by_role.setdefault(column["role"], []).append(column["name"])
    summary = ", ".join(f"{len(names)} {role}" for role, names in by_role.items())
    notes = [f"columns beside the target: {summary or 'none'} (--roles COLUMN=ROLE to change)"]
    unused = [*by_role.get("identifier", []), *by_role.get("ignored", [])]
    if unused:
        named = ", ".join(repr(name) for name in unused)
        notes.append(f"not used to learn from: {named} (identifiers, or without a value; --roles)")
    return notes + _column_notes(state["columns"]) + _suspect_notes(state["columns"])


def _column_notes(columns: list[dict[str, Any]]) -> list[str]:
    """What a person should look at; columns of which the same is to be said share a line."""
    sharing: dict[str, list[str]] = {}
    for column in columns:
        if column["note"]:
            sharing.setdefault(column["note"], []).append(column["name"])
    return [f"{listed(names)}: {note}" for note, names in sharing.items()]


def _suspect_notes(columns: list[dict[str, Any]]) -> list[str]:
    """Cells that look as if they meant "missing": a line for each text, with where it stands."""
    where: dict[str, dict[str, int]] = {}
    for column in columns:
        for text, n in column.get("suspects", {}).items():
            where.setdefault(text, {})[column["name"]] = n
    return [
        f"{_cells(sum(by_column.values()))} with {text!r} kept as a value, in {listed(by_column)}"
        f" (if it means missing: --missing-values-in {_quoted(f'{next(iter(by_column))}={text}')})"
        for text, by_column in where.items()
    ]


def _quoted(text: str) -> str:
    """A word as a shell takes it."""
    import shlex

    return shlex.quote(text)


def listed(names: Iterable[str], most: int = 5) -> str:
    """Some names in quotes, and how many more there are.

    >>> listed(["a", "b", "c"], most=2)
    "'a', 'b' and 1 more"
    """
    shown = list(names)
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(map(repr, shown[:most])) + more


def _missing_notes(state: dict[str, Any], counts: Counts) -> list[str]:
    notes = []
    tokens: dict[str, list[int]] = {}
    for found in counts.values():
        for token, n in found.get("tokens", {}).items():
            tokens.setdefault(token, []).append(n)
    for token, numbers in sorted(tokens.items()):
        where = "1 column" if len(numbers) == 1 else f"{len(numbers)} columns"
        notes.append(
            f"{_cells(sum(numbers))} with {token!r} read as missing, in {where} (--missing-values)"
        )
    types = {column["name"]: column["role"] for column in state["columns"]}
    for name, found in counts.items():
        if found.get("unfit"):
            what = "dates" if types.get(name) == "date" else "numbers"
            notes.append(f"{name!r}: {_cells(found['unfit'])} not {what}: missing (--roles)")
        if found.get("inf") or found.get("nan"):
            n = found.get("inf", 0) + found.get("nan", 0)
            notes.append(f"{name!r}: {_cells(n)} not finite: missing")
    return notes


def _row_notes(
    n_rows: int, left: dict[str, int], n_repeated: int, settings: CleanSettings
) -> list[str]:
    notes = []
    without_target = left[REASONS[Reason.TARGET_MISSING]]
    if without_target:
        notes.append(f"{without_target:,} of {n_rows:,} rows left out: their target is missing")
    if n_repeated and settings.duplicates == "keep":
        notes.append(
            f"{n_repeated:,} of {n_rows:,} rows repeat an earlier one: kept"
            " (--duplicates leave-out)"
        )
    elif n_repeated:
        out = left[REASONS[Reason.DUPLICATE]]
        notes.append(
            f"{out:,} of {n_rows:,} rows left out: they repeat an earlier one (--duplicates keep)"
        )
    return notes


def _cells(n: int) -> str:
    return "1 cell" if n == 1 else f"{n:,} cells"
