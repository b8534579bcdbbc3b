"""Names of columns: made unique when a file is read, resolved when a person names one."""

import difflib
from collections.abc import Sequence

from nntool.errors import DataError
from nntool.settings.wording import counted, quoted


def unique_names(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Give each column a name of its own; returns the names and notes on what was changed.

    An empty name becomes ``column_3`` (its position), a repeated one ``id_2``, ``id_3``; names
    that stand in the file are never taken by a made one.

    >>> unique_names(["id", "", "id", "id_2"])[0]
    ['id', 'column_2', 'id_3', 'id_2']
    """
    taken = {name for name in names if name.strip()}
    seen: set[str] = set()
    unique, empty, repeated = [], [], []
    for position, name in enumerate(names, start=1):
        if not name.strip():
            made = _free(f"column_{position}", taken, first=1)
            empty.append(made)
        elif name in seen:
            made = _free(name, taken, first=2)
            repeated.append(made)
        else:
            made = name
        seen.add(made)
        taken.add(made)
        unique.append(made)
    notes = []
    if empty:
        notes.append(f"{counted(len(empty), 'column')} without a name: called {quoted(empty)}")
    if repeated:
        n = counted(len(repeated), "column")
        notes.append(f"{n} with the name of another: {quoted(repeated)}")
    return unique, notes


def resolve(names: Sequence[str], wanted: str, what: str) -> str:
    """The column that a person means: an exact name, ``@1``/``@-1``, or a name but for blanks.

    ``what`` says in the message what the column is for. Raises ``DataError``.

    >>> resolve(["age", " income"], "income", "the target")
    ' income'
    >>> resolve(["age", " income"], "@-1", "the target")
    ' income'
    """
    return resolve_all(names, [wanted], what)[0]


def resolve_all(
    names: Sequence[str], wanteds: Sequence[str], what: str, *, positions: bool = True
) -> list[str]:
    """Resolve several columns; all that are missing are named at once, each with its nearest.

    ``positions=False`` takes no ``@1``: for names that a run has saved.
    """
    found = [find(names, wanted, positions) for wanted in wanteds]
    missing = [w for w, name in zip(wanteds, found, strict=True) if name is None]
    if missing:
        raise no_such_columns(names, missing, what)
    return [name for name in found if name is not None]


def resolve_listed(
    names: Sequence[str], wanteds: Sequence[str], what: str, *, positions: bool = True
) -> list[str]:
    """Resolve columns that a person has listed, each once; ``a,b`` is two where none is so called.

    >>> resolve_listed(["a", "b", "c,d"], ["b,a", "c,d", "a"], "--id")
    ['b', 'a', 'c,d']
    """
    single: list[str] = []
    for wanted in wanteds:
        is_one = "," not in wanted or find(names, wanted, positions) is not None
        single += [wanted] if is_one else [part for p in wanted.split(",") if (part := p.strip())]
    return list(dict.fromkeys(resolve_all(names, single, what, positions=positions)))


def find(names: Sequence[str], wanted: str, positions: bool = False) -> str | None:
    """The column of that name, or the only one but for blanks around it, or None."""
    if wanted in names:
        return wanted
    if positions and wanted.startswith("@"):
        return _at_position(names, wanted)
    stripped = [name for name in names if name.strip() == wanted.strip()]
    return stripped[0] if len(stripped) == 1 else None


def _at_position(names: Sequence[str], wanted: str) -> str | None:
    try:
        position = int(wanted[1:])
    except ValueError:
        return None
    index = position - 1 if position > 0 else len(names) + position
    return names[index] if position != 0 and 0 <= index < len(names) else None


def no_such_columns(names: Sequence[str], missing: Sequence[str], what: str) -> DataError:
    """The error for names that are not there: all of them, each with its nearest.

    >>> no_such_columns(["age", "income"], ["incme"], "--drop").message
    "--drop: there is no such column: 'incme' (nearest: 'income')"
    """
    near = ((wanted, nearest(wanted, names)) for wanted in missing)
    described = [f"{name!r}" + (f" (nearest: {one!r})" if one else "") for name, one in near]
    is_or_are = "is no such column" if len(missing) == 1 else "are no such columns"
    return DataError(
        f"{what}: there {is_or_are}: {', '.join(described)}",
        f"the {counted(len(names), 'column')} {'is' if len(names) == 1 else 'are'}:"
        f" {quoted(names, 20)}",
    )


def nearest(wanted: str, names: Sequence[str]) -> str | None:
    """The name that is spelt most like another one, if any is.

    >>> nearest("incme", ["age", "Income"])
    'Income'
    """
    plain = {name.strip().casefold(): name for name in reversed(names)}
    near = difflib.get_close_matches(wanted.strip().casefold(), plain, n=1, cutoff=0.5)
    return plain[near[0]] if near else None


def _free(stem: str, taken: set[str], first: int) -> str:
    """The stem, or the stem with the first number that makes it a new name."""
    if first == 1 and stem not in taken:
        return stem
    number = max(first, 2)
    while f"{stem}_{number}" in taken:
        number += 1
    return f"{stem}_{number}"
