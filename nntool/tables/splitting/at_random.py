"""Splits by chance: over all rows, or within each class."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nntool.settings.wording import quoted
from nntool.tables.choices import setting
from nntool.tables.splitting.dealing import deal, groups_of
from nntool.tables.splitting.rows import Dealt, Rows, Shares, strata_of


@dataclass(frozen=True)
class Random:
    """Rows are dealt at random; equal rows go to one part.

    Use: rows that have nothing to do with one another, and a number to predict.
    """

    by_share: ClassVar[bool] = True
    keeps_equal_rows: ClassVar[bool] = True
    in_order: ClassVar[bool] = False
    together: ClassVar[str] = "equal rows"

    def deal(self, rows: Rows, shares: Shares, rng: np.random.Generator) -> Dealt:
        """Deal all rows as one stratum."""
        return deal_strata(rows, np.zeros(len(rows), np.int64), ["all rows"], shares, rng)

    def fold(self, rows: Rows, n_folds: int, rng: np.random.Generator) -> Dealt:
        """Deal to folds of one size."""
        return self.deal(rows, equal_shares(n_folds), rng)


@dataclass(frozen=True)
class Stratified:
    """Rows are dealt at random, so that each part has the classes in the same shares.

    A numeric target is cut at its quantiles. Rows whose target is missing are a class of their
    own; a class with fewer rows than there are parts goes to training. Equal rows go to one part.

    Use: classes, above all where some are rare; a numeric target in a small or skewed table.
    """

    bins: int = setting(10, "In how many bins of equal count a numeric target is cut.", ge=2)

    by_share: ClassVar[bool] = True
    keeps_equal_rows: ClassVar[bool] = True
    in_order: ClassVar[bool] = False
    together: ClassVar[str] = "equal rows"

    def deal(self, rows: Rows, shares: Shares, rng: np.random.Generator) -> Dealt:
        """Deal each class, or each bin of a numeric target, in the same shares."""
        return deal_strata(rows, *strata_of(rows, self.bins), shares, rng)

    def fold(self, rows: Rows, n_folds: int, rng: np.random.Generator) -> Dealt:
        """Deal each class to folds of one size; classes with too few rows are dealt together."""
        strata, names = strata_of(rows, self.bins)
        _, first, _ = groups_of(rows.hashes)
        n_groups = np.bincount(strata[first], minlength=len(names))
        is_rare = (n_groups > 0) & (n_groups < n_folds)
        strata = np.where(is_rare[strata], len(names), strata)
        names = [*names, "rare classes"]
        parts, _ = deal_strata(rows, strata, names, equal_shares(n_folds), rng)
        return Dealt(parts, _rare_note([names[i] for i in np.flatnonzero(is_rare)], n_folds))


def equal_shares(n_folds: int) -> Shares:
    """The share of each of so many folds."""
    return np.full(n_folds, 1 / n_folds)


def deal_strata(
    rows: Rows,
    strata: NDArray[np.int64],
    names: list[str],
    shares: Shares,
    rng: np.random.Generator,
) -> Dealt:
    """Deal each stratum `(n,)` in these shares, equal rows together; rare ones go to part 0."""
    groups, first, sizes = groups_of(rows.hashes)
    parts, rare = deal(strata[first], sizes, shares, rng)
    notes = []
    if rare:
        n_parts = int(np.count_nonzero(shares))
        notes.append(
            f"too few different rows for {n_parts} parts, so all to training:"
            f" {quoted([names[i] for i in rare])} (--method random)"
        )
    return Dealt(parts[groups], notes)


def _rare_note(names: list[str], n_folds: int) -> list[str]:
    if not names:
        return []
    return [f"too few different training rows for {n_folds} folds: not in all: {quoted(names)}"]
