"""A range test: what growing learning rates do to the loss, and which of them to take."""

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from nntool.nn.arrays import Array
from nntool.nn.batches import Batch
from nntool.nn.learners.mini_batches import MiniBatches

LOWEST, HIGHEST = 1e-6, 10.0
UPDATES = 140
"""Twenty for each factor of ten."""

WORSE = 3.0
"""A loss that has risen by so many times its best is lost: four times the best."""


def sweep(learner: MiniBatches) -> tuple[list[float], list[float]]:
    """Train with rates that grow from 1e-6 to 10 by a constant factor; return rates and losses.

    It ends early at a loss that is not finite, or far above that of the start. The learner is
    used up: make another one to train with.
    """
    rates: list[float] = []
    losses: list[float] = []
    batches = _endless(learner)
    for rate in np.geomspace(LOWEST, HIGHEST, UPDATES).tolist():
        loss = learner.advance(next(batches), rate)
        rates.append(rate)
        losses.append(loss)
        lost = loss - losses[0] > 100 * max(1.0, abs(losses[0]))
        if not math.isfinite(loss) or lost:
            break
    return rates, losses


def _endless(learner: MiniBatches) -> Iterator[Batch]:
    return itertools.chain.from_iterable(learner.batches() for _ in itertools.count())


def choose_rate(rates: Sequence[float], losses: Sequence[float]) -> float:
    """Return the rate halfway down the fall, and at most a tenth of the one of the smallest loss.

    ``losses`` are those of single batches, each before an update with the rate of the same place;
    the rates grow by a constant factor. The losses are averaged over neighbours (a twentieth of
    them, weighted as a triangle) and followed until one is not finite or exceeds four times the
    best. Smith 2017, arXiv 1506.01186, gives the test and leaves the choice to the eye; people
    take the steepest fall, but slopes of single batches are noise: halfway down is where a smooth
    fall is steepest. The tenth is ours, as a training is longer than the test.

    Raise ValueError where no rate made the loss fall by more than chance.

    >>> rates = np.geomspace(1e-5, 10, 61)
    >>> losses = 1 - rates / (rates + 0.03) + (rates / 0.5) ** 2
    >>> round(choose_rate(rates, losses), 3)
    0.013
    """
    finite = np.isfinite(losses)
    n = len(losses) if finite.all() else int(np.argmin(finite))
    loss = np.asarray(losses[:n], np.float64)
    width = max(1, len(losses) // 20)
    if n < 3 * width:
        raise ValueError(f"only {n} of {len(losses)} losses are finite: the rates are too large")
    smooth = _smoothed(loss, width)
    best = np.minimum.accumulate(smooth)
    # near a loss of 0 the fall so far, or the noise, is the measure of what is much
    noise = float(np.median(np.abs(np.diff(loss))))
    much = np.maximum(np.maximum(np.abs(best), smooth[0] - best), noise)
    lost = smooth - best > WORSE * much
    if lost.any():
        smooth = smooth[: int(np.argmax(lost))]
    lowest = int(np.argmin(smooth))
    chance = float(np.std(loss[: len(smooth)] - smooth)) / np.sqrt(width)
    if lowest == 0 or smooth[0] - smooth[lowest] <= 4 * chance:
        raise ValueError("no learning rate made the loss fall")
    middle = (smooth[0] + smooth[lowest]) / 2
    halfway = int(np.flatnonzero(smooth[: lowest + 1] >= middle)[-1])
    return float(min(rates[halfway], rates[lowest] / 10))


def _smoothed(values: Array, width: int) -> Array:
    """Average each value with ``width`` neighbours on either side, near ones counting more."""
    weights = np.bartlett(2 * width + 3)[1:-1]
    total = np.convolve(values, weights, mode="same")
    return np.asarray(total / np.convolve(np.ones_like(values), weights, mode="same"))
