# ruff: noqa: D102  (the base class says what the methods mean)
"""L1 on the weights of the first layer alone, for networks that choose among their inputs."""

from dataclasses import dataclass

import numpy as np

from nntool.nn.arrays import Array
from nntool.nn.penalties import L1, Penalty


@dataclass(frozen=True, kw_only=True)
class InputL1(Penalty):
    """λ·Σ|w| over the first ``n_weights`` weights, by proximal steps: exact zeros.

    A network's vector begins with the weights of its first layer, where it has no embeddings.
    """

    rate: float
    n_weights: int

    @property
    def has_gradient(self) -> bool:
        return False

    def value(self, weights: Array) -> float:
        return self._l1.value(weights[: self.n_weights])

    def add_gradient(self, weights: Array, gradient: Array, scratch: Array) -> None:
        pass

    def bends(self, weights: Array) -> float:
        return 0.0

    def shrink(self, weights: Array, lr: float | Array, scratch: Array) -> None:
        n = self.n_weights
        self._l1.shrink(weights[:n], lr[:n] if isinstance(lr, np.ndarray) else lr, scratch)

    @property
    def _l1(self) -> L1:
        return L1(rate=self.rate, proximal=True)
