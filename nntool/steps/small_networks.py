"""Small networks that judge features, as ``nntool.tables.selecting`` asks for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nntool.errors import TrainingError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from nntool.nn.network import Network
    from nntool.nn.outputs import Output
    from nntool.nn.training import Trainer
    from nntool.nn.updating import UpdateRules

    Array = npt.NDArray[Any]

UNITS = 32
EPOCHS = 60
PATIENCE = 5
FEWEST_UPDATES = 1500
"""Of few rows there are more epochs, so that there is time to learn at all."""
STOPPING_ROWS = 6
"""One row in so many, of those learned from, says when to stop and is not learned from."""
L1_RATE = 0.2
"""The learning rate under L1."""
L1_UPDATES = 2000
L1_BATCH = 2048
"""Rows in a batch under L1: of few, chance alone would move a weight away from 0."""
DECAY = 1e-3
"""λ of L2: without it what L1 takes from the first layer the second would give back."""


@dataclass(frozen=True)
class SmallNetwork:
    """One hidden layer that has learned."""

    net: Network
    output: Output
    theta: Array

    def losses(self, x: Array, target: Array) -> Array:
        """Give the loss of each row `(n,)`."""
        import numpy as np

        from nntool.nn.predicting import outputs

        z = outputs(self.net, self.theta, x)
        tape = self.output.tape(len(z), z.dtype)
        self.output.loss.rows(self.output.head, z, target.astype(_type_of(self.output)), tape)
        found: Array = np.array(tape.rows, dtype=np.float64)
        return found

    def norms(self) -> Array:
        """Give the length of the weights that go out from each input `(d,)`."""
        import numpy as np

        first = self.net.matrices(self.net.bind(self.theta))[0]
        found: Array = np.sqrt((first.astype(np.float64) ** 2).sum(axis=1))
        return found


def trained(
    x: Array,
    target: Array,
    n_classes: int,
    *,
    l1: float,
    seed: int,
    told: Callable[[float], None],
) -> SmallNetwork:
    """Train on inputs `(n, d)` of spread 1 and classes from 0, or, with none, values.

    With ``l1`` every row is learned from, to the last epoch; else some rows say when to stop.
    Raises ``TrainingError`` where the loss is not finite.
    """
    import numpy as np

    from nntool.nn.batches import ArrayRows
    from nntool.nn.network import Network, NetworkSpec
    from nntool.nn.randomness import Streams
    from nntool.nn.reports import Diverged
    from nntool.nn.stopping import EarlyStopping
    from nntool.nn.training import Trainer

    output = _output(n_classes)
    net = Network(NetworkSpec(n_numeric=x.shape[1], n_outputs=output.n_outputs, hidden=(UNITS,)))
    streams = Streams(seed)
    stops = np.zeros(len(x), np.bool_)
    if not l1:
        stops = streams["stopping-rows"].permutation(len(x)) % STOPPING_ROWS == 0
    y = target.astype(_type_of(output))
    learned, judged = (
        ArrayRows(x, target=y, index=np.flatnonzero(part)) if part.any() else None
        for part in (~stops, stops)
    )
    assert learned is not None  # a sixth, at most, is taken away
    trainer = Trainer(
        net,
        output,
        _plan(net, learned.n_rows, l1),
        learned,
        judged,
        streams=streams,
        stopping=EarlyStopping(None if l1 else PATIENCE),
    )
    try:
        _run(trainer, told)
    except Diverged as error:
        raise TrainingError(
            f"the small network that judges features diverged in epoch {error.epoch}",
            "transform with --scale standard, or another --score",
        ) from None
    theta = trainer.theta if l1 else trainer.result()[0]
    return SmallNetwork(net, output, theta.copy())


def _run(trainer: Trainer, told: Callable[[float], None]) -> None:
    """Train to the end, telling how far it is after every epoch."""
    import numpy as np

    with np.errstate(all="ignore"):  # the trainer itself sees what is not finite
        for report in trainer.run():
            told(report.epoch / trainer.plan.epochs)


def _plan(net: Network, n_rows: int, l1: float) -> Any:
    from nntool.nn.plan import Plan
    from nntool.nn.schedules import SCHEDULES

    batch = min(128, max(16, n_rows // 16)) if not l1 else min(n_rows, L1_BATCH)
    fewest = L1_UPDATES if l1 else FEWEST_UPDATES
    epochs = max(EPOCHS, -(-fewest * batch // n_rows))
    return Plan(
        rules=_rules(net, l1),
        epochs=epochs,
        batch_size=batch,
        learning_rate=L1_RATE if l1 else None,
        schedule=SCHEDULES["cosine"]() if l1 else SCHEDULES["constant"](),
        monitor="auto",
    )


def _rules(net: Network, l1: float) -> UpdateRules:
    """Adam; under L1 plain descent: inertia would carry a weight past 0 again and again."""
    from nntool.nn.input_penalty import InputL1
    from nntool.nn.optimizers import OPTIMIZERS
    from nntool.nn.penalties import L2
    from nntool.nn.updating import UpdateRules

    decay = L2(rate=DECAY)
    if not l1:
        return UpdateRules(optimizer=OPTIMIZERS["adam"](), penalties=(decay,))
    n_first = net.spec.n_numeric * UNITS
    return UpdateRules(
        optimizer=OPTIMIZERS["sgd"](),
        penalties=(decay, InputL1(rate=l1, n_weights=n_first)),
        clip_norm=1.0,
    )


def _output(n_classes: int) -> Output:
    from nntool.nn.losses import LOSSES
    from nntool.nn.outputs import DEFAULT_LOSSES, choose_output

    task: Any = {0: "regression", 2: "binary"}.get(n_classes, "multiclass")
    return choose_output(task, n_classes, LOSSES[DEFAULT_LOSSES[task]]())


def _type_of(output: Output) -> type[np.generic]:
    """The type of a target: int32 codes or float32 values, as target.npy has them."""
    import numpy as np

    return np.float32 if output.head.task == "regression" else np.int32
