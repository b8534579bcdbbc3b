# ruff: noqa: D102  (the base class says what the methods mean)
"""Augmentation: training rows changed at random, batch by batch, or added before training."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nntool.nn.arrays import Array
from nntool.nn.batches import ArrayRows, Batch, RowSource
from nntool.nn.registry import InvalidChoice
from nntool.nn.setting import setting
from nntool.nn.smote import with_synthetic_rows

COUNTING_ROWS = 8192
"""Rows of one batch when levels are counted."""


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """The form of an augmentation; the rows that a source reads from are never changed.

    ``stream`` names the random numbers that `apply` is given.
    """

    kind: ClassVar[str] = "augmentation"
    stream: ClassVar[str] = "augmentation"
    adds_rows: ClassVar[bool] = False

    def apply(self, batch: Batch, rng: np.random.Generator) -> None:
        """Change the buffers of a training batch in place."""

    def extend(
        self, source: ArrayRows, blocks: Sequence[Sequence[int]], rng: np.random.Generator
    ) -> ArrayRows:
        """Return the rows to train on; ``blocks`` are the numeric columns of each one-hot block."""
        return source


@dataclass(frozen=True, kw_only=True)
class Jitter(Augmentation):
    """Noise on every numeric column, 0/1 columns included.

    x ← x + σ·N(0, 1), anew for each batch. Bishop 1995, Neural Computation 7: training with
    noise is Tikhonov regularization.
    Use: where measurements are noisy and rows are few; `--input-noise` is the same in the network.
    """

    sigma: float = setting(0.05, "σ, in the unit of the scaled columns", ge=0)

    def apply(self, batch: Batch, rng: np.random.Generator) -> None:
        noise = rng.standard_normal(batch.numeric.shape, dtype=np.float32)
        noise *= self.sigma
        batch.numeric += noise


@dataclass(frozen=True, kw_only=True)
class Mixup(Augmentation):
    """Each row blended with another of its batch; the loss is blended, not the target.

    x ← s·x + (1−s)·x′ and loss s·ℓ(z, y) + (1−s)·ℓ(z, y′), s ~ Beta(α, α) for each row. Zhang,
    Cissé, Dauphin & Lopez-Paz 2018, arXiv 1710.09412 (their code draws one s for a batch). Codes
    are not blended: each is the row's own with probability s, else the partner's.
    Use: for classification with a large network; it also makes probabilities less extreme.
    """

    alpha: float = setting(0.2, "α: small leaves most rows nearly as they are", gt=0)

    def apply(self, batch: Batch, rng: np.random.Generator) -> None:
        if batch.share is not None:
            raise InvalidChoice("mixup can be given once: a loss is blended of two rows")
        n = batch.n_rows
        partner = rng.permutation(n)
        share = rng.beta(self.alpha, self.alpha, n).astype(batch.numeric.dtype)
        others = batch.numeric[partner]
        others -= batch.numeric
        others *= (1 - share)[:, None]
        batch.numeric += others
        if batch.codes is not None:
            is_own = rng.random(batch.codes.shape, dtype=np.float32) < share[:, None]
            np.copyto(batch.codes, batch.codes[partner], where=~is_own)
        batch.share = share
        batch.partner_target = None if batch.target is None else batch.target[partner]
        batch.partner_weight = None if batch.weight is None else batch.weight[partner]


@dataclass(frozen=True, kw_only=True)
class SwapNoise(Augmentation):
    """Some cells replaced by the cell that another row of the batch has in the same column.

    x[i, j] ← x[i′, j] with probability ``share``, i′ ≠ i drawn for each cell; numbers and codes
    alike, the columns of a one-hot block each for itself. Jahrer 2017, in the solution that won
    the Porto Seguro competition; the masking noise of Vincent et al. 2010, JMLR 11, for tables.
    Use: with columns of very different distributions, where no one size of noise fits all.
    """

    share: float = setting(0.1, "the share of cells that are replaced", ge=0, le=1)

    def apply(self, batch: Batch, rng: np.random.Generator) -> None:
        for cells in (batch.numeric, batch.codes):
            if cells is not None and len(cells) > 1:
                rows, columns = np.nonzero(rng.random(cells.shape, dtype=np.float32) < self.share)
                donors = (rows + rng.integers(1, len(cells), len(rows))) % len(cells)
                cells[rows, columns] = cells[donors, columns]


@dataclass(frozen=True, kw_only=True)
class Smote(Augmentation):
    """Rows added to the smaller classes, between rows of the class, until all are equally large.

    x = x₁ + u·(x₂ − x₁), u ~ U(0, 1), x₂ one of the 5 nearest of x₁ in its class. Chawla, Bowyer,
    Hall & Kegelmeyer 2002, arXiv 1106.1813. Categorical codes and one-hot blocks take the
    majority of those neighbours (in a tie the nearest's); the weight is that of x₁. Distances are
    those of the numeric columns. A class of fewer than 6 rows uses the neighbours that it has,
    one of a single row is repeated.
    Use: where a class is rare and its columns are mostly numbers; `--class-weights balanced` and
    `--balanced-batches` cost less and invent nothing. Beyond some 15 columns the search for
    neighbours takes time with the square of a class's rows: 20 s for 20,000 with 50 columns.
    """

    adds_rows: ClassVar[bool] = True

    def extend(
        self, source: ArrayRows, blocks: Sequence[Sequence[int]], rng: np.random.Generator
    ) -> ArrayRows:
        return with_synthetic_rows(source, blocks, rng)


class LevelMask:
    """Codes set to slot 0 at random, so that the slot of rare and unseen levels is trained.

    A code of a level of n training rows becomes 0 with probability min(½, 5/n): about five rows
    of each level an epoch stand for levels that nobody has seen. Not in the registry: it belongs
    to every training with categorical codes, so it has random numbers of its own.

    >>> mask = LevelMask([np.array([0, 4, 100])])
    >>> mask.probability.tolist()
    [0.5, 0.5, 0.05]
    """

    stream: ClassVar[str] = "level-mask"

    def __init__(self, counts: Sequence[Array]) -> None:
        """Take the number of training rows of each level, one array for each column."""
        self.probability = np.concatenate([np.minimum(0.5, 5 / np.maximum(1, n)) for n in counts])
        self._starts = np.cumsum([0, *(len(n) for n in counts[:-1])])

    def apply(self, batch: Batch, rng: np.random.Generator) -> None:
        """Change the codes of a training batch in place."""
        codes = batch.codes
        if codes is None:
            raise ValueError("masking levels needs rows with codes")
        chances = self.probability[codes + self._starts]
        codes[rng.random(codes.shape) < chances] = 0


def level_counts(source: RowSource, levels: Sequence[int]) -> list[Array]:
    """Count the rows of each level: for each categorical column an array `(n_levels,)`.

    >>> codes = np.array([[0], [2], [2]], dtype=np.int32)
    >>> level_counts(ArrayRows(np.zeros((3, 0), dtype=np.float32), codes), [4])
    [array([1, 0, 2, 0])]
    """
    counts: list[Array] = [np.zeros(n, dtype=np.intp) for n in levels]
    for batch in source.batches(None, COUNTING_ROWS):
        if batch.codes is None:
            raise ValueError("counting levels needs rows with codes")
        for j, count in enumerate(counts):
            count += np.bincount(batch.codes[:, j], minlength=len(count))
    return counts


AUGMENTATIONS: dict[str, type[Augmentation]] = {
    "jitter": Jitter,
    "mixup": Mixup,
    "smote": Smote,
    "swap-noise": SwapNoise,
}
