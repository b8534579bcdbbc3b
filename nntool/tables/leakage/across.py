"""What stands in two parts: rows that repeat, groups that are cut, time that runs backwards."""

import shlex
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nntool.tables.hashing import row_hashes
from nntool.tables.leakage.finding import Finding, Mask, View, by_part, examples, in_words
from nntool.tables.leakage.giveaway import as_numbers
from nntool.tables.splitting.rows import mask_of_missing, spelled

LEAST_SHARE = 0.01
"""Rows that are equal but for some columns are said from this share of the rows that judge on."""
BEYOND_CHANCE = 10.0


def repeats(view: View, identifiers: Sequence[str]) -> list[Finding]:
    """Rows of one part that repeat rows of a part before it: whole, or but for some columns."""
    names = view.table.column_names
    features = [n for n in names if n != view.target and n not in identifiers]
    without = [n for n in names if n not in identifiers]
    found, seen = [], np.zeros(view.parts.size, bool)
    whole = repeats_earlier_part(view.hashes, view.parts)
    if whole.any():
        found.append(_repeated(view, whole, [], "each cell of a row of a part before them"))
        seen |= whole
    kinds = [(features, [view.target], "a row of a part before them but for the target")]
    if identifiers and features:
        but = ", ".join(map(repr, identifiers))
        kinds.insert(0, (without, list(identifiers), f"a row of a part before them but for {but}"))
        kinds[1] = (features, [view.target, *identifiers], f"{kinds[1][2]} (and {but})")
    judged = int(np.count_nonzero(view.parts > 0))
    for columns, but_for, words in kinds:
        if not columns:
            continue
        repeated = repeats_earlier_part(row_hashes(view.table.select(columns)), view.parts) & ~seen
        n = int(np.count_nonzero(repeated))
        if n >= LEAST_SHARE * judged and n > BEYOND_CHANCE * by_chance(view, columns):
            found.append(_repeated(view, repeated, but_for, words))
        seen |= repeated
    return found


def _repeated(view: View, mask: Mask, but_for: list[str], words: str) -> Finding:
    """The finding of rows that repeat others, whole or but for some columns."""
    counts = by_part(view.parts, mask)
    verb = "repeats" if sum(counts.values()) == 1 else "repeat"
    key = next((name for name in but_for if name != view.target), None)
    if key is not None:
        hint = f"nntool collect RUN … --drop {shlex.quote(key)}, then equal rows stay together"
    elif but_for:
        hint = "--method group, by a column that says which rows belong together"
    else:
        hint = "--method random or stratified keep equal rows in one part"
    message = f"{in_words(counts)} {verb} {words}"
    return Finding("duplicates", but_for, message, hint, counts, rows=examples(mask))


def repeats_earlier_part(hashes: NDArray[np.uint64], parts: NDArray[np.int8]) -> Mask:
    """Which rows `(n,)` of validation and test are in an earlier part too.

    >>> repeats_earlier_part(np.array([7, 7, 8, 8], np.uint64), np.array([0, 2, 1, 1], np.int8))
    array([False,  True, False, False])
    """
    dealt = np.flatnonzero(parts >= 0)
    _, at = np.unique(hashes[dealt], return_inverse=True)
    earliest = np.full(at.max(initial=-1) + 1, np.int8(2))
    np.minimum.at(earliest, at, parts[dealt])
    found = np.zeros(parts.size, bool)
    found[dealt] = parts[dealt] > earliest[at]
    return found


def by_chance(view: View, columns: Sequence[str]) -> float:
    """How many judged rows might equal a training row in these columns where nothing is repeated.

    Two rows are equal with the chance P = Π p_c, were columns independent; as they are not, P^⅔ is
    taken: as if a third of the columns said nothing new.
    """
    n_train, n_judged = np.count_nonzero(view.parts == 0), np.count_nonzero(view.parts > 0)
    chance = 1.0
    for name in columns:
        text = view.sample.column(name)
        counts = np.asarray(text.value_counts().field(1), np.float64)
        chance *= float(np.square(counts / len(text)).sum())
    return float(n_judged * min(1.0, n_train * chance ** (2 / 3)))


def cut_groups(view: View) -> list[Finding]:
    """Columns with the role of a group whose values are in two parts."""
    found = []
    for name in view.named("group"):
        is_missing = mask_of_missing(view.table.column(name), view.missing[name])
        hashes = row_hashes(view.table.select([name]))
        parts = np.where(is_missing, np.int8(-1), view.parts)
        mask = repeats_earlier_part(hashes, parts)
        if not mask.any():
            continue
        counts = by_part(view.parts, mask)
        n_cut = np.unique(hashes[mask]).size
        groups = "1 group is" if n_cut == 1 else f"{n_cut:,} groups are"
        found.append(
            Finding(
                "group",
                [name],
                f"{groups} in two parts by {name!r}: {in_words(counts)} have rows of"
                " their group in a part before them",
                f"nntool split RUN {spelled('group', name)}",
                {"groups": n_cut, **counts},
                rows=examples(mask),
            )
        )
    return found


def backward_time(view: View) -> list[Finding]:
    """Columns with the role of time in which training rows are later than rows that judge."""
    found = []
    for name in view.named("time"):
        times = as_numbers(view.typed(name, view.table.column(name)))
        train = times[(view.parts == 0) & ~np.isnan(times)]
        if not train.size:
            continue
        with np.errstate(invalid="ignore"):
            mask = (view.parts > 0) & (times < train.max())
        counts = by_part(view.parts, mask)
        if not counts:
            continue
        found.append(
            Finding(
                "time",
                [name],
                f"{in_words(counts)} are older than the newest training row by {name!r}",
                f"nntool split RUN {spelled('time', name)}",
                counts,
                rows=examples(mask),
            )
        )
    return found
