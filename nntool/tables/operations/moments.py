"""Mean and spread of a column."""

import numpy as np

from nntool.tables.operations.operation import Numbers


def moments(known: Numbers) -> tuple[float, float]:
    """Give mean and population standard deviation, 1 where that is no more than rounding.

    What counts as rounding is scikit-learn's bound for ``StandardScaler``: n·ε·var + (n·ε·mean)².

    >>> moments(np.array([1.0, 3.0]))
    (2.0, 1.0)
    >>> moments(np.full(10, 0.1))[1]
    1.0
    """
    m, s = float(known.mean()), float(known.std())
    rounding = len(known) * float(np.finfo(np.float64).eps)
    return m, 1.0 if s * s <= rounding * s * s + (rounding * m) ** 2 else s
