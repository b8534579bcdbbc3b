"""Splits that never cut what belongs together: groups, and keys that always go the same way."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nntool.settings.wording import counted
from nntool.tables.choices import setting
from nntool.tables.hashing import STEP, mixed, row_hashes
from nntool.tables.splitting.at_random import equal_shares
from nntool.tables.splitting.dealing import deal_groups, groups_of
from nntool.tables.splitting.rows import Dealt, Rows, Shares, require_column, strata_of


@dataclass(frozen=True)
class Group:
    """Rows that have the same value in a column go to one part; whole groups are dealt at random.

    The parts come as near to their shares as whole groups allow. Rows without a value are groups
    of their own.

    Use: several rows of one patient, customer, machine or place, where new rows will be of others.
    """

    column: str | None = setting(None, "The column that says the group: its name or @position.")
    stratified: bool = setting(
        False, "Whether the parts also get the classes (or bins of numbers) in the same shares."
    )
    bins: int = setting(10, "In how many bins of equal count a numeric target is cut.", ge=2)

    by_share: ClassVar[bool] = True
    keeps_equal_rows: ClassVar[bool] = True
    in_order: ClassVar[bool] = False
    together: ClassVar[str] = "groups"

    def __post_init__(self) -> None:
        require_column("group", self.column)

    def deal(self, rows: Rows, shares: Shares, rng: np.random.Generator) -> Dealt:
        """Deal whole groups."""
        keys, n_missing = _keys(rows)
        groups, first, _ = groups_of(keys)
        strata = np.zeros(len(rows), np.int64)
        if self.stratified:
            strata, _ = strata_of(rows, self.bins)
        n_strata = int(strata.max(initial=0)) + 1
        counts = np.bincount(groups * n_strata + strata, minlength=first.size * n_strata)
        parts = deal_groups(counts.reshape(-1, n_strata), shares, rng)
        notes = [f"{first.size:,} groups by {self.column!r}, none of them in two parts"]
        if n_missing:
            n_rows = counted(n_missing, "row")
            notes.append(f"{n_rows} without {self.column!r}: a group of its own each")
        return Dealt(parts[groups], notes)

    def fold(self, rows: Rows, n_folds: int, rng: np.random.Generator) -> Dealt:
        """Deal whole groups to folds."""
        return Dealt(self.deal(rows, equal_shares(n_folds), rng).parts)


@dataclass(frozen=True)
class Hash:
    """A hash of each row's key decides its part, whatever other rows there are.

    u = hash(seed, key) / 2⁶⁴ is even in [0, 1); the part is the one whose stretch of the line,
    train, validation, test in this order, holds u. So a key never changes its part when rows are
    added, removed or sorted, and the shares are met on average only. Rows without a key go by
    their whole text.

    Use: a table that grows and is split again, so that no test row ever becomes a training row.
    """

    column: str | None = setting(None, "The column that holds the key: its name or @position.")

    by_share: ClassVar[bool] = True
    keeps_equal_rows: ClassVar[bool] = True
    in_order: ClassVar[bool] = False
    together: ClassVar[str] = "rows of one key"

    def __post_init__(self) -> None:
        require_column("hash", self.column)

    def deal(self, rows: Rows, shares: Shares, rng: np.random.Generator) -> Dealt:
        """Put each key on the line from 0 to 1 and read off its part."""
        keys, n_missing = _keys(rows)
        line = _even(keys, rng.integers(2**64, dtype=np.uint64))
        parts = np.searchsorted(np.cumsum(shares)[:-1], line, side="right").astype(np.int8)
        n_keys = np.unique(keys).size
        notes = [f"{n_keys:,} keys in {self.column!r}: shares are met on average only"]
        if n_missing:
            n_rows = counted(n_missing, "row")
            notes.append(f"{n_rows} without {self.column!r}: dealt by their whole text")
        return Dealt(parts, notes)

    def fold(self, rows: Rows, n_folds: int, rng: np.random.Generator) -> Dealt:
        """Deal keys to folds by another hash."""
        return Dealt(self.deal(rows, equal_shares(n_folds), rng).parts)


def _keys(rows: Rows) -> tuple[NDArray[np.uint64], int]:
    """A number for each row, equal where the named column is; the row's own where it is missing."""
    text, is_missing = rows.named_column()
    keys = row_hashes(pa.table([text], names=["key"]))
    return np.where(is_missing, rows.hashes, keys), int(np.count_nonzero(is_missing))


def _even(keys: NDArray[np.uint64], salt: np.uint64) -> NDArray[np.float64]:
    """Keys, each by itself, to numbers in [0, 1): SplitMix64 of key and salt, upper 53 bits."""
    h = mixed((keys ^ salt) + STEP)
    return np.asarray((h >> np.uint64(11)) * 2.0**-53)
