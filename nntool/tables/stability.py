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
    """The bin whose share has changed most."""
    before: float
    """The share of the training rows in that bin."""
    now: float
    """The share of the new rows in it."""

    @property
    def is_named(self) -> bool:
        """Whether the column lies beyond what is allowed."""
        return self.psi > self.allowed


def index(new: Counts, training: Counts) -> float:
    """The population-stability index of two samples, from their counts by bin.

    PSI = Σ (aᵢ − bᵢ) ln(aᵢ/bᵢ), aᵢ = (count + ½)/(n + ½B) of the new rows, bᵢ the same of the
    training rows; B is the number of bins. Half a row in each bin keeps empty ones finite.

    >>> round(index([10, 0], [5, 5]), 4)
    1.3839
    """
    a, b = (_shares(np.asarray(counts, np.float64)) for counts in (new, training))
    return float(((a - b) * np.log(a / b)).sum())


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
    """Each column's drift, worst first: by how many times it is what is allowed."""
    found = [_drift(name, bins, references[name], limit) for name, bins in counted.items()]
    return sorted(found, key=lambda one: (-one.psi / one.allowed, one.column))


def _drift(column: str, bins: npt.NDArray[np.int64], reference: Reference, limit: float) -> Drift:
    trained = np.array(reference["counts"])
    n, n_training = int(bins.sum()), int(trained.sum())
    now, before = bins / n, trained / n_training
    most = int(np.argmax(np.abs(now - before)))
    return Drift(
        column,
        index(bins, trained),
        limit + chance(len(bins), n, n_training),
        bin_names(reference)[most],
        float(before[most]),
        float(now[most]),
    )
