"""The deciles of a column and how many of its values lie between them, exact and without a sort."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

SHARES = np.arange(1, 10)
N_BUCKETS = 1 << 12
BLOCK = 1 << 15  # values worked on at a time stay in the cache

Numbers = npt.NDArray[np.float64]


class Deciles(NamedTuple):
    """Edges of bins: values up to the first, above it up to the second, …, above the last."""

    edges: Numbers
    """`(k,)`, k ≤ 9: equal deciles are one edge, so ties merge bins."""
    counts: npt.NDArray[np.int64]
    """`(k + 1,)`: how many values lie in each bin."""


def deciles(values: Numbers) -> Deciles:
    """Find the nine deciles of the values that are not NaN; without any value there is no edge.

    The decile i is the ⌈i·n/10⌉-th smallest value, one that occurs.

    >>> deciles(np.arange(1.0, 21.0)).edges.tolist()
    [2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0, 18.0]
    >>> deciles(np.array([3.0, 3.0, np.nan, 5.0]))
    Deciles(edges=array([3., 5.]), counts=array([2, 1, 0]))
    """
    if np.isnan(values).all():
        return Deciles(np.empty(0), np.zeros(1, np.int64))
    buckets, n_in_bucket = _bucketed(values, *_middle(values))
    n = int(n_in_bucket.sum())
    ranks = -(-SHARES * n // 10) - 1
    below = np.cumsum(n_in_bucket) - n_in_bucket
    wanted = np.searchsorted(below, ranks, side="right") - 1
    different = np.unique(wanted)
    near = np.sort(values[_is_in(buckets, different)])  # the few values among which they are
    n_near = np.zeros_like(n_in_bucket)
    n_near[different] = n_in_bucket[different]
    below_near = np.cumsum(n_near) - n_near
    found = near[ranks - below[wanted] + below_near[wanted]]
    edges, first = np.unique(found, return_index=True)
    bucket = wanted[first]
    up_to = below[bucket] + np.searchsorted(near, edges, side="right") - below_near[bucket]
    return Deciles(edges, np.diff(up_to, prepend=0, append=n))


def _middle(values: Numbers) -> tuple[float, float]:
    """Where most values lie, tails apart, by every so manyth of them: a guess that costs nothing.

    A bad guess leaves more values to be sorted, and changes no result.
    """
    some = values[:: max(1, len(values) // N_BUCKETS)]
    some = np.sort(some[~np.isnan(some)])
    if not len(some):
        return 0.0, 0.0
    return float(some[len(some) // 20]), float(some[-1 - len(some) // 20])


def _bucketed(
    values: Numbers, low: float, high: float
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.int64]]:
    """Deal values to buckets in their order, NaN to one beyond; gives also how many are in each.

    Each step keeps the order of values, rounding included, so no value of a bucket is larger than
    one of the next: that is all that is asked of buckets.
    """
    buckets = np.empty(len(values), np.uint16)
    counts = np.zeros(N_BUCKETS + 1, np.int64)
    buffer = np.empty(min(BLOCK, len(values)))
    with np.errstate(over="ignore"):
        scale = (N_BUCKETS - 1) / (high - low) if high > low else 0.0
    scale = min(scale, np.finfo(float).max)
    for start in range(0, len(values), BLOCK):
        block = values[start : start + BLOCK]
        places = np.clip(block, low, high, out=buffer[: len(block)])
        places -= low
        places *= scale
        np.copyto(places, N_BUCKETS, where=np.isnan(places))
        of_block = buckets[start : start + BLOCK]
        of_block[:] = places
        counts += np.bincount(of_block, minlength=N_BUCKETS + 1)
    return buckets, counts[:-1]


def _is_in(buckets: npt.NDArray[np.uint16], wanted: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """Which values lie in a few buckets: comparing with each is faster than a table of them."""
    found = np.zeros(len(buckets), bool)
    for bucket in wanted.astype(np.uint16):  # of the same type, or all would be converted
        found |= buckets == bucket
    return found
