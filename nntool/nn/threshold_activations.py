# ruff: noqa: D102  (the base class of each family says what its methods mean)
"""The form of an activation, and those that are made of straight pieces.

An activation works in place: `forward` replaces the sums of a layer by f(z). `backward` multiplies
the gradient by f′(z), from what the activation ``keeps``: its output, or, where the output does
not tell it, the slope f′(z) that `forward` has written down at little further cost.
"""

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from nntool.nn.arrays import BLOCK, Array, DTypeLike, in_blocks, zeros
from nntool.nn.setting import setting


@dataclass(frozen=True, kw_only=True)
class Activation:
    """The form of an activation; ``n_scratch`` blocks of scratch are lent to its methods.

    ``has_gradient`` is False where f′ is 0 wherever it exists: nothing below can learn by it.
    ``is_random`` is True where units draw while they are trained.
    """

    kind: ClassVar[str] = "activation"
    keeps: ClassVar[Literal["output", "slope"]] = "output"
    n_scratch: ClassVar[int] = 0
    has_gradient: ClassVar[bool] = True
    is_random: ClassVar[bool] = False

    def scratch(self, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        """Make the buffers that `forward` and `backward` are lent: rows of one block each."""
        return np.empty((self.n_scratch, min(math.prod(shape), BLOCK)), dtype)

    def forward(
        self, z: Array, slope: Array, scratch: Array, rng: np.random.Generator | None
    ) -> None:
        """Replace ``z`` by f(z); one that keeps its slope writes f′(z) into ``slope``."""
        raise NotImplementedError

    def backward(self, kept: Array, gradient: Array, scratch: Array) -> None:
        """Multiply ``gradient`` by f′ in place; ``kept`` is the output, or the slope."""
        np.multiply(gradient, kept, out=gradient)

    def bends(self, z: Array) -> Array | None:
        """Return f″ at each of ``z``, a new array; None where it is 0 wherever it exists."""
        return None

    def slopes(self, z: Array) -> Array:
        """Return f′ at each of ``z``, as `backward` takes it: new arrays, for reports and tests."""
        kept, slope = z.copy(), np.empty_like(z)
        scratch = self.scratch(z.shape, z.dtype)
        self.forward(kept, slope, scratch, None)
        found = np.ones_like(z)
        self.backward(slope if self.keeps == "slope" else kept, found, scratch)
        return found

    @functools.cached_property
    def steepest(self) -> float:
        """The largest |f′|, of a few hundred places between −1,000 and 1,000."""
        far = np.geomspace(1e-3, 1e3, 601)
        return float(np.abs(self.slopes(np.concatenate((-far, [0.0], far))[None])).max())


@dataclass(frozen=True, kw_only=True)
class Identity(Activation):
    """The unit passes its input on.

    f(z) = z; f′(z) = 1.
    Use: to compare with a linear model; a network of such units is one.
    """

    def forward(
        self, z: Array, slope: Array, scratch: Array, rng: np.random.Generator | None
    ) -> None:
        pass

    def backward(self, kept: Array, gradient: Array, scratch: Array) -> None:
        pass


@dataclass(frozen=True, kw_only=True)
class Relu(Activation):
    """Rectified linear unit: negative inputs become 0.

    f(z) = max(0, z); f′(z) = 1 where z > 0, else 0 (also at 0).
    Nair & Hinton 2010, ICML.
    Use: first; it is the fastest, and deep layers keep their gradients.
    """

    def scratch(self, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        return np.empty(shape, np.bool_)

    def forward(
        self, z: Array, slope: Array, scratch: Array, rng: np.random.Generator | None
    ) -> None:
        # beside as many zeros: a scalar takes three times as long, one row of zeros twice
        for (y,) in in_blocks(z.reshape(-1, copy=False)):
            np.maximum(y, zeros(y.dtype, len(y)), out=y)

    def backward(self, kept: Array, gradient: Array, scratch: Array) -> None:
        np.greater(kept, 0, out=scratch)
        np.multiply(gradient, scratch, out=gradient)


@dataclass(frozen=True, kw_only=True)
class LeakyRelu(Activation):
    """Rectified linear unit that lets a little of a negative input through.

    f(z) = max(z, slope·z); f′(z) = 1 where z > 0, else slope.
    Maas, Hannun & Ng 2013, ICML.
    Use: where units behind relu die, that is, give 0 for every row and learn nothing any more.
    """

    n_scratch: ClassVar[int] = 1
    slope: float = setting(0.01, "the slope of the negative side", ge=0, le=1)

    def forward(
        self, z: Array, slope: Array, scratch: Array, rng: np.random.Generator | None
    ) -> None:
        for y, s in flat_blocks(z, scratch=scratch):
            np.multiply(y, self.slope, out=s)
            np.maximum(y, s, out=y)

    def backward(self, kept: Array, gradient: Array, scratch: Array) -> None:
        for y, g, s in flat_blocks(kept, gradient, scratch=scratch):
            write_steps(y, self.slope, 1.0, s)
            g *= s


@dataclass(frozen=True, kw_only=True)
class Step(Activation):
    """All or nothing: the unit of the first perceptrons.

    f(z) = 1 where z ≥ 0, else 0; f′(z) = 0.
    McCulloch & Pitts 1943, Bulletin of Mathematical Biophysics 5.
    Use: with rules that need no gradient; by gradients nothing below it learns.
    """

    n_scratch: ClassVar[int] = 1
    has_gradient: ClassVar[bool] = False

    def forward(
        self, z: Array, slope: Array, scratch: Array, rng: np.random.Generator | None
    ) -> None:
        for y, s in flat_blocks(z, scratch=scratch):
            fires = s.view(np.bool_)[: len(y)]
            np.greater_equal(y, 0, out=fires)
            np.copyto(y, fires)

    def backward(self, kept: Array, gradient: Array, scratch: Array) -> None:
        gradient.fill(0)


@dataclass(frozen=True, kw_only=True)
class Sign(Activation):
    """One way or the other.

    f(z) = −1 where z < 0, 0 at 0, 1 where z > 0; f′(z) = 0.
    Widrow & Hoff 1960, IRE WESCON (the quantizer of Adaline).
    Use: as step, for units that say −1 and 1.
    """

    has_gradient: ClassVar[bool] = False

    def forward(
        self, z: Array, slope: Array, scratch: Array, rng: np.random.Generator | None
    ) -> None:
        np.sign(z, out=z)

    def backward(self, kept: Array, gradient: Array, scratch: Array) -> None:
        gradient.fill(0)


def flat_blocks(*arrays: Array, scratch: Array) -> Iterator[tuple[Array, ...]]:
    """Yield the same stretch of each array and as much of each row of ``scratch``.

    A chain of operations on such blocks stays in the cache.

    >>> a, b = np.zeros((3, 24_000)), np.zeros((3, 24_000))
    >>> [[len(x) for x in parts] for parts in flat_blocks(a, b, scratch=np.zeros((1, BLOCK)))]
    [[49152, 49152, 49152], [22848, 22848, 22848]]
    """
    for parts in in_blocks(*(array.reshape(-1, copy=False) for array in arrays)):
        yield *parts, *scratch[:, : len(parts[0])]


def write_steps(y: Array, low: float, high: float, out: Array) -> None:
    """Write ``high`` where y > 0 and ``low`` elsewhere, without allocating.

    >>> out = np.empty(3)
    >>> write_steps(np.array([-2.0, 0.0, 3.0]), 0.1, 1.0, out)
    >>> out.tolist()
    [0.1, 0.1, 1.0]
    """
    np.greater(y, 0, out=out)
    out *= high - low
    out += low
