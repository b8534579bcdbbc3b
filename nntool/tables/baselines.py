"""What a network must beat: always the same answer, and a linear model."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from nntool.tables import linear_model
from nntool.tables.row_losses import constant_answer
from nntool.tables.scores import score as score_predictions

MAX_ROWS = 100_000  # the linear model learns from a seeded sample of at most so many rows
MAX_WORK = 5_000_000  # rows × columns × outputs of that sample: some seconds of fitting
MIN_ROWS = 5_000  # however wide the rows are
BLOCK = 65_536  # rows predicted at a time

Array = npt.NDArray[Any]
Indices = npt.NDArray[np.int64]


def score(
    task: str,
    numeric: npt.NDArray[np.float32],
    codes: npt.NDArray[np.int32],
    levels: Sequence[int],
    target: Array,
    fitted_on: Array,
    scored_on: Array,
    rng: np.random.Generator,
    *,
    classes: Sequence[str] = (),
    positive: int | None = None,
    tau: float = 0.5,
) -> dict[str, Any]:
    """Fit both baselines on some rows and score them on others, by the metrics of the network.

    ``target`` `(n,)`: codes (−1 missing), or numbers in the target's own unit (NaN missing).
    ``tau`` is the quantile that the network is about, for the metric of it. ``levels`` are the
    numbers of codes of each column of ``codes`` `(n, k)`. Rows are given as masks or indices. Gives
    ``constant`` and ``linear``, each with scores and what the model is
    (``linear`` has a ``reason`` in place of scores where it cannot be fitted), and ``notes``.
    """
    regression = task == "regression"
    present = ~np.isnan(target) if regression else target >= 0
    train = _indices(fitted_on)
    train = train[present[train]]
    test = _indices(scored_on)
    y = target[train]
    truth = target[test]
    constant = {
        "model": "the mean of training" if regression else "the majority class",
        **_scores(
            task, truth, constant_answer(task, y, len(test), len(classes)), classes, positive, tau
        ),
    }
    model = "ridge regression" if regression else "logistic regression"
    if not regression and len(np.unique(y)) < 2:
        reason = {"model": model, "reason": "training has one class only"}
        return {"constant": constant, "linear": reason, "notes": []}
    notes = []
    n_outputs = len(classes) if len(classes) > 2 else 1
    width = max(1, (numeric.shape[1] + codes.shape[1]) * n_outputs)
    n_most = min(MAX_ROWS, max(MIN_ROWS, MAX_WORK // width))
    if len(train) > n_most:
        notes.append(f"the linear model learned from a seeded sample of {n_most:,} training rows")
        train = np.sort(rng.choice(train, n_most, replace=False))
    features = _Features(numeric, codes, levels, train)
    answer, has_converged = _answers(task, features, train, target[train], test, len(classes))
    if not has_converged:
        notes.append("the linear model stopped before it had converged")
    linear = {"model": model, **_scores(task, truth, answer, classes, positive, tau)}
    return {"constant": constant, "linear": linear, "notes": notes}


Answer = tuple[Array, Array | None]
"""What is predicted `(n,)`, and the probabilities `(n, n_classes)` of classes."""


class _Features:
    """The rows of a linear model: numbers scaled to spread 1, codes as one column a level."""

    def __init__(
        self,
        numeric: npt.NDArray[np.float32],
        codes: npt.NDArray[np.int32],
        levels: Sequence[int],
        train: Indices,
    ) -> None:
        self._numeric, self._codes = numeric, codes
        self._firsts = np.concatenate(([0], np.cumsum(levels))).astype(np.int64)
        learned = numeric[train].astype(np.float64)
        self._mean = learned.mean(axis=0)
        spread = learned.std(axis=0)
        # without scaling the solver creeps, whatever --scale was; what rounding leaves is no spread
        largest = np.abs(learned).max(axis=0, initial=0.0)
        self._scale = np.where(spread > np.finfo(np.float32).eps * largest, spread, 1.0)

    def rows(self, indices: Indices) -> Any:
        """Give a dense matrix, or a sparse one where there are codes."""
        numbers = (self._numeric[indices] - self._mean) / self._scale
        if not self._codes.shape[1]:
            return numbers
        from scipy import sparse

        ones = self._codes[indices] + self._firsts[:-1]
        n, k = ones.shape
        starts = np.arange(0, n * k + 1, k)
        coded = sparse.csr_array((np.ones(n * k), ones.ravel(), starts), (n, self._firsts[-1]))
        return sparse.hstack([sparse.csr_array(numbers), coded], format="csr")


def _answers(
    task: str, features: _Features, train: Indices, y: Array, rows: Indices, n_classes: int
) -> tuple[Answer, bool]:
    """Fit the linear model, answer for some rows, block by block; also say whether it converged."""
    blocks = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
    with np.errstate(all="ignore"):  # what is not finite has no score, which is said
        if task == "regression":
            fitted = linear_model.ridge(features.rows(train), y)
            values = [fitted.outputs(features.rows(block))[:, 0] for block in blocks]
            return (np.concatenate([np.empty(0), *values]), None), fitted.has_converged
        known, codes = np.unique(y, return_inverse=True)
        fitted = linear_model.logistic(features.rows(train), codes, len(known))
        p = np.zeros((len(rows), n_classes))  # a class that no training row has keeps 0
        for i, block in enumerate(blocks):
            found = linear_model.probabilities(fitted, features.rows(block))
            p[i * BLOCK : i * BLOCK + len(block), known] = found
    return (p.argmax(axis=1), p), fitted.has_converged


def _scores(
    task: str,
    truth: Array,
    answer: Answer,
    classes: Sequence[str],
    positive: int | None,
    tau: float,
) -> dict[str, Any]:
    return score_predictions(task, truth, *answer, classes=classes, positive=positive, tau=tau)


def _indices(rows: Array) -> Indices:
    """Give row numbers for a mask or for row numbers."""
    return np.flatnonzero(rows) if rows.dtype == np.bool_ else rows.astype(np.int64)
