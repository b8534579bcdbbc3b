"""Tapes: the buffers that layers and a loss work in, owned by whoever calls them."""

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from nntool.nn.arrays import Array
from nntool.nn.heads import LossTape
from nntool.nn.products import Product


def nothing() -> Array:
    """Return a buffer that is none."""
    return np.empty((0, 0))


@dataclass(slots=True, kw_only=True)
class LayerTape:
    """Buffers of one layer for one number of rows; unused ones have no elements.

    ``x`` what went in, ``out`` what came out, ``dx`` the gradient with respect to what went in,
    ``kept`` what else backward needs of forward. Norms: ``kept`` is x − μ (layer norm: x̂),
    ``inverse`` 1/√(σ² + ε), ``moving`` whether μ and σ followed from the rows, ``ones`` for sums.
    ``products`` know how they are cut for these buffers.
    """

    x: Array = field(default_factory=nothing)
    out: Array = field(default_factory=nothing)
    dx: Array = field(default_factory=nothing)
    scratch: Array = field(default_factory=nothing)
    kept: Array = field(default_factory=nothing)
    inverse: Array = field(default_factory=nothing)
    ones: Array = field(default_factory=nothing)
    moving: bool = False
    products: tuple[Product, ...] = ()


@dataclass(slots=True, kw_only=True)
class SecondTape:
    """Buffers of one layer for second-order products; see `nntool.nn.curvature`.

    ``x`` is what went in and ``dy`` the gradient of what came out, as they were before the layer
    worked on them in place; ``x_dot`` and ``out`` are their tangents, how much they change along a
    direction (None: not at all). ``back`` is what `Layer.backward` takes that change back with,
    ``kept`` what does not depend on the direction, ``sums`` and ``scratch`` serve in between.
    """

    back: LayerTape
    x: Array = field(default_factory=nothing)
    dy: Array = field(default_factory=nothing)
    x_dot: Array | None = None
    out: Array = field(default_factory=nothing)
    kept: Array = field(default_factory=nothing)
    sums: Array = field(default_factory=nothing)
    scratch: Array = field(default_factory=nothing)

    def follow(self, t: LayerTape) -> None:
        """Let ``back`` be as the tape of the last forward, but for its own buffers."""
        back = self.back
        back.x, back.kept, back.scratch = t.x, t.kept, t.scratch
        back.inverse, back.ones, back.moving = t.inverse, t.ones, t.moving


Tape: TypeAlias = tuple[list[LayerTape], LossTape]
"""Buffers for so many rows: of the layers of a network, and of its loss."""
