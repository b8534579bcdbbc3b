"""What every schedule is, and the moment of an update."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, TypeAlias

Memory: TypeAlias = dict[str, Any]


class Moment(NamedTuple):
    """When an update happens: ``t`` its number from 1, updates per epoch, epochs in all.

    >>> at = Moment(t=6, per_epoch=4, epochs=2)
    >>> at.done, at.share, at.ends_epoch
    (1.25, 0.625, False)
    """

    t: int
    per_epoch: int
    epochs: int

    @property
    def done(self) -> float:
        """Epochs behind this update, with their fraction."""
        return (self.t - 1) / self.per_epoch

    @property
    def share(self) -> float:
        """Share of the training behind this update."""
        return (self.t - 1) / (self.per_epoch * self.epochs)

    @property
    def ends_epoch(self) -> bool:
        """Whether this is the last update of an epoch."""
        return self.t % self.per_epoch == 0


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The form of a schedule; what it remembers is plain data that a checkpoint can hold.

    Where ``needs_total`` holds, the rate depends on the number of epochs, and a training cannot be
    prolonged without changing what came before. ``undoes``: `observe` may ask for the epoch to be
    undone.
    """

    kind: ClassVar[str] = "schedule"
    needs_total: ClassVar[bool] = False
    undoes: ClassVar[bool] = False

    def start(self) -> Memory:
        """Return the memory before the first update."""
        return {}

    def rate(self, base: float, at: Moment, memory: Memory) -> float:
        """Return η of the update ``at``, for the learning rate ``base``."""
        raise NotImplementedError

    def observe(self, train_loss: float, validation_loss: float | None, memory: Memory) -> bool:
        """Take note of the result of an epoch; return whether the epoch is to be undone."""
        return False


def warm(at: Moment, epochs: float) -> float:
    """Return the factor of a linear warm-up that ends after ``epochs``: it rises to 1, from not 0.

    min(1, t/(epochs·updates per epoch)). Goyal et al. 2017, arXiv 1706.02677.

    >>> [warm(Moment(t, per_epoch=4, epochs=9), 1) for t in (1, 2, 4, 5)]
    [0.25, 0.5, 1.0, 1.0]
    """
    updates = epochs * at.per_epoch
    return 1.0 if at.t >= updates else at.t / updates
