"""From the description of a network to its layers."""

from nntool.nn.activations import ACTIVATIONS
from nntool.nn.embedding import Inputs
from nntool.nn.initializers import INITIALIZERS, Initializer, default_initializer
from nntool.nn.layers import Activate, Layer, Linear
from nntool.nn.noise import Dropout, Noise
from nntool.nn.normalization import BatchNorm, LayerNorm
from nntool.nn.parametric import ParametricActivate
from nntool.nn.registry import build
from nntool.nn.spec import NetworkSpec
from nntool.nn.threshold_activations import Activation


def layers_of(spec: NetworkSpec) -> list[Layer]:
    """Make the layers in the order in which they are stacked.

    >>> spec = NetworkSpec(n_numeric=2, n_outputs=1, hidden=(3,), batch_norm=True, dropout=0.5)
    >>> [type(layer).__name__ for layer in layers_of(spec)]
    ['Inputs', 'Linear', 'BatchNorm', 'Activate', 'Dropout', 'Linear']
    """
    activation = build(ACTIVATIONS, spec.activation, spec.activation_settings)
    inputs = Inputs(spec.n_numeric, spec.levels, spec.embedding_widths)
    layers: list[Layer] = [inputs]
    width, below_learns = inputs.n_out, bool(inputs.parameters)
    if spec.input_noise:
        layers.append(Noise("inputs", width, spec.input_noise, "input-noise"))
    if spec.input_dropout:
        layers.append(Dropout("inputs", width, spec.input_dropout, "input-dropout"))
    for number, units in enumerate(spec.hidden, start=1):
        name = f"hidden{number}"
        layers += _hidden(spec, name, width, units, activation, propagates=below_learns)
        width, below_learns = units, True
    weights = _initializer(spec, None)
    layers.append(
        Linear("output", width, spec.n_outputs, weights, propagates=below_learns, bias=spec.bias)
    )
    return layers


def _hidden(
    spec: NetworkSpec,
    name: str,
    width: int,
    units: int,
    activation: Activation,
    *,
    propagates: bool,
) -> list[Layer]:
    weights, has_bias = _initializer(spec, spec.activation), spec.bias and not spec.batch_norm
    layers: list[Layer] = [
        Linear(name, width, units, weights, propagates=propagates, bias=has_bias)
    ]
    if spec.batch_norm:
        layers.append(BatchNorm(name, units))
    if spec.layer_norm:
        layers.append(LayerNorm(name, units))
    unit = ParametricActivate if spec.parametric_activation else Activate
    layers.append(unit(name, units, activation))
    if spec.activation_noise:
        layers.append(Noise(name, units, spec.activation_noise, "activation-noise"))
    if spec.dropout:
        layers.append(Dropout(name, units, spec.dropout, "dropout"))
    return layers


def _initializer(spec: NetworkSpec, activation: str | None) -> Initializer:
    if spec.initializer == "auto":
        return build(INITIALIZERS, default_initializer(activation))
    return build(INITIALIZERS, spec.initializer, spec.initializer_settings)
