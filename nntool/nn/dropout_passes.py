"""Prediction with dropout left on: many passes through one network, their mean and their spread.

Masks are drawn for blocks of one fixed size, counted from the first row of the input, each by a
seed of its own: what is said of a row does not depend on how the input was cut, nor on threads.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from nntool.nn.arrays import Array
from nntool.nn.network import Network, members_of
from nntool.nn.noise import Dropout
from nntool.nn.predicting import BLOCK_ROWS, Predictor
from nntool.nn.randomness import Streams

Meaning = Callable[[Array], Array]
"""What raw outputs `(n, n_outputs)` mean: `(n, k)`."""


class Passes(NamedTuple):
    """What several passes say of some rows, `(n, k)` float64 each."""

    mean: Array
    deviation: Array
    """√(Σ(yᵢ − mean)²/N) over the N passes."""


def has_dropout(net: Network) -> bool:
    """Whether passes through a network with dropout left on differ."""
    return any(isinstance(layer, Dropout) and layer.cut for layer in net.layers)


class RunningSpread:
    """Mean and deviation of arrays that come one after the other (Welford 1962).

    >>> spread = RunningSpread()
    >>> for number in (1, 3, 8):
    ...     spread.take(np.array([number]))
    >>> spread.passes().mean.tolist(), (spread.passes().deviation ** 2).round(6).tolist()
    ([4.0], [8.666667])
    """

    def __init__(self) -> None:
        self._count = 0
        self._mean: Any = 0.0
        self._squares: Any = 0.0

    def take(self, y: Array) -> None:
        """Take in one more array of the same shape."""
        y = np.asarray(y, np.float64)
        self._count += 1
        off = y - self._mean
        self._mean = self._mean + off / self._count
        self._squares = self._squares + off * (y - self._mean)

    def passes(self) -> Passes:
        """Return mean and deviation of what was taken in."""
        return Passes(self._mean, np.sqrt(self._squares / self._count))


class DropoutPasses(Predictor):
    """A network through which rows go several times with dropout on; for one thread at a time.

    Gal & Ghahramani 2016, arXiv 1506.02142. Masks are those of training, inverted scaling
    included; norms use what they have learned, and noise layers stay still, as in prediction.
    Several members, ``theta`` `(K, size)` and ``stats`` `(K, n_stats)`: rows go ``n_passes`` times
    through each of them, and mean and deviation are over all K·n_passes.

    >>> from nntool.nn.network import NetworkSpec
    >>> net = Network(NetworkSpec(n_numeric=1, n_outputs=1, hidden=(), input_dropout=0.5))
    >>> passes = DropoutPasses(net, np.array([1, 5], np.float32), n_passes=4, seed=0)
    >>> mean, deviation = passes.said_of(np.ones((2, 1), np.float32))  # 5 or 7 in each pass
    >>> mean.shape, deviation.max() <= 1
    ((2, 1), np.True_)
    """

    def __init__(
        self,
        net: Network,
        theta: Array,
        stats: Array | None = None,
        block: int = BLOCK_ROWS,
        *,
        n_passes: int,
        seed: int,
    ) -> None:
        if not has_dropout(net):
            raise ValueError("a network without dropout says the same in every pass")
        if theta.ndim == 1:
            theta, stats = theta[np.newaxis], None if stats is None else stats[np.newaxis]
        self._members = members_of(net, theta, stats)
        super().__init__(net, theta[0], None if stats is None else stats[0], block)
        self._n_passes = n_passes
        self._seed = seed
        self._lowest = next(i for i, layer in enumerate(net.layers) if isinstance(layer, Dropout))

    def said_of(
        self,
        numeric: Array,
        codes: Array | None = None,
        meaning: Meaning | None = None,
        first: int = 0,
    ) -> Passes:
        """Return mean and deviation over the passes of what ``meaning`` makes of raw outputs.

        ``first`` rows of the input came before these. Without ``meaning`` it is the raw outputs
        themselves.
        """
        if codes is None and self._batch.codes is not None:
            raise ValueError("this network needs categorical codes")
        found: list[Passes] = []
        start, stop = 0, self._block - first % self._block
        while start < len(numeric) or not found:
            part = slice(start, stop)
            of_codes = None if codes is None else codes[part]
            found.append(self._one_block(numeric[part], of_codes, meaning, first + start))
            start, stop = stop, stop + self._block
        return Passes(*(np.concatenate(parts) for parts in zip(*found, strict=True)))

    def _one_block(
        self, numeric: Array, codes: Array | None, meaning: Meaning | None, first: int
    ) -> Passes:
        """Work on rows of one block, member by member and pass by pass."""
        number, place = divmod(first, self._block)
        rows = slice(place, place + len(numeric))
        self._fill(numeric, codes, place)
        spread = RunningSpread()
        for k, views in enumerate(self._members):
            self._views = views
            below = self._below()
            for n in range(k * self._n_passes, (k + 1) * self._n_passes):
                z = self._above(below, Streams(_seed_of(self._seed, number, n)))[rows]
                spread.take(z if meaning is None else meaning(z))
        return spread.passes()

    def _below(self) -> Any:
        """What reaches the lowest dropout from the rows in the buffers: the same in every pass."""
        x: Any = self._batch
        for layer, p, s, t in self._stack(slice(self._lowest)):
            x = layer.forward(p, s, x, t, None)
        return x

    def _above(self, x: Any, rng: Streams) -> Array:
        """One pass from the lowest dropout on; nothing but dropout is given random numbers."""
        for layer, p, s, t in self._stack(slice(self._lowest, None)):
            x = layer.forward(p, s, x, t, rng if isinstance(layer, Dropout) else None)
        return np.asarray(x)

    def _stack(self, part: slice) -> Any:
        """Some of the layers, each with its parameters, statistics and tape."""
        four = self._net.layers, self._views.parameters, self._views.statistics, self._tape
        return zip(*(each[part] for each in four), strict=True)


def _seed_of(seed: int, block: int, number: int) -> int:
    """One seed for each block and pass, as unlike each other as NumPy makes them."""
    sequence = np.random.SeedSequence((seed, block, number))
    words = sequence.generate_state(4).tolist()
    return sum(word << 32 * place for place, word in enumerate(words))
