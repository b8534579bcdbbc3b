"""The layers of several members at once: the same sums as layer by layer, with members in front.

Each form is made for one number of rows, and owns its buffers; activities are `(K, n, width)`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nntool.nn.arrays import Array, DTypeLike
from nntool.nn.embedding import Inputs
from nntool.nn.layers import Activate, Layer, Linear
from nntool.nn.network import Network
from nntool.nn.noise import Dropout
from nntool.nn.products import Product
from nntool.nn.randomness import Streams


class _Given(NamedTuple):
    """Parameters and gradients `(K, …)` of a layer; ``shape`` is members, and the rows of each."""

    p: Sequence[Array]
    g: Sequence[Array]
    shape: tuple[int, int]
    dtype: DTypeLike


class _Form:
    """One layer of all members; this one passes on what it is given."""

    def __init__(self, layer: Layer, given: _Given) -> None:
        """Make the buffers of one layer."""

    def forward(self, x: Array, streams: Sequence[Streams]) -> Array:
        """Return the activities; each member draws from its own streams."""
        return x

    def backward(self, dy: Array) -> Array:
        """Write the gradients of the parameters, and return that of what went in."""
        return dy


class _Linear(_Form):
    """The products of `Linear`, one for each member in a call."""

    def __init__(self, layer: Linear, given: _Given) -> None:
        shape, dtype = given.shape, given.dtype
        self.w, self.gw = given.p[0], given.g[0]
        self.b = given.p[1][:, np.newaxis] if layer.bias else None
        self.gb = given.g[1] if layer.bias else None
        self.x = np.empty((0, 0, 0), dtype)
        self.out = np.empty((*shape, layer.n_out), dtype)
        self.dx = np.empty((*shape, layer.n_in), dtype) if layer.propagates else self.x
        self.propagates = layer.propagates
        self.ones = np.ones(shape[1], dtype)
        self.forth, self.grade, self.back = (
            Product(),
            Product(left_transposed=True),
            Product(right_transposed=True),
        )

    def forward(self, x: Array, streams: Sequence[Streams]) -> Array:
        self.x = x
        self.forth(x, self.w, self.out)
        if self.b is not None:
            np.add(self.out, self.b, out=self.out)
        return self.out

    def backward(self, dy: Array) -> Array:
        self.grade(self.x, dy, self.gw)
        if self.gb is not None:
            np.matmul(self.ones, dy, out=self.gb)
        if self.propagates:
            self.back(dy, self.w, self.dx)
        return self.dx


class _Activate(_Form):
    """The activation of all rows of all members."""

    def __init__(self, layer: Activate, given: _Given) -> None:
        self.layer = layer
        self.tape = layer.tape(given.shape[0] * given.shape[1], given.dtype)

    def forward(self, x: Array, streams: Sequence[Streams]) -> Array:
        self.layer.forward((), (), x.reshape(-1, x.shape[2]), self.tape, None)
        return x

    def backward(self, dy: Array) -> Array:
        self.layer.backward((), (), dy.reshape(-1, dy.shape[2]), self.tape)
        return dy


class _Dropout(_Form):
    """Masks that each member draws by itself, as `Dropout` does, applied to all at once."""

    def __init__(self, layer: Dropout, given: _Given) -> None:
        n_members, n_rows = given.shape
        n_drawn = n_rows * layer.n_out
        self.layer = layer
        self.words = np.empty((n_members, -(-n_drawn // 4)), np.uint64)
        self.bits = self.words.view(np.uint16)[:, :n_drawn].reshape(n_members, n_rows, -1)
        self.mask = np.empty((*given.shape, layer.n_out), given.dtype)
        self.out = np.empty_like(self.mask)

    def forward(self, x: Array, streams: Sequence[Streams]) -> Array:
        cut = self.layer.cut
        for words, of_member in zip(self.words, streams, strict=True):
            words[...] = of_member[self.layer.stream].bit_generator.random_raw(len(words))
        np.multiply(self.bits >= cut, 65_536 / (65_536 - cut), out=self.mask, casting="unsafe")
        return np.multiply(x, self.mask, out=self.out)

    def backward(self, dy: Array) -> Array:
        dy *= self.mask
        return dy


_FORMS: dict[type[Layer], type[_Form]] = {
    Inputs: _Form,
    Linear: _Linear,
    Activate: _Activate,
    Dropout: _Dropout,
}
"""By the very class of the layer: one that is derived from it does something else."""


def stackable(net: Network) -> bool:
    """Whether all layers of a network have a form for several members.

    Embedding tables, norms, noise and units that draw have none.
    """
    return not net.spec.levels and all(
        type(layer) in _FORMS and not (isinstance(layer, Activate) and layer.activation.is_random)
        for layer in net.layers
    )


class Stack:
    """The layers of a network for K members and one number of rows; see `stackable`."""

    def __init__(
        self,
        net: Network,
        parameters: Sequence[Sequence[Array]],
        gradients: Sequence[Sequence[Array]],
        shape: tuple[int, int],
        dtype: DTypeLike,
    ) -> None:
        """Take the views of `Packing` of a vector of parameters and one of gradients."""
        self._forms = [
            _FORMS[type(layer)](layer, _Given(p, g, shape, dtype))
            for layer, p, g in zip(net.layers, parameters, gradients, strict=True)
        ]
        self._lowest = next(i for i, layer in enumerate(net.layers) if layer.parameters)

    def forward(self, x: Array, streams: Sequence[Streams]) -> Array:
        """Return the raw outputs `(K, n, n_outputs)` for rows `(K, n, n_numeric)`: a buffer."""
        for form in self._forms:
            x = form.forward(x, streams)
        return x

    def backward(self, dz: Array) -> None:
        """Write the gradient of each member, from that of its raw outputs."""
        for form in reversed(self._forms[self._lowest :]):
            dz = form.backward(dz)
