"""Optimizers on mini-batches: rules that change a vector of parameters by its gradient.

They never print, clip, decay or stop. Symbols: θ parameters, g gradient, η learning rate, t the
number of the update from 1; where an equation has a square of a vector, it is that of each element.
"""

from nntool.nn.optimizers.adam import Adam
from nntool.nn.optimizers.base import Optimizer, State
from nntool.nn.optimizers.descent import SGD, Momentum

__all__ = ["OPTIMIZERS", "SGD", "Adam", "Momentum", "Optimizer", "State"]

OPTIMIZERS: dict[str, type[Optimizer]] = {
    "adam": Adam,
    "momentum": Momentum,
    "sgd": SGD,
}
