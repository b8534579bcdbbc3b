"""What a score is given: the features of some training rows, the target, and ways to see both."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from nntool.errors import DataError
from nntool.tables.selecting.columns import Array, Columns
from nntool.tables.selecting.features import Codes, Feature, level_codes

Numbers = npt.NDArray[np.float64]

LEVELS_OF_A_MODEL = 30
"""So many levels of a category, the most frequent, have a column of their own in quick models."""

Told = Callable[[float, float, str], None]
"""Takes how much is done, of how much, and of what; it may raise an error to stop the work."""


class Block(NamedTuple):
    """One feature in the rows that are judged."""

    name: str
    is_category: bool
    """Whether it was made from a category: its columns say together which level a cell has."""
    columns: Array
    """`(n, m)`: its produced columns."""

    def codes(self) -> Codes:
        """Number the levels from 0."""
        return level_codes(self.columns)

    def bins(self, most: int) -> list[Codes]:
        """Give its columns as categories: numbers are cut at quantiles, a category is one."""
        if self.is_category:
            return [self.codes()]
        return [binned(self.columns[:, i], most) for i in range(self.columns.shape[1])]

    def design(self) -> npt.NDArray[np.float32]:
        """Give the columns `(n, w)` that a quick model reads, each with mean 0 and spread 1.

        A column of codes gives one column for each of its most frequent levels.
        """
        wide = self.columns
        if wide.dtype.kind == "i":
            wide = _indicators(self.codes())
        spread = wide.std(axis=0, dtype=np.float64)
        centered = wide - wide.mean(axis=0, dtype=np.float64)
        # what rounding leaves of a constant column is no spread
        flat = spread <= 1e-6 * np.abs(wide).max(axis=0, initial=0)
        found = np.divide(centered, spread, out=np.zeros_like(centered), where=~flat)
        narrow: npt.NDArray[np.float32] = found.astype(np.float32)
        return narrow


def binned(values: Array, most: int) -> Codes:
    """Cut numbers into bins of about equal frequency; at most so many values are left as they are.

    >>> binned(np.array([5.0, 1.0, 5.0, 9.0]), 3).tolist()
    [1, 0, 1, 2]
    >>> binned(np.arange(6.0), 2).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    distinct, code = np.unique(values, return_inverse=True)
    if len(distinct) <= most:
        return code.reshape(-1)
    inner = np.linspace(0, 1, most + 1)[1:-1]
    edges = np.unique(np.quantile(values, inner))
    return np.unique(np.searchsorted(edges, values, side="left"), return_inverse=True)[1]


def _indicators(codes: Codes) -> npt.NDArray[np.float32]:
    """One 0/1 column for each of the most frequent levels; equally frequent ones in order."""
    frequent = np.argsort(-np.bincount(codes), kind="stable")[:LEVELS_OF_A_MODEL]
    found: npt.NDArray[np.float32] = (codes[:, None] == frequent).astype(np.float32)
    return found


@dataclass(frozen=True)
class Judged:
    """Features and target of the rows that a score looks at."""

    blocks: Sequence[Block]
    target: Array
    """`(n,)`: class codes, or numbers."""
    task: str
    seed: int

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return len(self.target)

    @property
    def is_regression(self) -> bool:
        """Whether the target is a number."""
        return self.task == "regression"

    def classes(self) -> Codes:
        """Number the classes that are there from 0."""
        return np.unique(self.target, return_inverse=True)[1].reshape(-1)

    def values(self) -> Numbers:
        """The numeric target with mean 0 and spread 1."""
        y = self.target.astype(np.float64)
        found: Numbers = (y - y.mean()) / (y.std() or 1.0)
        return found

    @property
    def n_classes(self) -> int:
        """How many classes there are; 0 for a number."""
        return 0 if self.is_regression else int(self.classes().max()) + 1

    def coded(self) -> Array:
        """The target as a model learns it: classes from 0, or values of spread 1."""
        return self.values() if self.is_regression else self.classes()

    def require(self, fewest: int, what: str) -> None:
        """Raise ``DataError`` where there are fewer rows, or the target does not vary in them."""
        if self.n_rows < fewest:
            raise DataError(
                f"--score {what} needs {fewest} training rows with a target, and there are"
                f" {self.n_rows}",
                "--score mutual-information",
            )
        if self.target.min() == self.target.max():
            raise DataError(
                f"the target is the same in all {self.n_rows:,} training rows that are looked at,"
                f" so --score {what} cannot tell features apart",
                "look at the target: nntool show RUN clean",
            )

    def indicators(self) -> Numbers:
        """What least squares is to hit `(n, q)`: the values, or one column for each class."""
        if self.is_regression:
            return self.values()[:, None]
        return np.eye(int(self.classes().max()) + 1)[self.classes()]

    def some(self, picked: Sequence[int]) -> "Judged":
        """Give the same rows with some of the features."""
        return Judged([self.blocks[i] for i in picked], self.target, self.task, self.seed)


@dataclass(frozen=True)
class Ranking:
    """What a score found: a number for each feature, and the features from the best on."""

    scores: Sequence[float]
    order: Sequence[int]
    notes: Sequence[str] = ()


def by_score(scores: Sequence[float], notes: Sequence[str] = ()) -> Ranking:
    """Rank by the score, the earlier of two equal ones first.

    >>> by_score([1.0, 3.0, 1.0]).order
    [1, 0, 2]
    """
    return Ranking(scores, sorted(range(len(scores)), key=lambda i: -scores[i]), notes)


def blocks_of(features: Sequence[Feature], columns: Columns) -> list[Block]:
    """Copy the kept columns of features; one pass through each file."""
    taken = {
        kind: columns.take(kind, [p for f in features if f.kind == kind for p in f.positions])
        for kind in dict.fromkeys(f.kind for f in features)
    }
    done: dict[str, int] = dict.fromkeys(taken, 0)
    found = []
    for feature in features:
        start = done[feature.kind]
        done[feature.kind] = end = start + len(feature.columns)
        found.append(
            Block(feature.name, feature.role == "categorical", taken[feature.kind][:, start:end])
        )
    return found


class Fitted(Protocol):
    """A small network that has learned."""

    def losses(self, x: Array, target: Array) -> Numbers:
        """Give the loss of each row `(n,)`."""

    def norms(self) -> Numbers:
        """Give the length of the weights that go out from each input `(d,)`."""


class Network(Protocol):
    """Trains a small network; the layer above has it."""

    def __call__(
        self,
        x: Array,
        target: Array,
        n_classes: int,
        *,
        l1: float,
        seed: int,
        told: Callable[[float], None],
    ) -> Fitted:
        """Learn from inputs `(n, d)` of spread 1 and classes from 0, or, with none, values.

        ``l1`` is the rate of a proximal L1 on the first layer; ``told`` takes the share done.
        """


class Tools(NamedTuple):
    """What the layer above lends to a score."""

    trained: Network
    told: Told


class Score(Protocol):
    """How much each feature says about the target."""

    @property
    def max_rows(self) -> int:
        """So many rows, a seeded sample, are looked at."""

    def rank(self, judged: Judged, top: int | None, tools: Tools) -> Ranking:
        """Score and rank the features; with ``top`` no more than so many need be told apart."""
