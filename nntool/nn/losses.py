# ruff: noqa: D102  (the base class of each family says what its methods mean)
"""Losses: value for each row and gradient with respect to the raw outputs, in one call.

Those here take logits and are written so that no exponential can overflow; those of
`point_losses` compare a prediction with a number, output by output.
Source of the definitions, where a class names none: Goodfellow, Bengio & Courville 2016, ch. 6.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nntool.nn.arrays import Array
from nntool.nn.heads import Head, LossTape, Task
from nntool.nn.links import SoftmaxLink, sigmoid
from nntool.nn.point_losses import MAE, MAPE, MSE, HalfMSE, Huber, Loss, Quantile
from nntool.nn.setting import setting


@dataclass(frozen=True, kw_only=True)
class BCE(Loss):
    """Binary cross-entropy from one logit.

    L = −[y ln ŷ + (1 − y) ln(1 − ŷ)] = max(z, 0) − y·z + ln(1 + e^(−|z|)); ∂L/∂z = ŷ − y.
    Cox 1958, JRSS B 20.
    Smoothing replaces y by y(1 − s) + s/2 (Szegedy et al. 2016, arXiv 1512.00567).
    Use: for two classes; the default, and what makes probabilities honest.
    """

    links: ClassVar[Mapping[Task, tuple[str, ...]]] = {"binary": ("sigmoid",)}

    smoothing: float = setting(0.0, "share of the target given to both classes alike", ge=0, lt=1)

    def rows(self, head: Head, z: Array, y: Array, tape: LossTape) -> None:
        target, small, loss = tape.target, tape.predicted, tape.values
        head.code_targets(y, target)
        if self.smoothing:
            target *= 1 - self.smoothing
            target += self.smoothing / 2
        np.abs(z, out=small)
        np.negative(small, out=small)
        np.exp(small, out=small)
        np.copyto(tape.dz, small)
        np.copyto(tape.dz, 1, where=z >= 0)
        np.log1p(small, out=loss)
        small += 1
        tape.dz /= small
        tape.dz -= target
        loss += np.maximum(z, 0)
        target *= z
        loss -= target

    def hessian_product(self, head: Head, z: Array, y: Array, v: Array) -> Array:
        small = np.exp(-np.abs(z))  # ŷ(1 − ŷ) = e/(1 + e)²
        return np.asarray(small / (1 + small) ** 2 * v)


@dataclass(frozen=True, kw_only=True)
class CCE(Loss):
    """Cross-entropy of classes under softmax.

    L = −Σ_c y_c ln ŷ_c; ∂L/∂z = ŷ − y. Bridle 1990, NATO ASI F 68.
    Smoothing replaces y by y(1 − s) + s/K (Szegedy et al. 2016, arXiv 1512.00567).
    Use: for three classes or more; the default there.
    """

    links: ClassVar[Mapping[Task, tuple[str, ...]]] = {
        "multiclass": ("softmax",),
        "binary": ("softmax",),
    }

    smoothing: float = setting(0.0, "share of the target given to all classes alike", ge=0, lt=1)

    def rows(self, head: Head, z: Array, y: Array, tape: LossTape) -> None:
        s, dz, column, rows = self.smoothing, tape.dz, tape.column, tape.rows
        np.max(z, axis=1, keepdims=True, out=column)
        np.subtract(z, column, out=dz)
        spoken_for = dz[tape.index, y]
        if s:
            spoken_for = (1 - s) * spoken_for + s * dz.mean(axis=1)
        np.exp(dz, out=dz)
        np.add.reduce(dz, axis=1, keepdims=True, out=column)
        dz /= column
        np.log(column[:, 0], out=rows)
        rows -= spoken_for
        dz[tape.index, y] -= 1 - s
        if s:
            dz -= s / head.n_classes

    def hessian_product(self, head: Head, z: Array, y: Array, v: Array) -> Array:
        return bend_of_classes(z, v)


@dataclass(frozen=True, kw_only=True)
class Focal(Loss):
    """Cross-entropy in which rows that are already right count less.

    L = −(1 − p)^γ ln p, p the probability of the row's class. With ℓ = −ln p and q = 1 − p:
    ∂L/∂z_c = −q^γ·(γ·p·ℓ/q + 1)·(1{c = y} − ŷ_c). Lin et al. 2017, arXiv 1708.02002.
    Use: where one class is so frequent that its easy rows drown the others; probabilities come out
    too timid.
    """

    links: ClassVar[Mapping[Task, tuple[str, ...]]] = {
        "binary": ("sigmoid", "softmax"),
        "multiclass": ("softmax",),
    }

    gamma: float = setting(2.0, "how much less; 0 is plain cross-entropy", ge=0)

    def rows(self, head: Head, z: Array, y: Array, tape: LossTape) -> None:
        if head.n_outputs == 1:
            sign = (2 * y[:, np.newaxis] - 1).astype(z.dtype)
            u = sign * z
            nll = (np.maximum(-u, 0) + np.log1p(np.exp(-np.abs(u))))[:, 0]
            sigmoid(-u, tape.dz)
            tape.dz *= sign
        else:
            shifted = z - z.max(axis=1, keepdims=True)
            log_sum = np.log(np.exp(shifted).sum(axis=1))
            nll = log_sum - shifted[tape.index, y]
            np.exp(shifted - log_sum[:, np.newaxis], out=tape.dz)
            np.negative(tape.dz, out=tape.dz)
            tape.dz[tape.index, y] += 1
        q = -np.expm1(-nll)
        ratio = np.divide(nll, q, out=np.ones_like(q), where=q > 0)  # ℓ/q → 1 where p → 1
        weight = q**self.gamma
        np.multiply(weight, nll, out=tape.rows)
        weight *= self.gamma * (1 - q) * ratio + 1
        tape.dz *= -weight[:, np.newaxis]

    def hessian_product(self, head: Head, z: Array, y: Array, v: Array) -> Array:
        """φ′·∂²ℓ·v + φ″·∂ℓ(∂ℓ·v), φ(ℓ) = (1 − e^(−ℓ))^γ·ℓ of the cross-entropy ℓ = −ln p."""
        return self._product(head, z, y, v, -np.inf)

    def gauss_newton_product(self, head: Head, z: Array, y: Array, v: Array) -> Array:
        """The same with max(φ″, 0): φ bends down where p is small."""
        return self._product(head, z, y, v, 0.0)

    def _product(self, head: Head, z: Array, y: Array, v: Array, least: float) -> Array:
        if head.n_outputs == 1:  # as two classes with the raw outputs 0 and z
            z, v = (np.concatenate((np.zeros_like(a), a), axis=1) for a in (z, v))
            return self._product_of_classes(z, y, v, least)[:, 1:]
        return self._product_of_classes(z, y, v, least)

    def _product_of_classes(self, z: Array, y: Array, v: Array, least: float) -> Array:
        index, gamma = np.arange(len(z)), self.gamma
        shifted = z - z.max(axis=1, keepdims=True)
        log_sum = np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        nll = log_sum - shifted[index, y][:, np.newaxis]
        q, p = -np.expm1(-nll), np.exp(-nll)
        unsure = q > 0
        ratio = np.divide(nll, q, out=np.ones_like(q), where=unsure)
        # ∂ℓ is ŷ but for −q at the row's class; divided by q it stays finite where q → 0
        slope = np.exp(shifted - log_sum)
        slope[index, y] = -q[:, 0]
        slope = np.divide(slope, q, out=np.zeros_like(slope), where=unsure)
        first = q**gamma * (gamma * p * ratio + 1)
        second = gamma * q ** (gamma + 1) * p * (2 - nll + (gamma - 1) * p * ratio)
        along = (slope * v).sum(axis=1, keepdims=True)
        return np.asarray(first * bend_of_classes(z, v) + np.maximum(second, least) * along * slope)


@dataclass(frozen=True, kw_only=True)
class Hinge(Loss):
    """Margin loss; its outputs are scores, not probabilities.

    Two classes, t = ±1: L = max(0, 1 − t·z). K classes: L = max(0, 1 + max_{c≠y} z_c − z_y)
    (Crammer & Singer 2001, JMLR 2).
    Use: where only the decision counts, not its probability.
    """

    links: ClassVar[Mapping[Task, tuple[str, ...]]] = {
        "binary": ("identity",),
        "multiclass": ("identity",),
    }

    def rows(self, head: Head, z: Array, y: Array, tape: LossTape) -> None:
        rows, dz = tape.rows, tape.dz
        if head.n_outputs == 1:
            sign = (2 * y - 1).astype(z.dtype)
            np.maximum(1 - sign * z[:, 0], 0, out=rows)
            dz[:, 0] = np.where(rows > 0, -sign, 0)
            return
        np.copyto(dz, z)
        dz[tape.index, y] = -np.inf
        rival = dz.argmax(axis=1)
        np.maximum(1 + z[tape.index, rival] - z[tape.index, y], 0, out=rows)
        inside = (rows > 0).astype(z.dtype)
        dz.fill(0)
        dz[tape.index, rival] = inside
        dz[tape.index, y] = -inside

    def is_curved(self, head: Head) -> bool:
        return False

    def hessian_product(self, head: Head, z: Array, y: Array, v: Array) -> Array:
        return np.zeros_like(v)


@dataclass(frozen=True, kw_only=True)
class PerceptronLoss(Loss):
    """The number of step units that are wrong; the outputs are scores, not probabilities.

    L = Σ_c |ŷ_c − y_c|, ŷ = 1 where z ≥ 0, else 0; one unit for two classes, one a class for more.
    In place of its gradient, which is 0: ∂L/∂z = ŷ − y, that of Σ_c max(0, −t_c·z_c), t = ±1, so
    that a step with η = 1 is the perceptron's. Rosenblatt 1962, Principles of Neurodynamics, ch. 5.
    Use: by the perceptron, which takes it by itself; else hinge, which looks for a margin.
    """

    links: ClassVar[Mapping[Task, tuple[str, ...]]] = {
        "binary": ("identity",),
        "multiclass": ("identity",),
    }
    has_gradient: ClassVar[bool] = False

    def rows(self, head: Head, z: Array, y: Array, tape: LossTape) -> None:
        head.code_targets(y, tape.target)
        np.greater_equal(z, 0, out=tape.dz)
        tape.dz -= tape.target
        np.abs(tape.dz, out=tape.values)
        if head.n_outputs > 1:
            np.add.reduce(tape.values, axis=1, out=tape.rows)

    def is_curved(self, head: Head) -> bool:
        return False

    def hessian_product(self, head: Head, z: Array, y: Array, v: Array) -> Array:
        return np.zeros_like(v)


@dataclass(frozen=True, kw_only=True)
class Poisson(Loss):
    """Likelihood of counts, without its constant; the target is not scaled.

    L = e^z − y·z, ŷ = e^z, y ≥ 0; ∂L/∂z = ŷ − y. McCullagh & Nelder 1989, ch. 6. Training begins
    with the output's bias at the ln of the mean target, where all other biases begin at 0.
    Use: for counts, and for amounts whose spread grows with their mean.
    """

    links: ClassVar[Mapping[Task, tuple[str, ...]]] = {"regression": ("exp",)}
    scales_target: ClassVar[bool] = False

    def rows(self, head: Head, z: Array, y: Array, tape: LossTape) -> None:
        head.code_targets(y, tape.target)
        np.exp(z, out=tape.dz)
        np.multiply(tape.target, z, out=tape.values)
        np.subtract(tape.dz, tape.values, out=tape.values)
        tape.dz -= tape.target

    def refuses(self, head: Head, y: Array) -> tuple[Array, str]:
        return ~((y >= 0) & (y < np.inf)), "is no count: it must be ≥ 0"

    def hessian_product(self, head: Head, z: Array, y: Array, v: Array) -> Array:
        return np.asarray(np.exp(z) * v)


def bend_of_classes(z: Array, v: Array) -> Array:
    """Return the Hessian of a cross-entropy under softmax times ``v``: ŷ ⊙ (v − ŷ·v).

    >>> bend_of_classes(np.array([[0.0, 0.0]]), np.array([[1.0, 0.0]])).tolist()
    [[0.25, -0.25]]
    """
    predicted, along = np.empty_like(z), v.copy()
    softmax = SoftmaxLink()
    softmax.forward(z, predicted)
    softmax.backward(predicted, along)
    return along


LOSSES: dict[str, type[Loss]] = {
    "bce": BCE,
    "cce": CCE,
    "focal": Focal,
    "half-mse": HalfMSE,
    "hinge": Hinge,
    "huber": Huber,
    "mae": MAE,
    "mape": MAPE,
    "mse": MSE,
    "perceptron": PerceptronLoss,
    "poisson": Poisson,
    "quantile": Quantile,
}
