"""How well one feature alone tells the target: a score that is near 1 for a leak."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nntool.tables.casting import to_dates, to_numbers, to_text

N_FOLDS = 5
MOST_CLASSES = 20
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
    spread = counts[classes] * (1 - counts[classes] / y.size)
    best = Score(0.0)
    for codes in features:
        error = _squared_errors(codes, y, folds, classes)
        best = max(best, Score(float(1 - error.sum() / spread.sum())))
        if np.unique(codes).size == 2 and counts.size > 2:
            told = int(np.argmin(error / spread))
            best = max(best, Score(float(1 - error[told] / spread[told]), int(classes[told])))
    return best


def _squared_errors(codes: Codes, y: Codes, folds: Codes, classes: Codes) -> Numbers:
    """The squared error `(n_classes,)` of the shares of classes that other folds have."""
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
    error = n_rows * share**2 - 2 * share * hits + hits
    return np.asarray(error.sum((0, 1)))


def score_numbers(features: list[Codes], x: Numbers | None, y: Numbers, folds: Codes) -> Score:
    """The largest cross-validated R² of the target `(n,)`, from a column cut in different ways.

    A number ``x`` `(n,)` is also tried as it is (the squared correlation), and where it is cut
    in bins the line between the means of bins is what predicts.
    """
    spread = float(np.square(y - y.mean()).sum())
    best = 0.0
    if not spread:
        return Score(best)
    for codes in features:
        best = max(best, 1 - _squared_error_of_level(codes, x, y, folds) / spread)
    if x is not None and not np.isnan(x).any() and x.std() > 0:
        best = max(best, float(np.corrcoef(x, y)[0, 1]) ** 2)
    return Score(best)


def _squared_error_of_level(codes: Codes, x: Numbers | None, y: Numbers, folds: Codes) -> float:
    """The squared error where each row is predicted from the rows of other folds."""
    n_levels = int(codes.max()) + 1
    error = 0.0
    for fold in range(N_FOLDS):
        mine = folds == fold
        if not mine.any() or mine.all():
            continue
        known = codes[~mine]
        counts = np.bincount(known, minlength=n_levels)
        sums = np.bincount(known, y[~mine], n_levels)
        mean = y[~mine].mean()
        means = (sums + PRIOR * mean) / (counts + PRIOR)
        found = means[codes[mine]]
        if x is not None:
            found = _on_the_line(x, codes, counts, means, mine, found)
        error += float(np.square(y[mine] - found).sum())
    return error


def _on_the_line(
    x: Numbers,
    codes: Codes,
    counts: Codes,
    means: Numbers,
    mine: NDArray[np.bool_],
    found: Numbers,
) -> Numbers:
    """Predictions between the centres of bins, on the line that joins their means."""
    has_number = ~np.isnan(x)
    fitted = ~mine & has_number
    centres = np.bincount(codes[fitted], x[fitted], counts.size)
    n_fitted = np.bincount(codes[fitted], minlength=counts.size)
    levels = np.flatnonzero(n_fitted)
    places = centres[levels] / n_fitted[levels]
    order = np.argsort(places, kind="stable")
    if levels.size < 2:
        return found
    line = np.interp(x[mine], places[order], means[levels][order])
    return np.where(has_number[mine], line, found)


def cuts(
    text: pa.ChunkedArray, role: str, missing: tuple[str, ...]
) -> tuple[list[Codes], Numbers | None]:
    """A column as codes `(n,)` in one or two ways, and as numbers where it has them.

    Missing cells are a level of their own: that a cell is filled may be what tells.
    """
    x = _numbers(text, role, missing)
    if x is None:
        cells = pa.chunked_array([to_text(chunk, missing)[0] for chunk in text.chunks], pa.string())
        encoded = cells.combine_chunks().dictionary_encode()
        codes = np.asarray(encoded.indices.fill_null(len(encoded.dictionary)), np.int64)
        return [codes], None
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


def _numbers(text: pa.ChunkedArray, role: str, missing: tuple[str, ...]) -> Numbers | None:
    """Numbers, or dates as numbers, NaN where missing; None for text."""
    if role == "numeric":
        chunks = [to_numbers(chunk, missing)[0] for chunk in text.chunks]
    elif role.startswith("date:"):
        dates = [to_dates(chunk, role[5:], missing)[0] for chunk in text.chunks]
        chunks = [date.cast(pa.int64()).cast(pa.float64()) for date in dates]
    else:
        return None
    found = [chunk.to_numpy(zero_copy_only=False).astype(np.float64) for chunk in chunks]
    return np.concatenate([np.empty(0), *found])
