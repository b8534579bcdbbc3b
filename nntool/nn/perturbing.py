"""Learning without backpropagation: what a disturbance of weights or of units does to the loss."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from nntool.nn.arrays import Array, DTypeLike
from nntool.nn.batches import Batch
from nntool.nn.constraints import limit_norms
from nntool.nn.layers import Activate, Linear
from nntool.nn.network import Network, Views
from nntool.nn.noise import Dropout, Noise
from nntool.nn.optimizers.perturbation import WeightPerturbation
from nntool.nn.outputs import Output
from nntool.nn.penalties import penalty_of
from nntool.nn.randomness import Streams
from nntool.nn.registry import InvalidChoice
from nntool.nn.tapes import Tape
from nntool.nn.updating import Parts, UpdateRules


def refuse(net: Network, rules: UpdateRules, weight_noise: float) -> None:
    """Raise `InvalidChoice` for what the rules by disturbance cannot do."""
    if rules.rule.wants == "loss":
        given = {
            "clipping of the gradient": rules.clip_value or rules.clip_norm,
            "decoupled weight decay": rules.decay,
            "noise on the weights": weight_noise,
        }
        what = next((name for name, is_given in given.items() if is_given), "")
        if what:
            raise InvalidChoice(f"weight-perturbation has no gradient, and so no {what}")
    if rules.rule.wants == "units":
        plain = (Linear, Activate, Dropout, Noise)
        if any(type(layer) not in plain for layer in net.layers[1:]):
            raise InvalidChoice(
                "node-perturbation credits weights and biases alone: no batch norm, no layer norm"
                " and no parametric activation"
            )


def try_changes(
    rules: UpdateRules,
    parts: Parts,
    lr: float,
    loss: float,
    streams: Streams,
    loss_again: Callable[[], float],
) -> None:
    """Change the parameters at random, and keep each change by which the loss falls.

    ``loss`` is that of the batch as they are, ``loss_again`` gives it as they are then. Penalties
    count as a part of both.
    """
    rule, theta = rules.rule, parts.theta
    if not isinstance(rule, WeightPerturbation):
        raise TypeError(f"{type(rule).__name__} tries no changes")
    before, here = theta.copy(), loss + penalty_of(rules.penalties, parts.weights)
    for _ in range(rule.tries):
        change = streams["weight-perturbation"].standard_normal(theta.shape)
        change *= rule.size(parts.state, lr)
        if parts.rates is not None:
            change *= parts.rates
        theta += change.astype(theta.dtype, copy=False)
        if rules.max_norm is not None:
            limit_norms(parts.matrices, rules.max_norm)
        there = loss_again() + penalty_of(rules.penalties, parts.weights)
        success = there < here
        if success:
            np.copyto(before, theta)
            here = there
        else:
            np.copyto(theta, before)
        rule.learn(parts.state, success=success)


class Disturbed:
    """A second pass through a network, in which the sum of each unit is disturbed row by row."""

    def __init__(self, net: Network, output: Output, n_rows: int, dtype: DTypeLike) -> None:
        self.net = net
        self.tape: Tape = (net.tape(n_rows, dtype), output.tape(n_rows, dtype))
        self._disturbances = [
            np.empty((n_rows, layer.n_out), dtype) if isinstance(layer, Linear) else None
            for layer in net.layers
        ]

    def draw(self, sigma: float, rng: np.random.Generator) -> None:
        """Draw the disturbance σξ of each sum."""
        for disturbance in self._disturbances:
            if disturbance is not None:
                rng.standard_normal(out=disturbance, dtype=disturbance.dtype.type)
                disturbance *= sigma

    def forward(self, views: Views, batch: Batch, streams: Streams) -> Array:
        """Return the raw outputs under the disturbance that was drawn."""
        x: Any = batch
        for i, layer in enumerate(self.net.layers):
            p, s = views.parameters[i], views.statistics[i]
            x = layer.forward(p, s, x, self.tape[0][i], streams)
            disturbance = self._disturbances[i]
            if disturbance is not None:
                x += disturbance
        return cast(Array, x)

    def credit(self, views: Views, gviews: Views, change: Array) -> None:
        """Write what stands for the gradient into ``gviews``.

        ``change`` `(n,)` is (L' − L)/σ² of each row, with its share in the loss of the batch: times
        σξ it takes the place of what would come down to a dense layer from above.
        """
        dz, lowest = change, next(i for i, layer in enumerate(self.net.layers) if layer.parameters)
        for i in range(len(self.net.layers) - 1, lowest - 1, -1):
            disturbance = self._disturbances[i]
            if disturbance is not None:
                disturbance *= change[:, np.newaxis]
                dz = disturbance
            p, g = views.parameters[i], gviews.parameters[i]
            dz = self.net.layers[i].backward(p, g, dz, self.tape[0][i])
