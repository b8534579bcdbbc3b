"""Raw outputs for rows, computed on blocks of one fixed size.

A matrix product may round differently for another number of rows. Blocks are therefore counted
from the first row and the last one is padded: the outputs of a row are the same bytes however the
input was cut, as long as every cut but the last is a multiple of the block.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from nntool.nn.arrays import Array
from nntool.nn.batches import Batch
from nntool.nn.network import Network

BLOCK_ROWS = 1024


class Predictor:
    """A network with its parameters, ready to compute raw outputs.

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

    def outputs(self, numeric: Array, codes: Array | None = None) -> Array:
        """Return raw outputs `(n, n_outputs)`; the rows are cut into blocks from the first on."""
        z = np.empty((len(numeric), self._net.spec.n_outputs), self._tape[-1].out.dtype)
        for start in range(0, len(numeric), self._block):
            stop = min(start + self._block, len(numeric))
            z[start:stop] = self._one_block(numeric[start:stop], _part(codes, start, stop))
        return z

    def stream(self, chunks: Iterable[tuple[Array, Array | None]]) -> Iterator[Array]:
        """Yield raw outputs for chunks of any size, cut anew so that every block is full.

        What is yielded follows the blocks, not the chunks: at most one block waits for more rows.
        """
        n_waiting = 0
        numeric, codes = self._batch.numeric, self._batch.codes
        for chunk, chunk_codes in chunks:
            at = 0
            while at < len(chunk):
                n = min(len(chunk) - at, self._block - n_waiting)
                numeric[n_waiting : n_waiting + n] = chunk[at : at + n]
                if codes is not None and chunk_codes is not None:
                    codes[n_waiting : n_waiting + n] = chunk_codes[at : at + n]
                n_waiting += n
                at += n
                if n_waiting == self._block:
                    yield self._run(n_waiting)
                    n_waiting = 0
        if n_waiting:
            yield self._run(n_waiting)

    def _one_block(self, numeric: Array, codes: Array | None) -> Array:
        self._batch.numeric[: len(numeric)] = numeric
        if self._batch.codes is not None:
            if codes is None:
                raise ValueError("this network needs categorical codes")
            self._batch.codes[: len(numeric)] = codes
        return self._run(len(numeric))

    def _run(self, n_rows: int) -> Array:
        """Compute the block in the buffers, whose rows from ``n_rows`` on are padding."""
        self._batch.numeric[n_rows:] = 0
        if self._batch.codes is not None:
            self._batch.codes[n_rows:] = 0
        z = self._net.forward(self._views, self._batch, self._tape, None)
        return z[:n_rows].copy()


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


def _part(codes: Array | None, start: int, stop: int) -> Array | None:
    return None if codes is None else codes[start:stop]
