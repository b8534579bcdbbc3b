"""Exact second-order products: the Hessian or the Gauss–Newton matrix times a vector.

Pearlmutter 1994, Neural Computation 6 (the R-operator), and Schraudolph 2002, Neural Computation
14: neither matrix is ever made, and no difference is taken. The network is passed as it predicts:
nothing is drawn, batch norm takes its running statistics.
"""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np

from nntool.nn.arrays import Array, Arrays, DTypeLike
from nntool.nn.batches import Batch
from nntool.nn.network import Network, Views
from nntool.nn.outputs import Output
from nntool.nn.penalties import Penalty


class Curvature:
    """One block of rows seen at one point: its loss, gradient and second-order products.

    `visit` passes the rows forward; what is asked for afterwards is about these rows at this point,
    as often as wanted, until the next visit. Everything is *added* to a vector that the caller
    owns, as part of Σ weight·loss / n over all rows, so that blocks add up in their order.

    >>> from nntool.nn.network import NetworkSpec
    >>> from nntool.nn.outputs import choose_output
    >>> from nntool.nn.point_losses import HalfMSE
    >>> net = Network(NetworkSpec(n_numeric=1, n_outputs=1, hidden=()))
    >>> block = Curvature(net, choose_output("regression", 0, HalfMSE()), 2, np.float64)
    >>> rows = Batch(np.array([[1.0], [3.0]]), target=np.array([0.0, 1.0]))
    >>> block.visit(net.bind(np.array([1.0, 0.0])), rows)  # w = 1, b = 0
    1.25
    >>> gradient, product = np.zeros(2), np.zeros(2)
    >>> block.add_gradient(gradient)
    >>> block.add_hessian_product(np.array([1.0, 0.0]), product)
    >>> gradient.tolist(), product.tolist()  # mean of x·e and e; mean of x² and x
    ([3.5, 1.5], [5.0, 2.0])
    """

    def __init__(self, net: Network, output: Output, n_rows: int, dtype: DTypeLike) -> None:
        """Make the buffers for blocks of ``n_rows``."""
        self.net = net
        self.output = output
        self.n_rows = n_rows
        self._tape = net.tape(n_rows, dtype)
        self._loss_tape = output.tape(n_rows, dtype)
        self._second = [layer.second_tape(n_rows, dtype) for layer in net.layers]
        self._lowest = next(i for i, layer in enumerate(net.layers) if layer.parameters)
        self._stats = net.initial_stats(dtype)
        self._gradient, self._direction, self._part = (np.empty(net.size, dtype) for _ in range(3))
        self._gradients = net.bind(self._gradient, self._stats).parameters
        self._v = net.bind(self._direction, self._stats).parameters
        self._parts = net.bind(self._part, self._stats).parameters
        self._views = Views((), ())
        self._z = self._y = np.empty(0)
        self._scale = np.empty((0, 1))
        self._went_back = self._settled = False

    def visit(self, views: Views, batch: Batch, share: float = 1.0) -> float:
        """Return ``share`` times the loss of a block; ``share`` is its part of all rows.

        What ``views`` are bound to and the arrays of ``batch`` stay as they are until the last
        product that is asked for.
        """
        if batch.n_rows != self.n_rows or batch.target is None:
            raise ValueError(f"a block of {self.n_rows} rows with their targets is needed")
        self._views, self._y = views, batch.target
        self._z = self._forward(batch)
        self._went_back = self._settled = False
        loss = self.output.value(self._z, batch.target, batch.weight, self._loss_tape)
        self._loss_tape.dz *= share
        self._scale = np.full((self.n_rows, 1), share / self.n_rows, self._z.dtype)
        if batch.weight is not None:
            self._scale *= batch.weight[:, np.newaxis]
        return share * loss

    def add_gradient(self, out: Array) -> None:
        """Add the block's gradient."""
        self._go_back()
        out += self._gradient

    def add_hessian_product(self, v: Array, out: Array) -> None:
        """Add H·v, H the second derivatives of the block's loss; where it has a kink, 0."""
        self._go_back()
        self._settle()
        z_dot = self._tangent(v)
        bent = self.output.loss.hessian_product(self.output.head, self._z, self._y, z_dot)
        self._take_back(bent, bends=True)
        out += self._part

    def add_gauss_newton_product(self, v: Array, out: Array) -> None:
        """Add JᵀH_LJ·v: J of the raw outputs, H_L of the loss in them, made never indefinite."""
        z_dot = self._tangent(v)
        bent = self.output.loss.gauss_newton_product(self.output.head, self._z, self._y, z_dot)
        self._take_back(bent, bends=False)
        out += self._part

    def add_hessian(self, out: Array) -> None:
        """Add the Hessian itself to ``out`` `(size, size)`, in a pass for each unit.

        Above a layer everything changes, row by row, in proportion to how its outputs change. So
        one pass along each output tells about all parameters of that unit: their ∂y/∂p times how
        the gradients of the layer and of those above change.
        """
        self._go_back()
        self._settle()
        self._direction.fill(0)  # no parameter changes, only the output of a unit
        places = self.net.bind(np.arange(self.net.size), self._stats).parameters
        for i in range(self._lowest, len(self.net.layers)):
            above = places[i:]
            columns = np.concatenate([at.ravel() for layer in above for at in layer])
            rows = np.empty((self.n_rows, len(columns)), out.dtype)
            gradients = row_views(rows, above)
            n_own = sum(at.size for at in places[i])
            for unit in range(self.net.layers[i].n_out):
                found = self.net.layers[i].slopes_of(unit, self._second[i].back)
                if found:
                    self._write_row_changes(i, unit, gradients)
                    own = np.concatenate([places[i][one.number][one.at].ravel() for one in found])
                    slopes = np.concatenate([one.slopes for one in found], axis=1)
                    part = np.dot(slopes.T, rows)
                    out[np.ix_(own, columns)] += part
                    out[np.ix_(columns[n_own:], own)] += part[:, n_own:].T

    def add_gauss_newton(self, out: Array) -> None:
        """Add the Gauss–Newton matrix itself, of a squared loss, to ``out`` `(size, size)`."""
        for jacobian, _ in self.residuals():
            out += np.dot(jacobian.T, jacobian)

    def residuals(self) -> Iterator[tuple[Array, Array]]:
        """Yield J `(n, size)` and r `(n,)` of a squared loss, output by output.

        Scaled so that the block's part of the loss is the sum of ½·rᵀr, of its gradient of Jᵀr, of
        the Gauss–Newton matrix of JᵀJ, as Levenberg 1944 and Marquardt 1963 want them: r is ŷ − y,
        J the derivative of ŷ, each times √(c·weight/n), c = 2 of mse, 1 of half-mse. J is a buffer
        that the next output overwrites.
        """
        head, c = self.output.head, self.output.loss.squared
        if not c:
            raise ValueError("only a squared loss has residuals")
        predicted, target = np.empty_like(self._z), np.empty_like(self._z)
        head.link.forward(self._z, predicted)
        head.code_targets(self._y, target)
        root = np.sqrt(c * self._scale)
        jacobian = np.empty((self.n_rows, self.net.size), predicted.dtype)
        for k in range(head.n_outputs):
            dz = np.zeros_like(predicted)
            dz[:, k] = root[:, 0]
            head.link.backward(predicted, dz)
            self._write_row_gradients(dz, jacobian)
            yield jacobian, root[:, 0] * (predicted[:, k] - target[:, k])

    def _forward(self, batch: Batch) -> Array:
        x: Any = batch
        for layer, p, s, t, r in zip(
            self.net.layers, *self._views, self._tape, self._second, strict=True
        ):
            if layer.works_in_place:
                np.copyto(r.x, x)
            x = layer.forward(p, s, x, t, None)
            r.follow(t)
        return cast(Array, x)

    def _go_back(self) -> None:
        """Pass the gradient back, once in a visit, and keep it as it comes to each layer."""
        if self._went_back:
            return
        dy = self._loss_tape.dz
        for i in range(len(self.net.layers) - 1, self._lowest - 1, -1):
            layer, p, r = self.net.layers[i], self._views.parameters[i], self._second[i]
            if layer.works_in_place:
                np.copyto(r.dy, dy)
            else:
                r.dy = dy
            dy = layer.backward(p, self._gradients[i], dy, self._tape[i])
        self._went_back = True

    def _settle(self) -> None:
        """Let the layers prepare for any number of Hessian products, once in a visit."""
        if not self._settled:
            for layer, p, r in zip(
                self.net.layers, self._views.parameters, self._second, strict=True
            ):
                layer.settle(p, r)
        self._settled = True

    def _tangent(self, v: Array) -> Array:
        """Return how the raw outputs change as the parameters change by ``v``."""
        np.copyto(self._direction, v)
        x_dot: Array | None = None
        for layer, p, v_of_layer, r in zip(
            self.net.layers, self._views.parameters, self._v, self._second, strict=True
        ):
            r.x_dot = x_dot
            x_dot = layer.tangent(p, v_of_layer, x_dot, r)
        return cast(Array, x_dot)

    def _write_row_gradients(self, dz: Array, out: Array) -> None:
        """Write the gradient of each row's ``dz``·z into ``out`` `(n, size)`."""
        gradients = self.net.bind(out, self._stats).parameters
        dy = dz
        for i in range(len(self.net.layers) - 1, self._lowest - 1, -1):
            layer, p, back = self.net.layers[i], self._views.parameters[i], self._second[i].back
            layer.write_row_gradients(gradients[i], dy, back)
            dy = layer.backward(p, self._parts[i], dy, back)

    def _write_row_changes(self, i: int, unit: int, out: Sequence[Arrays]) -> None:
        """Write how the gradient of each row changes with one output of layer ``i``.

        ``out`` are arrays `(n, *shape)` for that layer and each above.
        """
        layers, p, r = self.net.layers, self._views.parameters, self._second
        x_dot: Array | None = np.zeros_like(r[i].out)
        cast(Array, x_dot)[:, unit] = 1
        r[i].x_dot = None
        for j in range(i + 1, len(layers)):
            r[j].x_dot = x_dot
            x_dot = layers[j].tangent(p[j], self._v[j], x_dot, r[j])
        head, z_dot = self.output.head, cast(Array, x_dot)
        dy = self.output.loss.hessian_product(head, self._z, self._y, z_dot) * self._scale
        for j in range(len(layers) - 1, i - 1, -1):
            layers[j].write_row_gradients(out[j - i], dy, r[j].back)
            layers[j].add_row_bends(p[j], out[j - i], r[j])
            if j > i:
                dy = layers[j].backward(p[j], self._parts[j], dy, r[j].back)
                layers[j].bend(p[j], self._v[j], self._parts[j], dy, r[j])

    def _take_back(self, bent: Array, *, bends: bool) -> None:
        """Write what a change of each row's gradient in the raw outputs makes of the gradient."""
        dy = bent * self._scale
        for i in range(len(self.net.layers) - 1, self._lowest - 1, -1):
            layer, p, r = self.net.layers[i], self._views.parameters[i], self._second[i]
            dy = layer.backward(p, self._parts[i], dy, r.back)
            if bends:
                layer.bend(p, self._v[i], self._parts[i], dy, r)


def row_views(rows: Array, places: Sequence[Arrays]) -> list[list[Array]]:
    """Return stretches of each row, one after the other, as arrays `(n, *shape)`.

    >>> [[a.shape for a in layer] for layer in row_views(np.empty((5, 8)), [[np.ones((2, 3))], []])]
    [[(5, 2, 3)], []]
    """
    views: list[list[Array]] = []
    start = 0
    for layer in places:
        views.append([])
        for at in layer:
            part = rows[:, start : start + at.size]
            views[-1].append(part.reshape(len(rows), *at.shape, copy=False))
            start += at.size
    return views


def penalty_bends(penalties: Sequence[Penalty], weights: Array, *, positive: bool) -> Array:
    """Return the diagonal that penalties add to the Hessian, for the weights that they are for.

    ``positive`` cuts it at 0, as a Gauss–Newton matrix wants it.

    >>> from nntool.nn.penalties import L2
    >>> penalty_bends([L2(rate=0.5)], np.array([1.0, -2.0]), positive=True)
    array([0.5, 0.5])
    """
    bends = np.zeros_like(weights)
    for penalty in penalties:
        bends += penalty.bends(weights)
    return np.maximum(bends, 0) if positive else bends
