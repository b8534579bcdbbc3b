"""Confidence intervals of metrics: how much a score would move with other rows of the same kind."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from nntool.tables.metrics import METRICS, Metric, Numbers, Samples, Scored, Undefined

MAX_DRAWS = 200_000_000  # rows drawn over all resamples: some seconds
MIN_RESAMPLES = 200  # however many rows there are
GROUP = 1 << 18  # rows of resamples that are looked at together, 2 MB of counts
MAX_SORTED = 50_000_000  # rows × classes that are kept sorted for the areas of each class


def intervals(
    task: str,
    scored: Scored,
    rng: np.random.Generator,
    *,
    resamples: int = 1000,
    level: float = 0.95,
    names: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Percentile intervals of the metrics of a task, all from the same resamples of the rows.

    As many rows as there are, drawn with replacement, stand for another set of such rows; the
    middle ``level`` of the metric over many such draws is its interval. Efron & Tibshirani 1993,
    An Introduction to the Bootstrap, chapter 13. A resample in which a metric has no value (a
    class is absent) is left out and counted under ``undefined``; with fewer than half of them
    left the interval is None, and so are all of a single row. The calibration error of resamples is
    larger than that of the rows by itself, so that its interval is moved down by the mean of what
    is added. Many rows are drawn less often: see `affordable`.

    >>> rows = Scored(np.array([0.0, 1.0]), np.array([0.0, 2.0]))
    >>> found = intervals("regression", rows, np.random.default_rng(0), names=["mae"])
    >>> found["metrics"], found["resamples"]
    ({'mae': [0.0, 1.0]}, 1000)
    """
    n = len(scored.target)
    chosen = {name: METRICS[task][name] for name in names or METRICS[task]}
    taken = affordable(resamples, n, scored.n_classes)
    if n * scored.n_classes > MAX_SORTED:
        chosen = {name: m for name, m in chosen.items() if not m.sorts_by_class}
    found = _resampled(chosen, scored, rng, taken) if n > 1 else {}  # one row is always drawn
    tail = (1 - level) / 2
    bounds: dict[str, list[float] | None] = dict.fromkeys(names or METRICS[task])
    undefined = {}
    for name, values in found.items():
        defined = values[np.isfinite(values)]
        if len(defined) < taken:
            undefined[name] = taken - len(defined)
        if 2 * len(defined) >= taken:
            found_bounds = np.quantile(defined, [tail, 1 - tail])
            if chosen[name].grows_by_resampling:
                added = defined.mean() - chosen[name].compute(scored)
                found_bounds = np.maximum(found_bounds - added, 0)
            bounds[name] = found_bounds.tolist()
    return {
        "level": level,
        "resamples": taken,
        "asked": resamples,
        "metrics": bounds,
        "undefined": undefined,
    }


def affordable(resamples: int, n: int, n_classes: int = 0) -> int:
    """How many resamples of n rows are drawn where so many are asked for.

    The curves of five classes take as long as the rest.

    >>> affordable(1000, 300), affordable(1000, 400_000), affordable(1000, 10_000_000)
    (1000, 500, 200)
    """
    work = max(1, n) * (1 + n_classes / 5)
    return min(resamples, max(MIN_RESAMPLES, int(MAX_DRAWS / work)))


def drawn(n: int, resamples: int, rng: np.random.Generator) -> Iterator[Numbers]:
    """How often each of n rows is drawn, in groups of resamples `(n_resamples, n)`.

    The draws do not depend on the size of the groups.
    """
    size = max(1, GROUP // n)
    for start in range(0, resamples, size):
        counts = np.empty((min(size, resamples - start), n))
        for one in counts:
            one[:] = np.bincount(rng.integers(0, n, n, dtype=np.uint32), minlength=n)
        yield counts


def _resampled(
    metrics: dict[str, Metric], scored: Scored, rng: np.random.Generator, resamples: int
) -> dict[str, npt.NDArray[np.float64]]:
    """The value of each metric in each resample, NaN where it has none."""
    found: dict[str, list[Numbers]] = {name: [] for name in metrics}
    for counts in drawn(len(scored.target), resamples, rng):
        samples = Samples(scored, counts)
        for name, metric in metrics.items():
            try:
                with np.errstate(over="ignore", invalid="ignore"):
                    values = metric.of_samples(samples)
            except Undefined:
                values = np.full(len(counts), np.nan)
            found[name].append(values)
    return {name: np.concatenate(values) for name, values in found.items()}
