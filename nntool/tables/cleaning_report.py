"""What clean says of a table: roles, missing cells and left-out rows, in words and numbers."""

import shlex
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nntool.settings.clean import CleanSettings
from nntool.settings.wording import counted, quoted
from nntool.tables.casting import Counts, units
from nntool.tables.marking import REASONS, Reason, Repeats
from nntool.tables.rules import RULES

WHY_LEFT_OUT: dict[int, str] = {
    Reason.TARGET_MISSING: "their target is missing",
    Reason.DUPLICATE: "they repeat another one (--duplicates keep)",
    Reason.KEY_REPEATED: "they repeat the key of another one (--duplicates-by)",
    Reason.NOT_VALID: "they hold a value that is not valid (--valid)",
    Reason.REQUIRED_MISSING: "a required value is missing (--require-columns)",
    Reason.OUTLIER: "they hold an outlier (--outliers)",
    Reason.UNUSUAL_ROW: "they are unlike the others (--row-outliers)",
}


def report(
    state: dict[str, Any],
    counts: Counts,
    repeats: Repeats,
    left_out: NDArray[np.int8],
    settings: CleanSettings,
    missing: dict[str, int],
) -> dict[str, Any]:
    """Numbers by column and by reason, and ``notes``: sentences with the option that helps.

    ``counts`` are those of ``apply`` over all rows, ``missing`` the cells without a value then.
    """
    columns = {
        column["name"]: {
            "role": column["role"],
            "reason": column["reason"],
            "missing": missing[column["name"]],
            **{k: n for k, n in counts.get(column["name"], {}).items() if k != "rules"},
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
        "rows": int(left_out.size),
        "kept": int(np.count_nonzero(left_out == Reason.KEPT)),
        "left_out": left,
        "repeated_rows": int(repeats.whole.sum()),
        "repeated_keys": int(repeats.key.sum()),
        "columns": columns,
        "rules": what_rules_did(state, counts),
        "target": {
            **{key: target[key] for key in ("name", "task", "reason", "classes", "class_counts")},
            **counts.get(target["name"], {}),
        },
        "notes": [
            f"the task is {target['task']}: {target['reason']} (--task to choose another)",
            *_role_notes(state),
            *_missing_notes(state, counts),
            *boolean_notes(state, counts),
            *rule_notes(state, counts),
            *_row_notes(int(left_out.size), left, repeats, settings),
        ],
    }


def _role_notes(state: dict[str, Any]) -> list[str]:
    by_role: dict[str, list[str]] = {}
    for column in state["columns"]:
        by_role.setdefault(column["role"], []).append(column["name"])
    summary = ", ".join(f"{len(names)} {role}" for role, names in by_role.items())
    notes = [f"columns beside the target: {summary or 'none'} (--roles COLUMN=ROLE to change)"]
    unused = [*by_role.get("identifier", []), *by_role.get("ignored", [])]
    if unused:
        notes.append(
            f"not used to learn from: {quoted(unused, 20)} (the table of columns says why; --roles)"
        )
    return notes + _column_notes(state["columns"]) + _suspect_notes(state["columns"])


def _column_notes(columns: list[dict[str, Any]]) -> list[str]:
    """What a person should look at; columns of which the same is to be said share a line."""
    sharing: dict[str, list[str]] = {}
    for column in columns:
        if column["note"]:
            sharing.setdefault(column["note"], []).append(column["name"])
    return [f"{quoted(names)}: {note}" for note, names in sharing.items()]


def _suspect_notes(columns: list[dict[str, Any]]) -> list[str]:
    """Cells that look as if they meant "missing": a line for each text, with where it stands."""
    where: dict[str, dict[str, int]] = {}
    for column in columns:
        for text, n in column.get("suspects", {}).items():
            where.setdefault(text, {})[column["name"]] = n
    notes = []
    for text, by_column in where.items():
        typed = shlex.quote(f"{next(iter(by_column))}={text}")
        notes.append(
            f"{counted(sum(by_column.values()), 'cell')} with {text!r} kept as a value, in"
            f" {quoted(by_column)} (if it means missing: --missing-values-in {typed})"
        )
    return notes


def token_notes(counts: Counts) -> list[str]:
    """How many cells were missing by what stood in them, a line for each token.

    >>> token_notes({"a": {"tokens": {"?": 3}}, "b": {"tokens": {"?": 1}}})
    ["4 cells with '?' read as missing, in 2 columns"]
    """
    tokens: dict[str, list[int]] = {}
    for found in counts.values():
        for token, n in found.get("tokens", {}).items():
            tokens.setdefault(token, []).append(n)
    return [
        f"{counted(sum(cells), 'cell')} with {token!r} read as missing, in"
        f" {counted(len(cells), 'column')}"
        for token, cells in sorted(tokens.items())
    ]


def boolean_notes(state: dict[str, Any], counts: Counts) -> list[str]:
    """How many cells write true and false otherwise than most cells of training."""
    return [
        f"{column['name']!r}: {counted(n, 'cell')} read as {' or '.join(column['booleans'])},"
        " written in other case"
        for column in state["columns"]
        if (n := counts.get(column["name"], {}).get("respelled"))
    ]


def _missing_notes(state: dict[str, Any], counts: Counts) -> list[str]:
    notes = [f"{note} (--missing-values)" for note in token_notes(counts)]
    types = {column["name"]: column["role"] for column in state["columns"]}
    for name, found in counts.items():
        if found.get("unfit"):
            what = "dates" if types.get(name) == "date" else "numbers"
            cells = counted(found["unfit"], "cell")
            notes.append(f"{name!r}: {cells} not {what}: missing (--roles)")
        if words := found.get("passed_over"):
            ranked = dict(sorted(words.items(), key=lambda e: (-e[1], e[0])))
            notes.append(
                f"{name!r}: passed over beside its numbers, none converted: {units.listed(ranked)}"
            )
        if n := found.get("percent"):
            notes.append(f"{name!r}: {counted(n, 'cell')} with '%' divided by 100")
        if found.get("inf") or found.get("nan"):
            n = found.get("inf", 0) + found.get("nan", 0)
            notes.append(f"{name!r}: {counted(n, 'cell')} not finite: missing")
    return notes


def what_rules_did(state: dict[str, Any], counts: Counts) -> list[dict[str, Any]]:
    """Each rule with what happened in each column, in the order in which they work."""
    found = []
    for name in dict.fromkeys(rule["name"] for rule in state.get("rules", [])):
        columns = {
            column: kinds["rules"][name]
            for column, kinds in counts.items()
            if name in kinds.get("rules", {})
        }
        found.append({"rule": name, "option": RULES[name].option, "columns": columns})
    return found


def rule_notes(state: dict[str, Any], counts: Counts, *, idle: bool = True) -> list[str]:
    """What each rule came to, over all columns, in a sentence; ``idle``: also that it did nothing.

    In prediction, which was asked for none of them, only what happened is said.
    """
    notes = []
    for rule in what_rules_did(state, counts):
        if rule["rule"] == "row-outliers":
            continue  # it changes no cell: what it found is told of rows
        total: Counts = {}
        for kinds in rule["columns"].values():
            for kind, n in kinds.items():
                total[kind] = total.get(kind, 0) + _sum(n)
        if not total and (not idle or rule["rule"] == "spellings"):
            continue  # that no spelling is merged is said with what would merge some
        told = f"in {quoted(rule['columns'], 3)}: {in_words(total)}" if total else "nothing found"
        notes.append(f"{rule['option']}: {told}")
    return notes


def rule_table(rules: list[dict[str, Any]]) -> list[list[str]]:
    """What the rules of a report did to the cells of each column: option, column, counts."""
    return [
        [
            rule["option"],
            column,
            "; ".join(f"{_named(kind)}: {_sum(n):,}" for kind, n in kinds.items()),
        ]
        for rule in rules
        for column, kinds in rule["columns"].items()
    ]


DONE = ("made_", "clipped")
"""How kinds begin that say what was done about a cell; others say what was found of it."""


def in_words(counts: Counts) -> str:
    """Counts of cells by what happened to them: what was found, then what was done about it.

    >>> in_words({"not_valid": 1200, "made_missing": {"x": 1, "y": 2}})
    '1,200 not valid, 3 made missing'
    """
    found_first = sorted(counts.items(), key=lambda entry: entry[0].startswith(DONE))
    return ", ".join(f"{_sum(n):,} {_named(kind)}" for kind, n in found_first)


def _named(kind: str) -> str:
    return kind.replace("_", " ")


def _sum(found: Any) -> int:
    """A number, or the sum of numbers that stand below it by value."""
    return sum(map(_sum, found.values())) if isinstance(found, dict) else int(found)


def _row_notes(
    n_rows: int, left: dict[str, int], repeats: Repeats, settings: CleanSettings
) -> list[str]:
    notes = []
    for reason, why in WHY_LEFT_OUT.items():
        n = left[REASONS[reason]]
        if n:
            notes.append(f"{n:,} of {n_rows:,} rows left out: {why}")
    if settings.duplicates == "keep":
        for n, what in (
            (int(repeats.whole.sum()), "another one"),
            (int(repeats.key.sum()), f"another one in {', '.join(settings.duplicates_by)}"),
        ):
            if n:
                notes.append(
                    f"{n:,} of {n_rows:,} rows repeat {what}: kept (--duplicates leave-out)"
                )
    return notes
