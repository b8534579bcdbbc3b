"""One update of the parameters: everything that happens between a gradient and the next batch."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from nntool.nn.arrays import Array, scratch_for, vector_like
from nntool.nn.constraints import limit_norms
from nntool.nn.network import Network
from nntool.nn.optimizers import Method, Optimizer, State
from nntool.nn.penalties import Penalty
from nntool.nn.rates import layer_rates


@dataclass(frozen=True, kw_only=True)
class UpdateRules:
    """What an update consists of; ``clip_value`` bounds each component, ``clip_norm`` the norm.

    ``weight_decay`` is λ of the decoupled decay, None the rule's own. ``layer_rates`` multiplies
    the learning rate layer by layer: by a rule of `layer_rates`, or by factors given by name.
    ``max_norm`` bounds the vector of weights that comes into each unit.
    """

    optimizer: Method
    penalties: tuple[Penalty, ...] = ()
    clip_value: float | None = None
    clip_norm: float | None = None
    weight_decay: float | None = None
    layer_rates: Literal["inverse-sqrt", "sqrt"] | Mapping[str, float] | None = None
    max_norm: float | None = None

    @property
    def rule(self) -> Optimizer:
        """The optimizer, where it is a rule on mini-batches; else raise TypeError."""
        if not isinstance(self.optimizer, Optimizer):
            raise TypeError(f"{type(self.optimizer).__name__} is no rule on mini-batches")
        return self.optimizer

    @property
    def decay(self) -> float:
        """λ of the decoupled decay."""
        return self.optimizer.weight_decay if self.weight_decay is None else self.weight_decay


class Parts(NamedTuple):
    """The vectors of an update; ``weights`` and the like are their stretches that decay.

    ``point`` is where the gradient is taken: ``theta`` itself, or another vector. ``rates`` and
    ``decays`` multiply the learning rate and the decay of each parameter; None is 1 everywhere.
    """

    theta: Array
    point: Array
    gradient: Array
    n_weights: int
    matrices: tuple[Array, ...]
    state: State
    scratch: Array
    rates: Array | None = None
    decays: Array | None = None
    spare: Array | None = None

    @property
    def weights(self) -> Array:
        """The parameters that penalties and decay are for."""
        return self.theta[: self.n_weights]

    def with_multipliers(self, rates: Array | None, decays: Array | None) -> "Parts":
        """Return the same parts with a factor for the rate and for the decay of each parameter."""
        spare = None if rates is None and decays is None else np.empty_like(self.theta)
        return self._replace(rates=rates, decays=decays, spare=spare)


def parts_of(theta: Array, net: Network, rules: UpdateRules, *, apart: bool = False) -> Parts:
    """Make what `update` needs; ``apart`` if the gradient is not taken at ``theta`` itself."""
    away = apart or rules.rule.wants in ("look-ahead", "curvature")
    parts = Parts(
        theta=theta,
        point=theta.copy() if away else theta,
        gradient=vector_like(theta),
        n_weights=net.n_weights,
        matrices=net.matrices(net.bind(theta, net.initial_stats(theta.dtype))),
        state=rules.rule.init(theta),
        scratch=scratch_for(theta),
    )
    return parts.with_multipliers(layer_rates(net, rules.layer_rates, theta.dtype), None)


def update(
    rules: UpdateRules,
    parts: Parts,
    lr: float,
    take_again: Callable[[], None] | None = None,
) -> None:
    """Change the parameters by their gradient; the order of what happens is the order of the lines.

    ``take_again`` takes the gradient of the same batch again, at ``parts.point`` as it is then.
    Decoupled decay is θ ← (1 − ηλ)θ (Loshchilov & Hutter 2019, arXiv 1711.05101).
    """
    rule = rules.rule
    _penalize_and_clip(rules, parts)
    if rule.wants == "curvature":
        _look_around(rules, parts, take_again)
    if rules.decay:
        _decay(parts, lr * rules.decay)
    _step(rule, parts, lr)
    for penalty in rules.penalties:
        penalty.shrink(parts.weights, _rates_of_weights(parts, lr), parts.scratch)
    if rules.max_norm is not None:
        limit_norms(parts.matrices, rules.max_norm)


def look_ahead(rules: UpdateRules, parts: Parts) -> None:
    """Write the point at which the gradient is taken, where the rule wants another than θ."""
    rules.rule.look_ahead(parts.theta, parts.state, parts.point)
    if parts.rates is not None:
        point = parts.point
        point -= parts.theta
        point *= parts.rates
        point += parts.theta


def clip_norm(gradient: Array, limit: float) -> None:
    """Shorten a gradient in place to at most ``limit``: g·c/max(c, ‖g‖).

    Pascanu, Mikolov & Bengio 2013, arXiv 1211.5063.

    >>> g = np.array([3.0, 4.0])
    >>> clip_norm(g, 1.0)
    >>> g
    array([0.6, 0.8])
    """
    norm = math.sqrt(float(np.dot(gradient, gradient)))
    if math.isinf(norm):  # squares overflow early in float32, and g/∞ would be no step at all
        norm = float(np.linalg.norm(gradient.astype(np.float64)))
    if norm > limit:
        gradient *= limit / norm


def _penalize_and_clip(rules: UpdateRules, parts: Parts) -> None:
    gradient = parts.gradient
    for penalty in rules.penalties:
        weights, of_weights = parts.point[: parts.n_weights], gradient[: parts.n_weights]
        penalty.add_gradient(weights, of_weights, parts.scratch)
    if rules.clip_value is not None:
        np.clip(gradient, -rules.clip_value, rules.clip_value, out=gradient)
    if rules.clip_norm is not None:
        clip_norm(gradient, rules.clip_norm)


def _look_around(rules: UpdateRules, parts: Parts, take_again: Callable[[], None] | None) -> None:
    """Give the rule a second gradient of the same batch, at the point that it names."""
    if take_again is None:
        raise ValueError("this rule wants a second gradient of each batch")
    point, first = parts.point, parts.gradient.copy()
    noise = point - parts.theta  # of the weights: both gradients are to have the same
    rules.rule.probe(parts.theta, first, parts.state, point)
    point += noise
    take_again()
    _penalize_and_clip(rules, parts)
    np.copyto(parts.state["probed"], parts.gradient)
    np.copyto(parts.gradient, first)


def _decay(parts: Parts, share: float) -> None:
    if parts.spare is None:
        np.multiply(parts.weights, 1 - share, out=parts.weights)
        return
    factors = parts.spare[: parts.n_weights]
    factors.fill(-share)
    for multipliers in (parts.rates, parts.decays):
        if multipliers is not None:
            factors *= multipliers[: parts.n_weights]
    factors += 1
    np.multiply(parts.weights, factors, out=parts.weights)


def _step(optimizer: Optimizer, parts: Parts, lr: float) -> None:
    """Let the rule step; with rates by parameter, the change that it makes is multiplied."""
    if parts.rates is None or parts.spare is None:
        optimizer.step(parts.theta, parts.gradient, parts.state, lr)
        return
    theta, before = parts.theta, parts.spare
    np.copyto(before, theta)
    optimizer.step(theta, parts.gradient, parts.state, lr)
    theta -= before
    theta *= parts.rates
    theta += before


def _rates_of_weights(parts: Parts, lr: float) -> float | Array:
    return lr if parts.rates is None else lr * parts.rates[: parts.n_weights]
