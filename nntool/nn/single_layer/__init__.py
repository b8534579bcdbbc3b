"""Rules for one layer of units, without hidden ones: where learning machines began."""

from nntool.nn.optimizers import Method
from nntool.nn.single_layer.delta_rule import DeltaRule as DeltaRule
from nntool.nn.single_layer.perceptron import Perceptron as Perceptron

SINGLE_LAYER: dict[str, type[Method]] = {
    "delta-rule": DeltaRule,
    "perceptron": Perceptron,
}
