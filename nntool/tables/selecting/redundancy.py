"""Features that another one tells already: how alike two of them are, and which one goes.

Two numbers: |r|. Two categories: Cramér's V. A category and a number: the correlation ratio η,
how far the level tells the number; the category says more, so the number goes.
"""

from collections.abc import Sequence
from math import sqrt

import numpy as np
import numpy.typing as npt

from nntool.tables.selecting.columns import Columns
from nntool.tables.selecting.features import Codes, Feature, codes_of, wanted_first

Numbers = npt.NDArray[np.float64]

ROWS = 100_000
"""Beyond it, V and η are those of a seeded sample."""


def drop_redundant(
    features: Sequence[Feature], columns: Columns, some: Columns, limit: float
) -> None:
    """Drop the later of two features that are more alike than the limit; the earlier must be kept.

    Categories are compared first; each number then with them, and with the numbers before it.
    ``some`` are the rows that V and η are found from.
    """
    ordered = wanted_first([f for f in features if f.kept])
    codes = _drop_alike_categories([f for f in ordered if f.is_category], some, limit)
    _drop_told_numbers([f for f in ordered if f.is_number], codes, columns, some, limit)


def _drop_alike_categories(
    categories: Sequence[Feature], some: Columns, limit: float
) -> list[tuple[Feature, Codes]]:
    """Drop the later of two categories that are alike; gives those kept, with their codes."""
    kept: list[tuple[Feature, Codes]] = []
    for feature in categories:
        codes = codes_of(feature, some)
        alike = [(cramers_v(codes, other), partner) for partner, other in kept]
        v, partner = max(alike, key=lambda pair: pair[0], default=(0.0, feature))
        if v > limit:
            feature.drop(f"Cramér's V with {partner.name} is {v:.4f} in training")
        if feature.kept:
            kept.append((feature, codes))
    return kept


def _drop_told_numbers(
    numbers: Sequence[Feature],
    categories: Sequence[tuple[Feature, Codes]],
    columns: Columns,
    some: Columns,
    limit: float,
) -> None:
    """Drop each number that a kept category, or a kept number before it, tells."""
    if not numbers:
        return
    positions = [f.positions[0] for f in numbers]
    r = np.abs(correlations(columns, positions)) if len(numbers) > 1 else np.ones((1, 1))
    eta = np.zeros((len(categories), len(numbers)))
    if categories:
        for j, (_, values) in enumerate(some.one_by_one("numeric", positions)):
            eta[:, j] = [correlation_ratio(codes, values) for _, codes in categories]
    kept: list[int] = []
    for j, feature in enumerate(numbers):
        if above := [i for i in kept if r[i, j] > limit]:
            i = max(above, key=lambda i: r[i, j])
            feature.drop(f"|r| with {numbers[i].name} is {r[i, j]:.4f} in training")
        elif categories and eta[:, j].max() > limit:
            told_by = categories[int(eta[:, j].argmax())][0].name
            feature.drop(f"{told_by} tells it: η is {eta[:, j].max():.4f} in training")
        if feature.kept:
            kept.append(j)


def correlations(columns: Columns, positions: Sequence[int]) -> Numbers:
    """Give Pearson's r `(m, m)` between columns of numbers, 0 with a constant one.

    >>> from nntool.tables.selecting.columns import InMemory
    >>> x = InMemory(np.float32([[1, 2, 5], [2, 4, 5], [3, 6, 5]]))
    >>> correlations(Columns(x, x, np.arange(3)), [0, 1, 2]).round(6).tolist()
    [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    sums = np.zeros(len(positions))
    for _, block in columns.blocks("numeric", positions):
        sums += block.sum(axis=0, dtype=np.float64)
    products = np.zeros((len(positions), len(positions)))
    for _, block in columns.blocks("numeric", positions):
        centered = block - sums / len(columns)
        products += centered.T @ centered
    spread = np.sqrt(np.diag(products))
    # what rounding leaves of a constant column is no spread
    spread[spread <= 1e-12 * np.abs(sums)] = np.inf
    return np.clip(products / spread / spread[:, None], -1, 1)


def cramers_v(a: Codes, b: Codes) -> float:
    """Give Cramér's V of two categories, corrected for the bias of many levels and few rows.

    φ̃² = max(0, χ²/n − (k−1)(l−1)/(n−1)); k̃ = k − (k−1)²/(n−1), l̃ likewise;
    V = √(φ̃² / (min(k̃, l̃) − 1)). Bergsma 2013, J. Korean Stat. Soc. 42. 0 for a single level.

    >>> cramers_v(np.array([0, 1, 2] * 50), np.array([1, 0, 2] * 50))
    1.0
    """
    n, counts_a, counts_b = len(a), np.bincount(a), np.bincount(b)
    k, l = len(counts_a), len(counts_b)  # noqa: E741  (as the equation has it)
    if min(k, l) < 2 or n < 2:
        return 0.0
    pairs, together = np.unique(a.astype(np.int64) * l + b, return_counts=True)
    expected = counts_a[pairs // l] * counts_b[pairs % l]
    phi2 = float((together.astype(np.float64) ** 2 / expected).sum()) - 1
    phi2 -= (k - 1) * (l - 1) / (n - 1)
    fewer = min(k - (k - 1) ** 2 / (n - 1), l - (l - 1) ** 2 / (n - 1))
    return sqrt(min(1.0, max(0.0, phi2) / (fewer - 1))) if fewer > 1 else 0.0


def correlation_ratio(codes: Codes, values: npt.NDArray[np.float32]) -> float:
    """Give η: the root of the share of a number's spread that lies between the levels.

    η² = 1 − (n−1)/(n−k) · SS_within/SS_total, corrected for k means found from n rows; 0 where
    that is negative. Kelley 1935, PNAS 21.

    >>> correlation_ratio(np.array([0, 0, 1, 1]), np.float32([3, 3, 7, 7]))
    1.0
    """
    counts = np.bincount(codes)
    n, k = len(values), len(counts)
    centered = values - values.mean(dtype=np.float64)
    total = float(centered @ centered)
    if n <= k or not total:
        return 0.0
    means = np.bincount(codes, centered) / counts
    within = total - float(counts @ means**2)
    return sqrt(min(1.0, max(0.0, 1 - (n - 1) / (n - k) * within / total)))
