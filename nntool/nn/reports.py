"""What training says of itself: one report for each epoch, and how it fails."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from nntool.nn.arrays import Array
from nntool.nn.network import Network


class LayerReport(NamedTuple):
    """Sizes of one layer at the first update of an epoch: gradient, change, and parameters.

    ``idle`` is the share of its units that hardly pass a gradient on, after the epoch: dead or
    saturated ones; None where nobody looked. Only hidden layers have an activation.
    """

    name: str
    gradient_norm: float
    update_norm: float
    norm: float
    has_activation: bool = False
    idle: float | None = None


def layer_reports(
    net: Network, gradient: Array, change: Array, theta: Array, idle: Mapping[str, float]
) -> tuple[LayerReport, ...]:
    """Report on each layer its share of these vectors, from the inputs on."""
    gradients, changes, sizes = net.norms(gradient), net.norms(change), net.norms(theta)
    hidden = net.hidden_names
    return tuple(
        LayerReport(n, gradients[n], changes[n], sizes[n], n in hidden, idle.get(n))
        for n in gradients
    )


class EpochReport(NamedTuple):
    """What one epoch came to.

    ``train_loss`` is the mean over the rows as they were met, dropout and all, ``train_metrics``
    are measured on the outputs for them; ``penalty`` is what the penalties add to the loss now.
    Norms and ``layers`` are those of the epoch's first update, the gradient before penalties and
    clipping. Of a method that sees all rows at once, loss and metrics are those of the weights that
    the epoch leaves, and the gradient is that of loss and penalties. ``improved`` says that these
    are the best weights yet, ``undone`` that the schedule took the epoch's updates back.
    """

    epoch: int
    train_loss: float
    validation_loss: float | None
    train_metrics: dict[str, float] | None
    metrics: dict[str, float] | None
    penalty: float
    learning_rate: float
    gradient_norm: float
    layers: tuple[LayerReport, ...]
    rows_seen: int
    improved: bool
    undone: bool
    counts: Mapping[str, int] = {}


class Diverged(ArithmeticError):  # noqa: N818  (it says what happened)
    """A number is not finite: where it was met first. ``batch`` is None in validation.

    ``learning_rate`` is NaN where the method has none.
    """

    def __init__(self, epoch: int, batch: int | None, layer: str, learning_rate: float) -> None:
        where = "validation" if batch is None else f"batch {batch}"
        at_rate = "" if math.isnan(learning_rate) else f", at learning rate {learning_rate:g}"
        super().__init__(f"not finite in epoch {epoch}, {where}, first in {layer}{at_rate}")
        self.epoch = epoch
        self.batch = batch
        self.layer = layer
        self.learning_rate = learning_rate
