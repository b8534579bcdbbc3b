"""What the raw outputs of a network mean: for which task, through which link, in which unit."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from nntool.nn.arrays import Array, DTypeLike
from nntool.nn.links import IdentityLink, Link, TanhLink

Task: TypeAlias = Literal["binary", "multiclass", "regression"]
Coding: TypeAlias = Literal["one-hot", "bipolar"]


@dataclass(frozen=True, kw_only=True)
class TargetMap:
    """From the unit that the network learns in to the target's own unit.

    own = location + scale·y, and e^own − 1 of that where ``log1p``.

    >>> float(TargetMap(location=10, scale=2).to_own(np.array(1.5)))
    13.0
    """

    location: float = 0.0
    scale: float = 1.0
    log1p: bool = False

    @property
    def is_identity(self) -> bool:
        """Whether the network learns in the target's own unit."""
        return (self.location, self.scale, self.log1p) == (0, 1, False)

    def to_own(self, y: Array) -> Array:
        """Return ``y`` in the target's own unit."""
        own = y * self.scale + self.location
        return np.asarray(np.expm1(own) if self.log1p else own)

    def slope(self, y: Array) -> Array | float:
        """Return d own/dy at ``y``."""
        if not self.log1p:
            return self.scale
        return np.asarray(np.exp(y * self.scale + self.location) * self.scale)

    def bend(self, y: Array) -> Array | float:
        """Return d² own/dy² at ``y``."""
        return self.scale * self.slope(y) if self.log1p else 0.0


OWN_UNIT = TargetMap()
"""The map of a network that learns in the target's own unit."""


@dataclass(frozen=True, kw_only=True)
class Head:
    """The meaning of raw outputs z `(n, n_outputs)`; ``n_classes`` is 0 in a regression."""

    task: Task
    n_classes: int
    n_outputs: int
    link: Link
    coding: Coding = "one-hot"
    target_map: TargetMap = OWN_UNIT

    def code_targets(self, y: Array, out: Array) -> None:
        """Write targets as numbers that predictions are compared with, `(n, n_outputs)`."""
        if self.task == "regression":
            np.copyto(out, y[:, np.newaxis])
            return
        low = -1 if self.coding == "bipolar" else 0
        if self.n_outputs == 1:
            np.multiply(y[:, np.newaxis], 1 - low, out=out, casting="same_kind")
            out += low
        else:
            out.fill(low)
            out[np.arange(len(y)), y] = 1

    def probabilities(self, z: Array) -> Array | None:
        """Return class probabilities `(n, n_classes)`, or None where outputs are only scores.

        p = ŷ, or (1 + ŷ)/2 under tanh, divided by their sum.
        """
        if self.task == "regression" or isinstance(self.link, IdentityLink):
            return None
        predicted = self._predicted(z)
        if isinstance(self.link, TanhLink):
            predicted = (1 + predicted) / 2
        if self.n_outputs == 1:
            return np.concatenate([1 - predicted, predicted], axis=1)
        total = predicted.sum(axis=1, keepdims=True)
        predicted[total[:, 0] == 0] = 1  # every class impossible: none is preferred
        return np.asarray(predicted / predicted.sum(axis=1, keepdims=True))

    def decide(self, z: Array) -> Array:
        """Return the class codes `(n,)` that the raw outputs speak for; not for a regression."""
        if self.n_outputs == 1:
            return np.asarray(z[:, 0] >= 0, dtype=np.int32)
        return np.asarray(np.argmax(z, axis=1), dtype=np.int32)

    def values(self, z: Array) -> Array:
        """Return the predicted values `(n,)` of a regression, in the target's own unit."""
        return self.target_map.to_own(self._predicted(z)[:, 0])

    def _predicted(self, z: Array) -> Array:
        z = z.astype(np.float64)
        predicted = np.empty_like(z)
        self.link.forward(z, predicted)
        return predicted


class LossTape:
    """Buffers of one loss for one number of rows; after a call ``rows`` and ``dz`` hold results.

    ``rows`` `(n,)` is the loss of each row without its weight, ``dz`` `(n, n_outputs)` the gradient
    of the batch's loss with respect to the raw outputs.
    """

    def __init__(self, n_rows: int, n_outputs: int, dtype: DTypeLike) -> None:
        shape = (n_rows, n_outputs)
        self.rows = np.empty(n_rows, dtype)
        self.column = np.empty((n_rows, 1), dtype)
        self.dz = np.empty(shape, dtype)
        self.predicted = np.empty(shape, dtype)
        self.target = np.empty(shape, dtype)
        # with one output the loss of an output is the loss of its row
        self.values = self.rows.reshape(shape) if n_outputs == 1 else np.empty(shape, dtype)
        self.index = np.arange(n_rows)
        self.share = np.array(1 / n_rows, dtype)
