"""Losses to hold a training against: zeros, the best constant answer, the first weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nntool.nn.batches import Batch
    from nntool.nn.training import Trainer

ROWS_OF_CONSTANT = 4096
STEPS_OF_CONSTANT = 300


def loss_of_zeros(trainer: Trainer) -> float:
    """The training loss of raw outputs that are all 0."""
    import numpy as np

    n_outputs, dtype = trainer.output.n_outputs, trainer.theta.dtype
    return _mean_loss(trainer, lambda batch: np.zeros((batch.n_rows, n_outputs), dtype))


def loss_of_constant(trainer: Trainer) -> float:
    """About the training loss of the best constant answer: that of a network that learned nothing.

    Found by Adam on the raw outputs, over the first training rows.
    """
    import numpy as np

    from nntool.nn.judging import first_rows, target_of
    from nntool.nn.optimizers import Adam

    batch = first_rows(trainer.train, ROWS_OF_CONSTANT)
    tape = trainer.output.tape(batch.n_rows, np.float64)
    constant, rule = np.zeros(trainer.output.n_outputs), Adam()
    state, best = rule.init(constant), np.inf
    for step in range(STEPS_OF_CONSTANT):
        z = np.repeat(constant[np.newaxis], batch.n_rows, axis=0)
        loss = trainer.output.value(z, target_of(batch), batch.weight, tape)
        best = min(best, loss)
        rule.step(constant, tape.dz.sum(axis=0), state, 0.2 * (1 - step / STEPS_OF_CONSTANT))
    return float(best)


def loss_at_start(trainer: Trainer, seed: int) -> float:
    """The training loss of the weights that training began with."""
    from nntool.nn.judging import first_rows
    from nntool.nn.randomness import Streams

    net, dtype = trainer.net, trainer.theta.dtype
    sample = first_rows(trainer.train) if net.wants_sample else None
    theta = net.initial(Streams(seed)["init"], dtype, sample)
    return loss_of_weights(trainer, theta, net.initial_stats(dtype))


def loss_of_weights(trainer: Trainer, theta: Any, stats: Any) -> float:
    """The training loss of these weights, as in prediction."""
    from nntool.nn.predicting import Predictor

    engine = Predictor(trainer.net, theta, stats)
    return _mean_loss(trainer, lambda batch: engine.outputs(batch.numeric, batch.codes))


def _mean_loss(trainer: Trainer, outputs: Callable[[Batch], Any]) -> float:
    """The mean loss over the training rows of what ``outputs`` answers for each batch."""
    from nntool.nn.judging import BLOCK_ROWS, target_of

    total = 0.0
    for batch in trainer.train.batches(None, BLOCK_ROWS):
        z = outputs(batch)
        tape = trainer.output.tape(batch.n_rows, z.dtype)
        total += trainer.output.value(z, target_of(batch), batch.weight, tape) * batch.n_rows
    return total / trainer.train.n_rows
