"""Learning rates by layer: one factor for each parameter."""

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np

from nntool.nn.arrays import Array, DTypeLike
from nntool.nn.network import Network
from nntool.nn.registry import InvalidChoice

LayerRates = Literal["inverse-sqrt", "sqrt"] | Mapping[str, float] | None


def layer_rates(net: Network, by: LayerRates, dtype: DTypeLike = np.float64) -> Array | None:
    """Return the factor of the learning rate of each parameter `(size,)`, or None for 1 everywhere.

    "inverse-sqrt" is in proportion to 1/√n_in, "sqrt" to √n_in, n_in the fan-in of a dense layer,
    both with the geometric mean 1 over the dense layers, so that η keeps its meaning; embedding
    tables keep 1. LeCun, Bottou, Orr & Müller 1998, Efficient BackProp, section 4.7. A mapping
    gives factors by the name of the layer; a layer that it does not name keeps 1.

    >>> from nntool.nn.network import NetworkSpec
    >>> net = Network(NetworkSpec(n_numeric=4, n_outputs=1, hidden=(1,)))
    >>> layer_rates(net, "inverse-sqrt").round(3).tolist()
    [0.707, 0.707, 0.707, 0.707, 1.414, 0.707, 1.414]
    """
    if by is None or by == {}:
        return None
    factors = dict(by) if isinstance(by, Mapping) else _by_fan_in(net, by)
    slices = net.layer_slices()
    if unknown := [name for name in factors if name not in slices]:
        raise InvalidChoice(
            f"there is no layer {', '.join(map(repr, unknown))}; choose from {', '.join(slices)}"
        )
    rates = np.ones(net.size, dtype)
    for name, factor in factors.items():
        for part in slices[name]:
            rates[part] = factor
    return rates


def _by_fan_in(net: Network, by: str) -> dict[str, float]:
    power = {"inverse-sqrt": -0.5, "sqrt": 0.5}[by]
    fan_ins = {name: max(1, n) for name, n in net.fan_ins().items()}  # of none, the bias alone
    mean = math.exp(sum(math.log(n) for n in fan_ins.values()) / len(fan_ins))
    return {name: (n / mean) ** power for name, n in fan_ins.items()}
