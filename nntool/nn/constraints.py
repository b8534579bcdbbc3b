"""Constraints: what weights must satisfy after each update."""

from collections.abc import Sequence

import numpy as np

from nntool.nn.arrays import Array


def limit_norms(matrices: Sequence[Array], limit: float) -> None:
    """Rescale in place each unit's incoming weights, a column of `(n_in, n_out)`, to a norm ≤ c.

    w ← w·c/max(c, ‖w‖). Srebro, Rennie & Jaakkola 2005, NIPS 17; with dropout Hinton et al. 2012,
    arXiv 1207.0580.

    >>> w = np.array([[3.0, 0.3], [4.0, 0.4]])
    >>> limit_norms([w], 1.0)
    >>> w
    array([[0.6, 0.3],
           [0.8, 0.4]])
    """
    for w in matrices:
        norms = np.sqrt(np.einsum("...ij,...ij->...j", w, w))
        if norms.size and norms.max() > limit:
            w *= (limit / np.maximum(norms, limit))[..., None, :]
