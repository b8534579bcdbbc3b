# ruff: noqa: D102  (the base class says what the methods mean)
"""An activation of which every unit learns how much it wants."""

from collections.abc import Sequence

import numpy as np

from nntool.nn.arrays import Array, Arrays, DTypeLike
from nntool.nn.layers import Activate, Parameter, UnitSlopes, share_idle
from nntool.nn.randomness import Streams
from nntool.nn.tapes import LayerTape, SecondTape
from nntool.nn.threshold_activations import Activation


class ParametricActivate(Activate):
    """A learned mix of the activation and of what went in, for each unit.

    y = z + α(f(z) − z); ∂α = Σ ∂y·(f(z) − z), ∂z = ∂y·(1 + α(f′(z) − 1)). α starts at 1, the plain
    activation; 0 makes a linear unit. It generalizes the learned slope of He, Zhang, Ren & Sun
    2015, arXiv 1502.01852: with relu, α is 1 less that slope.
    """

    def __init__(self, name: str, width: int, activation: Activation) -> None:
        super().__init__(name, width, activation)
        self.parameters = (Parameter("alpha", (width,), exempt=True),)

    def initialize(self, p: Sequence[Array], rng: np.random.Generator) -> None:
        p[0].fill(1)

    def tape(self, n_rows: int, dtype: DTypeLike) -> LayerTape:
        t = super().tape(n_rows, dtype)
        shape = (n_rows, self.n_out)
        # x: f(z) − z, dx: a copy of ∂y and f(z) before it, kept: what the activation keeps
        t.out, t.dx, t.x = (np.empty(shape, dtype) for _ in range(3))
        if not self.keeps_slope:
            t.kept = np.empty(shape, dtype)
        return t

    def forward(
        self, p: Sequence[Array], s: Sequence[Array], x: Array, t: LayerTape, rng: Streams | None
    ) -> Array:
        draws = None if rng is None else rng["stochastic-units"]
        f = t.dx if self.keeps_slope else t.kept
        np.copyto(f, x)
        self.activation.forward(f, t.kept, t.scratch, draws)
        np.subtract(f, x, out=t.x)
        np.multiply(t.x, p[0], out=t.out)
        t.out += x
        return t.out

    def backward(self, p: Sequence[Array], g: Sequence[Array], dy: Array, t: LayerTape) -> Array:
        np.einsum("ij,ij->j", dy, t.x, out=g[0])
        np.copyto(t.dx, dy)
        self.activation.backward(t.kept, dy, t.scratch)  # dy becomes ∂y·f′
        dy -= t.dx
        dy *= p[0]
        dy += t.dx
        return dy

    def tangent(self, p: Arrays, v: Arrays, x_dot: Array | None, r: SecondTape) -> Array:
        t = r.back
        np.multiply(t.x, v[0], out=r.out)
        if x_dot is not None:
            slopes = x_dot.copy()
            self.activation.backward(t.kept, slopes, t.scratch)
            r.out += x_dot + p[0] * (slopes - x_dot)
        return r.out

    def bend(self, p: Arrays, v: Arrays, g: Arrays, dx: Array, r: SecondTape) -> None:
        less, alphas = self._less(r), g[0]
        dx += v[0] * less
        if r.x_dot is None:
            return
        alphas += np.einsum("ij,ij->j", less, r.x_dot)
        if r.kept.size:
            dx += p[0] * r.kept * r.x_dot

    def write_row_gradients(self, g: Arrays, dy: Array, t: LayerTape) -> None:
        np.multiply(dy, t.x, out=g[0])

    def add_row_bends(self, p: Arrays, g: Arrays, r: SecondTape) -> None:
        alphas = g[0]
        if r.x_dot is not None:
            alphas += self._less(r) * r.x_dot

    def slopes_of(self, unit: int, t: LayerTape) -> list[UnitSlopes]:
        return [UnitSlopes(0, ([unit],), t.x[:, [unit]])]

    def _less(self, r: SecondTape) -> Array:
        """Return ∂y·(f′ − 1)."""
        less = r.dy.copy()
        self.activation.backward(r.back.kept, less, r.back.scratch)
        less -= r.dy
        return less

    def idle(self, p: Sequence[Array], t: LayerTape) -> float:
        slopes = np.ones_like(t.kept)
        self.activation.backward(t.kept, slopes, t.scratch)
        return share_idle(1 + p[0] * (slopes - 1), self.activation)
