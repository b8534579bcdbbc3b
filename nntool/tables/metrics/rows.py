"""What metrics are computed from: rows, resamples of them, and how often they were confused."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nntool.tables.metrics.ranking import Ranking, areas, rank

Array = npt.NDArray[Any]
Numbers = npt.NDArray[np.float64]


class Undefined(ValueError):  # noqa: N818  (it is an answer, not a failure)
    """A metric has no value for these rows; the message says why."""


@dataclass
class Scored:
    """Rows with a target, and what was predicted for them."""

    target: Array
    """Codes, or numbers in the target's own unit, `(n,)`."""
    predicted: Array
    """Likewise."""
    probabilities: Numbers | None = None
    """`(n, n_classes)`, rows sum to 1."""
    n_classes: int = 0
    positive: int = 0
    tau: float = 0.5
    """The quantile that `pinball` is about."""
    _rankings: dict[int, Ranking] = field(default_factory=dict, repr=False)
    _terms: dict["Terms", Array] = field(default_factory=dict, repr=False)

    @cached_property
    def pairs(self) -> npt.NDArray[np.int64]:
        """True and predicted class of each row as one number, `target·n_classes + predicted`."""
        return self.target.astype(np.int64) * self.n_classes + self.predicted

    @cached_property
    def confusion(self) -> npt.NDArray[np.int64]:
        """`(n_classes, n_classes)`: how many rows of each class (down) got each class (across)."""
        k = self.n_classes
        return np.bincount(self.pairs, minlength=k * k).reshape(k, k)

    @cached_property
    def errors(self) -> Numbers:
        """`y − ŷ`, `(n,)`."""
        return np.asarray(self.target - self.predicted, dtype=np.float64)

    @cached_property
    def by_size_of_error(self) -> tuple[npt.NDArray[np.int64], Numbers]:
        """The order of the rows by `|y − ŷ|`, and those sizes in order."""
        sizes = np.abs(self.errors)
        order = np.argsort(sizes, kind="stable")
        return order, sizes[order]

    def known_probabilities(self) -> Numbers:
        """Give the probabilities; raises `Undefined` where the loss gives none."""
        if self.probabilities is None:
            raise Undefined("this loss gives no probabilities")
        return self.probabilities

    def terms(self, of: "Terms") -> Array:
        """What each row adds to a sum, `(n,)`; computed once."""
        if of not in self._terms:
            self._terms[of] = of(self)
        return self._terms[of]

    def ranking(self, of_class: int) -> Ranking:
        """The rows by falling probability of a class; sorted once."""
        if of_class not in self._rankings:
            p = self.known_probabilities()[:, of_class]
            self._rankings[of_class] = rank(p, self.target == of_class)
        return self._rankings[of_class]


class Confusions(NamedTuple):
    """The margins of the confusion matrices of several samples: all that metrics of decisions need.

    The matrices themselves would not do: of a thousand classes each has a million cells.
    """

    hits: Numbers
    """Rows that were predicted right, by class, `(n_samples, n_classes)`."""
    in_truth: Numbers
    """Rows of each class."""
    in_prediction: Numbers
    """Rows predicted as each class."""
    positive: int

    @classmethod
    def of(cls, cells: Numbers, positive: int) -> "Confusions":
        """The margins of matrices `(n_samples, n_classes, n_classes)`, actual classes down."""
        hits = np.diagonal(cells, axis1=1, axis2=2)
        return cls(hits, cells.sum(axis=2), cells.sum(axis=1), positive)

    @property
    def n(self) -> Numbers:
        """Rows, `(n_samples,)`."""
        return np.asarray(self.in_truth.sum(axis=1))


Terms = Callable[[Scored], Array]
"""What each row adds to a mean, `(n,)`."""


class Samples:
    """The rows, each counted once; or resamples of them, each row as often as it was drawn.

    ``counts`` is `(n_samples, n)`, and each of its rows sums to n.
    """

    def __init__(self, rows: Scored, counts: Numbers | None = None) -> None:
        self.rows, self.counts = rows, counts
        self._areas: dict[int, tuple[Numbers, Numbers]] = {}

    def mean(self, of: Terms) -> Numbers:
        """The mean over rows of what each of them adds."""
        terms = self.rows.terms(of)
        if self.counts is None:
            return np.asarray([np.mean(terms)])
        return np.asarray(self.counts @ terms / len(terms))

    def mean_by_bin(self, bins: Array, of: Terms, n_bins: int) -> Numbers:
        """The part of that mean that comes from each bin, `(n_samples, n_bins)`."""
        terms = self.rows.terms(of)
        weights = [terms] if self.counts is None else (one * terms for one in self.counts)
        found = [np.bincount(bins, weights=one, minlength=n_bins) for one in weights]
        return np.asarray(found) / len(terms)

    def counts_in(self, order: npt.NDArray[np.int64]) -> Numbers:
        """How often each row is counted, rows in this order, `(n_samples, n)`."""
        if self.counts is None:
            return np.ones((1, len(order)))
        return np.take(self.counts, order, axis=1)

    @cached_property
    def confusions(self) -> Confusions:
        """How often the classes were taken for each other in each sample."""
        rows, k = self.rows, self.rows.n_classes
        if self.counts is None:
            return Confusions.of(rows.confusion[None].astype(np.float64), rows.positive)
        is_right = rows.target == rows.predicted
        outcome = rows.target.astype(np.int64) * 2 + is_right
        found = [np.bincount(outcome, weights=one, minlength=2 * k) for one in self.counts]
        predicted = [np.bincount(rows.predicted, weights=one, minlength=k) for one in self.counts]
        by_outcome = np.asarray(found, dtype=np.float64).reshape(-1, k, 2)
        hits = by_outcome[:, :, 1]
        return Confusions(hits, by_outcome.sum(axis=2), np.asarray(predicted), rows.positive)

    def areas(self, of_class: int) -> tuple[Numbers, Numbers]:
        """The areas under ROC and precision-recall curve of a class against all others.

        NaN for samples of which all rows, or none, are of the class.
        """
        if of_class not in self._areas:
            ranking = self.rows.ranking(of_class)
            each = (self.counts_in(kind) for kind in (ranking.positives, ranking.negatives))
            self._areas[of_class] = areas(ranking, *each)
        return self._areas[of_class]


def share(part: Numbers, whole: Numbers, reason: str) -> Numbers:
    """Divide part by whole in each sample: NaN where it is 0, `Undefined` where it always is."""
    defined = whole != 0
    if not defined.any():
        raise Undefined(reason)
    values = np.full(np.shape(whole), np.nan)
    np.divide(part, whole, out=values, where=defined)
    return values
