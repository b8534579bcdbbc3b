"""Raw outputs for rows, computed on blocks of one fixed size.

A matrix product may round differently for another number of rows, or for a row at another place.
Blocks are therefore counted from the first row of the input, each row lies at its own place in its
block, and what is not there is padding: the outputs of a row are the same bytes however the input
was cut, and whoever computes the other rows of its block.
"""

from collections.abc import Iterator

import numpy as np

from nntool.nn.arrays import Array
from nntool.nn.batches import Batch
from nntool.nn.network import Network

BLOCK_ROWS = 1024


class Predictor:
    """A network with its parameters, ready to compute raw outputs; for one thread at a time.

    >>> from nntool.nn.network import NetworkSpec
    >>> net = Network(NetworkSpec(n_numeric=2, n_outputs=1, hidden=()))
    >>> theta = np.array([1, 2, 10], np.float32)  # two weights, one bias
    >>> Predictor(net, theta).outputs(np.array([[1, 1], [0, 3]], np.float32)).tolist()
    [[13.0], [16.0]]
    """

    def __init__(
        self, net: Network, theta: Array, stats: Array | None = None, block: int = BLOCK_ROWS
    ) -> None:
        self._net = net
        self._views = net.bind(theta, stats)
        self._block = block
        self._tape = net.tape(block, theta.dtype)
        n_codes = len(net.spec.levels)
        self._batch = Batch(
            np.zeros((block, net.spec.n_numeric), np.float32),
            np.zeros((block, n_codes), np.int32) if n_codes else None,
        )

    def outputs(self, numeric: Array, codes: Array | None = None, first: int = 0) -> Array:
        """Return raw outputs `(n, n_outputs)`; ``first`` rows of the input came before these."""
        z = np.empty((len(numeric), self._net.spec.n_outputs), self._tape[-1].out.dtype)
        for rows, places in self._blocks(numeric, codes, first):
            z[rows] = self._run()[places]
        return z

    def _blocks(
        self, numeric: Array, codes: Array | None, first: int
    ) -> Iterator[tuple[slice, slice]]:
        """Put rows into the buffers, block by block: which ones, and at which places."""
        if codes is None and self._batch.codes is not None:
            raise ValueError("this network needs categorical codes")
        start = 0
        while start < len(numeric):
            place = (first + start) % self._block
            stop = min(start + self._block - place, len(numeric))
            self._fill(numeric[start:stop], None if codes is None else codes[start:stop], place)
            yield slice(start, stop), slice(place, place + stop - start)
            start = stop

    def _fill(self, numeric: Array, codes: Array | None, place: int) -> None:
        """Put rows at a place of the block, and padding around them."""
        end = place + len(numeric)
        for buffer, rows in ((self._batch.numeric, numeric), (self._batch.codes, codes)):
            if buffer is not None:
                buffer[:place] = 0
                buffer[place:end] = rows
                buffer[end:] = 0

    def _run(self) -> Array:
        """Compute the block in the buffers; the result is a buffer too."""
        return self._net.forward(self._views, self._batch, self._tape, None)


def outputs(
    net: Network,
    theta: Array,
    numeric: Array,
    codes: Array | None = None,
    stats: Array | None = None,
    block: int = BLOCK_ROWS,
) -> Array:
    """Return the raw outputs `(n, n_outputs)` of all rows; see `Predictor`."""
    return Predictor(net, theta, stats, block).outputs(numeric, codes)
