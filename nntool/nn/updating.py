"""One update of the parameters: everything that happens between a gradient and the next batch."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nntool.nn.arrays import Array, scratch_for
from nntool.nn.optimizers import Optimizer, State
from nntool.nn.penalties import Penalty


@dataclass(frozen=True, kw_only=True)
class UpdateRules:
    """What an update consists of; ``clip_value`` bounds each component, ``clip_norm`` the norm."""

    optimizer: Optimizer
    penalties: tuple[Penalty, ...] = ()
    clip_value: float | None = None
    clip_norm: float | None = None
    weight_decay: float = 0.0


class Parts(NamedTuple):
    """The vectors of an update; ``weights`` and ``weights_gradient`` are stretches of them."""

    theta: Array
    gradient: Array
    weights: Array
    weights_gradient: Array
    state: State
    scratch: Array


def parts_of(theta: Array, n_weights: int, optimizer: Optimizer) -> Parts:
    """Make what `update` needs for a vector whose first ``n_weights`` are not exempt."""
    gradient = np.zeros_like(theta)
    return Parts(
        theta,
        gradient,
        theta[:n_weights],
        gradient[:n_weights],
        optimizer.init(theta),
        scratch_for(theta),
    )


def update(rules: UpdateRules, parts: Parts, lr: float) -> None:
    """Change the parameters by their gradient; the order of what happens is the order of the lines.

    Decoupled decay is θ ← (1 − ηλ)θ (Loshchilov & Hutter 2019, arXiv 1711.05101).
    """
    for penalty in rules.penalties:
        penalty.add_gradient(parts.weights, parts.weights_gradient, parts.scratch)
    if rules.clip_value is not None:
        np.clip(parts.gradient, -rules.clip_value, rules.clip_value, out=parts.gradient)
    if rules.clip_norm is not None:
        clip_norm(parts.gradient, rules.clip_norm)
    if rules.weight_decay:
        np.multiply(parts.weights, 1 - lr * rules.weight_decay, out=parts.weights)
    rules.optimizer.step(parts.theta, parts.gradient, parts.state, lr)


def clip_norm(gradient: Array, limit: float) -> None:
    """Shorten a gradient in place to at most ``limit``: g·c/max(c, ‖g‖).

    Pascanu, Mikolov & Bengio 2013, arXiv 1211.5063.

    >>> g = np.array([3.0, 4.0])
    >>> clip_norm(g, 1.0)
    >>> g
    array([0.6, 0.8])
    """
    norm = math.sqrt(float(np.dot(gradient, gradient)))
    if norm > limit:
        gradient *= limit / norm
