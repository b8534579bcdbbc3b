# ruff: noqa: D102  (the base class of each family says what its methods mean)
"""The form of a loss, and the losses that compare a prediction with a number behind any link."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nntool.nn.arrays import Array
from nntool.nn.heads import Head, LossTape, Task
from nntool.nn.setting import setting


@dataclass(frozen=True, kw_only=True)
class Loss:
    """The form of a loss; ``links`` says for which tasks it is meant and behind which links.

    The first link of a task is its default. ``squared`` is c of ½·c·(ŷ − y)². ``has_gradient`` is
    False where what stands in for the gradient is not that of the loss itself: a line search has
    nothing to go by.
    """

    kind: ClassVar[str] = "loss"
    links: ClassVar[Mapping[Task, tuple[str, ...]]]
    takes_coding: ClassVar[bool] = False
    scales_target: ClassVar[bool] = True
    squared: ClassVar[float] = 0.0
    has_gradient: ClassVar[bool] = True

    def rows(self, head: Head, z: Array, y: Array, tape: LossTape) -> None:
        """Write the loss of each row into ``tape.rows`` and its gradient into ``tape.dz``."""
        raise NotImplementedError

    def hessian_product(self, head: Head, z: Array, y: Array, v: Array) -> Array:
        """Return the Hessian of each row's loss in z times that row of ``v``; 0 at kinks."""
        raise NotImplementedError

    def gauss_newton_product(self, head: Head, z: Array, y: Array, v: Array) -> Array:
        """Return the same with a matrix that is never indefinite: the Hessian if convex in z."""
        return self.hessian_product(head, z, y, v)

    def is_curved(self, head: Head) -> bool:
        """Whether it bends anywhere but at kinks; if not, Gauss–Newton knows nothing of it."""
        return True

    def refuses(self, head: Head, y: Array) -> tuple[Array, str]:
        """Mark the targets `(n,)` that have no loss, and say what is wrong with them."""
        if head.task != "regression":
            return (y < 0) | (y >= head.n_classes), f"is no class from 0 to {head.n_classes - 1}"
        return ~np.isfinite(y), "is not finite"


@dataclass(frozen=True, kw_only=True)
class PointLoss(Loss):
    """A loss of a prediction and a number; the outputs of a row are summed.

    Classes behind the identity are coded ±1, and the outputs are scores: units as in Adaline.
    """

    links: ClassVar[Mapping[Task, tuple[str, ...]]] = {
        "binary": ("sigmoid", "tanh", "softmax", "identity"),
        "multiclass": ("softmax", "sigmoid", "tanh", "identity"),
        "regression": ("identity", "exp", "sigmoid", "tanh"),
    }
    takes_coding: ClassVar[bool] = True

    def rows(self, head: Head, z: Array, y: Array, tape: LossTape) -> None:
        head.code_targets(y, tape.target)
        head.link.forward(z, tape.predicted)
        self.points(head, tape.predicted, tape.target, tape.values, tape.dz)
        head.link.backward(tape.predicted, tape.dz)
        if head.n_outputs > 1:
            np.add.reduce(tape.values, axis=1, out=tape.rows)

    def hessian_product(self, head: Head, z: Array, y: Array, v: Array) -> Array:
        """Jᵀ·diag(ℓ″)·J·v and what the link's own bend makes of ℓ′; J is that of the link."""
        predicted, target = self._compare(head, z, y)
        slope = np.empty_like(z)
        self.points(head, predicted, target, np.empty_like(z), slope)
        along = self._through(head, predicted, self.bends(head, predicted, target), v)
        along += head.link.bend(predicted, slope, v)
        return along

    def gauss_newton_product(self, head: Head, z: Array, y: Array, v: Array) -> Array:
        """Jᵀ·diag(max(ℓ″, 0))·J·v: of a squared error it is that of Levenberg and Marquardt."""
        predicted, target = self._compare(head, z, y)
        bends = np.maximum(self.bends(head, predicted, target), 0)
        return self._through(head, predicted, bends, v)

    def bends(self, head: Head, predicted: Array, target: Array) -> Array | float:
        """Return ∂²loss/∂ŷ² of each output."""
        return self.squared

    def _compare(self, head: Head, z: Array, y: Array) -> tuple[Array, Array]:
        predicted, target = np.empty_like(z), np.empty_like(z)
        head.code_targets(y, target)
        head.link.forward(z, predicted)
        return predicted, target

    def _through(self, head: Head, predicted: Array, bends: Array | float, v: Array) -> Array:
        along = v.copy()
        head.link.backward(predicted, along)
        along *= bends
        head.link.backward(predicted, along)
        return along

    def points(
        self, head: Head, predicted: Array, target: Array, loss: Array, slope: Array
    ) -> None:
        """Write the loss of each output into ``loss`` and ∂loss/∂ŷ into ``slope``."""
        raise NotImplementedError

    def refuses(self, head: Head, y: Array) -> tuple[Array, str]:
        low, high = head.link.reaches
        if head.task == "regression" and (low, high) != (-np.inf, np.inf):
            return ~((y >= low) & (y <= high)), f"is outside [{low:g}, {high:g}], the link's range"
        return Loss.refuses(self, head, y)


@dataclass(frozen=True, kw_only=True)
class MSE(PointLoss):
    """Squared error.

    L = (ŷ − y)²; ∂L/∂ŷ = 2(ŷ − y). Legendre 1805.
    Use: for regression; the default, it aims at the mean. For classes where a wrong label should
    not cost without bound.
    """

    squared: ClassVar[float] = 2.0

    def points(
        self, head: Head, predicted: Array, target: Array, loss: Array, slope: Array
    ) -> None:
        np.subtract(predicted, target, out=slope)
        np.multiply(slope, slope, out=loss)
        slope += slope


@dataclass(frozen=True, kw_only=True)
class HalfMSE(PointLoss):
    """Half the squared error, whose gradient is the error.

    L = ½(ŷ − y)²; ∂L/∂ŷ = ŷ − y. Rumelhart, Hinton & Williams 1986, Nature 323.
    Use: as mse, where the gradient is to be the error itself, as textbooks and full-batch methods
    have it.
    """

    squared: ClassVar[float] = 1.0

    def points(
        self, head: Head, predicted: Array, target: Array, loss: Array, slope: Array
    ) -> None:
        np.subtract(predicted, target, out=slope)
        np.multiply(slope, slope, out=loss)
        loss *= 0.5


@dataclass(frozen=True, kw_only=True)
class MAE(PointLoss):
    """Absolute error; its minimum is the median.

    L = |ŷ − y|; ∂L/∂ŷ = sign(ŷ − y), 0 at 0. Laplace 1774.
    Use: where some targets are far off and should not rule; it aims at the median.
    """

    def is_curved(self, head: Head) -> bool:
        return False

    def points(
        self, head: Head, predicted: Array, target: Array, loss: Array, slope: Array
    ) -> None:
        np.subtract(predicted, target, out=slope)
        np.abs(slope, out=loss)
        np.sign(slope, out=slope)


@dataclass(frozen=True, kw_only=True)
class Huber(PointLoss):
    """Squared for small errors, absolute for large ones, in the unit that the network learns in.

    L = ½e² where |e| ≤ δ, else δ(|e| − ½δ); ∂L/∂ŷ = e clipped to [−δ, δ]; e = ŷ − y.
    Huber 1964, Annals of Mathematical Statistics 35.
    Use: as mae, where small errors are to be judged as mse does.
    """

    delta: float = setting(1.0, "error from which the loss grows linearly", gt=0)

    def points(
        self, head: Head, predicted: Array, target: Array, loss: Array, slope: Array
    ) -> None:
        np.subtract(predicted, target, out=slope)
        np.abs(slope, out=loss)
        np.clip(slope, -self.delta, self.delta, out=slope)
        loss -= 0.5 * np.abs(slope)  # |clipped|·(|e| − ½|clipped|) is both cases at once
        loss *= np.abs(slope)

    def bends(self, head: Head, predicted: Array, target: Array) -> Array:
        return np.asarray(np.abs(predicted - target) <= self.delta, predicted.dtype)


@dataclass(frozen=True, kw_only=True)
class MAPE(PointLoss):
    """Absolute error in per cent of the target, both in the target's own unit.

    L = 100·|(u(ŷ) − u(y))/u(y)|, u the map to the own unit; the gradient goes through u.
    A target of 0 has no such error; with ``floor`` the divisor is max(|u(y)|, floor).
    Makridakis 1993, International Journal of Forecasting 9.
    Use: where an error of one per cent costs the same for every size of target, all far from 0.
    """

    links: ClassVar[Mapping[Task, tuple[str, ...]]] = {
        "regression": PointLoss.links["regression"],
    }
    takes_coding: ClassVar[bool] = False

    floor: float | None = setting(None, "smallest divisor, in the target's own unit", gt=0)

    def points(
        self, head: Head, predicted: Array, target: Array, loss: Array, slope: Array
    ) -> None:
        own = head.target_map.to_own(target)
        divisor = np.abs(own) if self.floor is None else np.maximum(np.abs(own), self.floor)
        np.subtract(head.target_map.to_own(predicted), own, out=slope)
        np.abs(slope, out=loss)
        loss /= divisor
        loss *= 100
        np.sign(slope, out=slope)
        slope *= 100 * head.target_map.slope(predicted)
        slope /= divisor

    def is_curved(self, head: Head) -> bool:
        return head.target_map.log1p

    def bends(self, head: Head, predicted: Array, target: Array) -> Array | float:
        to = head.target_map
        own = to.to_own(target)
        divisor = np.abs(own) if self.floor is None else np.maximum(np.abs(own), self.floor)
        return np.asarray(100 * np.sign(to.to_own(predicted) - own) * to.bend(predicted) / divisor)

    def refuses(self, head: Head, y: Array) -> tuple[Array, str]:
        refused, reason = PointLoss.refuses(self, head, y)
        if self.floor is not None or np.any(refused):
            return refused, reason
        # a 0 that was scaled in float32 comes back as a rounding error of the map
        to = head.target_map
        noise = 4 * np.finfo(np.float32).eps * (np.abs(y * to.scale) + abs(to.location))
        return np.abs(to.to_own(y)) <= noise, "is 0, which has no percentage error"


@dataclass(frozen=True, kw_only=True)
class Quantile(PointLoss):
    """Pinball loss; its minimum is the τ-quantile.

    L = τ·e where e = y − ŷ ≥ 0, else (τ − 1)·e. Koenker & Bassett 1978, Econometrica 46.
    Use: where too little and too much cost differently, or for the edge of a range.
    """

    links: ClassVar[Mapping[Task, tuple[str, ...]]] = {
        "regression": PointLoss.links["regression"],
    }
    takes_coding: ClassVar[bool] = False

    tau: float = setting(0.5, "which quantile", gt=0, lt=1)

    def is_curved(self, head: Head) -> bool:
        return False

    def points(
        self, head: Head, predicted: Array, target: Array, loss: Array, slope: Array
    ) -> None:
        np.subtract(target, predicted, out=loss)
        np.sign(loss, out=slope)
        slope *= -0.5
        slope += np.where(slope != 0, 0.5 - self.tau, 0)  # −τ below the target, 1 − τ above it
        loss *= slope
        np.negative(loss, out=loss)
