"""What every method of training is, and every optimizer: a rule on a vector and its gradient."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import numpy as np

from nntool.nn.arrays import Array, scratch_for, vector_like

State: TypeAlias = dict[str, Array]
Wants: TypeAlias = Literal["look-ahead", "curvature", "loss", "units"] | None


@dataclass(frozen=True, kw_only=True)
class Method:
    """The form of all that ``--optimizer`` names; ``learning_rate`` is its own default for η.

    ``weight_decay`` is the decoupled decay that belongs to it. ``full_batch`` says that batches
    smaller than all rows mislead it, ``finds_rates`` that it finds the rate of each weight itself,
    so that η needs no search, ``only_starts_at_rate`` that η has a part in its first step alone.

    ``by_batches`` says that weights change batch by batch, at a learning rate that it is given.

    What it demands of a training: ``whole_batch``, a loss that is one and the same function of the
    weights throughout, over all rows (no batches, no chance, no rate); ``single_layer``, no hidden
    units; ``needs_gradient``, activations that have one; ``only_losses``, those that it is for, ()
    for all; ``max_size``, the parameters above which its matrices are too much. What it takes where
    nobody names another: ``losses``, by task; ``link``, that of the output; ``initializer``;
    ``default_batch``, the rows of a batch; ``dropout``.
    """

    kind: ClassVar[str] = "optimizer"
    learning_rate: ClassVar[float] = 0.001
    weight_decay: ClassVar[float] = 0.0
    full_batch: ClassVar[bool] = False
    finds_rates: ClassVar[bool] = False
    only_starts_at_rate: ClassVar[bool] = False
    by_batches: ClassVar[bool] = False
    whole_batch: ClassVar[bool] = False
    single_layer: ClassVar[bool] = False
    losses: ClassVar[Mapping[str, str]] = {}
    link: ClassVar[str] = "auto"
    initializer: ClassVar[str] = "auto"
    default_batch: ClassVar[int | Literal["auto", "full"]] = "auto"
    dropout: ClassVar[float | Literal["auto"]] = "auto"
    needs_gradient: ClassVar[bool] = True
    only_losses: ClassVar[tuple[str, ...]] = ()
    max_size: ClassVar[int | None] = None


@dataclass(frozen=True, kw_only=True)
class Optimizer(Method):
    """The form of a rule on mini-batches.

    ``state_names`` are the arrays that it keeps beside θ; with the counter ``t`` they are all that
    a checkpoint needs. ``weight_decay`` is applied by whoever calls `step`.

    ``wants`` is what else it must be given. "look-ahead": the gradient is taken at the point that
    `look_ahead` writes. "curvature": a second gradient of the same batch, at the point that `probe`
    writes, is put into ``state["probed"]`` before `step`; NaN where the loss there is not finite.
    "loss" and "units": it has no gradient, or one that `nntool.nn.perturbing` makes.
    ``elementwise``: what becomes of a parameter depends on nothing but its own numbers.
    """

    by_batches: ClassVar[bool] = True
    state_names: ClassVar[tuple[str, ...]] = ()
    elementwise: ClassVar[bool] = True
    wants: ClassVar[Wants] = None

    def init(self, theta: Array) -> State:
        """Make the state before the first update: zeros, a counter and a buffer.

        ``state["epoch"]`` is for the caller to set before each update (and its look-ahead): the
        epochs behind it, with their fraction.
        """
        state = {name: vector_like(theta) for name in self.state_names}
        if self.wants == "curvature":
            state["probed"] = np.zeros_like(theta)
        counters = {"t": np.zeros((), np.int64), "epoch": np.zeros((), np.float64)}
        return {**state, **counters, "scratch": scratch_for(theta)}

    def look_ahead(self, theta: Array, state: State, out: Array) -> None:
        """Write the point where the gradient is to be taken into ``out``."""
        np.copyto(out, theta)

    def probe(self, theta: Array, g: Array, state: State, out: Array) -> None:
        """Write the point of the second gradient into ``out``; ``g`` is the first one."""
        np.copyto(out, theta)

    def step(self, theta: Array, g: Array, state: State, lr: float) -> None:
        """Change ``theta`` and ``state`` in place by one update; ``g`` is left as it is."""
        raise NotImplementedError
