"""Optimizers on mini-batches: rules that change a vector of parameters by its gradient.

They never print, clip, decay or stop. Symbols: θ parameters, g gradient, η learning rate, t the
number of the update from 1; where an equation has a square of a vector, it is that of each element.
"""

from nntool.nn.optimizers.adam import Adam, AdamW
from nntool.nn.optimizers.adaptive import Adadelta, Adagrad, RMSprop
from nntool.nn.optimizers.base import Method as Method
from nntool.nn.optimizers.base import Optimizer as Optimizer
from nntool.nn.optimizers.base import State as State
from nntool.nn.optimizers.descent import SGD, Momentum, Nesterov, NesterovSimplified, Normalized
from nntool.nn.optimizers.individual import Gains, Rprop
from nntool.nn.optimizers.moments import AdaMax, AMSGrad, Lion, NAdam
from nntool.nn.optimizers.vsgd import VSGD

OPTIMIZERS: dict[str, type[Optimizer]] = {
    "adadelta": Adadelta,
    "adagrad": Adagrad,
    "adam": Adam,
    "adamax": AdaMax,
    "adamw": AdamW,
    "amsgrad": AMSGrad,
    "gains": Gains,
    "lion": Lion,
    "momentum": Momentum,
    "nadam": NAdam,
    "nesterov": Nesterov,
    "nesterov-simplified": NesterovSimplified,
    "normalized": Normalized,
    "rmsprop": RMSprop,
    "rprop": Rprop,
    "sgd": SGD,
    "vsgd": VSGD,
}
