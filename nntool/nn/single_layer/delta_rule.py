"""The delta rule of Widrow and Hoff."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from nntool.nn.optimizers.descent import SGD


@dataclass(frozen=True, kw_only=True)
class DeltaRule(SGD):
    """A linear unit that moves by its error times its inputs.

    Δw = ηx(t − y), y = w·x + b: row by row (the default), or, of a batch, the mean over its rows
    (`--batch-size full` is the batch rule). Classes are learned as Adaline does: t = ±1, the sign
    of y decides, or the largest y of one unit a class. Widrow & Hoff 1960, IRE WESCON 4.
    With one row η·(‖x‖² + 1) is the share of its error that a step takes away: beyond 2 it grows.
    Use: as the first rule that comes near where no weights are right, and to see why a rate must
    be small; for results, `--hidden none` with the default optimizer.
    """

    single_layer: ClassVar[bool] = True
    default_batch: ClassVar[int | Literal["auto", "full"]] = 1
    losses: ClassVar[Mapping[str, str]] = {
        "binary": "half-mse",
        "multiclass": "half-mse",
        "regression": "half-mse",
    }
    only_losses: ClassVar[tuple[str, ...]] = ("half-mse", "mse")
    link: ClassVar[str] = "identity"
