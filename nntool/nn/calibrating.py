"""What a network learns from rows without gradients: weights scaled on them, exact statistics."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from nntool.nn.arrays import Array
from nntool.nn.batches import Batch
from nntool.nn.layers import Layer, Linear
from nntool.nn.normalization import BatchNorm
from nntool.nn.tapes import LayerTape

ByLayer = Sequence[Sequence[Array]]


def initialize_on(
    layers: Sequence[Layer], p: ByLayer, s: ByLayer, sample: Batch, rng: np.random.Generator
) -> None:
    """Fill the parameters ``p`` from the inputs on, scaling weights on ``sample`` where asked for.

    Batch norm takes mean and variance of the sample, written into ``s``; dropout, noise and
    chance in units are off. All arrays are float64.
    """
    x: Any = sample
    for layer, parameters, statistics in zip(layers, p, s, strict=True):
        layer.initialize(parameters, rng)
        if isinstance(layer, Linear) and layer.n_in:
            layer.initializer.rescale(parameters[0], x)
        if isinstance(layer, BatchNorm):
            _write_moments(statistics, [x])
        x = layer.forward(parameters, statistics, x, layer.tape(sample.n_rows, np.float64), None)


def recompute_statistics(
    layers: Sequence[Layer], p: ByLayer, s: ByLayer, batches: Callable[[], Iterable[Batch]]
) -> None:
    """Replace running statistics by mean and variance (1/(n − 1)) of all rows of ``batches()``.

    Exact: each batch norm is measured behind the measured ones below it, as prediction will see
    it, so ``batches`` is called once for each of them. (torch's update_bn goes through the rows
    once and averages what the batches say, each normalized by itself.)
    """
    tapes: dict[tuple[int, int], LayerTape] = {}

    def below(top: int) -> Iterable[Array]:
        for batch in batches():
            x: Any = batch
            for i, layer in enumerate(layers[:top]):
                at = i, batch.n_rows
                if at not in tapes:
                    tapes[at] = layer.tape(batch.n_rows, p[-1][0].dtype)
                x = layer.forward(p[i], s[i], x, tapes[at], None)
            yield x

    for top, layer in enumerate(layers):
        if isinstance(layer, BatchNorm):
            _write_moments(s[top], below(top))


def _write_moments(statistics: Sequence[Array], blocks: Iterable[Array]) -> None:
    """Write mean and variance of all rows, merged block by block in float64.

    M ← M + M_b + δ²·n·n_b/(n + n_b), δ the difference of the means. Chan, Golub & LeVeque 1983,
    The American Statistician 37.
    """
    n, mean, squares = 0, np.zeros(statistics[0].shape), np.zeros(statistics[1].shape)
    for block in blocks:
        n_block, block_mean = len(block), block.mean(axis=0, dtype=np.float64)
        delta = block_mean - mean
        squares += np.square(block - block_mean).sum(axis=0)
        squares += delta**2 * (n * n_block / (n + n_block))
        n += n_block
        mean += delta * (n_block / n)
    if n < 2:
        raise ValueError("batch norm needs at least two rows to measure")
    statistics[0][...] = mean
    statistics[1][...] = squares / (n - 1)
