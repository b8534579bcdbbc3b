"""What every full-batch method is: a loop over iterations that see one function of the weights."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, TypeAlias

import numpy as np

from nntool.nn.arrays import Array, DTypeLike
from nntool.nn.optimizers.base import Method
from nntool.nn.setting import setting

State: TypeAlias = dict[str, Array]

NO_STEP = "no step lowers the loss any further"


class Point(NamedTuple):
    """Parameters, and what is known there: the value to be made small, and its gradient.

    ``note`` is what the objective wants to remember of the evaluation.
    """

    theta: Array
    value: float
    gradient: Array
    note: Any = None


class Objective(Protocol):
    """The function that is made small: loss and penalties of all training rows."""

    def at(self, theta: Array) -> Point:
        """Evaluate value and gradient; the value is inf where it is not finite."""

    def hessian_product(self, theta: Array, v: Array) -> Array:
        """Return H·v, H the second derivatives of the value."""

    def gauss_newton_product(self, theta: Array, v: Array) -> Array:
        """Return G·v, G the Gauss–Newton matrix: H without the curvature of the network."""

    def hessian(self, theta: Array) -> Array:
        """Return H itself, symmetric."""

    def gauss_newton(self, theta: Array) -> Array:
        """Return G itself: JᵀJ, scaled as the loss is, with the curvature of the penalties."""


class Step(NamedTuple):
    """What one iteration came to: where it ended, its length α, and why there is no next one."""

    point: Point
    length: float
    finished: str = ""


@dataclass(frozen=True, kw_only=True)
class FullBatchMethod(Method):
    """The form of a method whose every iteration sees all rows.

    Its state is what a checkpoint holds beside the point: arrays by name, of one shape throughout.
    """

    whole_batch: ClassVar[bool] = True
    full_batch: ClassVar[bool] = True
    finds_rates: ClassVar[bool] = True
    default_batch: ClassVar[int | Literal["auto", "full"]] = "full"
    learning_rate: ClassVar[float] = 1.0

    tolerance: float = setting(1e-6, "stop where the gradient is this share of the first", ge=0)

    @property
    def replaced(self) -> tuple[str, ...]:
        """The arrays of the state that are replaced by others, and never written into."""
        return ()

    def init(self, size: int, dtype: DTypeLike) -> State:
        """Make the state before the first iteration."""
        return {"first_norm": np.zeros(())}

    def advance(self, objective: Objective, point: Point, state: State) -> Step:
        """Make one iteration, unless ``point`` is where to stop."""
        conclusion = self.conclusion(point, state)
        return Step(point, 0.0, conclusion) if conclusion else self.iterate(objective, point, state)

    def iterate(self, objective: Objective, point: Point, state: State) -> Step:
        """Make one iteration from ``point``: change ``state``, return the next point.

        It is never worse than ``point``.
        """
        raise NotImplementedError

    def start(self, point: Point, state: State) -> None:
        """See the point that the first iteration sets out from."""
        state["first_norm"][...] = norm_of(point.gradient)

    def conclusion(self, point: Point, state: State) -> str:
        """Say that the gradient has become small enough, where it has; else nothing."""
        norm, first = norm_of(point.gradient), float(state["first_norm"])
        if norm == 0:
            return "the gradient is 0"
        if norm > self.tolerance * first:
            return ""
        return f"the gradient is {norm / first:.1e} of the first (tolerance {self.tolerance:g})"


def norm_of(vector: Array) -> float:
    """Return the Euclidean norm of a vector; scaled first where its squares would overflow.

    >>> norm_of(np.array([3.0, 4.0]))
    5.0
    """
    with np.errstate(over="ignore"):
        norm = math.sqrt(float(np.dot(vector, vector)))
    if not math.isinf(norm):
        return norm
    largest = float(np.abs(vector).max())
    return largest if math.isinf(largest) else largest * norm_of(vector / largest)


def dot(a: Array, b: Array) -> float:
    """Return the inner product of two vectors as a number."""
    return float(np.dot(a, b))
