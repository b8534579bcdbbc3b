"""The population-stability index: how far new rows lie from the training rows, column by column."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nntool.tables.drift import Reference, bin_names

CONFIDENCE = 0.99
"""Of the χ² quantile: how sure it is that a column which has not changed stays within it."""

Counts = Sequence[int] | npt.NDArray[np.int64]


class Drift(NamedTuple):
    """How far a column has moved, how far it may by chance, and where it moved most."""

    column: str
    psi: float
    allowed: float
    bin: str
    """The bin with the largest part in the index."""
    before: float
    """The share of the training rows in that bin."""
    now: float
    """The share of the new rows in it."""

    @property
    def is_named(self) -> bool:
        """Whether the column lies beyond what is allowed."""
        return self.psi > self.allowed


def parts(new: Counts, training: Counts) -> npt.NDArray[np.float64]:
    """The part of each bin in the index, which is their sum.

    PSI = Σ (aᵢ − bᵢ) ln(aᵢ/bᵢ), aᵢ = (count + ½)/(n + ½B) of the new rows, bᵢ the same of the
    training rows; B is the number of bins. Half a row in each bin keeps empty ones finite.

    >>> round(float(parts([10, 0], [5, 5]).sum()), 4)
    1.3839
    """
    a, b = (_shares(np.asarray(counts, np.float64)) for counts in (new, training))
    found: npt.NDArray[np.float64] = (a - b) * np.log(a / b)
    return found


def _shares(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    shares: npt.NDArray[np.float64] = (counts + 0.5) / (counts.sum() + 0.5 * len(counts))
    return shares


def chance(n_bins: int, n: int, n_training: int) -> float:
    """How large the index gets by chance alone, in 99 of 100 columns: χ²₀.₉₉(B − 1)·(1/n + 1/m).

    Of two samples of n and m rows of the same kind, PSI/(1/n + 1/m) follows about a χ² of B − 1
    degrees of freedom: Yurdakul 2018, Statistical properties of population stability index.
    """
    from scipy.special import gammaincinv

    quantile = 2 * float(gammaincinv((n_bins - 1) / 2, CONFIDENCE))
    return quantile * (1 / n + 1 / n_training)


def compare(
    counted: Mapping[str, npt.NDArray[np.int64]],
    references: Mapping[str, Reference],
    limit: float,
) -> list[Drift]:
    """Each column's drift, worst first: by how far it lies beyond what is allowed."""
    found = [_drift(name, bins, references[name], limit) for name, bins in counted.items()]
    return sorted(found, key=lambda one: (one.allowed - one.psi, one.column))


def _drift(column: str, bins: npt.NDArray[np.int64], reference: Reference, limit: float) -> Drift:
    before = np.array(reference["counts"])
    of_bin = parts(bins, before)
    most = int(np.argmax(of_bin))
    n, n_training = int(bins.sum()), int(before.sum())
    return Drift(
        column,
        float(of_bin.sum()),
        limit + chance(len(bins), n, n_training),
        bin_names(reference)[most],
        before[most] / n_training,
        bins[most] / n,
    )
