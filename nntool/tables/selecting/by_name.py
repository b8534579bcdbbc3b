"""Features kept and dropped by name: of a source column, a feature, or a produced column."""

import re
from collections.abc import Mapping, Sequence, Set
from typing import NamedTuple

from nntool.errors import DataError, UsageError
from nntool.tables.columns import no_such_columns
from nntool.tables.selecting.features import DROPPED, Feature


class Others(NamedTuple):
    """The columns of the table that are no features."""

    idle: Mapping[str, str]
    """Why each is none."""
    mixed: Set[str]
    """Those of which transform made others."""

    @property
    def names(self) -> list[str]:
        """All of them."""
        return [*self.idle, *sorted(self.mixed)]


def apply_names(
    features: Sequence[Feature],
    keep: Sequence[str],
    drop: Sequence[str],
    others: Others,
    *,
    lenient: bool = False,
) -> list[str]:
    """Mark what is kept by name and drop what is dropped by name; gives notes.

    A name may hold ``*`` (any text) and ``?`` (any sign), and several may stand together with
    commas between them; a name that is there as it stands wins. Naming a column that is no feature
    does nothing, and is said. ``lenient`` says that a name is not there; else ``DataError``.
    ``UsageError`` for a column that is both kept and dropped.
    """
    names = _known(features)
    notes: list[str] = []
    found = {}
    for option, wanted in (("--keep", keep), ("--drop", drop)):
        places, no_features, unknown = _matched(names, wanted, others)
        if unknown and not lenient:
            raise no_such_columns([*names, *others.names], unknown, option)
        notes += [f"{option} {name}: there is no such column now" for name in unknown]
        notes += [_said(option, name, others) for name in no_features]
        found[option] = places
    if both := found["--keep"] & found["--drop"]:
        named = ", ".join(f.all_columns[c] for f in features for c in sorted(_of(f, both)))
        raise UsageError(f"{named}: both --keep and --drop name it", "leave one of the two out")
    for feature in features:
        feature.is_wanted = bool(_of(feature, found["--keep"]))
        for place in sorted(_of(feature, found["--drop"]), reverse=True):
            feature.drop_column(feature.columns[place], DROPPED)
    return notes


def _said(option: str, name: str, others: Others) -> str:
    """What to say of a name that means a column, but no feature."""
    if name not in others.mixed:
        return f"{option} {name}: it is no feature anyway, {others.idle[name]}"
    if option == "--keep":
        return f"{option} {name}: it has no feature of its own, transform made others of it"
    raise DataError(
        f"{option} {name}: it has no feature of its own, transform made others of it",
        f"clean with --roles {name}=ignored, or drop the feature that it went into",
    )


Place = tuple[str, int]
"""A feature's name and which of its columns."""


def _known(features: Sequence[Feature]) -> dict[str, set[Place]]:
    """What each name means; a source column means all that it becomes."""
    names: dict[str, set[Place]] = {}
    for feature in features:
        places = {(feature.name, i) for i in range(len(feature.all_columns))}
        names.setdefault(feature.source, set()).update(places)
    for feature in features:
        places = {(feature.name, i) for i in range(len(feature.all_columns))}
        if feature.name != feature.source:
            names.setdefault(feature.name, set()).update(places)
        for i, column in enumerate(feature.all_columns):
            names.setdefault(column, set()).add((feature.name, i))
    return names


def _matched(
    names: Mapping[str, set[Place]], wanted: Sequence[str], others: Others
) -> tuple[set[Place], list[str], list[str]]:
    """Give the columns that are meant, the names of no feature, and those that mean nothing."""
    places: set[Place] = set()
    no_features, unknown = [], []
    known = [*names, *others.names]
    for text in wanted:
        whole = bool(_meant(known, text))
        for part in [text] if whole else map(str.strip, text.split(",")):
            meant = _meant(known, part)
            of_features = [name for name in meant if name in names]
            places.update(*(names[name] for name in of_features))
            if not of_features:  # a pattern that also fits other columns means its features
                no_features += meant
            if not meant:
                unknown.append(part)
    return places, no_features, unknown


def _meant(names: Sequence[str], text: str) -> list[str]:
    """The names that are the text, or, where none is, that it is a pattern of."""
    if text in names:
        return [text]
    but_for_blanks = [name for name in names if name.strip() == text.strip()]
    if len(but_for_blanks) == 1:
        return but_for_blanks
    if not set(text) & set("*?"):
        return []
    signs = {"*": ".*", "?": "."}
    pattern = re.compile("".join(signs.get(c, re.escape(c)) for c in text), re.DOTALL)
    return [name for name in names if pattern.fullmatch(name)]


def _of(feature: Feature, places: set[Place]) -> list[int]:
    return [i for name, i in places if name == feature.name]
