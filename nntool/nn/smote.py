"""Synthetic rows for the smaller classes: SMOTE."""

from collections.abc import Sequence

import numpy as np

from nntool.nn.arrays import Array
from nntool.nn.batches import ArrayRows
from nntool.nn.registry import InvalidChoice
from nntool.nn.sampling import require_classes

NEIGHBOURS = 5


def with_synthetic_rows(
    source: ArrayRows, blocks: Sequence[Sequence[int]], rng: np.random.Generator
) -> ArrayRows:
    """Return a source in which every class has as many rows as the largest of ``source``.

    The rows of ``source`` keep their numbers, new ones stand behind them. ``blocks`` are the
    numeric columns of each one-hot block. Raise `InvalidChoice` for a regression, and where no
    column is numeric.
    """
    target = require_classes(source.target, "new rows by smote")
    if source.numeric.shape[1] == 0:
        raise InvalidChoice("smote interpolates numeric columns, and there are none")
    codes = target[source.index]
    classes, counts = np.unique(codes, return_counts=True)
    most = counts.max(initial=0)
    made = [
        _rows_of_class(source, source.index[codes == c], most - n, blocks, rng)
        for c, n in zip(classes, counts, strict=True)
        if n < most
    ]
    if not made:
        return source
    n_made = sum(len(base) for _, _, base in made)
    bases = np.concatenate([base for _, _, base in made])
    weight = source.weight
    return ArrayRows(
        np.concatenate([source.numeric, *(numeric for numeric, _, _ in made)]),
        None
        if source.codes is None
        else np.concatenate([source.codes, *(c for _, c, _ in made if c is not None)]),
        np.concatenate([target, target[bases]]),
        None if weight is None else np.concatenate([weight, weight[bases]]),
        np.concatenate([source.index, np.arange(n_made) + len(source.numeric)]),
    )


def _rows_of_class(
    source: ArrayRows,
    rows: Array,
    n_wanted: int,
    blocks: Sequence[Sequence[int]],
    rng: np.random.Generator,
) -> tuple[Array, Array | None, Array]:
    """Return numbers and codes of new rows of one class, and the rows that they start from."""
    # every row begins as many new ones as any other, up to one
    turns = -(-n_wanted // len(rows))
    at = np.concatenate([rng.permutation(len(rows)) for _ in range(turns)])[:n_wanted]
    base = rows[at]
    numeric = source.numeric[base]
    codes = None if source.codes is None else source.codes[base]
    if len(rows) == 1:
        return numeric, codes, base
    own, inverse = np.unique(at, return_inverse=True)
    neighbours = rows[_nearest(source.numeric[rows], own)[inverse]]
    other = source.numeric[neighbours[np.arange(n_wanted), _picks(neighbours, rng)]]
    other -= numeric
    other *= rng.random((n_wanted, 1), dtype=np.float32)
    numeric += other
    for columns in blocks:
        columns = list(columns)
        # one number for each pattern of a block that holds one 1, or none
        ones = source.numeric[:, columns] @ np.arange(1.0, len(columns) + 1)
        numeric[:, columns] = source.numeric[_majority(ones, neighbours)][:, columns]
    if source.codes is not None and codes is not None:
        for j in range(codes.shape[1]):
            column = source.codes[:, j]
            codes[:, j] = column[_majority(column, neighbours)]
    return numeric, codes, base


def _picks(neighbours: Array, rng: np.random.Generator) -> Array:
    return rng.integers(0, neighbours.shape[1], len(neighbours))


def _nearest(points: Array, own: Array) -> Array:
    """Return the places of the nearest other points of each point in ``own``, nearest first."""
    from scipy.spatial import cKDTree

    k = min(NEIGHBOURS, len(points) - 1)
    _, found = cKDTree(points).query(points[own], k + 1)
    is_other = found != own[:, None]
    # of more than k + 1 equal points, the point itself may not be among those found
    is_other[is_other.all(axis=1), -1] = False
    return np.asarray(found[is_other].reshape(len(own), k))


def _majority(values: Array, neighbours: Array) -> Array:
    """Return of each row of ``neighbours`` the first whose value most of them have."""
    near = values[neighbours]
    votes = np.zeros(near.shape, dtype=np.int8)
    for j in range(near.shape[1]):
        votes += near == near[:, j : j + 1]
    return np.asarray(neighbours[np.arange(len(near)), votes.argmax(axis=1)])
