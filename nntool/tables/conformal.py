"""Split-conformal prediction: intervals for values and sets for classes that keep their promise.

From the scores of n calibration rows that had no part in any choice of training, the
⌈(n+1)·level⌉-th smallest is the limit q: a new row of the same kind has a score ≤ q with a
probability of level to level + 1/(n+1), whatever the network is worth. The score of a value is
|y − ŷ|, and its interval ŷ ± q (Lei, G'Sell, Rinaldo, Tibshirani & Wasserman 2018, JASA 113); that
of a class is 1 − p of the true one, and its set {c: 1 − p_c ≤ q} (LAC; Sadinle, Lei & Wasserman
2019, JASA 114), here with the likeliest class always in it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nntool.tables.page import Answered, Part

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def rank(n: int, level: float) -> int:
    """Which of ``n`` sorted scores is the limit, from 1; more than ``n`` where none is.

    >>> rank(9, 0.9), rank(19, 0.95), rank(8, 0.9), rank(100, 0.9)
    (9, 19, 9, 91)
    """
    exact = (n + 1) * level
    # 100 · 0.29 is 28.999…, and 10 · 0.7 could be 7.000…1: a whole number is meant
    return round(exact) if math.isclose(exact, round(exact), rel_tol=1e-12) else math.ceil(exact)


def rows_needed(level: float) -> int:
    """The least number of calibration rows for a level.

    >>> rows_needed(0.9), rows_needed(0.95), rows_needed(0.99), rows_needed(0.5)
    (9, 19, 99, 1)
    """
    n = max(1, math.floor(level / (1 - level)) - 1)
    while rank(n, level) > n:
        n += 1
    return n


def highest_level(n: int) -> float:
    """The highest level that ``n`` rows can give, n/(n + 1), rounded down to three digits or more.

    >>> highest_level(9), highest_level(30), highest_level(5000)
    (0.9, 0.967, 0.9998)
    """
    digits = max(3, math.ceil(math.log10(n + 1)))
    whole: int = math.floor(n / (n + 1) * 10**digits + 1e-9)
    return float(whole / 10**digits)


def limit(scores: Floats, level: float) -> float:
    """The limit q of sorted scores: the half-width of an interval, 1 − the least p of a set.

    Raises ``ValueError`` where there are fewer than `rows_needed`.

    >>> limit(np.arange(1.0, 20.0), 0.9)
    18.0
    """
    at = rank(len(scores), level)
    if at > len(scores):
        raise ValueError(f"{len(scores)} scores do not give a level of {level}")
    return float(scores[at - 1])


def scores_of_values(target: Floats, predicted: Floats) -> Floats:
    """|y − ŷ|, sorted; infinite where the prediction is no number."""
    return _sorted(np.abs(target - predicted))


def scores_of_classes(codes: npt.NDArray[Any], probabilities: Floats) -> Floats:
    """1 − p of the true class, sorted; ``probabilities`` is `(n, n_classes)`."""
    return _sorted(1 - probabilities[np.arange(len(codes)), codes.astype(np.intp)])


def _sorted(scores: Floats) -> Floats:
    found = scores.astype(np.float64)
    found[np.isnan(found)] = np.inf
    return np.sort(found)


def members(probabilities: Floats, q: float) -> Mask:
    """Which classes are in the set of each row `(n, n_classes)`: at least the likeliest one."""
    found = 1 - probabilities <= q
    found[np.arange(len(found)), probabilities.argmax(axis=1)] = True
    return np.asarray(found)


def set_column(found: Mask, classes: Sequence[str]) -> pa.DictionaryArray:
    """Sets `(n, n_classes)` as lists of class names in their order; as CSV they are JSON.

    >>> set_column(np.array([[True, False], [True, True]]), ["no", "yes"]).to_pylist()
    [['no'], ['no', 'yes']]
    """
    packed = np.packbits(found, axis=1)
    keys = packed[:, 0] if packed.shape[1] == 1 else _as_one(packed)
    # few different sets occur, and each is kept and written once
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    sets = [
        [name for name, is_in in zip(classes, found[row], strict=True) if is_in] for row in first
    ]
    return pa.DictionaryArray.from_arrays(
        pa.array(which.astype(np.int32)), pa.array(sets, pa.list_(pa.string()))
    )


def _as_one(packed: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
    """Each row of bytes as one key."""
    whole = np.ascontiguousarray(packed)
    return whole.view(np.dtype((np.void, whole.shape[1])))[:, 0]


@dataclass(frozen=True)
class Interval(Part):
    """The ends of the interval around each value; nothing is cut off at a bound of the target."""

    half_width: float

    def fields(self) -> list[pa.Field]:
        """Two columns."""
        return [pa.field("lower", pa.float64()), pa.field("upper", pa.float64())]

    def arrays(self, found: Answered) -> list[pa.Array]:
        """ŷ − q and ŷ + q."""
        values = found.decided
        return [pa.array(values - self.half_width), pa.array(values + self.half_width)]


@dataclass(frozen=True)
class ClassSet(Part):
    """The classes that the truth is among, with at least the likeliest."""

    classes: tuple[str, ...]
    limit: float

    def fields(self) -> list[pa.Field]:
        """One column."""
        return [pa.field("set", pa.list_(pa.string()))]

    def arrays(self, found: Answered) -> list[pa.Array]:
        """A list for each row."""
        return [set_column(members(found.probabilities, self.limit), self.classes)]


class Coverage(NamedTuple):
    """How well intervals or sets kept their promise on rows with a target."""

    rows: int
    covered: float
    """The share of the rows whose target is inside."""
    mean_size: float
    """The mean width of the intervals, or number of classes in the sets."""


def coverage_of_values(target: Floats, predicted: Floats, q: float) -> Coverage | None:
    """How many of the intervals hold their target; None where no row has one."""
    present = ~(np.isnan(target) | np.isnan(predicted))
    if not present.any():
        return None
    inside = np.abs(target[present] - predicted[present]) <= q
    return Coverage(int(present.sum()), float(inside.mean()), 2 * q)


def coverage_of_classes(
    codes: npt.NDArray[Any], probabilities: Floats, q: float
) -> Coverage | None:
    """How many of the sets hold the true class; None where no row has one (a code below 0)."""
    present = codes >= 0
    if not present.any():
        return None
    found = members(probabilities[present], q)
    inside = found[np.arange(len(found)), codes[present].astype(np.intp)]
    return Coverage(len(found), float(inside.mean()), float(found.sum(axis=1).mean()))


def chance(n: int, n_rows: int, level: float) -> float:
    """The standard deviation of the share covered of ``n_rows`` new rows, by ``n`` that calibrated.

    With scores that are all different, the coverage that the limit gives is Beta(k, n + 1 − k)
    distributed, k the rank (Vovk 2012, ACML 25); the rows that it is seen on add their own chance.

    >>> round(chance(99, 10**9, 0.9), 4), round(chance(10**9, 100, 0.9), 4)
    (0.0299, 0.03)
    """
    k = rank(n, level)
    mean = k / (n + 1)
    of_limit = mean * (1 - mean) / (n + 2)
    return math.sqrt(of_limit + (mean * (1 - mean) - of_limit) / n_rows)
