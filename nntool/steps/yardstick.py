"""What a loss is held against, and from where on the fit of a network is called bad.

`diagnosis` judges the epochs of a training by it, `evaluating.verdict` the network that was kept.
"""

from __future__ import annotations

from typing import NamedTuple

GAP = 0.15
"""Validation loss above training loss, as a share of what there is to learn."""
LITTLE = 0.1
"""Having learned less than this share of what there is to learn is as good as nothing."""


class Yardstick(NamedTuple):
    """Losses to hold others against, and between them what there is to learn.

    ``constant`` is the training loss of the best constant answer, ``perfect`` that of perfect
    answers; ``held`` and ``held_perfect`` are those of the same answers on the validation rows,
    which may be easier or harder, most of all where they are few. ``like`` is whether the training
    losses are of the weights that validation judges, and of rows drawn alike.
    """

    constant: float
    perfect: float = 0.0
    held: float | None = None
    held_perfect: float = 0.0
    like: bool = True

    @property
    def room(self) -> float:
        """What there is to learn."""
        return self.constant - self.perfect

    def share(self, loss: float) -> float:
        """Return a difference of losses as a share of what there is to learn."""
        return loss / self.room if self.room > 0 else 0.0

    def learned(self, train_loss: float) -> float:
        """Return the share of what there is to learn that a training loss shows: 1 is perfect."""
        return (self.constant - train_loss) / self.room if self.room > 0 else 1.0

    def learned_by(self, train_loss: float, validation_loss: float | None) -> float:
        """Return the same by a validation loss, if there is one and its rows can tell."""
        if validation_loss is None or self.held is None:
            return self.learned(train_loss)
        if self.held - self.held_perfect < self.room / 2:
            return self.learned(train_loss)
        return (self.held - validation_loss) / self.room if self.room > 0 else 1.0

    def gap(self, train_loss: float, validation_loss: float) -> float:
        """Return by how much validation rows are worse, and not for being harder."""
        harder = 0.0 if self.held is None else max(0.0, self.held - self.constant)
        return self.share(validation_loss - train_loss - harder)
