"""One step of several members at once: from a batch of each to changed parameters of all."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from nntool.nn.arrays import Array, scratch_for, vector_like
from nntool.nn.batches import ArrayRows, Batch
from nntool.nn.heads import LossTape
from nntool.nn.members.packing import Packing
from nntool.nn.members.stack import Stack
from nntool.nn.network import Views
from nntool.nn.reports import LayerReport
from nntool.nn.stepping import Stepper
from nntool.nn.updating import Parts, look_ahead, update


class _Rows:
    """Buffers for so many rows of each member, and what the network makes of them."""

    def __init__(self, stepper: "MembersStepper", source: ArrayRows, n_rows: int) -> None:
        first, k = stepper.members[0], stepper.packing.n_members
        dtype = first.theta.dtype
        self.n_rows = n_rows
        self.numeric = np.empty((k, n_rows, source.numeric.shape[1]), source.numeric.dtype)
        same = self.numeric.dtype == dtype
        self.x = self.numeric if same else np.empty(self.numeric.shape, dtype)
        if source.target is None:
            raise ValueError("training needs rows with a target")
        self.target = np.empty((k, n_rows), source.target.dtype)
        self.weight: Array | None = None
        if source.weight is not None:
            self.weight = np.empty((k, n_rows), source.weight.dtype)
        self.tape: LossTape = first.output.tape(k * n_rows, dtype)
        self.share = np.array(1 / n_rows, dtype)
        self.stack = Stack(first.net, stepper.at_point, stepper.gradients, (k, n_rows), dtype)

    def gather(self, source: ArrayRows, rows: Array) -> None:
        """Fill the buffers with rows `(K, n)` of a source."""
        arrays = (source.numeric, source.target, source.weight)
        for array, buffer in zip(arrays, (self.numeric, self.target, self.weight), strict=True):
            if array is not None and buffer is not None:
                np.take(array, rows, axis=0, out=buffer, mode="clip")  # other modes allocate
        if self.x is not self.numeric:
            np.copyto(self.x, self.numeric)

    def batch(self, member: int) -> Batch:
        """Return the rows of one member."""
        weight = None if self.weight is None else self.weight[member]
        return Batch(self.numeric[member], None, self.target[member], weight)


class Measured(NamedTuple):
    """Norms by layer and member at one update: of the gradient, the change, the parameters."""

    gradient: dict[str, list[float]]
    change: dict[str, list[float]]
    size: dict[str, list[float]]

    def of(self, member: int, hidden: Sequence[str]) -> tuple[float, tuple[LayerReport, ...]]:
        """Return the norm of the gradient of one member, and the reports of its layers."""
        layers = []
        for name in self.gradient:
            gradient, change, size = (norms[name][member] for norms in self)
            layers.append(LayerReport(name, gradient, change, size, name in hidden))
        return math.hypot(*(layer.gradient_norm for layer in layers)), tuple(layers)


class MembersStepper:
    """Several steppers of one form and one place in their training, whose steps are made together.

    It works on copies of their parameters and of the state of their rule: `fetch` makes them,
    `give_back` writes them into the members again.
    """

    def __init__(self, members: Sequence[Stepper], source: ArrayRows) -> None:
        first = members[0]
        self.members = members
        self.source = source
        self.packing = packing = Packing(first.net, len(members))
        self.streams = [member.streams for member in members]
        self.theta = vector_like(np.empty(len(members) * first.net.size, first.theta.dtype))
        away = first.parts.point is not first.parts.theta
        self.parts = Parts(
            theta=self.theta,
            point=self.theta.copy() if away else self.theta,
            gradient=vector_like(self.theta),
            n_weights=packing.n_weights,
            matrices=first.net.matrices(Views(packing.views(self.theta), ())),
            state=first.rules.rule.init(self.theta),
            scratch=scratch_for(self.theta),
        )
        self.at_point = packing.views(self.parts.point)
        self.gradients = packing.views(self.parts.gradient)
        self._rows: dict[int, _Rows] = {}

    def fetch(self) -> None:
        """Take parameters and states as the members have them now."""
        for vector, of_members in self._vectors():
            self.packing.pack(vector, of_members)
        for name in self._counters():
            np.copyto(self.parts.state[name], self.members[0].parts.state[name])

    def give_back(self) -> None:
        """Write parameters and states into the members."""
        for vector, of_members in self._vectors():
            self.packing.unpack(vector, of_members)
        for member in self.members:
            for name in self._counters():
                np.copyto(member.parts.state[name], self.parts.state[name])

    def take_gradient(self, rows: Array) -> tuple[Array, Array]:
        """Return losses `(K,)` and raw outputs `(K, n, n_outputs)` of rows `(K, n)` of the source.

        The gradients are written then; that of a loss that is not finite means nothing.
        """
        of = self.rows(rows.shape[1])
        of.gather(self.source, rows)
        if self.parts.point is not self.theta:
            look_ahead(self.members[0].rules, self.parts)
        z = of.stack.forward(of.x, self.streams)
        losses = self._losses(z, of)
        of.stack.backward(of.tape.dz.reshape(z.shape))
        return losses, z

    def make_update(self, lr: float) -> None:
        """Change the parameters of all members by the gradients that were just taken."""
        update(self.members[0].rules, self.parts, lr)

    def make_update_measured(self, lr: float) -> Measured:
        """Do that, and measure what it does."""
        before, gradient = self.theta.copy(), self.packing.norms(self.parts.gradient)
        self.make_update(lr)
        norms = self.packing.norms
        return Measured(gradient, norms(self.theta - before), norms(self.theta))

    def rows(self, n_rows: int) -> _Rows:
        """Return the buffers for so many rows of each member."""
        if n_rows not in self._rows:
            self._rows[n_rows] = _Rows(self, self.source, n_rows)
        return self._rows[n_rows]

    def targets(self, n_rows: int) -> tuple[Array, Array | None]:
        """Return targets and weights `(K, n)` of the last batch of so many rows."""
        of = self._rows[n_rows]
        return of.target, of.weight

    def batch(self, member: int, n_rows: int) -> Batch:
        """Return the rows of one member in the last batch of so many."""
        return self._rows[n_rows].batch(member)

    def _vectors(self) -> Iterator[tuple[Array, list[Array]]]:
        """Yield each vector that steps change, beside those of the members."""
        yield self.theta, [member.theta for member in self.members]
        for name in self.members[0].rules.rule.state_names:
            if self.parts.state[name].ndim:
                yield self.parts.state[name], [member.parts.state[name] for member in self.members]

    def _counters(self) -> list[str]:
        """The numbers of a rule that follow from how many updates there were: the same for all."""
        state = self.parts.state
        names = (*self.members[0].rules.rule.state_names, "t", "epoch")
        return [name for name in names if not state[name].ndim]

    def _losses(self, z: Array, of: _Rows) -> Array:
        """As `Output.value`, with each member's own number of rows."""
        output, tape, k = self.members[0].output, of.tape, len(z)
        output.loss.rows(output.head, z.reshape(-1, z.shape[2]), of.target.reshape(-1), tape)
        rows = tape.rows.reshape(k, -1)
        if of.weight is None:
            tape.dz *= of.share
            return np.asarray(np.add.reduce(rows, axis=1).astype(np.float64) / of.n_rows)
        shares = tape.column.reshape(k, -1)
        np.divide(of.weight, of.n_rows, out=shares, dtype=shares.dtype)
        tape.dz *= tape.column
        return np.array([float(np.dot(*pair)) for pair in zip(rows, shares, strict=True)])
