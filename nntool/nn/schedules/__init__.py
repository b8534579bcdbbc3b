"""Schedules: the learning rate of each update, by time or by result.

Symbols: η₀ the learning rate that was chosen, t the number of the update from 1, e the epochs
behind it with their fraction, τ the share of the training behind it, from 0 to nearly 1.
"""

from nntool.nn.schedules.base import Memory as Memory
from nntool.nn.schedules.base import Moment as Moment
from nntool.nn.schedules.base import Schedule as Schedule
from nntool.nn.schedules.base import warm as warm
from nntool.nn.schedules.by_result import BoldDriver, Plateau
from nntool.nn.schedules.by_time import (
    ConstantRate,
    Cosine,
    CosLog4,
    Exponential,
    InverseTime,
    OneCycle,
    Polynomial,
    Step,
)

SCHEDULES: dict[str, type[Schedule]] = {
    "bold-driver": BoldDriver,
    "constant": ConstantRate,
    "cosine": Cosine,
    "coslog4": CosLog4,
    "exponential": Exponential,
    "inverse-time": InverseTime,
    "one-cycle": OneCycle,
    "plateau": Plateau,
    "polynomial": Polynomial,
    "step": Step,
}
