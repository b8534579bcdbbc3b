"""Whether a hyperplane can part classes at all: what a perceptron could learn, given the time."""

from typing import NamedTuple

import numpy as np

from nntool.nn.arrays import Array
from nntool.nn.batches import RowSource
from nntool.nn.network import Network
from nntool.nn.outputs import Output

MOST_ROWS = 100_000
MOST_NUMBERS = 20_000_000
"""Rows times columns: a linear program holds them in float64, several times."""
FIRST_ROWS = 2000
BLOCK_ROWS = 4096


class Parting(NamedTuple):
    """Which units of a single layer can have all rows right.

    ``undecided`` says why it was not found out, and is empty where it was.
    """

    impossible: tuple[int, ...] = ()
    undecided: str = ""


def parting(net: Network, output: Output, theta: Array, rows: RowSource) -> Parting:
    """Ask for each unit of a single layer whether any weights have all training rows right.

    A unit whose weights ``theta`` are already such needs no linear program.
    """
    if rows.n_rows > MOST_ROWS:
        return Parting(undecided=f"a linear program takes at most {MOST_ROWS:,} rows")
    if rows.n_rows * net.spec.n_numeric > MOST_NUMBERS:
        return Parting(undecided=f"a linear program takes at most {MOST_NUMBERS:,} numbers")
    x, is_one = _gather(output, rows)
    weight, *bias = net.bind(theta, net.initial_stats(theta.dtype)).parameters[-1]
    sums = x @ weight + (bias[0] if bias else 0)
    impossible = []
    for unit in range(output.n_outputs):
        if ((sums[:, unit] >= 0) == is_one[:, unit]).all():
            continue
        answer = is_separable(x, is_one[:, unit], bias=bool(bias))
        if answer is None:
            return Parting(undecided="the linear program came to no end")
        if not answer:
            impossible.append(unit)
    return Parting(tuple(impossible))


def is_separable(x: Array, is_one: Array, *, bias: bool = True) -> bool | None:
    """Whether a hyperplane parts the rows ``x`` `(n, d)` where ``is_one`` `(n,)` from the others.

    A linear program looks for w, b with t·(w·x + b) ≥ 1 on every row, t = ±1 (Mangasarian 1965,
    Operations Research 13). It is given some rows first, and then those that its answer has wrong:
    where some rows cannot be parted, all cannot. None if it cannot tell. Without ``bias`` the
    hyperplane goes through the origin.

    >>> x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> [is_separable(x, y > 0) for y in (x[:, 0] & x[:, 1], x[:, 0] ^ x[:, 1])]
    [True, False]
    """
    inputs = _scaled(x) if bias else x / np.maximum(np.abs(x).max(axis=0), _TINY)
    # through the origin a row may have to lie on the hyperplane, which is right for those of 1
    least = np.where(is_one, 1.0 if bias else 0.0, 1.0)
    signed = np.where(is_one, 1.0, -1.0)[:, np.newaxis] * inputs
    chosen = np.unique(np.linspace(0, len(x) - 1, FIRST_ROWS).astype(np.int64))
    while True:
        answer, w = _solve(signed[chosen], least[chosen])
        if not answer:
            return answer
        lacks = least - 0.5 - signed @ w
        wrong = np.flatnonzero(lacks >= 0)
        if not len(wrong):
            return True
        worst = wrong[np.argsort(-lacks[wrong], kind="stable")[: len(chosen)]]
        chosen = np.union1d(chosen, worst)


def _solve(signed: Array, least: Array) -> tuple[bool | None, Array]:
    """Look for w with ``signed``·w ≥ ``least``: whether there is one, None if unknown; and w."""
    from scipy.optimize import linprog

    n_weights = signed.shape[1]
    free = [(None, None)] * n_weights
    for method in ("highs-ds", "highs-ipm"):  # where the simplex loses its way, the other may not
        found = linprog(np.zeros(n_weights), -signed, -least, bounds=free, method=method)
        if found.status == 2:
            return False, np.zeros(n_weights)
        if found.status == 0 and (signed @ found.x > least - 0.5).all():
            return True, found.x
    return None, np.zeros(n_weights)


_TINY = np.finfo(np.float64).tiny


def _scaled(x: Array) -> Array:
    """Return the columns between −1 and 1, those that never change left out, and a column of 1."""
    low, high = x.min(axis=0).astype(np.float64), x.max(axis=0).astype(np.float64)
    moves = high > low
    middle, reach = (low + high)[moves] / 2, (high - low)[moves] / 2
    return np.hstack([(x[:, moves] - middle) / reach, np.ones((len(x), 1))])


def _gather(output: Output, rows: RowSource) -> tuple[Array, Array]:
    """Return the rows that count, and for each unit whether its answer is to be 1."""
    numeric, targets = [], []
    for batch in rows.batches(None, BLOCK_ROWS):
        if batch.target is None:
            raise ValueError("training needs rows with a target")
        counts = slice(None) if batch.weight is None else batch.weight > 0
        numeric.append(batch.numeric[counts].astype(np.float64))
        targets.append(batch.target[counts].copy())
    target = np.concatenate(targets)
    is_one = np.zeros((len(target), output.n_outputs))
    output.head.code_targets(target, is_one)
    return np.concatenate(numeric), is_one > 0
