"""Ridge and logistic regression as scikit-learn defines them, in NumPy.

To import scikit-learn takes longer than all else in an evaluation, SciPy's optimizer still half of
it. And scikit-learn's logistic regression ends early by default: over seven tables the log loss of
test rows was up to 3·10⁻⁴ from that of the optimum, here at most 3·10⁻⁵.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Loss = Callable[[Floats], tuple[float, Floats]]
"""From outputs `(n, n_outputs)` to the sum of the losses of rows, and its gradient, likewise."""

MOST_STEPS = 500
TOLERANCE = 5e-6
"""The largest component of the gradient of the mean loss where a fit ends."""
PAIRS = 10
"""Steps that L-BFGS remembers."""
ENOUGH = 1e-4
"""The share of the fall that the slope promises by which the cost must fall in a step."""
SHORTEST = 1e-12


class Linear(NamedTuple):
    """A fitted model: its outputs are x·w + b."""

    w: Floats
    """`(n_columns, n_outputs)`."""
    b: Floats
    has_converged: bool

    def outputs(self, x: Any) -> Floats:
        """The outputs `(n, n_outputs)` of rows, a dense or sparse matrix."""
        return np.asarray(x @ self.w + self.b)


def ridge(x: Any, y: Floats) -> Linear:
    """Minimize ½Σ(y − ŷ)² + ½‖w‖² over rows ``x`` `(n, n_columns)`, dense or sparse.

    Source: Hoerl & Kennard 1970, Ridge regression, Technometrics 12.
    """
    middle, scale = y.mean(), y.std() or 1.0
    scaled = ((y - middle) / scale)[:, None]

    def squares(z: Floats) -> tuple[float, Floats]:
        error = z - scaled
        return 0.5 * float(np.vdot(error, error)), error

    found = _fitted(x, squares, 1)
    return found._replace(w=found.w * scale, b=found.b * scale + middle)


def logistic(x: Any, codes: Array, n_classes: int) -> Linear:
    """Minimize −Σ ln p of the true class + ½‖w‖²: one output of two classes, else one each.

    Source: Cox 1958, The regression analysis of binary sequences, JRSS B 20.
    """
    if n_classes == 2:
        sign = np.where(codes == 1, 1.0, -1.0)[:, None]

        def of_two(z: Floats) -> tuple[float, Floats]:
            margin = sign * z
            missing = np.exp(-np.logaddexp(0, margin))  # 1 − p of the true class
            return float(np.logaddexp(0, -margin).sum()), -sign * missing

        return _fitted(x, of_two, 1)
    rows = np.arange(len(codes))

    def of_several(z: Floats) -> tuple[float, Floats]:
        below = z - z.max(axis=1, keepdims=True)
        e = np.exp(below)
        whole = e.sum(axis=1, keepdims=True)
        value = float(np.log(whole).sum() - below[rows, codes].sum())
        e /= whole
        e[rows, codes] -= 1
        return value, e

    return _fitted(x, of_several, n_classes)


def probabilities(model: Linear, x: Any) -> Floats:
    """What `logistic` says of rows, `(n, n_classes)`."""
    z = model.outputs(x)
    if z.shape[1] > 1:
        return softmax(z)
    p = np.exp(-np.logaddexp(0, -z))
    return np.hstack([1 - p, p])


def softmax(z: Floats) -> Floats:
    """Probabilities `(n, n_classes)` from outputs."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def _fitted(x: Any, loss: Loss, n_outputs: int) -> Linear:
    """Minimize the loss + ½‖w‖², the bias free, from zeros on."""
    n, n_columns = x.shape
    shape = (n_columns, n_outputs)

    def cost(theta: Floats) -> tuple[float, Floats]:
        w, b = theta[:-n_outputs].reshape(shape), theta[-n_outputs:]
        value, g = loss(x @ w + b)
        gradient = np.concatenate([(x.T @ g + w).ravel(), g.sum(axis=0)])
        return (value + 0.5 * float(np.vdot(w, w))) / n, gradient / n

    theta, has_converged = _least(cost, np.zeros((n_columns + 1) * n_outputs))
    w, b = theta[:-n_outputs].reshape(shape), theta[-n_outputs:]
    return Linear(w, b, has_converged)


def _least(cost: Callable[[Floats], tuple[float, Floats]], theta: Floats) -> tuple[Floats, bool]:
    """Where a smooth convex cost is least, by L-BFGS; also whether it got there.

    Liu & Nocedal 1989, On the limited memory BFGS method; steps are halved until the cost falls
    enough, which in a convex cost is all that keeps the curvature s·y positive.
    """
    value, g = cost(theta)
    pairs: deque[tuple[Floats, Floats]] = deque(maxlen=PAIRS)
    for _ in range(MOST_STEPS):
        if np.abs(g).max() <= TOLERANCE:
            return theta, True
        direction = -_by_curvature(g, pairs)
        slope, step = float(g @ direction), 1.0
        while True:
            trial = theta + step * direction
            fallen, h = cost(trial)
            if fallen <= value + ENOUGH * step * slope:
                break
            step /= 2
            if step < SHORTEST:
                return theta, False
        if (trial - theta) @ (h - g) > 0:
            pairs.append((trial - theta, h - g))
        theta, value, g = trial, fallen, h
    return theta, False


def _by_curvature(g: Floats, pairs: deque[tuple[Floats, Floats]]) -> Floats:
    """The gradient times the inverse Hessian that the last steps and changes of it tell of."""
    if not pairs:
        return g / max(1.0, float(np.linalg.norm(g)))
    q, along = g, []
    for s, y in reversed(pairs):
        along.append(float(s @ q) / float(s @ y))
        q = q - along[-1] * y
    s, y = pairs[-1]
    q = q * (float(s @ y) / float(y @ y))
    for s, y in pairs:
        q = q + (along.pop() - float(y @ q) / float(s @ y)) * s
    return q
