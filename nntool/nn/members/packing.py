"""Where the parameters of several members lie in one vector."""

from collections.abc import Sequence

import numpy as np

from nntool.nn.arrays import Array
from nntool.nn.network import Network, Place


class Packing:
    """K vectors of parameters in one: the weights of all members, then what penalties spare.

    So a rule, a penalty and a decay work on it as on the vector of one large network.

    >>> from nntool.nn.network import NetworkSpec
    >>> packing = Packing(Network(NetworkSpec(n_numeric=2, n_outputs=1, hidden=())), 2)
    >>> vector = np.empty(6)
    >>> packing.pack(vector, [np.array([1.0, 2, 3]), np.array([4.0, 5, 6])])
    >>> vector.tolist(), packing.n_weights
    ([1.0, 2.0, 4.0, 5.0, 3.0, 6.0], 4)
    >>> weight, bias = packing.views(vector)[-1]
    >>> weight.tolist(), bias.tolist()
    ([[[1.0], [2.0]], [[4.0], [5.0]]], [[3.0], [6.0]])
    """

    def __init__(self, net: Network, n_members: int) -> None:
        self.net = net
        self.n_members = n_members
        self.n_weights = n_members * net.n_weights
        names = {place.name: place for place in net.places}
        self._places = [
            [names[f"{layer.name}.{parameter.name}"] for parameter in layer.parameters]
            for layer in net.layers
        ]

    def pack(self, vector: Array, members: Sequence[Array]) -> None:
        """Write the vectors `(size,)` of the members into the one of all."""
        for k, member in enumerate(members):
            for part, of_member in zip(self._parts(vector), self._halves(member), strict=True):
                part[k] = of_member

    def unpack(self, vector: Array, members: Sequence[Array]) -> None:
        """Write the share of each member into its own vector."""
        for k, member in enumerate(members):
            for part, of_member in zip(self._parts(vector), self._halves(member), strict=True):
                of_member[...] = part[k]

    def views(self, vector: Array) -> tuple[tuple[Array, ...], ...]:
        """Return the parameters of each layer, `(K, …)` each, as views of one vector."""
        return tuple(tuple(self._view(vector, place) for place in layer) for layer in self._places)

    def norms(self, vector: Array) -> dict[str, list[float]]:
        """Return the norm of each layer's share of each of the K members, from the inputs on.

        One by one, as `Network.norms` adds them up: once an epoch this is soon done.
        """
        squares: dict[str, list[float]] = {}
        for place in (place for layer in self._places for place in layer):
            before = squares.get(place.layer, [0.0] * self.n_members)
            parts = zip(before, self._stretch(vector, place), strict=True)
            squares[place.layer] = [total + float(np.dot(part, part)) for total, part in parts]
        return {layer: [square**0.5 for square in of] for layer, of in squares.items()}

    def _view(self, vector: Array, place: Place) -> Array:
        return self._stretch(vector, place).reshape(self.n_members, *place.shape)

    def _stretch(self, vector: Array, place: Place) -> Array:
        """The numbers of one place, `(K, n)`: a view."""
        weights, exempt = self._parts(vector)
        start, stop = place.slice.start, place.slice.stop
        first = self.net.n_weights
        return weights[:, start:stop] if stop <= first else exempt[:, start - first : stop - first]

    def _parts(self, vector: Array) -> tuple[Array, Array]:
        weights, exempt = vector[: self.n_weights], vector[self.n_weights :]
        return weights.reshape(self.n_members, -1), exempt.reshape(self.n_members, -1)

    def _halves(self, member: Array) -> tuple[Array, Array]:
        return member[: self.net.n_weights], member[self.net.n_weights :]
