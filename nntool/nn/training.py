"""Training: a generator of epoch reports, and all that decides what comes next."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

import numpy as np

from nntool.nn.arrays import Array, DTypeLike
from nntool.nn.batches import Batch, RowSource
from nntool.nn.heads import LossTape
from nntool.nn.layers import LayerTape
from nntool.nn.network import Network
from nntool.nn.optimizers import State
from nntool.nn.outputs import Output
from nntool.nn.randomness import Streams
from nntool.nn.registry import InvalidChoice
from nntool.nn.reports import Diverged, EpochReport, LayerReport
from nntool.nn.schedules import ConstantRate, Schedule
from nntool.nn.stopping import EarlyStopping
from nntool.nn.updating import UpdateRules, parts_of, update

VALIDATION_ROWS = 1024
"""Rows of one block when the validation loss is computed."""

Metrics = Callable[[Array, Array, Array | None], dict[str, float]]
"""From raw outputs, targets and weights of all validation rows to numbers by name."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to train; ``batch_size`` None takes all rows at once, ``learning_rate`` None the rule's.

    ``monitor`` names what early stopping and the best weights go by: "validation-loss",
    "train-loss" or a metric; "auto" is the validation loss where there are validation rows.
    """

    rules: UpdateRules
    epochs: int = 100
    batch_size: int | None = 32
    learning_rate: float | None = None
    schedule: Schedule = field(default_factory=ConstantRate)
    validate_every: int = 1
    monitor: str = "auto"


class Trainer:
    """A network in training. `run` yields reports; `result` is the best so far, at any time.

    `state` is that of the end of the last whole epoch, so a trainer restored from it goes on
    exactly as this one would have, even if this one was stopped within an epoch.
    """

    def __init__(
        self,
        net: Network,
        output: Output,
        plan: Plan,
        train: RowSource,
        validation: RowSource | None = None,
        *,
        streams: Streams,
        dtype: DTypeLike = np.float32,
        stopping: EarlyStopping | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        least = max(1, net.min_rows)
        if train.n_rows < least or (validation is not None and validation.n_rows < 1):
            raise ValueError(f"at least {least} training rows and 1 validation row are needed")
        self.net = net
        self.output = output
        self.plan = plan
        self.train = train
        self.validation = validation
        self.streams = streams
        self.stopping = EarlyStopping() if stopping is None else stopping
        self.metrics = metrics
        self.epoch = 0
        self.rows_seen = 0
        self.ended: Literal["epochs", "patience", "asked"] | None = None
        self.theta = net.initial(streams["init"], dtype)
        self.stats = net.initial_stats(dtype)
        self.best: tuple[Array, Array, int] | None = None
        self._parts = parts_of(self.theta, net.n_weights, plan.rules.optimizer)
        self._views = net.bind(self.theta, self.stats)
        self._gradients = net.bind(self._parts.gradient, self.stats)
        self._memory = plan.schedule.start()
        self._tapes: dict[int, tuple[list[LayerTape], LossTape]] = {}
        self._mark = self._snapshot()

    @property
    def base_rate(self) -> float:
        """The learning rate that the schedule starts from."""
        given = self.plan.learning_rate
        return self.plan.rules.optimizer.learning_rate if given is None else given

    def run(self, should_stop: Callable[[], bool] = lambda: False) -> Iterator[EpochReport]:
        """Train epoch by epoch; ``should_stop`` is asked after each update.

        Raise `Diverged` at the first number that is not finite; `result` still gives the best.
        """
        if self.ended == "asked":
            self.restore(*self._mark)  # what an epoch left unfinished is done again
        self.ended = "patience" if self._out_of_patience() else None
        while self.ended is None and self.epoch < self.plan.epochs:
            report = self._run_epoch(should_stop)
            if report is None:
                self.ended = "asked"
                return
            yield report
        self.ended = self.ended or "epochs"

    def result(self) -> tuple[Array, Array, int]:
        """Return theta, stats and epoch of the best weights, or the present ones: none judged."""
        return (self.theta, self.stats, self.epoch) if self.best is None else self.best

    def state(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return arrays by name and plain data as of the end of the last whole epoch."""
        return self._mark

    def restore(self, arrays: Mapping[str, Array], plain: Mapping[str, Any]) -> None:
        """Go back to what `state` returned, of a trainer made with the same arguments.

        Raise ValueError, before anything is changed, for arrays that do not fit this training.
        """
        wanted = self._arrays()
        if plain["best_epoch"] is not None:
            wanted |= {"best_theta": self.theta, "best_stats": self.stats}
        for name, mine in wanted.items():
            given = arrays.get(name)
            if given is None or (given.shape, given.dtype) != (mine.shape, mine.dtype):
                raise ValueError(f"{name} of this state does not fit this training")
        for name, mine in self._arrays().items():
            np.copyto(mine, arrays[name])
        self.epoch = plain["epoch"]
        self.rows_seen = plain["rows_seen"]
        self.streams.restore(plain["streams"])
        self.stopping.restore(plain["stopping"])
        self._memory = dict(plain["schedule"])
        self.best = None
        if plain["best_epoch"] is not None:
            self.best = (arrays["best_theta"], arrays["best_stats"], plain["best_epoch"])
        self._mark = self._snapshot()

    def _run_epoch(self, should_stop: Callable[[], bool]) -> EpochReport | None:
        """Go once through the rows; None if asked to stop on the way."""
        plan, epoch, n_rows = self.plan, self.epoch + 1, self.train.n_rows
        total, done, lr = 0.0, 0, self.base_rate
        layers: tuple[LayerReport, ...] = ()
        gradient_norm = 0.0
        batches = self.train.batches(
            self.streams["shuffle"], plan.batch_size or n_rows, self.net.min_rows
        )
        for number, batch in enumerate(batches, start=1):
            lr = plan.schedule.rate(
                self.base_rate, epoch - 1 + done / n_rows, plan.epochs, self._memory
            )
            loss = self._compute_gradient(batch)
            if not math.isfinite(loss):
                self._diverge(epoch, number, batch, lr)
            if number == 1:
                gradient_norm, layers = self._measured_update(lr)
            else:
                update(plan.rules, self._parts, lr)
            total += loss * batch.n_rows
            done += batch.n_rows
            if should_stop():
                return None
        return self._end_epoch(total / n_rows, lr, gradient_norm, layers)

    def _end_epoch(
        self, train_loss: float, lr: float, gradient_norm: float, layers: tuple[LayerReport, ...]
    ) -> EpochReport:
        """Judge the weights that an epoch ended with, and remember the state."""
        epoch = self.epoch + 1
        if not np.isfinite(self.theta).all():
            self._diverge(epoch, None, None, lr)
        validation_loss, metrics = None, None
        if self.validation is not None and epoch % self.plan.validate_every == 0:
            validation_loss, metrics = self._validate(self.validation, epoch, lr)
        self.epoch = epoch
        self.rows_seen += self.train.n_rows
        self.plan.schedule.observe(train_loss, validation_loss, self._memory)
        judged = self._monitored(train_loss, validation_loss, metrics)
        if judged is not None:
            if self.stopping.update(judged):
                self.ended = "patience"
            if self.stopping.improved:
                self.best = (self.theta.copy(), self.stats.copy(), epoch)
        self._mark = self._snapshot()
        return EpochReport(
            epoch=epoch,
            train_loss=train_loss,
            validation_loss=validation_loss,
            metrics=metrics,
            penalty=sum(p.value(self._parts.weights) for p in self.plan.rules.penalties),
            learning_rate=lr,
            gradient_norm=gradient_norm,
            layers=layers,
            rows_seen=self.rows_seen,
            improved=judged is not None and self.stopping.improved,
        )

    def advance(self, batch: Batch, lr: float) -> float:
        """Make one update by the batch and return its loss; none if the loss is not finite."""
        loss = self._compute_gradient(batch)
        if math.isfinite(loss):
            update(self.plan.rules, self._parts, lr)
        return loss

    def _compute_gradient(self, batch: Batch) -> float:
        """Return the loss of the batch; write its gradient if the loss is finite."""
        tape, loss_tape = self._tape(batch.n_rows)
        z = self.net.forward(self._views, batch, tape, self.streams)
        loss = self.output.value(z, _target(batch), batch.weight, loss_tape)
        if math.isfinite(loss):
            self.net.backward(self._views, self._gradients, loss_tape.dz, tape)
        return loss

    def _measured_update(self, lr: float) -> tuple[float, tuple[LayerReport, ...]]:
        """Make one update and measure what goes in and what comes out, layer by layer."""
        before = self.theta.copy()
        gradients = self.net.norms(self._parts.gradient)
        update(self.plan.rules, self._parts, lr)
        changes = self.net.norms(self.theta - before)
        sizes = self.net.norms(self.theta)
        layers = tuple(
            LayerReport(name, gradients[name], changes[name], sizes[name]) for name in gradients
        )
        return math.hypot(*gradients.values()), layers

    def _validate(
        self, source: RowSource, epoch: int, lr: float
    ) -> tuple[float, dict[str, float] | None]:
        total = 0.0
        kept: list[tuple[Array, Array, Array | None]] = []
        for batch in source.batches(None, VALIDATION_ROWS):
            tape, loss_tape = self._tape(batch.n_rows)
            z = self.net.forward(self._views, batch, tape, None)
            target, weight = _target(batch), batch.weight
            loss = self.output.value(z, target, weight, loss_tape)
            if not math.isfinite(loss):
                self._diverge(epoch, None, batch, lr)
            total += loss * batch.n_rows
            if self.metrics is not None:
                kept.append((z.copy(), target.copy(), None if weight is None else weight.copy()))
        return total / source.n_rows, self._metrics_of(kept)

    def _metrics_of(self, kept: list[tuple[Array, Array, Array | None]]) -> dict[str, float] | None:
        if self.metrics is None:
            return None
        z, target, weight = zip(*kept, strict=True)
        weights = None if weight[0] is None else np.concatenate(weight)
        return self.metrics(np.concatenate(z), np.concatenate(target), weights)

    def _monitored(
        self, train_loss: float, validation_loss: float | None, metrics: dict[str, float] | None
    ) -> float | None:
        """Return the number that the weights are judged by, None in epochs without it."""
        name = self.plan.monitor
        if name == "auto":
            name = "train-loss" if self.validation is None else "validation-loss"
        known: dict[str, float | None] = {**(metrics or {}), "train-loss": train_loss}
        if self.validation is not None:
            known["validation-loss"] = validation_loss
        awaited = self.metrics is not None and metrics is None
        if name not in known and not awaited:
            raise InvalidChoice(f"there is no {name!r} to monitor; choose from {', '.join(known)}")
        return known.get(name)

    def _diverge(self, epoch: int, number: int | None, batch: Batch | None, lr: float) -> NoReturn:
        """Say where a number was first not finite, after going back to the last whole epoch."""
        layer = None
        if batch is None:
            norms = self.net.norms(self.theta)
            layer = next(name for name, norm in norms.items() if not math.isfinite(norm))
        else:
            tape, _ = self._tape(batch.n_rows)
            layer = self.net.first_not_finite(self._views, batch, tape)
        self.restore(*self._mark)
        raise Diverged(epoch, number, layer or "the loss", lr)

    def _tape(self, n_rows: int) -> tuple[list[LayerTape], LossTape]:
        if n_rows not in self._tapes:
            dtype = self.theta.dtype
            self._tapes[n_rows] = (self.net.tape(n_rows, dtype), self.output.tape(n_rows, dtype))
        return self._tapes[n_rows]

    def _out_of_patience(self) -> bool:
        patience = self.stopping.patience
        return patience is not None and self.stopping.waited >= patience

    def _arrays(self) -> dict[str, Array]:
        """Return the arrays that updates change, by the names that `state` gives them."""
        state: State = self._parts.state
        names = (*self.plan.rules.optimizer.state_names, "t")
        kept = {f"optimizer.{name}": state[name] for name in names}
        return {"theta": self.theta, "stats": self.stats, **kept}

    def _snapshot(self) -> tuple[dict[str, Array], dict[str, Any]]:
        arrays = {name: array.copy() for name, array in self._arrays().items()}
        if self.best is not None:
            arrays["best_theta"], arrays["best_stats"], _ = self.best
        plain = {
            "epoch": self.epoch,
            "rows_seen": self.rows_seen,
            "streams": self.streams.state(),
            "stopping": self.stopping.state(),
            "schedule": dict(self._memory),
            "best_epoch": None if self.best is None else self.best[2],
        }
        return arrays, plain


def _target(batch: Batch) -> Array:
    if batch.target is None:
        raise ValueError("training needs rows with a target")
    return batch.target
