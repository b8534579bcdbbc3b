"""The rows that ``evaluate`` scores: their target beside what the network says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from nntool.errors import DataError
from nntool.run import names
from nntool.run.directory import Run
from nntool.steps import model as models
from nntool.steps import rows

if TYPE_CHECKING:
    from nntool.tables.row_losses import Measure

MOST_ROWS = 1_000_000
"""Rows of a part that stands beside the scored one; of more, a seeded sample is taken."""
MOST_BYTES = 1 << 28
"""And so many bytes of features; but at least `LEAST_ROWS`."""
LEAST_ROWS = 10_000
BLOCK_BYTES = 1 << 24


class Scored(NamedTuple):
    """The rows that are scored and what the network says of them."""

    name: str
    """The part, or the name of the file."""
    model: models.Model
    numbers: Any
    """What names a row in predictions.csv: its place in the table or file, from 1."""
    target: Any
    decided: Any
    probabilities: Any
    numeric: Any
    codes: Any
    beside: Mapping[str, Any] = MappingProxyType({})
    """Of a file: the columns that groups are made of, typed as clean has them."""
    of: int = 0
    """Of how many rows these are a sample; 0: they are all."""

    def scores(self) -> dict[str, Any]:
        """All metrics of the task."""
        return score(self.model, self.target, self.decided, self.probabilities)

    def at(self, threshold: float | None) -> Scored:
        """The same rows, decided by a threshold of the probability of the positive class."""
        from nntool.tables import answers

        positive = self.model.positive
        if threshold is None or positive is None:
            return self
        decided = answers.at_threshold(self.probabilities, positive, threshold)
        return self._replace(decided=decided)

    def some(self, index: Any) -> Scored:
        """Some of these rows."""
        p = self.probabilities
        return self._replace(
            numbers=self.numbers[index],
            target=self.target[index],
            decided=self.decided[index],
            probabilities=None if p is None else p[index],
            numeric=self.numeric[index],
            codes=self.codes[index],
        )

    def measure(self) -> Measure:
        """What the task is mainly judged by."""
        from nntool.tables import row_losses

        return row_losses.measure_of(
            self.model.plain["task"],
            probabilities=self.probabilities is not None,
            tau=self.model.tau,
        )

    def known(self) -> tuple[Any, Any, Any]:
        """Target, decided answer and probabilities of the rows that have a target."""
        mask = has_target(self.target)
        p = self.probabilities
        return self.target[mask], self.decided[mask], None if p is None else p[mask]


def score(model: models.Model, target: Any, decided: Any, probabilities: Any) -> dict[str, Any]:
    """All metrics of the task for some rows."""
    from nntool.tables import scores

    return scores.score(
        model.plain["task"],
        target,
        decided,
        probabilities,
        classes=model.classes or (),
        positive=model.positive,
        tau=model.tau,
    )


def has_target(target: Any) -> Any:
    """Which rows have a target."""
    import numpy as np

    return ~np.isnan(target) if target.dtype.kind == "f" else target >= 0


class Parts:
    """The kept rows of a run, part by part, to be scored from the arrays of transform."""

    def __init__(self, run: Run, model: models.Model | None = None) -> None:
        """By the run's own model, or another one of the same features and target."""
        own = [names.TRAIN_MODEL, names.TRAIN_WEIGHTS]
        self.run = run
        self.model = models.load(run.checked_bytes(own)) if model is None else model
        self.target = own_target(run, self.model)
        self.threshold: float | None = None
        """Of the probability of the positive class; None: as the model decides."""

    def index(self, part: str) -> Any:
        """The kept rows of a part in order, from 0."""
        import numpy as np

        return np.flatnonzero(rows.of_part(self.run, part))

    def scored(self, part: str, seed: int | None = None) -> Scored:
        """The answers to a part; with a seed, to a sample where it is large."""
        index = self.index(part)
        if not len(index):
            raise DataError(
                f"the split has no {part} rows with a target",
                rows.split_with(self.run, part),
            )
        n, most = len(index), self._most_rows()
        if seed is None or n <= most:
            return self.answers(part, index)
        import numpy as np

        rng = np.random.default_rng((seed, rows.PARTS[part]))
        sample = np.sort(rng.choice(index, most, replace=False))
        return self.answers(part, sample)._replace(of=n)

    def answers(self, name: str, index: Any) -> Scored:
        """What the network says of these rows."""
        import numpy as np

        numeric, codes = features(self.run, self.model, index)
        with np.errstate(all="ignore"):
            decided, probabilities = self.model.answer(outputs(self.model, numeric, codes))
        target = self.target[index]
        found = Scored(name, self.model, index + 1, target, decided, probabilities, numeric, codes)
        return found.at(self.threshold)

    def _most_rows(self) -> int:
        width = max(1, 4 * len(self.model.plain["positions"]))
        return max(LEAST_ROWS, min(MOST_ROWS, MOST_BYTES // width))


def outputs(model: models.Model, numeric: Any, codes: Any) -> Any:
    """The raw outputs of the network, through the engine of prediction."""
    return model.engine().outputs(numeric, codes)


def features(run: Run, model: models.Model, index: Any) -> tuple[Any, Any]:
    """The chosen columns of some rows, numeric and codes; the files are read by blocks."""
    import numpy as np

    chosen = models.chosen_positions(model.plain)
    numeric = _picked(run.checked(names.TRANSFORM_NUMERIC), chosen["numeric"], index)
    if not chosen["codes"]:
        return numeric, np.zeros((len(index), 0), np.int32)
    return numeric, _picked(run.checked(names.TRANSFORM_CATEGORICAL), chosen["codes"], index)


def _picked(path: Any, positions: Sequence[int], index: Any) -> Any:
    """Some rows, in rising order, and columns of a matrix in a file."""
    import numpy as np

    from nntool.tables.arrays import MatrixReader

    with MatrixReader(path) as reader:
        found = np.empty((len(index), len(positions)), reader.dtype)
        width = max(1, reader.shape[1] * reader.dtype.itemsize)
        for start, block in reader.blocks(max(1, BLOCK_BYTES // width)):
            low, high = np.searchsorted(index, (start, start + len(block)))
            found[low:high] = block[index[low:high] - start][:, list(positions)]
    return found


def own_target(run: Run, model: models.Model) -> Any:
    """The target of all rows: class codes, or values in its own unit as the table has them."""
    from nntool.tables import arrays

    if model.classes is not None:
        return arrays.load(run.checked(names.TRANSFORM_TARGET), shape=(None,))
    return rows.numeric_target(run, model.plain["target"])
