# ruff: noqa: D102  (the base class says what the methods mean)
"""Initial weights: how a matrix `(n_in, n_out)` is filled before training; biases start at 0.

Everything is drawn in float64 and rounded afterwards, so a seed means the same in both precisions.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nntool.nn.arrays import Array
from nntool.nn.setting import setting


@dataclass(frozen=True, kw_only=True)
class Initializer:
    """The form of an initializer; ``wants_sample`` ones look at training rows."""

    kind: ClassVar[str] = "initializer"
    wants_sample: ClassVar[bool] = False

    def fill(self, w: Array, rng: np.random.Generator) -> None:
        """Fill the weights ``w`` `(n_in, n_out)` of one layer."""
        raise NotImplementedError

    def rescale(self, w: Array, x: Array) -> None:
        """Fit the filled weights to rows ``x`` `(n, n_in)` of what the layer will be given."""


@dataclass(frozen=True, kw_only=True)
class Zeros(Initializer):
    """All weights 0: hidden units stay identical, and behind relu nothing learns but the bias.

    w = 0
    Use: to see what breaking the tie between units is for.
    """

    def fill(self, w: Array, rng: np.random.Generator) -> None:
        w.fill(0)


@dataclass(frozen=True, kw_only=True)
class Constant(Initializer):
    """All weights alike: in exact arithmetic the units of a layer stay identical for ever.

    w = value. Wide layers leave the tie by rounding, because sums are taken in different orders.
    Use: as zeros; with a single hidden unit it is as good as any.
    """

    value: float = setting(0.1, "the value of every weight")

    def fill(self, w: Array, rng: np.random.Generator) -> None:
        w.fill(self.value)


@dataclass(frozen=True, kw_only=True)
class Uniform(Initializer):
    """Uniform in a fixed range, whatever the size of the layer.

    w ~ U(−r, r)
    Use: to repeat older work; the range does not follow the size of the layer.
    """

    r: float = setting(0.05, "half the width of the range", gt=0)

    def fill(self, w: Array, rng: np.random.Generator) -> None:
        w[...] = rng.uniform(-self.r, self.r, w.shape)


@dataclass(frozen=True, kw_only=True)
class Gaussian(Initializer):
    """Normal with a fixed spread, whatever the size of the layer.

    w ~ N(0, σ²)
    Use: to repeat older work; deep networks hardly start to learn from so small weights.
    """

    sigma: float = setting(0.01, "standard deviation", gt=0)

    def fill(self, w: Array, rng: np.random.Generator) -> None:
        w[...] = rng.normal(0, self.sigma, w.shape)


@dataclass(frozen=True, kw_only=True)
class FanInUniform(Initializer):
    """Uniform, narrower the more inputs a unit has.

    w ~ U(−1/√n_in, 1/√n_in). LeCun et al. 1998, Efficient BackProp.
    Use: to start as torch's Linear does.
    """

    def fill(self, w: Array, rng: np.random.Generator) -> None:
        _fill_uniform(w, 1 / math.sqrt(len(w)), rng)


@dataclass(frozen=True, kw_only=True)
class LecunNormal(Initializer):
    """Normal of variance 1/n_in, truncated at two of its standard deviations.

    w ~ N(0, σ²) within ±2σ, σ = 1/(0.87963·√n_in): the truncation takes σ² to 1/n_in.
    LeCun et al. 1998, Efficient BackProp.
    Use: behind selu and lecun-tanh (the default there).
    """

    def fill(self, w: Array, rng: np.random.Generator) -> None:
        drawn = rng.standard_normal(w.shape)
        while np.any(outside := np.abs(drawn) > 2):
            drawn[outside] = rng.standard_normal(np.count_nonzero(outside))
        # 0.87963 is the standard deviation of N(0, 1) truncated at ±2, to all digits:
        w[...] = drawn / (0.8796256610342398 * math.sqrt(len(w)))


@dataclass(frozen=True, kw_only=True)
class LecunUniform(Initializer):
    """Uniform of variance 1/n_in.

    w ~ U(−√(3/n_in), √(3/n_in)). LeCun et al. 1998, Efficient BackProp.
    Use: as lecun-normal, with no weight beyond a bound.
    """

    def fill(self, w: Array, rng: np.random.Generator) -> None:
        _fill_uniform(w, math.sqrt(3 / len(w)), rng)


@dataclass(frozen=True, kw_only=True)
class GlorotNormal(Initializer):
    """Normal that keeps the variance of activities and of gradients about the same.

    w ~ N(0, 2/(n_in + n_out)). Glorot & Bengio 2010, AISTATS.
    Use: as glorot-uniform, with normal weights.
    """

    def fill(self, w: Array, rng: np.random.Generator) -> None:
        w[...] = rng.normal(0, math.sqrt(2 / sum(w.shape)), w.shape)


@dataclass(frozen=True, kw_only=True)
class GlorotUniform(Initializer):
    """Uniform that keeps the variance of activities and of gradients about the same.

    w ~ U(−r, r), r = √(6/(n_in + n_out)). Glorot & Bengio 2010, AISTATS.
    Use: behind tanh, sigmoid and in the output layer (the default there).
    """

    def fill(self, w: Array, rng: np.random.Generator) -> None:
        _fill_uniform(w, math.sqrt(6 / sum(w.shape)), rng)


@dataclass(frozen=True, kw_only=True)
class HeNormal(Initializer):
    """Normal that makes up for the half that relu sets to 0.

    w ~ N(0, 2/n_in). He, Zhang, Ren & Sun 2015, arXiv 1502.01852.
    Use: behind relu and its kin (the default there).
    """

    def fill(self, w: Array, rng: np.random.Generator) -> None:
        w[...] = rng.normal(0, math.sqrt(2 / len(w)), w.shape)


@dataclass(frozen=True, kw_only=True)
class HeUniform(Initializer):
    """Uniform that makes up for the half that relu sets to 0.

    w ~ U(−r, r), r = √(6/n_in). He, Zhang, Ren & Sun 2015, arXiv 1502.01852.
    Use: as he-normal, with no weight beyond a bound.
    """

    def fill(self, w: Array, rng: np.random.Generator) -> None:
        _fill_uniform(w, math.sqrt(6 / len(w)), rng)


@dataclass(frozen=True, kw_only=True)
class Orthogonal(Initializer):
    """A random matrix whose rows or columns, whichever are fewer, are orthonormal.

    w = Q of a normal matrix, signs by the diagonal of R so that Q is uniform.
    Saxe, McClelland & Ganguli 2014, arXiv 1312.6120.
    Use: in deep narrow networks: it keeps the length of what passes through.
    """

    def fill(self, w: Array, rng: np.random.Generator) -> None:
        n_in, n_out = w.shape
        q, r = np.linalg.qr(rng.standard_normal((max(n_in, n_out), min(n_in, n_out))))
        q *= np.where(np.diagonal(r) < 0, -1, 1)
        w[...] = q if n_in >= n_out else q.T


@dataclass(frozen=True, kw_only=True)
class Data(Initializer):
    """Normal, then each unit is scaled so that its sums have spread 1 on training rows.

    w ~ N(0, 1), then w_j ← w_j/std(x·w_j) for each unit j, layer by layer from the inputs on. A
    unit whose sums do not vary on these rows is divided by √n_in instead.
    After Mishkin & Matas 2016, arXiv 1511.06422 (there orthogonal, and scaled by layer).
    Use: where inputs have uncommon scales or the activation no initializer of its own.
    """

    wants_sample: ClassVar[bool] = True

    def fill(self, w: Array, rng: np.random.Generator) -> None:
        w[...] = rng.standard_normal(w.shape)

    def rescale(self, w: Array, x: Array) -> None:
        z = x @ w
        spread = z.std(axis=0)
        varies = spread > 1e-9 * np.abs(z).max(axis=0)  # less is rounding of a constant
        w /= np.where(varies, spread, math.sqrt(len(w)))


def _fill_uniform(w: Array, r: float, rng: np.random.Generator) -> None:
    w[...] = rng.uniform(-r, r, w.shape)


INITIALIZERS: dict[str, type[Initializer]] = {
    "constant": Constant,
    "data": Data,
    "fan-in-uniform": FanInUniform,
    "gaussian": Gaussian,
    "glorot-normal": GlorotNormal,
    "glorot-uniform": GlorotUniform,
    "he-normal": HeNormal,
    "he-uniform": HeUniform,
    "lecun-normal": LecunNormal,
    "lecun-uniform": LecunUniform,
    "orthogonal": Orthogonal,
    "uniform": Uniform,
    "zeros": Zeros,
}

_BY_ACTIVATION = {
    **dict.fromkeys(("relu", "leaky-relu", "elu", "gelu", "silu", "mish", "softplus"), "he-normal"),
    **dict.fromkeys(("selu", "lecun-tanh"), "lecun-normal"),
}


def default_initializer(activation: str | None) -> str:
    """Name the initializer for the weights into an activation; None is the output layer.

    >>> default_initializer("relu"), default_initializer("tanh"), default_initializer(None)
    ('he-normal', 'glorot-uniform', 'glorot-uniform')
    """
    return _BY_ACTIVATION.get(activation or "", "glorot-uniform")
