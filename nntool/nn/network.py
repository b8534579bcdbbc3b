"""A network: its layers over one vector of parameters."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, cast

import numpy as np

from nntool.nn.arrays import Array, DTypeLike
from nntool.nn.batches import Batch
from nntool.nn.calibrating import initialize_on, recompute_statistics
from nntool.nn.layers import Activate, Linear
from nntool.nn.randomness import Streams
from nntool.nn.spec import NetworkSpec as NetworkSpec
from nntool.nn.stacking import layers_of
from nntool.nn.tapes import LayerTape


class Place(NamedTuple):
    """Where one array lies in the vector of parameters, or of running statistics."""

    name: str
    layer: str
    shape: tuple[int, ...]
    slice: slice


class Views(NamedTuple):
    """The arrays of each layer, as views of one vector; made once by `Network.bind`."""

    parameters: tuple[tuple[Array, ...], ...]
    statistics: tuple[tuple[Array, ...], ...]


class Network:
    """Layers over one vector ``theta``: first all weights, then what penalties spare (biases).

    It holds no numbers: parameters are given to it as views, buffers as a tape.

    >>> net = Network(NetworkSpec(n_numeric=2, n_outputs=1, hidden=(3,)))
    >>> net.size, net.n_weights, [place.name for place in net.places]
    (13, 9, ['hidden1.weight', 'output.weight', 'hidden1.bias', 'output.bias'])
    """

    def __init__(self, spec: NetworkSpec) -> None:
        self.spec = spec
        self.layers = layers_of(spec)
        self._lowest_that_learns = next(
            i for i, layer in enumerate(self.layers) if layer.parameters
        )
        self.min_rows = max(layer.min_rows for layer in self.layers)
        self.wants_sample = any(
            isinstance(layer, Linear) and layer.initializer.wants_sample for layer in self.layers
        )
        self.has_gradient = all(
            layer.activation.has_gradient for layer in self.layers if isinstance(layer, Activate)
        )
        self._places = self._place_parameters()
        self.places = sorted(
            (place for layer in self._places for place in layer), key=lambda p: p.slice.start
        )
        self.size = self.places[-1].slice.stop
        self._statistics, self.n_stats = self._place_statistics()
        self._slices = [
            (name, sorted(slices, key=lambda at: at.start))
            for name, slices in self.layer_slices().items()
        ]

    @property
    def hidden_names(self) -> list[str]:
        """The names of the layers that have an activation, from the input side."""
        return [layer.name for layer in self.layers if isinstance(layer, Activate)]

    def bind(self, theta: Array, stats: Array | None = None) -> Views:
        """Make views of a vector of ``size`` parameters and one of ``n_stats`` statistics."""
        if (
            theta.shape[-1] != self.size
            or (0 if stats is None else stats.shape[-1]) != self.n_stats
        ):
            raise ValueError(f"expected {self.size} parameters and {self.n_stats} statistics")
        return Views(
            _views(theta, self._places),
            _views(theta if stats is None else stats, self._statistics),
        )

    def initial(
        self, rng: np.random.Generator, dtype: DTypeLike, sample: Batch | None = None
    ) -> Array:
        """Draw the parameters that training starts from.

        ``sample`` are training rows, needed where `wants_sample`; they change nothing elsewhere.
        """
        theta = np.zeros(self.size)
        if not self.wants_sample:
            for layer, p in zip(self.layers, _views(theta, self._places), strict=True):
                layer.initialize(p, rng)
        elif sample is None:
            raise ValueError("these initial weights are scaled on a sample of training rows")
        else:
            views = self.bind(theta, self.initial_stats(np.float64))
            initialize_on(self.layers, *views, sample, rng)
        if self.spec.output_bias:
            theta[self.layer_slices()["output"][-1]] = self.spec.output_bias
        return theta.astype(dtype)

    def initial_stats(self, dtype: DTypeLike) -> Array:
        """Return the running statistics that training starts from."""
        stats = np.zeros(self.n_stats, dtype)
        for layer, s in zip(self.layers, _views(stats, self._statistics), strict=True):
            layer.initialize_statistics(s)
        return stats

    def recompute_statistics(self, views: Views, batches: Callable[[], Iterable[Batch]]) -> None:
        """Set the running statistics to those of all rows; see `calibrating`."""
        recompute_statistics(self.layers, *views, batches)

    def tape(self, n_rows: int, dtype: DTypeLike) -> list[LayerTape]:
        """Make the buffers for batches of ``n_rows``; a tape serves one batch at a time."""
        return [layer.tape(n_rows, dtype) for layer in self.layers]

    def forward(
        self, views: Views, batch: Batch, tape: list[LayerTape], rng: Streams | None
    ) -> Array:
        """Return the raw outputs `(n, n_outputs)`, a buffer of the tape; predict if no ``rng``."""
        x: Any = batch
        for layer, p, s, t in zip(
            self.layers, views.parameters, views.statistics, tape, strict=True
        ):
            x = layer.forward(p, s, x, t, rng)
        return cast(Array, x)

    def backward(self, views: Views, gviews: Views, dz: Array, tape: list[LayerTape]) -> None:
        """Write the gradient into ``gviews``, from that of the raw outputs of the last forward."""
        for i in range(len(self.layers) - 1, self._lowest_that_learns - 1, -1):
            p, g = views.parameters[i], gviews.parameters[i]
            dz = self.layers[i].backward(p, g, dz, tape[i])

    def matrices(self, views: Views) -> tuple[Array, ...]:
        """Return the weights `(n_in, n_out)` of each dense layer."""
        return tuple(
            p[0]
            for layer, p in zip(self.layers, views.parameters, strict=True)
            if isinstance(layer, Linear)
        )

    def fan_ins(self) -> dict[str, int]:
        """Return the number of inputs of each dense layer."""
        return {layer.name: layer.n_in for layer in self.layers if isinstance(layer, Linear)}

    def layer_slices(self) -> dict[str, list[slice]]:
        """Return where the parameters of each layer lie, from the inputs on.

        >>> Network(NetworkSpec(n_numeric=2, n_outputs=1, hidden=())).layer_slices()
        {'output': [slice(0, 2, None), slice(2, 3, None)]}
        """
        slices: dict[str, list[slice]] = {}
        for place in (place for places in self._places for place in places):
            slices.setdefault(place.layer, []).append(place.slice)
        return slices

    def idle(self, views: Views, tape: list[LayerTape]) -> dict[str, float]:
        """Return the share of dead or saturated units of each hidden layer in the last forward."""
        return {
            layer.name: layer.idle(p, t)
            for layer, p, t in zip(self.layers, views.parameters, tape, strict=True)
            if isinstance(layer, Activate)
        }

    def norms(self, vector: Array) -> dict[str, float]:
        """Return the Euclidean norm of each layer's share of a vector of parameters."""
        norms: dict[str, float] = {}
        for name, slices in self._slices:
            square = 0.0
            for at in slices:
                part = vector[at]
                square += float(part.dot(part))
            norms[name] = square**0.5
        return norms

    def first_not_finite(self, views: Views, batch: Batch, tape: list[LayerTape]) -> str | None:
        """Name the first layer whose parameters or activities are not finite, "data", or None."""
        if not np.isfinite(batch.numeric).all():
            return "data"
        x: Any = batch
        for layer, p, s, t in zip(self.layers, *views, tape, strict=True):
            x = layer.forward(p, s, x, t, None)
            if not all(np.isfinite(array).all() for array in (x, *p, *s)):
                return layer.name
        return None

    def _place_parameters(self) -> list[list[Place]]:
        """Give each layer the places of its parameters, all weights before all exempt ones."""
        places: list[dict[str, Place]] = [{} for _ in self.layers]
        at = 0
        self.n_weights = 0
        for exempt in (False, True):
            for i, layer in enumerate(self.layers):
                for name, shape, is_exempt in layer.parameters:
                    if is_exempt == exempt:
                        end = at + math.prod(shape)
                        places[i][name] = Place(
                            f"{layer.name}.{name}", layer.name, shape, slice(at, end)
                        )
                        at = end
            self.n_weights = self.n_weights or at
        return [
            [places[i][parameter.name] for parameter in layer.parameters]
            for i, layer in enumerate(self.layers)
        ]

    def _place_statistics(self) -> tuple[list[list[Place]], int]:
        places: list[list[Place]] = []
        at = 0
        for layer in self.layers:
            places.append([])
            for name, shape, _ in layer.statistics:
                end = at + math.prod(shape)
                places[-1].append(Place(f"{layer.name}.{name}", layer.name, shape, slice(at, end)))
                at = end
        return places, at


def members_of(net: Network, theta: Array, stats: Array | None) -> list[Views]:
    """Make the views of each of K members: `(K, size)` parameters, `(K, n_stats)` statistics."""
    if theta.ndim != 2 or (stats is not None and len(stats) != len(theta)):
        raise ValueError("parameters and statistics of several members have these in front")
    each = [None] * len(theta) if stats is None else list(stats)
    return [net.bind(t, s) for t, s in zip(theta, each, strict=True)]


def _views(vector: Array, places: Sequence[Sequence[Place]]) -> tuple[tuple[Array, ...], ...]:
    """Reshape stretches of the last axis; further axes in front are members of an ensemble."""
    return tuple(
        tuple(vector[..., p.slice].reshape(*vector.shape[:-1], *p.shape) for p in layer)
        for layer in places
    )
