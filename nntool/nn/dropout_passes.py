"""Prediction with dropout left on: many passes through one network, their mean and their spread.

Masks are drawn for blocks of one fixed size, counted from the first row of the input, each by a
seed of its own: what is said of a row does not depend on how the input was cut, nor on threads.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from nntool.nn.arrays import Array
from nntool.nn.batches import Batch
from nntool.nn.layers import Dropout
from nntool.nn.network import Network
from nntool.nn.predicting import BLOCK_ROWS
from nntool.nn.randomness import Streams


class Passes(NamedTuple):
    """What several passes say of some rows, `(n, k)` float64 each."""

    mean: Array
    deviation: Array
    """√(Σ(yᵢ − mean)²/N) over the N passes."""


def has_dropout(net: Network) -> bool:
    """Whether the passes through a network differ."""
    return any(isinstance(layer, Dropout) for layer in net.layers)


class DropoutPasses:
    """A network with its parameters, through which rows go several times with dropout on.

    Gal & Ghahramani 2016, arXiv 1506.02142. Masks are those of training, inverted scaling
    included; norms use what they have learned, and noise layers stay still, as in prediction.

    >>> from nntool.nn.network import NetworkSpec
    >>> net = Network(NetworkSpec(n_numeric=1, n_outputs=1, hidden=(), input_dropout=0.5))
    >>> passes = DropoutPasses(net, np.array([1, 0], np.float32), None, n_passes=4, seed=0)
    >>> mean, deviation = passes.said_of(np.ones((2, 1), np.float32))  # 0 or 2 in each pass
    >>> mean.shape, deviation.max() <= 1
    ((2, 1), np.True_)
    """

    def __init__(
        self,
        net: Network,
        theta: Array,
        stats: Array | None,
        *,
        n_passes: int,
        seed: int,
        block: int = BLOCK_ROWS,
    ) -> None:
        if not has_dropout(net):
            raise ValueError("a network without dropout says the same in every pass")
        self._net = net
        self._n_passes = n_passes
        self._seed = seed
        self._block = block
        views = net.bind(theta, stats)
        tape = net.tape(block, theta.dtype)
        self._layers = list(
            zip(net.layers, views.parameters, views.statistics, tape, strict=True)
        )
        self._n_below = next(i for i, layer in enumerate(net.layers) if isinstance(layer, Dropout))
        n_codes = len(net.spec.levels)
        self._batch = Batch(
            np.zeros((block, net.spec.n_numeric), np.float32),
            np.zeros((block, n_codes), np.int32) if n_codes else None,
        )

    def said_of(
        self,
        numeric: Array,
        codes: Array | None = None,
        meaning: Callable[[Array], Array] | None = None,
        first: int = 0,
    ) -> Passes:
        """Return mean and deviation over the passes of what ``meaning`` makes of raw outputs.

        ``first`` is how many rows of the input came before these. Without ``meaning`` it is the
        raw outputs themselves; it is given `(n, n_outputs)` and gives `(n, k)`.
        """
        found = []
        start, stop = 0, self._block - first % self._block
        while start < len(numeric) or not found:
            part = slice(start, min(stop, len(numeric)))
            of_codes = None if codes is None else codes[part]
            found.append(self._one_block(numeric[part], of_codes, meaning, first + start))
            start, stop = stop, stop + self._block
        return Passes(*(np.concatenate(parts) for parts in zip(*found, strict=True)))

    def _one_block(
        self,
        numeric: Array,
        codes: Array | None,
        meaning: Callable[[Array], Array] | None,
        first: int,
    ) -> Passes:
        """Work on rows of one block, each at its own place in it; what is around them is padding.

        Mean and sum of squares follow pass by pass: Welford 1962, Technometrics 4.
        """
        number, at = divmod(first, self._block)
        rows = slice(at, at + len(numeric))
        below = self._below(numeric, codes, rows)
        mean = squares = np.zeros(())
        for n in range(self._n_passes):
            z = self._above(below, Streams(_seed_of(self._seed, number, n)))[rows]
            y = np.asarray(z if meaning is None else meaning(z), np.float64)
            off = y - mean
            mean = mean + off / (n + 1)
            squares = squares + off * (y - mean)
        return Passes(mean, np.sqrt(squares / self._n_passes))

    def _below(self, numeric: Array, codes: Array | None, rows: slice) -> Array:
        """What reaches the lowest dropout: the same in every pass."""
        batch = self._batch
        batch.numeric.fill(0)
        batch.numeric[rows] = numeric
        if batch.codes is not None:
            if codes is None:
                raise ValueError("this network needs categorical codes")
            batch.codes.fill(0)
            batch.codes[rows] = codes
        x = batch
        for layer, p, s, t in self._layers[: self._n_below]:
            x = layer.forward(p, s, x, t, None)
        return x

    def _above(self, x: Array, rng: Streams) -> Array:
        """One pass from the lowest dropout on; nothing but dropout is given random numbers."""
        for layer, p, s, t in self._layers[self._n_below :]:
            x = layer.forward(p, s, x, t, rng if isinstance(layer, Dropout) else None)
        return x


def _seed_of(seed: int, block: int, number: int) -> int:
    """One seed for each block and pass, as unlike each other as NumPy makes them."""
    words = np.random.SeedSequence((seed, block, number)).generate_state(4).tolist()
    return sum(word << 32 * place for place, word in enumerate(words))
