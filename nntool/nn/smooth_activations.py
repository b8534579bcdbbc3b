# ruff: noqa: D102  (the base class of each family says what its methods mean)
"""Activations that bend smoothly where relu has its corner.

Each is computed in a form that cannot overflow: exponentials are taken of what is not positive, or
of what was cut where the function no longer changes.
"""

import functools
import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from nntool.nn.arrays import Array, DTypeLike
from nntool.nn.setting import setting
from nntool.nn.threshold_activations import Activation, flat_blocks, write_steps

SELU_ALPHA = 1.6732632423543772
"""With SELU_SCALE the values for which mean 0 and variance 1 are a stable fixed point."""
SELU_SCALE = 1.0507009873554805


@dataclass(frozen=True, kw_only=True)
class Elu(Activation):
    """Exponential linear unit: negative inputs approach −α.

    f(z) = z where z > 0, else α(e^z − 1); f′(z) = 1 where z > 0, else f(z) + α.
    Clevert, Unterthiner & Hochreiter 2016, arXiv 1511.07289.
    Use: instead of relu where activities should be 0 on average; costs an exponential.
    """

    n_scratch: ClassVar[int] = 2
    alpha: float = setting(1.0, "what very negative inputs become, but for the sign", ge=0)

    def forward(
        self, z: Array, slope: Array, scratch: Array, rng: np.random.Generator | None
    ) -> None:
        for y, s, _ in flat_blocks(z, scratch=scratch):
            _write_elu(y, self.alpha, s)

    def backward(self, kept: Array, gradient: Array, scratch: Array) -> None:
        for y, g, s, high in flat_blocks(kept, gradient, scratch=scratch):
            _write_elu_slope(y, self.alpha, s, high)
            g *= s

    def bends(self, z: Array) -> Array:
        return np.where(z > 0, 0, self.alpha * np.exp(np.minimum(z, 0)))


@dataclass(frozen=True, kw_only=True)
class Selu(Activation):
    """Self-normalizing unit: scaled so that layers drift towards mean 0 and variance 1.

    f(z) = λz where z > 0, else λα(e^z − 1); f′(z) = λ where z > 0, else f(z) + λα;
    λ = 1.0507…, α = 1.6732…. Klambauer, Unterthiner, Mayr & Hochreiter 2017, arXiv 1706.02515.
    Use: for deep plain networks on standardized numbers, with lecun-normal weights (the default
    behind it) and without batch norm.
    """

    n_scratch: ClassVar[int] = 2

    def forward(
        self, z: Array, slope: Array, scratch: Array, rng: np.random.Generator | None
    ) -> None:
        for y, s, _ in flat_blocks(z, scratch=scratch):
            _write_elu(y, SELU_ALPHA, s)
            y *= SELU_SCALE

    def backward(self, kept: Array, gradient: Array, scratch: Array) -> None:
        # λ·elu′ from f = λ·elu: where z > 0 it is λ, else f + λα
        for y, g, s, high in flat_blocks(kept, gradient, scratch=scratch):
            np.clip(y, -np.inf, 0, out=s)
            s += SELU_SCALE * SELU_ALPHA
            write_steps(y, 0.0, SELU_SCALE * (1 - SELU_ALPHA), high)
            s += high
            g *= s

    def bends(self, z: Array) -> Array:
        return np.where(z > 0, 0, SELU_SCALE * SELU_ALPHA * np.exp(np.minimum(z, 0)))


@dataclass(frozen=True, kw_only=True)
class Softplus(Activation):
    """Smooth relu: the integral of the sigmoid.

    f(z) = ln(1 + e^(βz))/β; f′(z) = 1/(1 + e^(−βz)) = 1 − e^(−βf).
    Dugas, Bengio, Bélisle, Nadeau & Garcia 2001, NIPS 13.
    Use: where outputs must stay positive and smooth; relu or silu usually learn faster.
    """

    n_scratch: ClassVar[int] = 1
    beta: float = setting(1.0, "how sharp the bend is; large ones come near relu", gt=0)

    def forward(
        self, z: Array, slope: Array, scratch: Array, rng: np.random.Generator | None
    ) -> None:
        for y, s in flat_blocks(z, scratch=scratch):  # max(z, 0) + ln(1 + e^(−β|z|))/β
            np.abs(y, out=s)
            s *= -self.beta
            np.exp(s, out=s)
            np.log1p(s, out=s)
            if self.beta != 1:
                s /= self.beta
            np.clip(y, 0, np.inf, out=y)
            y += s

    def backward(self, kept: Array, gradient: Array, scratch: Array) -> None:
        for y, g, s in flat_blocks(kept, gradient, scratch=scratch):
            np.multiply(y, -self.beta, out=s)
            np.expm1(s, out=s)
            np.negative(s, out=s)
            g *= s

    def bends(self, z: Array) -> Array:
        s = _sigmoid(self.beta * z)
        return np.asarray(self.beta * s * (1 - s))


@dataclass(frozen=True, kw_only=True)
class Silu(Activation):
    """The input times its sigmoid; also called swish.

    f(z) = z·σ(z), σ(z) = 1/(1 + e^(−z)); f′(z) = σ + f·(1 − σ).
    Elfwing, Uchibe & Doya 2018, arXiv 1702.03118; Ramachandran, Zoph & Le 2017, arXiv 1710.05941.
    Use: instead of relu in deep networks, where its smoothness is worth an exponential.
    """

    keeps: ClassVar[Literal["output", "slope"]] = "slope"
    n_scratch: ClassVar[int] = 1

    def forward(
        self, z: Array, slope: Array, scratch: Array, rng: np.random.Generator | None
    ) -> None:
        for y, d, s in flat_blocks(z, slope, scratch=scratch):
            write_sigmoid(y, s)
            y *= s
            np.subtract(1, s, out=d)
            d *= y
            d += s

    def bends(self, z: Array) -> Array:
        s = _sigmoid(z)
        return np.asarray(s * (1 - s) * (2 + z * (1 - 2 * s)))


@dataclass(frozen=True, kw_only=True)
class Mish(Activation):
    """The input times the tanh of its softplus.

    f(z) = z·w, w = tanh(ln(1 + e^z)) = n/(n + 2) with n = e^2z + 2e^z;
    f′(z) = w + 4z·e^z·(1 + e^z)/(n + 2)². Misra 2020, arXiv 1908.08681.
    Use: as silu; a little smoother and a little slower.
    """

    keeps: ClassVar[Literal["output", "slope"]] = "slope"
    n_scratch: ClassVar[int] = 2

    def forward(
        self, z: Array, slope: Array, scratch: Array, rng: np.random.Generator | None
    ) -> None:
        for y, d, e, n in flat_blocks(z, slope, scratch=scratch):
            np.clip(y, -np.inf, 20, out=e)  # beyond 20 w is 1 to the last digit
            np.exp(e, out=e)
            np.add(e, 1, out=d)
            d *= e
            np.add(d, e, out=n)  # n = e(1 + e) + e, d = e(1 + e)
            np.add(n, 2, out=e)
            n /= e
            d /= e
            d /= e
            d *= y
            d *= 4
            d += n
            y *= n

    def bends(self, z: Array) -> Array:
        # w′ = s·(1 − w²) with s = σ(z), w″ = w′(1 − s − 2ws); f″ = 2w′ + z·w″
        e = np.exp(np.minimum(z, 20))
        n = e * (e + 2)
        w, s = n / (n + 2), e / (1 + e)
        slope = s * (2 * (1 + e) / (n + 2)) ** 2
        return np.asarray(slope * (2 + z * (1 - s - 2 * w * s)))


@dataclass(frozen=True, kw_only=True)
class Gelu(Activation):
    """Gaussian error linear unit: the input times the normal probability of a smaller one.

    f(z) = z·Φ(z); f′(z) = Φ(z) + z·φ(z), Φ and φ the normal distribution and its density (exact,
    not the tanh form). Hendrycks & Gimpel 2016, arXiv 1606.08415.
    Use: as silu; the usual one where attention and embeddings are. Costs the most time.
    """

    keeps: ClassVar[Literal["output", "slope"]] = "slope"
    n_scratch: ClassVar[int] = 3

    def forward(
        self, z: Array, slope: Array, scratch: Array, rng: np.random.Generator | None
    ) -> None:
        for y, d, e, p, s in flat_blocks(z, slope, scratch=scratch):
            _write_normal(y, p, e, s)
            np.multiply(e, y, out=d)
            d *= 1 / math.sqrt(2 * math.pi)
            d += p
            y *= p

    def bends(self, z: Array) -> Array:
        near = np.clip(z, -_EDGE, _EDGE)  # beyond it the density is 0 to the last digit
        return np.asarray(np.exp(-0.5 * near * near) / math.sqrt(2 * math.pi) * (2 - near * near))


def write_sigmoid(z: Array, out: Array) -> None:
    """Write 1/(1 + e^(−z)) into ``out``; below −87, where float32 ends, it stays at 2·10⁻³⁸.

    >>> p = np.empty(3)
    >>> write_sigmoid(np.array([-1e4, 0.0, 1e4]), p)
    >>> p.round(9).tolist()
    [0.0, 0.5, 1.0]
    """
    np.clip(z, -87, np.inf, out=out)
    np.negative(out, out=out)
    np.exp(out, out=out)
    out += 1
    np.reciprocal(out, out=out)


def _sigmoid(z: Array) -> Array:
    out = np.empty_like(z)
    write_sigmoid(z, out)
    return out


def _write_elu(y: Array, alpha: float, scratch: Array) -> None:
    """Replace y by max(y, 0) + α(e^min(y, 0) − 1)."""
    np.clip(y, -np.inf, 0, out=scratch)
    np.expm1(scratch, out=scratch)
    if alpha != 1:
        scratch *= alpha
    np.clip(y, 0, np.inf, out=y)
    y += scratch


def _write_elu_slope(y: Array, alpha: float, out: Array, scratch: Array) -> None:
    """Write 1 where y > 0 and y + α elsewhere: min(y, 0) + α, and 1 − α more where y > 0."""
    np.clip(y, -np.inf, 0, out=out)
    out += alpha
    if alpha != 1:
        write_steps(y, 0.0, 1 - alpha, scratch)
        out += scratch


def _write_normal(z: Array, p: Array, e: Array, scratch: Array) -> None:
    """Write Φ(z) into ``p`` and e^(−z²/2) into ``e``.

    Φ(−|z|) = e^(−z²/2)·P(t), t = 1/(1 + 0.4·|z|/√2) (the form of Abramowitz & Stegun 1964, 7.1.26);
    the absolute error is below 2·10⁻¹⁵, in float32 below 3·10⁻⁷. SciPy's erf takes fifteen times
    as long in float32, and its import 0.2 s.
    """
    np.abs(z, out=scratch)
    scratch *= math.sqrt(0.5)
    np.clip(scratch, 0, _FAR, out=scratch)
    np.multiply(scratch, scratch, out=e)
    np.negative(e, out=e)
    np.exp(e, out=e)
    scratch *= _NEAR
    scratch += 1
    np.reciprocal(scratch, out=scratch)
    first, *others = _tail_coefficients(z.dtype)
    p.fill(first)
    for coefficient in others:
        p *= scratch
        p += coefficient
    p *= e
    # Φ(z) = ½ + sign(z)·(½ − Φ(−|z|))
    np.subtract(0.5, p, out=p)
    np.sign(z, out=scratch)
    p *= scratch
    p += 0.5


_NEAR = 0.4
_EDGE = 38.0
_FAR = 9.0  # in units of √2σ: Φ(−12.7) is 10⁻³⁷


@functools.cache
def _tail_coefficients(dtype: DTypeLike) -> tuple[float, ...]:
    """Fit P(t) ≈ ½·e^(a²)·erfc(a), a = (1/t − 1)/0.4: coefficients of the highest power first.

    Interpolation at Chebyshev points of `math.erfc`; of these degrees float32 and float64 gain
    nothing by a higher one.
    """
    from numpy.polynomial import Chebyshev, Polynomial

    def tail(t: Array) -> Array:
        return np.array(
            [0.5 * math.erfc(a) * math.exp(a * a) for a in ((1 / t - 1) / _NEAR).tolist()]
        )

    degree = 8 if dtype == np.float32 else 18
    fitted = Chebyshev.interpolate(tail, degree, domain=[1 / (1 + _NEAR * _FAR), 1])
    return tuple(fitted.convert(kind=Polynomial).coef[::-1].tolist())
