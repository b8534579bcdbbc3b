"""Losses to hold a training against: zeros, the best constant answer, the first weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nntool.steps.yardstick import Yardstick

if TYPE_CHECKING:
    from nntool.nn.arrays import Array
    from nntool.nn.batches import Batch
    from nntool.nn.outputs import Output
    from nntool.nn.training import Trainer

ROWS_OF_YARDSTICK = 1024
STEPS_OF_YARDSTICK = 300
STEPS_WITH_MANY_OUTPUTS = 60
"""They cost time, and the logarithms of their shares are found in so few."""
ROWS_OF_LOSS = 1 << 15


def loss_of_zeros(trainer: Trainer) -> float:
    """About the training loss of raw outputs that are all 0."""
    import numpy as np

    n_outputs, dtype = trainer.output.n_outputs, trainer.theta.dtype
    return _loss_on_some(trainer, lambda rows: np.zeros((rows.n_rows, n_outputs), dtype))


def yardstick(trainer: Trainer) -> Yardstick:
    """About the losses of the best constant answer, and of the best answer for each row.

    Found by Adam on the raw outputs, over rows drawn at random, always the same ones.
    """
    import numpy as np

    from nntool.nn.judging import some_rows, target_of

    def least(rows: Batch, *, constant: bool) -> tuple[Array, float]:
        return _least_loss(trainer.output, target_of(rows), rows.weight, constant=constant)

    batch = some_rows(trainer.train, ROWS_OF_YARDSTICK)
    answer, of_constant = least(batch, constant=True)
    plan = trainer.plan
    like = plan.average is None and plan.sampler is None
    found = Yardstick(of_constant, least(batch, constant=False)[1], like=like)
    if trainer.validation is None:
        return found
    held = some_rows(trainer.validation, ROWS_OF_YARDSTICK)
    z, tape = np.repeat(answer, held.n_rows, axis=0), trainer.output.tape(held.n_rows, np.float64)
    return found._replace(
        held=trainer.output.value(z, target_of(held), held.weight, tape),
        held_perfect=least(held, constant=False)[1],
    )


def _least_loss(
    output: Output, y: Array, weight: Array | None, *, constant: bool
) -> tuple[Array, float]:
    """Raw outputs of the least loss, the same for all rows or each its own, and that loss.

    In a regression they start at the mean target and move in steps of its spread.
    """
    import numpy as np

    from nntool.nn.optimizers.adam import Adam

    middle, spread = 0.0, 1.0
    if output.head.task == "regression" and output.loss.scales_target:
        middle, spread = float(np.mean(y)), float(np.std(y)) or 1.0
    answers = np.full((1 if constant else len(y), output.n_outputs), middle)
    theta, rule, tape = answers.reshape(-1), Adam(), output.tape(len(y), np.float64)
    state, best, least = rule.init(theta), answers.copy(), np.inf
    steps = STEPS_OF_YARDSTICK if output.n_outputs < 10 else STEPS_WITH_MANY_OUTPUTS
    for step in range(steps):
        loss = output.value(np.broadcast_to(answers, tape.dz.shape), y, weight, tape)
        if loss < least:
            best, least = answers.copy(), loss
        g = tape.dz.sum(axis=0) if constant else tape.dz.reshape(-1)
        rule.step(theta, g, state, 0.2 * spread * (1 - step / steps))
    return best, float(least)


def loss_at_start(trainer: Trainer, seed: int) -> float:
    """The training loss of the weights that training began with."""
    from nntool.nn.judging import some_rows
    from nntool.nn.randomness import Streams

    net, dtype = trainer.net, trainer.theta.dtype
    sample = some_rows(trainer.train) if net.wants_sample else None
    theta = net.initial(Streams(seed)["init"], dtype, sample)
    return loss_of_weights(trainer, theta, net.initial_stats(dtype))


def loss_of_weights(trainer: Trainer, theta: Array, stats: Array) -> float:
    """About the training loss of these weights, as in prediction."""
    from nntool.nn.predicting import Predictor

    engine = Predictor(trainer.net, theta, stats)
    return _loss_on_some(trainer, lambda rows: engine.outputs(rows.numeric, rows.codes))


def _loss_on_some(trainer: Trainer, outputs: Callable[[Batch], Any]) -> float:
    """The mean loss of what ``outputs`` answers for training rows drawn at random.

    At most `ROWS_OF_LOSS` of them, always the same: a large table is not read once more.
    """
    from nntool.nn.judging import some_rows, target_of

    rows = some_rows(trainer.train, ROWS_OF_LOSS)
    z = outputs(rows)
    tape = trainer.output.tape(rows.n_rows, z.dtype)
    return trainer.output.value(z, target_of(rows), rows.weight, tape)
