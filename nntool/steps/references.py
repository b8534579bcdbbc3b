"""Losses to hold a training against: zeros, the best constant answer, the first weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nntool.steps.diagnosis import Yardstick

if TYPE_CHECKING:
    from nntool.nn.batches import Batch
    from nntool.nn.outputs import Output
    from nntool.nn.training import Trainer

ROWS_OF_YARDSTICK = 1024
STEPS_OF_YARDSTICK = 300


def loss_of_zeros(trainer: Trainer) -> float:
    """The training loss of raw outputs that are all 0."""
    import numpy as np

    n_outputs, dtype = trainer.output.n_outputs, trainer.theta.dtype
    return _mean_loss(trainer, lambda batch: np.zeros((batch.n_rows, n_outputs), dtype))


def yardstick(trainer: Trainer) -> Yardstick:
    """About the training losses of the best constant answer, and of the best for each row.

    Found by Adam on the raw outputs, over training rows drawn at random, always the same.
    """
    from nntool.nn.judging import some_rows, target_of

    batch = some_rows(trainer.train, ROWS_OF_YARDSTICK)
    y = target_of(batch)
    return Yardstick(*(_least_loss(trainer.output, y, batch.weight, n) for n in (1, batch.n_rows)))


def _least_loss(output: Output, y: Any, weight: Any, n_answers: int) -> float:
    """The least loss that raw outputs can have, the same ones for all rows or each its own.

    In a regression they start at the mean target and move in steps of its spread.
    """
    import numpy as np

    from nntool.nn.optimizers import Adam

    middle, spread = 0.0, 1.0
    if output.head.task == "regression" and output.loss.scales_target:
        middle, spread = float(np.mean(y)), float(np.std(y)) or 1.0
    answers, rule = np.full((n_answers, output.n_outputs), middle), Adam()
    theta, tape = answers.reshape(-1), output.tape(len(y), np.float64)
    state, best = rule.init(theta), np.inf
    for step in range(STEPS_OF_YARDSTICK):
        z = np.repeat(answers, len(y) // n_answers, axis=0)
        best = min(best, output.value(z, y, weight, tape))
        g = tape.dz if n_answers > 1 else tape.dz.sum(axis=0)
        rule.step(theta, g.reshape(-1), state, 0.2 * spread * (1 - step / STEPS_OF_YARDSTICK))
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
