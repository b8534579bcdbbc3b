"""A network: the plan of its layers over one vector of parameters."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import numpy as np

from nntool.nn.activations import ACTIVATIONS
from nntool.nn.arrays import Array, DTypeLike
from nntool.nn.batches import Batch
from nntool.nn.embedding import Inputs, default_width
from nntool.nn.initializers import INITIALIZERS, Initializer, default_initializer
from nntool.nn.layers import Activate, Dropout, Layer, LayerTape, Linear
from nntool.nn.randomness import Streams
from nntool.nn.registry import InvalidChoice, build


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """What a network is made of, as plain values; `NetworkSpec.from_plain` reads them back.

    ``levels`` is the number of codes of each categorical column, ``widths`` the length of their
    vectors (None: `default_width`), ``hidden`` the units of each hidden layer, () a linear model.
    ``initializer`` "auto" follows the activation, and is glorot-uniform for the output layer.
    """

    n_numeric: int
    n_outputs: int
    levels: tuple[int, ...] = ()
    widths: tuple[int, ...] | None = None
    hidden: tuple[int, ...] = (64, 64)
    activation: str = "relu"
    activation_settings: Mapping[str, Any] = field(default_factory=dict)
    initializer: str = "auto"
    initializer_settings: Mapping[str, Any] = field(default_factory=dict)
    dropout: float = 0.0
    input_dropout: float = 0.0

    def __post_init__(self) -> None:
        """Resolve the widths and refuse what no network has."""
        sizes = (self.n_outputs, *self.hidden, *self.levels, *(self.widths or ()))
        if not all(type(n) is int and 0 <= n < 2**31 for n in (self.n_numeric, *sizes)):
            raise InvalidChoice("the size of a layer is a whole number below 2³¹")
        if min(sizes) < 1:
            raise InvalidChoice("every layer needs at least one unit, every column one level")
        if self.widths is None:
            object.__setattr__(self, "widths", tuple(default_width(n) for n in self.levels))
        if len(self.embedding_widths) != len(self.levels):
            raise InvalidChoice(f"{len(self.levels)} categorical columns need as many widths")
        for share in (self.dropout, self.input_dropout):
            if type(share) not in (int, float) or not 0 <= share < 1:
                raise InvalidChoice("dropout is a share: at least 0 and less than 1")

    @property
    def embedding_widths(self) -> tuple[int, ...]:
        """The length of the vectors of each categorical column."""
        return self.widths or ()

    def as_plain(self) -> dict[str, Any]:
        """Return the values as JSON can hold them."""
        return {
            k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(self).items()
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "NetworkSpec":
        """Make a spec from what `as_plain` returned.

        >>> spec = NetworkSpec(n_numeric=3, n_outputs=1, levels=(4,))
        >>> NetworkSpec.from_plain(spec.as_plain()) == spec
        True
        """
        known = {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(plain.keys() - known):
            raise InvalidChoice(f"a network has no {', '.join(unknown)}")
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in plain.items()
        }
        return cls(**values)


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
        self.layers = _layers(spec)
        self._lowest_that_learns = next(
            i for i, layer in enumerate(self.layers) if layer.parameters
        )
        self.min_rows = max(layer.min_rows for layer in self.layers)
        self._places = self._place_parameters()
        self.places = sorted(
            (place for layer in self._places for place in layer), key=lambda p: p.slice.start
        )
        self.size = self.places[-1].slice.stop
        self._statistics, self.n_stats = self._place_statistics()

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

    def initial(self, rng: np.random.Generator, dtype: DTypeLike) -> Array:
        """Draw the parameters that training starts from."""
        theta = np.zeros(self.size)
        for layer, p in zip(self.layers, _views(theta, self._places), strict=True):
            layer.initialize(p, rng)
        return theta.astype(dtype)

    def initial_stats(self, dtype: DTypeLike) -> Array:
        """Return the running statistics that training starts from."""
        stats = np.zeros(self.n_stats, dtype)
        for layer, s in zip(self.layers, _views(stats, self._statistics), strict=True):
            layer.initialize_statistics(s)
        return stats

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

    def norms(self, vector: Array) -> dict[str, float]:
        """Return the Euclidean norm of each layer's share of a vector of parameters."""
        squares: dict[str, float] = {}
        for place in self.places:
            part = vector[place.slice]
            squares[place.layer] = squares.get(place.layer, 0.0) + float(np.dot(part, part))
        order = [layer.name for layer in self.layers]
        return {name: squares[name] ** 0.5 for name in order if name in squares}

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


def _layers(spec: NetworkSpec) -> list[Layer]:
    """Make the layers in the order in which they are stacked."""
    activation = build(ACTIVATIONS, spec.activation, spec.activation_settings)
    inputs = Inputs(spec.n_numeric, spec.levels, spec.embedding_widths)
    layers: list[Layer] = [inputs]
    width, below_learns = inputs.n_out, bool(inputs.parameters)
    if spec.input_dropout:
        layers.append(Dropout("inputs", width, spec.input_dropout, "input-dropout"))
    for number, units in enumerate(spec.hidden, start=1):
        name = f"hidden{number}"
        weights = _initializer(spec, spec.activation)
        layers.append(Linear(name, width, units, weights, propagates=below_learns))
        layers.append(Activate(name, units, activation))
        if spec.dropout:
            layers.append(Dropout(name, units, spec.dropout, "dropout"))
        width, below_learns = units, True
    weights = _initializer(spec, None)
    layers.append(Linear("output", width, spec.n_outputs, weights, propagates=below_learns))
    return layers


def _initializer(spec: NetworkSpec, activation: str | None) -> Initializer:
    if spec.initializer == "auto":
        return build(INITIALIZERS, default_initializer(activation))
    return build(INITIALIZERS, spec.initializer, spec.initializer_settings)


def _views(vector: Array, places: Sequence[Sequence[Place]]) -> tuple[tuple[Array, ...], ...]:
    """Reshape stretches of the last axis; further axes in front are members of an ensemble."""
    return tuple(
        tuple(vector[..., p.slice].reshape(*vector.shape[:-1], *p.shape) for p in layer)
        for layer in places
    )
