"""What every learner is: the owner of the weights, who changes them for one epoch at a time."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from nntool.nn.arrays import Array, DTypeLike
from nntool.nn.batches import Batch, RowSource
from nntool.nn.judging import BLOCK_ROWS, Metrics
from nntool.nn.network import Network
from nntool.nn.outputs import Output
from nntool.nn.plan import Plan
from nntool.nn.randomness import Streams
from nntool.nn.reports import LayerReport


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """What a learner is given: a network, its loss, the plan and the rows to learn from."""

    net: Network
    output: Output
    plan: Plan
    rows: RowSource
    streams: Streams
    dtype: DTypeLike
    metrics: Metrics | None = None
    """Measured on training rows as they are met."""


class Sweep(NamedTuple):
    """What one epoch of learning came to; the fields are those of an `EpochReport`.

    ``counts`` is what else there is to count: evaluations, corrections. ``objective`` is loss and
    penalties of the weights as the epoch leaves them, where the learner knows it.
    """

    train_loss: float
    train_metrics: dict[str, float] | None
    learning_rate: float
    gradient_norm: float
    layers: tuple[LayerReport, ...]
    counts: Mapping[str, int] = {}
    objective: float | None = None


class Learner:
    """The form of a learner. ``rows_seen`` grows while an epoch goes on.

    ``finished`` says why there is nothing more to learn, and is empty as long as there is.
    ``undoes``: `observe` may ask for the epoch to be undone, and wants the loss of the weights as
    an epoch leaves them.
    """

    undoes = False
    draws = True
    """Whether an epoch may draw random numbers; if not, no stream moves."""
    n_averaged = 0
    """How many weights the mean has taken in so far, where there is one."""

    theta: Array
    stats: Array

    def __init__(self, given: Assignment) -> None:
        self.given = given
        self.rows_seen = 0
        self.finished = ""

    @property
    def rows_at_once(self) -> int:
        """How many rows are in one product: BLAS threads go by it."""
        return self.given.plan.batch_size or self.given.rows.n_rows

    def begin(self, loss: float) -> None:
        """See, where `undoes`, the loss of the weights that the first epoch sets out from."""

    def run_epoch(self, epoch: int, should_stop: Callable[[], bool]) -> Sweep | None:
        """Change the weights for one epoch, numbered from 1; None if asked to stop on the way.

        ``should_stop`` is asked often. Raise `Diverged` at the first number that is not finite.
        Whatever was left unfinished is put back by the caller.
        """
        raise NotImplementedError

    def all_rows(self) -> Iterator[Batch]:
        """Yield the training rows in blocks, in order: statistics are taken over these."""
        return self.given.rows.batches(None, BLOCK_ROWS, self.given.net.min_rows)

    def judged(self) -> tuple[Array, Array]:
        """Return theta and stats that are judged and kept: their mean, or as they are."""
        return self.theta, self.stats

    def observe(self, train_loss: float, watched: float | None) -> bool:
        """Take note of the losses after an epoch; return whether its updates are to be undone."""
        return False

    def undo(self, arrays: Mapping[str, Array], plain: Mapping[str, Any]) -> None:
        """Go back to the weights of a state; what was learned of the rates stays."""
        raise NotImplementedError

    def arrays(self) -> dict[str, Array]:
        """Return the arrays that learning changes, by name: what a checkpoint must hold."""
        raise NotImplementedError

    def copies(self) -> dict[str, Array]:
        """Return `arrays` as they are now; what comes later does not change them."""
        return {name: array.copy() for name, array in self.arrays().items()}

    def put(self, arrays: Mapping[str, Array]) -> None:
        """Be where `copies` were taken; they stay as they are."""
        for name, mine in self.arrays().items():
            np.copyto(mine, arrays[name])

    def plain(self) -> dict[str, Any]:
        """Return what else a checkpoint must hold, as plain data."""
        raise NotImplementedError

    def restore(self, plain: Mapping[str, Any]) -> None:
        """Remember what `plain` returned; the arrays have been put back by the caller."""
        raise NotImplementedError
