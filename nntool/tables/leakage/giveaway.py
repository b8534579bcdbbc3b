"""How well one feature alone tells the target: a score that is near 1 for a leak."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

N_FOLDS = 5
MOST_CLASSES = 20
LEAST_KNOWN = 0.5
FEWEST_ROWS_OF_CLASS = 2 * N_FOLDS
PRIOR = 0.1  # of a row: what a level is taken for that other folds hardly know
ROWS_IN_BIN = 10
MOST_BINS = 200

Numbers = NDArray[np.float64]
Codes = NDArray[np.int64]


class Score(NamedTuple):
    """How well a feature tells the target; ``of_class`` is the one class that it tells, or −1."""

    value: float
    of_class: int = -1


def score_classes(features: list[Codes], y: Codes, folds: Codes) -> Score | None:
    """The largest cross-validated R² of "is of class c", over all classes or of one of them.

    ``features`` are the same column cut in different ways, codes `(n,)` from 0. What is predicted
    for a row is the share of each class in its level, by the rows of other folds. R² is harder to
    please than AUC: to rank a rare class high is not yet to tell it. One class alone counts only
    where the column has two values, as a one-hot column of the target does: that one of several
    classes stands apart in a measurement is nothing unusual.
    """
    counts = np.bincount(y)
    classes = np.argsort(-counts, kind="stable")[:MOST_CLASSES]
    classes = classes[np.minimum(counts, y.size - counts)[classes] >= FEWEST_ROWS_OF_CLASS]
    if not classes.size:
        return None
    best = Score(0.0)
    for codes in features:
        error, spread = _squared_errors(codes, y, folds, classes)
        if not spread.all():
            continue
        best = max(best, Score(float(1 - error.sum() / spread.sum())))
        if np.unique(codes).size == 2 and counts.size > 2:
            told = int(np.argmin(error / spread))
            best = max(best, Score(float(1 - error[told] / spread[told]), int(classes[told])))
    return best


def _squared_errors(
    codes: Codes, y: Codes, folds: Codes, classes: Codes
) -> tuple[Numbers, Numbers]:
    """The squared errors `(n_classes,)` of the shares that other folds have, and of no knowledge.

    Rows whose level other folds lack are passed over (what is known of a patient with one row?),
    where they are not most: then nothing is told, and all is 0.
    """
    n_levels = int(codes.max()) + 1
    place = np.full(int(y.max()) + 1, classes.size)  # the rest is a class that is not scored
    place[classes] = np.arange(classes.size)
    shape = (N_FOLDS, n_levels, classes.size + 1)
    cells = (folds * n_levels + codes) * shape[2] + place[y]
    hits = np.bincount(cells, minlength=int(np.prod(shape))).reshape(shape).astype(np.float64)
    n_rows = hits.sum(2, keepdims=True)
    hits = hits[:, :, :-1]
    overall = hits.sum((0, 1)) / y.size
    others = n_rows.sum(0) - n_rows
    share = (hits.sum(0) - hits + PRIOR * overall) / (others + PRIOR)
    is_known = others > 0
    if n_rows[is_known].sum() < LEAST_KNOWN * y.size:
        return np.zeros(classes.size), np.zeros(classes.size)

    def squares(predicted: Numbers) -> Numbers:
        off = n_rows * predicted**2 - 2 * predicted * hits + hits
        return np.asarray((off * is_known).sum((0, 1)))

    return squares(share), squares(overall)


def score_numbers(features: list[Codes], x: Numbers | None, y: Numbers, folds: Codes) -> Score:
    """The largest cross-validated R² of the target `(n,)`, from a column cut in different ways.

    A number ``x`` `(n,)` is also tried as it is (the squared correlation), and where it is cut
    in bins the line between the means of bins is what predicts.
    """
    best = 0.0
    for codes in features:
        best = max(best, _r2_of_level(codes, x, y, folds))
    if x is not None and not np.isnan(x).any() and x.std() > 0 and y.std() > 0:
        best = max(best, float(np.corrcoef(x, y)[0, 1]) ** 2)
    return Score(best)


def _r2_of_level(codes: Codes, x: Numbers | None, y: Numbers, folds: Codes) -> float:
    """R² where each row is predicted from its level in other folds, by the rows that have one."""
    n_levels = int(codes.max()) + 1
    error = spread = 0.0
    n_known = 0
    for fold in range(N_FOLDS):
        others = folds != fold
        counts = np.bincount(codes[others], minlength=n_levels)
        judged = ~others & (counts[codes] > 0)
        n_known += int(np.count_nonzero(judged))
        if not judged.any():
            continue
        mean = y[others].mean()
        sums = np.bincount(codes[others], y[others], n_levels)
        means = (sums + PRIOR * mean) / (counts + PRIOR)
        found = means[codes[judged]]
        if x is not None:
            found = _on_the_line(x, codes, means, others, judged)
        error += float(np.square(y[judged] - found).sum())
        spread += float(np.square(y[judged] - mean).sum())
    return 1 - error / spread if spread and n_known >= LEAST_KNOWN * y.size else 0.0


def _on_the_line(
    x: Numbers,
    codes: Codes,
    means: Numbers,
    others: NDArray[np.bool_],
    judged: NDArray[np.bool_],
) -> Numbers:
    """Predictions between the centres of bins, on the line that joins their means."""
    has_number = ~np.isnan(x)
    fitted = others & has_number
    n_fitted = np.bincount(codes[fitted], minlength=means.size)
    centres = np.bincount(codes[fitted], x[fitted], means.size) / np.maximum(n_fitted, 1)
    levels = np.flatnonzero(n_fitted)
    levels = levels[np.argsort(centres[levels], kind="stable")]
    found = means[codes[judged]]
    if levels.size > 1:
        line = np.interp(x[judged], centres[levels], means[levels])
        found = np.where(has_number[judged], line, found)
    return found


def cuts(cells: pa.ChunkedArray) -> tuple[list[Codes], Numbers | None]:
    """Typed cells as codes `(n,)` in one or two ways, and as numbers where they are some.

    Missing cells are a level of their own: that a cell is filled may be what tells.
    """
    if pa.types.is_string(cells.type):
        encoded = cells.combine_chunks().dictionary_encode()
        codes = np.asarray(encoded.indices.fill_null(len(encoded.dictionary)), np.int64)
        return [codes], None
    x = as_numbers(cells)
    values, at = np.unique(x, return_inverse=True)  # NaN sorts last, as one value
    n_bins = min(MOST_BINS, max(2, x.size // ROWS_IN_BIN))
    if values.size <= n_bins:
        return [at], x
    present = x[~np.isnan(x)]
    edges = np.unique(np.quantile(present, np.linspace(0, 1, n_bins + 1)[1:-1]))
    bins = np.searchsorted(edges, x, side="right")
    found = [np.where(np.isnan(x), edges.size + 1, bins)]
    if values.size <= x.size / 3:  # each value often enough to be told apart: group numbers, codes
        found.append(at)
    return found, x


def as_numbers(cells: pa.ChunkedArray) -> Numbers:
    """Numbers, or dates as numbers that rise, `(n,)`; NaN where missing."""
    if pa.types.is_timestamp(cells.type):
        cells = cells.cast(pa.int64()).cast(pa.float64(), safe=False)
    return np.asarray(cells.to_numpy(), np.float64)
