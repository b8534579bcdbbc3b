"""What transform says of what it learned and of what happened to the cells."""

from typing import Any

from nntool.settings.wording import listed
from nntool.tables.operations.operation import State
from nntool.tables.transforming.applying import AllCounts
from nntool.tables.transforming.features import produced


def report(state: State, counts: AllCounts) -> dict[str, Any]:
    """Say what was learned and what happened to the cells: notes for a person, and the numbers."""
    columns: dict[str, Any] = {}
    for entry in state["columns"]:
        column = columns.setdefault(
            entry["source"], {"role": entry["role"], "missing": entry["missing"], "produces": []}
        )
        column["produces"] += entry["produces"]
        for link in entry["chain"]:
            if "value" in link:
                column["filled_with"] = link["value"]
            if link.get("rare"):
                column["rare_levels"] = len(link["rare"])
    return {"notes": _notes(state, columns, counts), "columns": columns, "counts": counts}


def _notes(state: State, columns: dict[str, Any], counts: AllCounts) -> list[str]:
    kinds = [column["kind"] for column in produced(state)]
    codes = f" and {kinds.count('codes')} of codes" if "codes" in kinds else ""
    notes = [
        f"{len(columns)} columns give {kinds.count('numeric')} columns of numbers{codes},"
        f" learned from {state['rows']:,} rows"
    ]
    if "sampled" in state:
        notes.append(
            f"numbers are learned from a seeded sample of {state['sampled']:,} of them (--fit-rows)"
        )
    notes += [entry["note"] for entry in _learned(state) if "note" in entry]
    numbers = {n: c for n, c in columns.items() if c["role"] == "numeric"}
    texts = {n: c for n, c in columns.items() if c["role"] == "categorical"}
    for of_role, option in ((numbers, "--impute-numeric"), (texts, "--impute-categorical")):
        gaps = {name: column["missing"] for name, column in of_role.items() if column["missing"]}
        if gaps:
            notes.append(
                f"cells missing in training: {_largest(gaps)} ({option} says what they become)"
            )
    if rare := {n: c["rare_levels"] for n, c in columns.items() if "rare_levels" in c}:
        notes.append(
            f"rare levels that share one slot: {_largest(rare)} (--encode one-hot:min_count=1)"
        )
    if unseen := counts.get("unseen"):
        notes.append(f"cells with a category that training never saw: {_largest(unseen)}")
    if undefined := counts.get("undefined"):
        notes.append(
            f"numbers without a logarithm, taken as the least that has one: {_largest(undefined)}"
            " (--scale, --columns)"
        )
    if outside := counts.get("outside edges"):
        notes.append(f"numbers in no bin, outside of the edges: {_largest(outside)} (--columns)")
    if clipped := counts.get("clipped"):
        notes.append(f"numbers too large for a network, clipped: {_largest(clipped)} (--scale)")
    return notes


def _learned(state: State) -> list[State]:
    """Everything that was learned, link by link."""
    links = [link for entry in state["columns"] for link in entry["chain"]]
    return [*state.get("imputers", []), *links, *state.get("mixers", [])]


def _largest(by_column: dict[str, int]) -> str:
    """The columns with the largest numbers.

    >>> _largest({"a": 1, "b": 3})
    'b 3, a 1'
    """
    ordered = sorted(by_column.items(), key=lambda pair: -pair[1])
    return listed(f"{name} {n:,}" for name, n in ordered)
