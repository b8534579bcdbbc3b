"""What a state produces, and what it needs for that."""

from collections.abc import Sequence
from typing import Any

from nntool.tables.operations.operation import State


def produced(state: State) -> list[dict[str, Any]]:
    """List what `apply` gives: name, source, block, role, kind, position and number of levels.

    ``position`` is the column in the matrix of its kind; ``levels`` is the number of codes, with
    code 0 for what is rare or unseen, and None for numbers. Columns of one block are one feature.
    A column that a mixer makes has the mixer's name as its source.
    """
    replaced = _replaced(state)
    positions = {"numeric": 0, "codes": 0}
    found = []
    for entry in [*state["columns"], *map(_as_entry, state.get("mixers", []))]:
        shared = {key: entry[key] for key in ("source", "block", "role", "kind", "levels")}
        for name in entry["produces"]:
            if name not in replaced:
                found.append({"name": name, **shared, "position": positions[entry["kind"]]})
                positions[entry["kind"]] += 1
    return found


def sources(state: State, columns: Sequence[str] | None = None) -> list[str]:
    """Give the source columns that the produced ones (None: all) depend on, in source order."""
    needed = [entry["source"] for entry in entries(state, columns)]
    for imputer in state.get("imputers", []):
        if set(imputer["fills"]).intersection(needed):
            needed += imputer["reads"]
    return list(dict.fromkeys(needed))


def entries(state: State, columns: Sequence[str] | None = None) -> list[State]:
    """Give the chains that the produced columns (None: all) come from, mixed or not."""
    wanted = {c["name"] for c in produced(state)} if columns is None else set(columns)
    wanted |= mixed_from(state, wanted)
    return [entry for entry in state["columns"] if wanted.intersection(entry["produces"])]


def mixed_from(state: State, wanted: set[str]) -> set[str]:
    """Name the columns that mixers read, directly or not, to make some of the wanted ones."""
    found: set[str] = set()
    for mixer in reversed(state.get("mixers", [])):
        if (wanted | found).intersection(mixer["produces"]):
            found.update(mixer["inputs"])
    return found


def is_in_order(state: State) -> bool:
    """Whether `apply` needs all rows of a part at once, because something follows their order."""
    return any(imputer["in_order"] for imputer in state.get("imputers", []))


def _replaced(state: State) -> set[str]:
    """Name the columns whose place those of a mixer take."""
    return {
        name for mixer in state.get("mixers", []) if mixer["replaces"] for name in mixer["inputs"]
    }


def _as_entry(mixer: State) -> State:
    """A mixer's columns in the form of those of a source."""
    name = mixer["block"]
    return {
        "source": name,
        "block": name,
        "role": "numeric",
        "kind": "numeric",
        "levels": None,
        "produces": mixer["produces"],
    }
