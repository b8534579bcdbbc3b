"""One step of training: from a batch to changed parameters."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from nntool.nn.arrays import Array, DTypeLike, vector_like
from nntool.nn.batches import Batch
from nntool.nn.heads import LossTape
from nntool.nn.methods import no_gradient
from nntool.nn.network import Network
from nntool.nn.optimizers.perturbation import NodePerturbation
from nntool.nn.outputs import Output
from nntool.nn.perturbing import Disturbed, refuse, try_changes
from nntool.nn.randomness import Streams
from nntool.nn.reports import LayerReport, layer_reports
from nntool.nn.tapes import Tape
from nntool.nn.updating import UpdateRules, look_ahead, parts_of, update


class Stepper:
    """A network with its parameters, a loss and rules: `advance` learns from one batch."""

    def __init__(
        self,
        net: Network,
        output: Output,
        rules: UpdateRules,
        *,
        streams: Streams,
        dtype: DTypeLike,
        weight_noise: float = 0.0,
        sample: Batch | None = None,
    ) -> None:
        self.rule = rules.rule
        if not net.has_gradient and self.rule.needs_gradient:
            raise no_gradient(net.spec.activation)
        refuse(net, rules, weight_noise)
        self.net = net
        self.output = output
        self.rules = rules
        self.streams = streams
        self.weight_noise = weight_noise
        drawn = net.initial(streams["init"], dtype, sample)
        self.theta = vector_like(drawn)
        np.copyto(self.theta, drawn)
        self.stats = net.initial_stats(dtype)
        self.parts = parts_of(self.theta, net, rules, apart=weight_noise > 0)
        self.views = net.bind(self.theta, self.stats)
        self._at_point = net.bind(self.parts.point, self.stats)
        self._gradients = net.bind(self.parts.gradient, self.stats)
        self._tapes: dict[int, Tape] = {}
        self._partner_tapes: dict[int, LossTape] = {}
        self._disturbed: dict[int, Disturbed] = {}
        self._loss = math.nan
        self._drawn_from: dict[str, Any] | None = None

    def advance(self, batch: Batch, lr: float) -> float:
        """Make one update; return the loss before it, and make none where that is not finite."""
        loss = self.take_gradient(batch)
        if math.isfinite(loss):
            self.make_update(batch, lr)
        return loss

    def advance_measured(
        self, batch: Batch, lr: float
    ) -> tuple[float, float, tuple[LayerReport, ...]]:
        """Advance, and measure the gradient and what the update does, layer by layer."""
        before = self.theta.copy()
        loss = self.take_gradient(batch)
        if not math.isfinite(loss):
            return loss, math.nan, ()
        gradient = self.parts.gradient.copy()
        self.make_update(batch, lr)
        layers = layer_reports(self.net, gradient, self.theta - before, self.theta, {})
        return loss, math.hypot(*(layer.gradient_norm for layer in layers)), layers

    def take_gradient(self, batch: Batch) -> float:
        """Return the loss of the batch, and write its gradient if the loss is finite."""
        if self.parts.point is not self.theta:
            self._go_to_point()
        wants = self.rule.wants
        if wants in ("curvature", "loss", "units"):
            self._drawn_from = self.streams.state()
        self._loss = self._gradient(batch)
        if wants == "units" and math.isfinite(self._loss):
            self._credit_units(batch)
        return self._loss

    def make_update(self, batch: Batch, lr: float) -> None:
        """Change the parameters by the gradient of this batch, which was just taken."""
        wants = self.rule.wants
        if wants == "loss":
            again = partial(self._again, batch)
            try_changes(self.rules, self.parts, lr, self._loss, self.streams, again)
        elif wants == "curvature":
            update(self.rules, self.parts, lr, lambda: self._gradient_again(batch))
        else:
            update(self.rules, self.parts, lr)

    def tape(self, n_rows: int) -> Tape:
        """Return the buffers for batches of ``n_rows``, made when they are first asked for."""
        if n_rows not in self._tapes:
            dtype = self.theta.dtype
            self._tapes[n_rows] = (self.net.tape(n_rows, dtype), self.output.tape(n_rows, dtype))
        return self._tapes[n_rows]

    def arrays(self) -> dict[str, Array]:
        """Return the arrays that updates change, by name: what a checkpoint must hold."""
        state = self.parts.state
        names = (*self.rule.state_names, "t")
        kept = {f"optimizer.{name}": state[name] for name in names}
        return {"theta": self.theta, "stats": self.stats, **kept}

    def _go_to_point(self) -> None:
        """Move the point of the gradient to where the rule looks, with noise on the weights."""
        parts = self.parts
        np.copyto(parts.point, self.theta)
        if self.rule.wants == "look-ahead":
            look_ahead(self.rules, parts)
        if self.weight_noise:
            noise = self.streams["weight-noise"].standard_normal(parts.n_weights)
            parts.point[: parts.n_weights] += self.weight_noise * noise

    def _gradient(self, batch: Batch) -> float:
        """Return the loss at the point, with its gradient unless that comes by other means."""
        tape, loss_tape = self.tape(batch.n_rows)
        z = self.net.forward(self._at_point, batch, tape, self.streams)
        loss = self._loss_of(z, batch, loss_tape)
        if math.isfinite(loss) and self.rule.wants not in ("loss", "units"):
            self.net.backward(self._at_point, self._gradients, loss_tape.dz, tape)
        return loss

    def _loss_of(self, z: Array, batch: Batch, tape: LossTape) -> float:
        """Return the loss of raw outputs; rows with a partner share theirs with its target."""
        if batch.target is None:
            raise ValueError("training needs rows with a target")
        if batch.share is None or batch.partner_target is None:
            return self.output.value(z, batch.target, batch.weight, tape)
        other = self._partner_tape(batch.n_rows)
        share, rest = batch.share, 1 - batch.share
        mine = share if batch.weight is None else share * batch.weight
        theirs = rest if batch.partner_weight is None else rest * batch.partner_weight
        loss = self.output.value(z, batch.target, mine, tape)
        loss += self.output.value(z, batch.partner_target, theirs, other)
        tape.dz += other.dz
        return loss

    def _again(self, batch: Batch) -> float:
        """Take loss and gradient of the same batch at the point once more, with the same draws.

        Outputs, losses of rows and running statistics stay those of the first time.
        """
        tape, loss_tape = self.tape(batch.n_rows)
        kept = (tape[-1].out, loss_tape.rows, self.stats)
        before = [array.copy() for array in kept]
        with self._same_draws():
            loss = self._gradient(batch)
        for array, first in zip(kept, before, strict=True):
            np.copyto(array, first)
        return loss

    def _gradient_again(self, batch: Batch) -> None:
        if not math.isfinite(self._again(batch)):
            self.parts.gradient.fill(math.nan)

    @contextmanager
    def _same_draws(self) -> Iterator[None]:
        """Let random layers draw what they drew for the first gradient; streams then go on."""
        now = self.streams.state()
        if self._drawn_from is not None:
            self.streams.restore(self._drawn_from)
        yield
        self.streams.restore(now)

    def _credit_units(self, batch: Batch) -> None:
        """Write the gradient that follows from a disturbance of the units."""
        rule, n_rows = self.rule, batch.n_rows
        if not isinstance(rule, NodePerturbation):
            raise TypeError(f"{type(rule).__name__} disturbs no units")
        if n_rows not in self._disturbed:
            self._disturbed[n_rows] = Disturbed(self.net, self.output, n_rows, self.theta.dtype)
        disturbed = self._disturbed[n_rows]
        disturbed.draw(rule.sigma, self.streams["node-perturbation"])
        change = -self._weighted_rows(batch, self.tape(n_rows)[1])
        with self._same_draws():
            z = disturbed.forward(self._at_point, batch, self.streams)
        self._loss_of(z, batch, disturbed.tape[1])
        change += self._weighted_rows(batch, disturbed.tape[1])
        disturbed.credit(self._at_point, self._gradients, change / (n_rows * rule.sigma**2))

    def _weighted_rows(self, batch: Batch, tape: LossTape) -> Array:
        """Return what each row adds to n times the loss of the batch, which was just taken."""
        weight = 1.0 if batch.weight is None else batch.weight
        if batch.share is None:
            return tape.rows * weight
        theirs = 1.0 if batch.partner_weight is None else batch.partner_weight
        other = self._partner_tape(batch.n_rows).rows * theirs
        return np.asarray(batch.share * tape.rows * weight + (1 - batch.share) * other)

    def _partner_tape(self, n_rows: int) -> LossTape:
        if n_rows not in self._partner_tapes:
            self._partner_tapes[n_rows] = self.output.tape(n_rows, self.theta.dtype)
        return self._partner_tapes[n_rows]
