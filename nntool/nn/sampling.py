# ruff: noqa: D102  (the protocol says what the methods mean)
"""Samplers: which training rows an epoch has, and in what order."""

from typing import Protocol

import numpy as np

from nntool.nn.arrays import Array
from nntool.nn.registry import InvalidChoice


class Sampler(Protocol):
    """Draws the rows of an epoch, or of one block of it where rows are read by blocks."""

    def order(self, rng: np.random.Generator, rows: Array, target: Array | None) -> Array:
        """Return positions in ``rows``, as many as there are, in the order to train on them.

        ``rows`` `(m,)` are numbers of rows; ``target`` is indexed by such numbers.
        """

    def observe(self, rows: Array, losses: Array) -> None:
        """Take note of the losses `(n,)` that the rows of a batch had before its update."""

    def arrays(self) -> dict[str, Array]:
        """Return the arrays that a checkpoint must hold, by name: the live ones, not copies."""


class Shuffled:
    """Every row once, in random order."""

    def order(self, rng: np.random.Generator, rows: Array, target: Array | None) -> Array:
        return rng.permutation(len(rows))

    def observe(self, rows: Array, losses: Array) -> None:
        pass

    def arrays(self) -> dict[str, Array]:
        return {}


class Balanced(Shuffled):
    """All classes equally often: any stretch of the order has them equally often, up to one.

    The classes take turns; the rows of a class come in random order, all of them once before any
    comes again. So rows of rare classes are repeated within an epoch, and an epoch has n/K rows
    of the most frequent one, others each time. Where rows are read by blocks this holds for each
    block and the classes that it has.

    >>> target = np.array([0, 0, 0, 0, 0, 1])
    >>> target[Balanced().order(np.random.default_rng(0), np.arange(6), target)]
    array([0, 1, 0, 1, 0, 1])
    """

    def order(self, rng: np.random.Generator, rows: Array, target: Array | None) -> Array:
        codes = require_classes(target, "balanced batches")[rows]
        members = np.argsort(codes, kind="stable")
        starts = np.flatnonzero(np.diff(codes[members], prepend=codes.min() - 1))
        stops = np.append(starts[1:], len(codes))
        order = np.empty(len(rows), dtype=np.intp)
        for turn, c in enumerate(rng.permutation(len(starts))):
            places = order[turn :: len(starts)]
            of_class = members[starts[c] : stops[c]]
            for start in range(0, len(places), len(of_class)):
                part = places[start : start + len(of_class)]
                part[...] = rng.permutation(of_class)[: len(part)]
        return order


class EmphasizeErrors:
    """Rows of high loss more often: half of the draws in proportion to the loss last seen.

    P(row) = ½·1/n + ½·ℓ/Σℓ, with replacement; a row not seen yet counts as the mean of the others.
    Losses are those that training sums, times the weight of their row.
    Where losses go below 0 (poisson), the least of them is taken off all. The emphasis is meant:
    no weight takes it back, so training minimizes another sum than the mean loss. Where rows are
    read by blocks this holds within each block.
    Schapire 1990, Machine Learning 5, had the idea of learning from what is still wrong;
    Loshchilov & Hutter 2015, arXiv 1511.06343, choose batches online by the latest loss.
    """

    def __init__(self, n_rows: int) -> None:
        """Remember the losses of rows numbered below ``n_rows``."""
        self.losses = np.full(n_rows, np.nan)

    def order(self, rng: np.random.Generator, rows: Array, target: Array | None) -> Array:
        n = len(rows)
        ends = np.cumsum(self._emphasis(rows))
        n_emphasized = n // 2
        order = rng.integers(0, n, n)
        if ends[-1] > 0:
            drawn = rng.random(n_emphasized) * ends[-1]
            at = np.searchsorted(ends, drawn, side="right")
            # a product rounded up to the very end belongs to the last row that has a loss
            order[:n_emphasized] = np.minimum(at, np.searchsorted(ends, ends[-1]))
        rng.shuffle(order)
        return order

    def observe(self, rows: Array, losses: Array) -> None:
        """Take note of the losses; one that is not finite leaves its row as not seen."""
        self.losses[rows] = np.where(np.isfinite(losses), losses, np.nan)

    def arrays(self) -> dict[str, Array]:
        return {"losses": self.losses}

    def _emphasis(self, rows: Array) -> Array:
        """Return numbers from 0 to 1 in proportion to the losses."""
        losses = self.losses[rows]
        is_seen = ~np.isnan(losses)
        seen = losses[is_seen]
        if not len(seen):
            return np.ones(len(rows))
        least, most = min(0.0, float(seen.min())), float(seen.max())
        # halves, so that the range of two numbers of opposite sign cannot overflow
        spread = most / 2 - least / 2
        if spread <= 0:
            return np.ones(len(rows))
        shares = (losses / 2 - least / 2) / spread
        shares[~is_seen] = shares[is_seen].mean()
        return shares


SHUFFLED = Shuffled()


def require_classes(target: Array | None, what: str) -> Array:
    """Return the codes of a classification; refuse the numbers of a regression."""
    if target is None or target.dtype.kind not in "iu":
        raise InvalidChoice(f"{what} need classes, and the target of a regression has none")
    return target
