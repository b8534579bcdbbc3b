"""What a network must beat: always the same answer, and a linear model."""

from collections.abc import Sequence
from typing import Any, NamedTuple

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
Answer = tuple[Array, Array | None]
"""What is predicted `(n,)`, and the probabilities `(n, n_classes)` of classes."""


class Rows(NamedTuple):
    """Rows as the network takes them, beside their target."""

    numeric: npt.NDArray[np.float32]
    """`(n, n_numeric)`."""
    codes: npt.NDArray[np.int32]
    """`(n, n_categorical)`."""
    target: Array
    """`(n,)`: codes of classes (−1 missing), or numbers in its own unit (NaN missing)."""

    def at(self, index: Any) -> "Rows":
        """Some of them: a mask, row numbers or a slice."""
        return Rows(*(array[index] for array in self))


def score(
    task: str,
    train: Rows,
    scored: Rows,
    levels: Sequence[int],
    rng: np.random.Generator,
    *,
    classes: Sequence[str] = (),
    positive: int | None = None,
    tau: float = 0.5,
) -> dict[str, Any]:
    """Fit both baselines on some rows and score them on others, by the metrics of the network.

    ``levels`` are the numbers of codes of each column of codes; ``tau`` is the quantile that the
    network is about, for the metric of it. Gives ``constant`` and ``linear``, each with scores and
    what the model is (``linear`` has a ``reason`` in place of scores where it cannot be fitted),
    and ``notes``.
    """
    regression = task == "regression"

    def scores(answer: Answer) -> dict[str, Any]:
        return score_predictions(
            task, scored.target, *answer, classes=classes, positive=positive, tau=tau
        )

    present = ~np.isnan(train.target) if regression else train.target >= 0
    train = train if present.all() else train.at(present)  # features are copied once at most
    constant = {
        "model": "the mean of training" if regression else "the majority class",
        **scores(constant_answer(task, train.target, len(scored.target), len(classes))),
    }
    model = "ridge regression" if regression else "logistic regression"
    if not regression and len(np.unique(train.target)) < 2:
        reason = {"model": model, "reason": "training has one class only"}
        return {"constant": constant, "linear": reason, "notes": []}
    train, notes = _affordable(train, len(classes) if len(classes) > 2 else 1, rng)
    answer, has_converged = _answers(task, train, scored, levels, len(classes))
    if not has_converged:
        notes.append("the linear model stopped before it had converged")
    linear = {"model": model, **scores(answer)}
    return {"constant": constant, "linear": linear, "notes": notes}


def _affordable(train: Rows, n_outputs: int, rng: np.random.Generator) -> tuple[Rows, list[str]]:
    """The rows that the linear model learns from, and what is to be said of their number."""
    width = max(1, (train.numeric.shape[1] + train.codes.shape[1]) * n_outputs)
    n_most = min(MAX_ROWS, max(MIN_ROWS, MAX_WORK // width))
    n = len(train.target)
    if n <= n_most:
        return train, []
    words = f"the linear model learned from a seeded sample of {n_most:,} training rows"
    return train.at(np.sort(rng.choice(n, n_most, replace=False))), [words]


class _Features:
    """The rows of a linear model: numbers scaled to spread 1, codes as one column a level."""

    def __init__(self, train: Rows, levels: Sequence[int]) -> None:
        self._firsts = np.concatenate(([0], np.cumsum(levels))).astype(np.int64)
        learned = train.numeric.astype(np.float64)
        self._mean = learned.mean(axis=0)
        spread = learned.std(axis=0)
        # without scaling the solver creeps, whatever --scale was; what rounding leaves is no spread
        largest = np.abs(learned).max(axis=0, initial=0.0)
        self._scale = np.where(spread > np.finfo(np.float32).eps * largest, spread, 1.0)

    def of(self, rows: Rows) -> Any:
        """Give a dense matrix, or a sparse one where there are codes."""
        numbers = (rows.numeric - self._mean) / self._scale
        if not rows.codes.shape[1]:
            return numbers
        from scipy import sparse

        ones = rows.codes + self._firsts[:-1]
        n, k = ones.shape
        starts = np.arange(0, n * k + 1, k)
        coded = sparse.csr_array((np.ones(n * k), ones.ravel(), starts), (n, self._firsts[-1]))
        return sparse.hstack([sparse.csr_array(numbers), coded], format="csr")


def _answers(
    task: str, train: Rows, scored: Rows, levels: Sequence[int], n_classes: int
) -> tuple[Answer, bool]:
    """Fit the linear model, answer block by block; also say whether it converged."""
    features, n = _Features(train, levels), len(scored.target)
    blocks = [slice(start, start + BLOCK) for start in range(0, n, BLOCK)]
    with np.errstate(all="ignore"):  # what is not finite has no score, which is said
        if task == "regression":
            fitted = linear_model.ridge(features.of(train), train.target)
            values = np.empty(n)
            for block in blocks:
                values[block] = fitted.outputs(features.of(scored.at(block)))[:, 0]
            return (values, None), fitted.has_converged
        known, codes = np.unique(train.target, return_inverse=True)
        fitted = linear_model.logistic(features.of(train), codes, len(known))
        p = np.zeros((n, n_classes))  # a class that no training row has keeps 0
        for block in blocks:
            p[block, known] = linear_model.probabilities(fitted, features.of(scored.at(block)))
    return (p.argmax(axis=1), p), fitted.has_converged
