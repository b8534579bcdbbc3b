"""Numbers become the bin that they lie in: bins of a kind, or between edges that are given.

A bin holds its lower edge, not its upper one: [a, b).
"""

# ruff: noqa: D102  (what each method is for is said once, in Operation)

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from nntool.errors import UsageError
from nntool.tables.choices import setting
from nntool.tables.operations.levels import count
from nntool.tables.operations.operation import Counts, Gives, Numbers, Operation, State, Training

ENCODE = ("one-hot", "ordinal")
ROUNDS = 300  # of k-means


class _Binned(Operation):
    """What bins of every kind share: a state with their edges and labels."""

    gives: ClassVar[Gives] = "block"

    @staticmethod
    def apply(values: Numbers, state: State, counts: Counts) -> npt.NDArray[np.float32]:
        places = _places(values, state)
        missing = np.isnan(values)
        count(counts, "outside edges", int(np.count_nonzero((places < 0) & ~missing)))
        n = len(state["labels"])
        if state["encode"] == "ordinal":
            return np.where(places < 0, -1, places / max(1, n - 1)).astype(np.float32)[:, None]
        width = n + state["other"] + state["missing"]
        slots = np.where(places < 0, n if state["other"] else width, places)
        slots[missing] = width - 1 if state["missing"] else width
        # what has no column takes the last row, whose 1 is cut off
        return np.eye(width + 1, dtype=np.float32)[:, :width][slots]

    @staticmethod
    def label(state: State) -> str:
        return "_bin" if state["encode"] == "ordinal" else ""

    @staticmethod
    def suffixes(state: State) -> list[str]:
        if state["encode"] == "ordinal":
            return [""]
        labels = [*state["labels"], *["other"] * state["other"], *["missing"] * state["missing"]]
        return [f"={label}" for label in labels]


@dataclass(frozen=True)
class Bins(_Binned):
    """Bins learned from training, the first and the last of them open.

    By `width` they are equally wide between min and max; by `frequency` equally many rows are in
    each; by `k-means` each number is in the bin of the nearest of `count` centres (Lloyd's rounds
    from equally wide bins); by `tree` a decision tree of `count` leaves, each at least 1 % of the
    rows, cuts where the target differs most. There may be fewer: edges that coincide are one. A
    missing cell has a column of its own where training has one.

    Use: effects that jump, or rise and fall; `tree` finds where, `frequency` is the safe one.
    """

    by: str = setting(
        "frequency", "What makes a bin.", choices=("width", "frequency", "k-means", "tree")
    )
    count: int = setting(5, "At most so many bins.", ge=2, le=1000)
    encode: str = setting(
        "one-hot", "A 0/1 column for each bin, or its place from 0 to 1.", choices=ENCODE
    )

    needs_target: ClassVar[bool] = True

    def fit(self, values: Numbers) -> State:
        if self.by == "tree":
            raise TypeError("the target is needed: call fit_to")
        return self._state(values, _EDGES[self.by])

    def fit_to(self, values: Numbers, training: Training) -> tuple[State, None]:
        if self.by != "tree":
            return self.fit(values), None
        target = training.target[~np.isnan(values)]
        is_class = training.n_classes > 0
        return self._state(values, lambda x, n: _by_tree(x, n, target, is_class)), None

    def _state(self, values: Numbers, find: Callable[[Numbers, int], Numbers]) -> State:
        known = values[~np.isnan(values)]
        edges = np.empty(0)
        if len(known) and (low := known.min()) < (high := known.max()):
            edges = np.unique(find(known, self.count))
            edges = edges[(edges > low) & (edges <= high)]
        return {
            "edges": edges.tolist(),
            "open": True,
            "labels": range_labels(edges.tolist()),
            "encode": self.encode,
            "other": False,
            "missing": len(known) < len(values),
        }


@dataclass(frozen=True)
class Edges(_Binned):
    """Bins between given edges: with edges 0/18/65 and labels child/adult, 18 is an adult.

    With one label fewer than edges the outer edges close: a number outside is counted, and is 1 in
    the column `other` where training has such, else 0 in all. With one label more, or without
    labels, the first and the last bin are open. As a place, outside and missing are −1.

    Use: limits that are known beforehand, such as tax bands or legal ages.
    """

    at: tuple[float, ...] = setting((), "The edges, rising.")
    labels: tuple[str, ...] = setting((), "What the bins are called, from the lowest.")
    encode: str = setting(
        "one-hot", "A 0/1 column for each bin, or its place from 0 to 1.", choices=ENCODE
    )

    def __post_init__(self) -> None:
        shown = "/".join(f"{edge:g}" for edge in self.at)
        if not self.at or any(a >= b for a, b in pairwise(self.at)):
            raise UsageError(
                f"edges: at must rise, not {shown}" if self.at else "edges: at is needed",
                "edges:at=0/18/65,labels=child/adult",
            )
        n = len(self.labels)
        if n and abs(n - len(self.at)) != 1:
            raise UsageError(
                f"edges: {len(self.at)} edges have {len(self.at) - 1} bins between them, or"
                f" {len(self.at) + 1} with open ends, and there are {n} labels",
                "give one label for each bin, as labels=low/middle/high",
            )
        if len(set(self.labels)) < n:
            raise UsageError(
                f"edges: a label stands there twice: {'/'.join(self.labels)}",
                "give each bin a name of its own",
            )

    def fit(self, values: Numbers) -> State:
        edges = list(self.at)
        is_open = not self.labels or len(self.labels) > len(edges)
        state = {
            "edges": edges,
            "open": is_open,
            "labels": list(self.labels) or range_labels(edges),
            "encode": self.encode,
        }
        missing = np.isnan(values)
        outside = (_places(values, state) < 0) & ~missing
        return {**state, "other": bool(outside.any()), "missing": bool(missing.any())}


BINS: dict[str, type[Operation]] = {"bins": Bins, "edges": Edges}


def range_labels(edges: Sequence[float]) -> list[str]:
    """Name the ranges that edges make, open at both ends, in digits enough to tell them apart.

    >>> range_labels([30, 45.5])
    ['<30', '30..45.5', '≥45.5']
    """
    if not edges:
        return ["all"]
    texts = next(
        texts
        for digits in range(4, 18)
        if len(set(texts := [f"{edge:.{digits}g}" for edge in edges])) == len(edges)
    )
    inner = [f"{a}..{b}" for a, b in pairwise(texts)]
    return [f"<{texts[0]}", *inner, f"≥{texts[-1]}"]


def _places(values: Numbers, state: State) -> npt.NDArray[np.int64]:
    """Give the place of the bin from 0, −1 outside of the edges and where the cell is missing."""
    places = np.searchsorted(state["edges"], values, side="right").astype(np.int64)
    if not state["open"]:
        places -= 1
        places[places == len(state["edges"]) - 1] = -1
    places[np.isnan(values)] = -1
    return places


def _by_width(x: Numbers, n: int) -> Numbers:
    return np.linspace(x.min(), x.max(), n + 1)[1:-1]


def _by_frequency(x: Numbers, n: int) -> Numbers:
    edges: Numbers = np.quantile(x, np.linspace(0, 1, n + 1)[1:-1])
    return edges


def _by_k_means(x: Numbers, n: int) -> Numbers:
    """Lloyd's rounds on sorted numbers: sums of a stretch are differences of running sums.

    scikit-learn's KMeans adds up in threads, so its last digits follow their number.
    """
    n = min(n, len(np.unique(x)))
    x, to_own = _between_0_and_1(np.sort(x))
    sums = np.concatenate(([0.0], np.cumsum(x)))
    centres = (np.arange(n) + 0.5) / n
    for _ in range(ROUNDS):
        cuts = np.searchsorted(x, (centres[1:] + centres[:-1]) / 2)
        ends = np.concatenate(([0], cuts, [len(x)]))
        sizes = np.diff(ends)
        means = np.diff(sums[ends]) / np.maximum(sizes, 1)
        moved = np.sort(np.where(sizes > 0, means, _furthest(x, centres, sizes)))
        if np.array_equal(moved, centres):
            break
        centres = moved
    centres = centres[sizes > 0]
    return to_own((centres[1:] + centres[:-1]) / 2)


def _furthest(x: Numbers, centres: Numbers, sizes: npt.NDArray[np.int64]) -> Numbers:
    """Give each centre that has no number one of those that are furthest from their own."""
    moved, empty = centres.copy(), np.flatnonzero(sizes == 0)
    if len(empty):
        distance = np.abs(x - np.repeat(centres, sizes))
        moved[empty] = x[np.argsort(distance, kind="stable")[-len(empty) :]]
    return moved


def _by_tree(x: Numbers, n: int, target: npt.NDArray[np.generic], is_class: bool) -> Numbers:
    """Cut where a decision tree does, which learns the target from this column alone."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    model = DecisionTreeClassifier if is_class else DecisionTreeRegressor
    fewest = max(1, len(x) // 100)
    x, to_own = _between_0_and_1(x)  # the tree reads float32
    tree = model(max_leaf_nodes=n, min_samples_leaf=fewest, random_state=0).fit(x[:, None], target)
    return to_own(tree.tree_.threshold[tree.tree_.children_left >= 0])


def _between_0_and_1(x: Numbers) -> tuple[Numbers, Callable[[Numbers], Numbers]]:
    """Give numbers in a unit in which sums and squares lose no digits, and the way back."""
    low, spread = x.min(), x.max() - x.min()
    return (x - low) / spread, lambda inner: low + inner * spread


_EDGES: dict[str, Callable[[Numbers, int], Numbers]] = {
    "width": _by_width,
    "frequency": _by_frequency,
    "k-means": _by_k_means,
}
