"""Rows dealt to parts: exact by stratum, equal rows together."""

import numpy as np
from numpy.typing import NDArray

Sizes = NDArray[np.int64]
Parts = NDArray[np.int8]

MOST_DEALS = 40
"""How often a few groups are dealt, to keep the best."""


def groups_of(hashes: NDArray[np.uint64]) -> tuple[Sizes, Sizes, Sizes]:
    """For each row its group of equal rows; for each group its first row and its size."""
    _, first, groups, sizes = np.unique(
        hashes, return_index=True, return_inverse=True, return_counts=True
    )
    # Numbered by first row, not by hash: what is dealt does not hang on how rows are hashed.
    rank = np.empty_like(first)
    order = np.argsort(first)
    rank[order] = np.arange(first.size)
    return rank[groups], first[order], sizes[order]


def deal(
    strata: Sizes, sizes: Sizes, shares: NDArray[np.float64], rng: np.random.Generator
) -> tuple[Parts, list[int]]:
    """The part of each group, and the strata too small to be dealt."""
    parts = np.zeros(strata.size, np.int8)
    n_parts = int(np.count_nonzero(shares))
    n_groups = np.bincount(strata)
    rare = (n_groups > 0) & (n_groups < n_parts) if n_groups.size > 1 else np.zeros(1, bool)
    wanted = _wanted(np.bincount(strata, sizes).astype(np.int64) * ~rare, shares)
    order = np.argsort(strata, kind="stable")
    ends = np.cumsum(n_groups)
    for stratum in np.flatnonzero((n_groups > 0) & ~rare):
        members = order[ends[stratum] - n_groups[stratum] : ends[stratum]]
        members = members[rng.permutation(members.size)]
        parts[members] = _deal_stratum(sizes[members], wanted[stratum])
    return parts, np.flatnonzero(rare).tolist()


def _wanted(n_rows: Sizes, shares: NDArray[np.float64]) -> Sizes:
    """Rows for each stratum and part: each cell its exact share rounded down or up.

    Down first; what a stratum then lacks goes to parts that lack rows, those of its largest
    remainders first. Where such a part is full, a row that another stratum has there moves on
    (an augmenting path, as in bipartite matching); so the sums are right both ways.
    """
    ideal = np.outer(n_rows, shares)
    wanted = np.floor(ideal + 1e-9).astype(np.int64)
    room = _rounded(int(n_rows.sum()), shares) - wanted.sum(0)
    remainder = ideal - wanted
    preferred = np.argsort(-remainder, axis=1, kind="stable")
    is_up = np.zeros(wanted.shape, bool)

    def round_up(stratum: int, tried: set[int]) -> bool:
        for part in preferred[stratum]:
            if part in tried or is_up[stratum, part] or remainder[stratum, part] < 1e-9:
                continue
            tried.add(int(part))
            if room[part] > 0:
                room[part] -= 1
                is_up[stratum, part] = True
                return True
            for other in np.flatnonzero(is_up[:, part]):
                if round_up(int(other), tried):
                    is_up[other, part] = False
                    is_up[stratum, part] = True
                    return True
        return False

    for stratum, lacking in enumerate(n_rows - wanted.sum(1)):
        for _ in range(lacking):
            round_up(stratum, set())
    return np.asarray(wanted + is_up)


def _rounded(n: int, shares: NDArray[np.float64]) -> Sizes:
    """``n`` in whole numbers by shares, by largest remainder.

    >>> _rounded(10, np.array([0.7, 0.15, 0.15, 0.0])).tolist()
    [7, 2, 1, 0]
    """
    exact = n * shares
    whole = np.floor(exact + 1e-9).astype(np.int64)
    order = np.argsort(-(exact - whole), kind="stable")
    whole[order[: n - int(whole.sum())]] += 1
    return whole


def _deal_stratum(sizes: Sizes, wanted: Sizes) -> Parts:
    """Give groups, in random order, to parts of the wanted sizes.

    Groups of several rows go first, each where its middle falls when all are laid side by side;
    single rows then fill each part up.
    """
    parts = np.zeros(sizes.size, np.int8)
    several = np.flatnonzero(sizes > 1)
    room = wanted.copy()
    if several.size:
        ends = np.cumsum(sizes[several])
        edges = np.cumsum(wanted) / wanted.sum() * ends[-1]
        middle = ends - sizes[several] / 2
        parts[several] = np.minimum(np.searchsorted(edges, middle, side="right"), wanted.size - 1)
        room -= np.bincount(parts[several], sizes[several], minlength=wanted.size).astype(np.int64)
    single = np.flatnonzero(sizes == 1)
    room = _fitted(room, single.size)
    parts[single] = np.repeat(np.arange(wanted.size), room)
    return parts


def _fitted(room: Sizes, n: int) -> Sizes:
    """Room that is nowhere negative and adds up to ``n``; overfull parts cost the largest ones."""
    room = np.maximum(room, 0)
    while room.sum() > n:
        largest = int(np.argmax(room))
        room[largest] -= min(int(room.sum()) - n, max(1, int(room[largest]) // 2))
    return room


def deal_groups(counts: Sizes, shares: NDArray[np.float64], rng: np.random.Generator) -> Parts:
    """The part of each group; ``counts`` `(n_groups, n_classes)` are its rows by class.

    Groups go by size, the largest first, each at random to a part that it still fits in, with odds
    in proportion to the room there for its classes; so any group may come to any part, and the
    small ones fill the parts up. Where groups are few this is done often, and the best deal is
    kept. No part that has a share stays empty where there are groups enough.
    """
    wanted = _wanted(counts.sum(0), shares)
    kinds, kind_of = np.unique(counts, axis=0, return_inverse=True)
    kind_of = kind_of.reshape(-1)
    sizes = counts.sum(1)
    best, least = np.zeros(sizes.size, np.int8), np.inf
    for _ in range(max(1, min(MOST_DEALS, 20_000 // max(1, sizes.size)))):
        parts = _deal_groups_once(kinds, kind_of, wanted, rng)
        _fill_empty(parts, sizes, wanted)
        got = np.zeros_like(wanted)
        np.add.at(got.T, parts, counts)
        # each row too many counts once for the size of its part, once for that of its class there
        off = float(np.abs((got - wanted).sum(0)).sum() + np.abs(got - wanted).sum())
        if off < least:
            best, least = parts, off
        if not off:
            break
    return best


def _deal_groups_once(
    kinds: Sizes, kind_of: Sizes, wanted: Sizes, rng: np.random.Generator
) -> Parts:
    """Deal groups kind by kind: those that have as many rows of each class are all alike."""
    parts = np.zeros(kind_of.size, np.int8)
    room = wanted.copy()
    sizes = kinds.sum(1)
    shuffled = rng.permutation(kind_of.size)
    by_kind = shuffled[np.argsort(kind_of[shuffled], kind="stable")]
    ends = np.cumsum(np.bincount(kind_of, minlength=sizes.size))
    kind_order = rng.permutation(sizes.size)
    for kind in kind_order[np.argsort(-sizes[kind_order], kind="stable")]:
        first, end = (int(ends[kind - 1]) if kind else 0), int(ends[kind])
        while first < end:
            take = _places(kinds[kind], end - first, room, wanted, rng)
            n = int(take.sum())
            parts[by_kind[first : first + n]] = np.repeat(np.arange(take.size), take)
            room -= np.outer(kinds[kind], take)
            first += n
    return parts


def _places(kind: Sizes, n: int, room: Sizes, wanted: Sizes, rng: np.random.Generator) -> Sizes:
    """How many of ``n`` groups of a kind go to each part now: at least one goes somewhere."""
    size = kind.sum()
    room_left = room.sum(0)
    fits = room_left >= size
    odds = (kind / np.maximum(wanted.sum(1), 1)) @ np.maximum(room, 0) * fits
    if not odds.any():
        odds = np.maximum(room_left, 0.0) * fits
    take = np.zeros(room_left.size, np.int64)
    if not odds.any():
        take[np.argmax(room_left)] = 1
        return take
    take[:] = np.minimum(n * odds / odds.sum(), np.maximum(room_left, 0) // size)
    if not take.any():
        take[rng.choice(odds.size, p=odds / odds.sum())] = 1
    return take


def _fill_empty(parts: Parts, sizes: Sizes, wanted: Sizes) -> None:
    """Give each wanted part that has no group the smallest one of a part that has two."""
    for empty in np.flatnonzero(wanted.sum(0) > 0):
        n_groups = np.bincount(parts, minlength=wanted.shape[1])
        if n_groups[empty] or n_groups.max(initial=0) < 2:
            continue
        spare = np.flatnonzero(n_groups[parts] > 1)
        parts[spare[np.argmin(sizes[spare])]] = empty
