"""The perceptron; `nntool.nn.learners.corrections` goes through the rows for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from nntool.nn.optimizers.base import Method


@dataclass(frozen=True, kw_only=True)
class Perceptron(Method):
    """Step units that are corrected by each row that they get wrong, until there is none.

    ŷ = 1 where w·x + b ≥ 0, else 0. Right: unchanged; wrong 0: w ← w + ηx, b ← b + η; wrong 1:
    w ← w − ηx, b ← b − η. One unit for two classes; for more one unit a class, whose own rows are
    its ones, and the largest sum decides. From weights of 0, where it starts, η = 1 is as good as
    any; a row that counts by a weight corrects by as much. Rosenblatt 1958, Psychological Review
    65; it ends where a hyperplane parts the classes: Novikoff 1962, Symposium on the Mathematical
    Theory of Automata 12.
    Use: to see what a single layer can learn, and to hear whether the classes are separable at all.
    """

    learning_rate: ClassVar[float] = 1.0
    single_layer: ClassVar[bool] = True
    needs_gradient: ClassVar[bool] = False
    default_batch: ClassVar[int | Literal["auto", "full"]] = 1
    losses: ClassVar[Mapping[str, str]] = {"binary": "perceptron", "multiclass": "perceptron"}
    only_losses: ClassVar[tuple[str, ...]] = ("perceptron",)
    initializer: ClassVar[str] = "zeros"
