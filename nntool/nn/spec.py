"""What a network is made of."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nntool.nn.embedding import default_width
from nntool.nn.registry import InvalidChoice


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """What a network is made of, as plain values; `NetworkSpec.from_plain` reads them back.

    ``levels`` is the number of codes of each categorical column, ``widths`` the length of their
    vectors (None: `default_width`), ``hidden`` the units of each hidden layer, () a linear model.
    ``initializer`` "auto" follows the activation, and is glorot-uniform for the output layer.
    Each hidden layer is: weighted sums, norm, activation, noise, dropout. ``output_bias`` is where
    the biases of the output begin, () at 0 as all others; without ``bias`` no unit has one.
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
    input_noise: float = 0.0
    activation_noise: float = 0.0
    batch_norm: bool = False
    layer_norm: bool = False
    parametric_activation: bool = False
    output_bias: tuple[float, ...] = ()
    bias: bool = True

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
        for sigma in (self.input_noise, self.activation_noise):
            if type(sigma) not in (int, float) or not 0 <= sigma < math.inf:
                raise InvalidChoice("noise has a standard deviation: a number, at least 0")
        switches = (self.batch_norm, self.layer_norm, self.parametric_activation, self.bias)
        if not all(type(switch) is bool for switch in switches):
            raise InvalidChoice("a norm, a parametric activation or a bias is on or off")
        if self.output_bias and not self.bias:
            raise InvalidChoice("a network without biases cannot begin with some")
        if self.batch_norm and self.layer_norm:
            raise InvalidChoice("batch norm and layer norm exclude each other: choose one")
        if len(self.output_bias) not in (0, self.n_outputs) or not all(
            type(bias) in (int, float) and math.isfinite(bias) for bias in self.output_bias
        ):
            raise InvalidChoice("the output layer begins with one finite bias for each output")
        if self.layer_norm and 1 in self.hidden:
            raise InvalidChoice("layer norm makes a constant of a hidden layer of one unit")

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
