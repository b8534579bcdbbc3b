"""Training: a generator of epoch reports, and all that decides what comes next."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NoReturn

import numpy as np

from nntool.nn.arrays import Array, DTypeLike
from nntool.nn.averaging import RunningMean
from nntool.nn.batches import Batch, RowSource, count_batches
from nntool.nn.judging import BLOCK_ROWS, Collector, Judge, Metrics, Verdict, some_rows
from nntool.nn.network import Network
from nntool.nn.outputs import Output
from nntool.nn.plan import Plan
from nntool.nn.randomness import Streams
from nntool.nn.reports import Diverged, EpochReport, LayerReport
from nntool.nn.schedules import Moment, warm
from nntool.nn.stepping import Stepper
from nntool.nn.stopping import EarlyStopping

METRIC_ROWS = 1 << 16
"""So many rows of an epoch, at most, are kept for the training metrics."""


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
        train_metrics: Metrics | None = None,
    ) -> None:
        least = max(1, net.min_rows)
        if train.n_rows < least or (validation is not None and validation.n_rows < 1):
            raise ValueError(f"at least {least} training rows and 1 validation row are needed")
        self.net = net
        self.output = output
        self.plan = plan
        self.train = train
        self.streams = streams
        self.stopping = EarlyStopping() if stopping is None else stopping
        self.train_metrics = train_metrics
        self.judge = Judge(net, output, validation, metrics, plan.monitor)
        self.epoch = 0
        self.rows_seen = 0
        self.ended: Literal["epochs", "patience", "asked"] | None = None
        self.best: tuple[Array, Array, int] | None = None
        self._stepper = Stepper(
            net,
            output,
            plan.rules,
            streams=streams,
            dtype=dtype,
            weight_noise=plan.weight_noise,
            sample=some_rows(train) if net.wants_sample else None,
        )
        self._per_epoch = count_batches(train.n_rows, self._batch_size, net.min_rows)
        self._updates = 0
        self._memory = plan.schedule.start()
        self._mean = RunningMean(plan.average, self.theta)
        self._mark = self._snapshot()

    @property
    def theta(self) -> Array:
        """The parameters as they are now."""
        return self._stepper.theta

    @property
    def stats(self) -> Array:
        """The running statistics as they are now."""
        return self._stepper.stats

    @property
    def validation(self) -> RowSource | None:
        """The rows that weights are judged by, where there are any."""
        return self.judge.rows

    @property
    def n_averaged(self) -> int:
        """How many weights the mean has taken in so far."""
        return self._mean.count

    @property
    def base_rate(self) -> float:
        """The learning rate that the schedule starts from."""
        return self.plan.base_rate

    def run(self, should_stop: Callable[[], bool] = lambda: False) -> Iterator[EpochReport]:
        """Train epoch by epoch; ``should_stop`` is asked after each update.

        Raise `Diverged` at the first number that is not finite; `result` still gives the best.
        """
        self.ended = "patience" if self._out_of_patience() else None
        if self.epoch == 0 and self.plan.schedule.undoes:
            self._let_schedule_see_the_start()
        while self.ended is None and self.epoch < self.plan.epochs:
            report = self._run_epoch(should_stop)
            if report is None:
                self.restore(*self._mark)  # what the epoch left unfinished is to be done again
                self.ended = "asked"
                return
            yield report
        self.ended = self.ended or "epochs"

    def advance(self, batch: Batch, lr: float) -> float:
        """Make one update with this learning rate; return the loss before it.

        A momentum that grows has grown: it is as in the last epoch.
        """
        self._stepper.parts.state["epoch"][...] = self.plan.epochs
        return self._stepper.advance(batch, lr)

    def training_batches(self) -> Iterator[Batch]:
        """Yield the batches of one epoch as training meets them, augmentation and all."""
        plan = self.plan
        batches = self.train.batches(
            self.streams["shuffle"], self._batch_size, self.net.min_rows, plan.sampler
        )
        for batch in batches:
            for augmentation in plan.augmentations:
                augmentation.apply(batch, self.streams[augmentation.stream])
            yield batch

    def result(self) -> tuple[Array, Array, int]:
        """Return theta, stats and epoch of the best weights, or, with none judged, the present."""
        return self.best or (*self._averaged(), self.epoch)

    def state(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return arrays by name and plain data as of the end of the last whole epoch."""
        return self._mark

    def restore(self, arrays: Mapping[str, Array], plain: Mapping[str, Any]) -> None:
        """Go back to what `state` returned, of a trainer made with the same arguments.

        Raise ValueError, before anything is changed, for arrays that do not fit this training.
        """
        if plain.keys() != self._mark[1].keys():
            raise ValueError("this state is not one of this program")
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
        self._updates = plain["updates"]
        self._mean.count = plain["averaged"]
        self.streams.restore(plain["streams"])
        self.stopping.restore(plain["stopping"])
        self._memory = dict(plain["schedule"])
        self.best = None
        if plain["best_epoch"] is not None:
            self.best = (arrays["best_theta"], arrays["best_stats"], plain["best_epoch"])
        self._mark = self._snapshot()

    @property
    def _batch_size(self) -> int:
        return self.plan.batch_size or self.train.n_rows

    def _run_epoch(self, should_stop: Callable[[], bool]) -> EpochReport | None:
        """Go once through the rows; None if asked to stop on the way."""
        plan, stepper, seen = self.plan, self._stepper, self.rows_seen
        total, lr, gradient_norm = 0.0, self.base_rate, 0.0
        layers: tuple[LayerReport, ...] = ()
        outputs = Collector(self.train_metrics, METRIC_ROWS)
        for number, batch in enumerate(self.training_batches(), start=1):
            at = Moment(self._updates + 1, self._per_epoch, plan.epochs)
            lr = plan.schedule.rate(self.base_rate, at, self._memory) * warm(at, plan.warmup)
            stepper.parts.state["epoch"][...] = at.done
            if number == 1:
                loss, gradient_norm, layers = stepper.advance_measured(batch, lr)
            else:
                loss = stepper.advance(batch, lr)
            if not math.isfinite(loss):
                self._diverge(self.epoch + 1, number, self._not_finite_in(batch), lr)
            self._updates += 1
            self._note(batch, at)
            outputs.take(stepper.tape(batch.n_rows)[0][-1].out, batch)
            total += loss * batch.n_rows
            self.rows_seen += batch.n_rows
            if should_stop():
                return None
        n_rows = self.rows_seen - seen
        return self._end_epoch(total / n_rows, outputs.metrics(), lr, gradient_norm, layers)

    def _note(self, batch: Batch, at: Moment) -> None:
        """Let the sampler and the average see what the update came to."""
        if self.plan.sampler is not None and batch.rows is not None:
            losses = self._stepper.tape(batch.n_rows)[1].rows
            if batch.weight is not None:
                losses = losses * batch.weight
            self.plan.sampler.observe(batch.rows, losses)
        self._mean.take(self.theta, at)

    def _end_epoch(
        self,
        train_loss: float,
        train_metrics: dict[str, float] | None,
        lr: float,
        gradient_norm: float,
        layers: tuple[LayerReport, ...],
    ) -> EpochReport:
        """Judge the weights that an epoch ended with, and remember the state."""
        epoch = self.epoch + 1
        if not np.isfinite(self.theta).all():
            norms = self.net.norms(self.theta)
            layer = next(name for name, norm in norms.items() if not math.isfinite(norm))
            self._diverge(epoch, None, layer, lr)
        theta, stats = self._averaged()
        verdict = self._verdict(theta, stats)
        if verdict.not_finite_in is not None:
            self._diverge(epoch, None, verdict.not_finite_in, lr)
        self.epoch = epoch
        came_to = self._settled_loss() if self.plan.schedule.undoes else train_loss
        judged = self.judge.monitored(came_to, verdict)
        if judged is not None:
            if self.stopping.update(judged):
                self.ended = "patience"
            if self.stopping.improved:
                self.best = (theta.copy(), stats.copy(), epoch)
        watched = train_loss if self.validation is None else verdict.loss
        undone = self.plan.schedule.observe(came_to, watched, self._memory)
        if undone:
            for name, mine in self._arrays().items():
                np.copyto(mine, self._mark[0][name])
            self._mean.count = self._mark[1]["averaged"]
        self._mark = self._snapshot()
        return EpochReport(
            epoch=epoch,
            train_loss=train_loss,
            validation_loss=verdict.loss,
            train_metrics=train_metrics,
            metrics=verdict.metrics,
            penalty=self._penalty(),
            learning_rate=lr,
            gradient_norm=gradient_norm,
            layers=tuple(layer._replace(idle=verdict.idle.get(layer.name)) for layer in layers),
            rows_seen=self.rows_seen,
            improved=judged is not None and self.stopping.improved,
            undone=undone,
        )

    def _let_schedule_see_the_start(self) -> None:
        """Show a schedule that undoes epochs where the first one set out from."""
        self._memory = self.plan.schedule.start()
        self.plan.schedule.observe(self._settled_loss(), None, self._memory)
        self._mark = self._snapshot()

    def _settled_loss(self) -> float:
        """Return loss and penalties of the weights as they are, over all training rows.

        The loss of the rows as they were met is that of the weights before each update: with a
        full batch an epoch too old to say whether this one did harm.
        """
        loss = self.judge.loss_on(self.train, self.theta, self.stats)
        return loss + self._penalty()

    def _penalty(self) -> float:
        return sum(p.value(self._stepper.parts.weights) for p in self.plan.rules.penalties)

    def _averaged(self) -> tuple[Array, Array]:
        """Return the mean of the weights, where there is one, or the weights as they are."""
        return self._mean.judged(self.net, self.theta, self.stats, self._all_training_rows)

    def _all_training_rows(self) -> Iterator[Batch]:
        return self.train.batches(None, BLOCK_ROWS, self.net.min_rows)

    def _verdict(self, theta: Array, stats: Array) -> Verdict:
        """Return what validation says of these weights; nothing in epochs without it."""
        if self.validation is None:
            return Verdict(idle=self.judge.idle_on(self.train, theta, stats))
        if (self.epoch + 1) % self.plan.validate_every:
            return Verdict()
        return self.judge.validate(theta, stats)

    def _not_finite_in(self, batch: Batch) -> str:
        """Name the layer in which a number is first not finite for a batch, or the data."""
        tape, _ = self._stepper.tape(batch.n_rows)
        return self.net.first_not_finite(self._stepper.views, batch, tape) or "output"

    def _diverge(self, epoch: int, number: int | None, layer: str, lr: float) -> NoReturn:
        """Say where a number was first not finite, after going back to the last whole epoch."""
        self.restore(*self._mark)
        raise Diverged(epoch, number, layer, lr)

    def _out_of_patience(self) -> bool:
        patience = self.stopping.patience
        return patience is not None and self.stopping.waited >= patience

    def _arrays(self) -> dict[str, Array]:
        """Return the arrays that training changes, by the names that `state` gives them."""
        found = self._stepper.arrays() | self._mean.arrays()
        if self.plan.sampler is not None:
            sampled = self.plan.sampler.arrays()
            found |= {f"sampler.{name}": array for name, array in sampled.items()}
        return found

    def _snapshot(self) -> tuple[dict[str, Array], dict[str, Any]]:
        arrays = {name: array.copy() for name, array in self._arrays().items()}
        if self.best is not None:
            arrays["best_theta"], arrays["best_stats"], _ = self.best
        plain = {
            "epoch": self.epoch,
            "rows_seen": self.rows_seen,
            "updates": self._updates,
            "averaged": self._mean.count,
            "streams": self.streams.state(),
            "stopping": self.stopping.state(),
            "schedule": dict(self._memory),
            "best_epoch": None if self.best is None else self.best[2],
        }
        return arrays, plain
