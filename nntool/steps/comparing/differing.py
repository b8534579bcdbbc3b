"""In what contestants differ: settings of all steps, data, versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from nntool.run import names
from nntool.settings.model import defaults, fields
from nntool.settings.recipe import written
from nntool.settings.steps import STEPS
from nntool.steps.comparing.contestants import Contestant

NOT_RUN = "–"
"""What stands for a setting of a step that has not run."""
UNSET = "unset"


class Difference(NamedTuple):
    """Something that is not the same for all contestants."""

    name: str
    values: list[Any]
    """One for each contestant; None where there is none."""
    cells: list[str]
    """The same as a person reads it."""


def in_settings(contestants: Sequence[Contestant]) -> list[Difference]:
    """The settings that differ, step by step, in the order of the settings models."""
    found = []
    for step in names.ORDER:
        of_step = [_flat(step, each.settings.get(step)) for each in contestants]
        for name in dict.fromkeys(name for one in of_step for name in one or ()):
            values = [None if one is None else one.get(name) for one in of_step]
            cells = [_cell(one, name) for one in of_step]
            if len(set(cells)) > 1:
                found.append(Difference(f"{step}.{name}", values, cells))
    return found


def _flat(step: str, settings: dict[str, Any] | None) -> dict[str, Any] | None:
    """The settings of a step in the order of its model, a mapping as one setting for each name.

    What an older program did not ask for has its default.
    """
    if settings is None:
        return None
    found: dict[str, Any] = {}
    known = {field.name: field for field in fields(STEPS[step])}
    given = defaults(STEPS[step]) | settings
    for name in [*known, *(n for n in settings if n not in known)]:
        value = given.get(name)
        if isinstance(value, dict) and name in known and known[name].is_mapping:
            found |= {f"{name}.{key}": inner for key, inner in value.items()}
        elif value is not None:
            found[name] = value
    return found


def _cell(settings: dict[str, Any] | None, name: str) -> str:
    if settings is None:
        return NOT_RUN
    return written(settings[name]) if name in settings else UNSET


def in_data(contestants: Sequence[Contestant]) -> list[Difference]:
    """What differs in the data: what is predicted, the sources, the rows, the features."""
    facts = [
        {"target": one.target, **one.data, **_dealing(one, contestants)} for one in contestants
    ]
    return _different(facts)


def _dealing(one: Contestant, contestants: Sequence[Contestant]) -> dict[str, Any]:
    """Which split a contestant has, where the same table was dealt in several ways."""
    tables = {each.held[0] for each in contestants}
    digest = one.held[1]
    return {"split": digest[:12]} if len(tables) == 1 and digest else {}


def in_versions(contestants: Sequence[Contestant]) -> list[Difference]:
    """The versions that trained them, where these differ.

    Which libraries were in use at all depends on what else a command did: that is no difference.
    """
    return [
        found
        for found in _different([one.versions for one in contestants])
        if not set.intersection(*(set(v.split(", ")) for v in found.values if v is not None))
    ]


def _different(facts: Sequence[dict[str, Any]]) -> list[Difference]:
    found = []
    for name in dict.fromkeys(name for one in facts for name in one):
        values = [one.get(name) for one in facts]
        cells = [_shown(value) for value in values]
        if len(set(cells)) > 1:
            found.append(Difference(name, values, cells))
    return found


def _shown(value: Any) -> str:
    if value is None:
        return NOT_RUN
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)
