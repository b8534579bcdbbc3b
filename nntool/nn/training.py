"""Training: a generator of epoch reports, and all that decides what comes next."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, TypeAlias

import numpy as np

from nntool.nn.arrays import Array, DTypeLike
from nntool.nn.batches import RowSource
from nntool.nn.judging import Judge, Metrics, Verdict
from nntool.nn.learners import Assignment, Sweep, learner_for
from nntool.nn.network import Network
from nntool.nn.outputs import Output
from nntool.nn.penalties import penalty_of
from nntool.nn.plan import Plan
from nntool.nn.randomness import Streams
from nntool.nn.reports import Diverged, EpochReport, LayerReport
from nntool.nn.stopping import EarlyStopping

Ending: TypeAlias = Literal["epochs", "patience", "converged", "asked"]
"""Why a training ended: all epochs done, no progress, nothing more to learn, asked to stop."""


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
        self.judge = Judge(net, output, validation, metrics, plan.monitor)
        self.epoch = 0
        self.ended: Ending | None = None
        self.best: tuple[Array, Array, int] | None = None
        self.snapshots: list[tuple[Array, Array, int]] = []
        """Theta, stats and epoch of the end of each cycle, where the plan wants them kept."""
        self.learner = learner_for(
            Assignment(
                net=net,
                output=output,
                plan=plan,
                rows=train,
                streams=streams,
                dtype=dtype,
                metrics=train_metrics,
            )
        )
        self._mark = self._snapshot()

    @property
    def theta(self) -> Array:
        """The parameters as they are now."""
        return self.learner.theta

    @property
    def stats(self) -> Array:
        """The running statistics as they are now."""
        return self.learner.stats

    @property
    def validation(self) -> RowSource | None:
        """The rows that weights are judged by, where there are any."""
        return self.judge.rows

    @property
    def rows_seen(self) -> int:
        """How many rows were met so far, those of an epoch that is going on too."""
        return self.learner.rows_seen

    @property
    def conclusion(self) -> str:
        """Why there is nothing more to learn, where the method says so."""
        return self.learner.finished

    @property
    def base_rate(self) -> float:
        """The learning rate that the schedule starts from."""
        return self.plan.base_rate

    def run(self, should_stop: Callable[[], bool] = lambda: False) -> Iterator[EpochReport]:
        """Train epoch by epoch; ``should_stop`` is asked after each update.

        Raise `Diverged` at the first number that is not finite; `result` still gives the best.
        """
        self.set_out()
        while self.ended is None and self.epoch < self.plan.epochs:
            try:
                sweep = self.learner.run_epoch(self.epoch + 1, should_stop)
                if sweep is not None:
                    report = self.end_epoch(sweep)
            except Diverged:
                self.restore(*self._mark)
                raise
            if sweep is None:
                self.restore(*self._mark)  # what the epoch left unfinished is to be done again
                self.ended = "asked"
                return
            yield report
        self.ended = self.ended or "epochs"

    def set_out(self) -> None:
        """See whether there is anything to do, and where the first epoch starts from."""
        self.ended = "patience" if self._out_of_patience() else None
        if self.learner.finished:
            self.ended = "converged"
        if self.epoch == 0 and self.learner.undoes:
            self.learner.begin(self._settled_loss())
            self._mark = self._snapshot()

    def result(self) -> tuple[Array, Array, int]:
        """Return theta, stats and epoch of the best weights, or, with none judged, the present."""
        return self.best or (*self.learner.judged(), self.epoch)

    def members(self) -> tuple[Array, Array, list[int]]:
        """Return theta `(M, size)`, stats `(M, n_stats)` and epochs of the snapshots so far.

        With none, it is the result that is the only member.
        """
        theta, stats, epochs = zip(*(self.snapshots or [self.result()]), strict=True)
        return np.stack(theta), np.stack(stats), list(epochs)

    def state(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return arrays by name and plain data as of the end of the last whole epoch."""
        return self._mark

    def restore(self, arrays: Mapping[str, Array], plain: Mapping[str, Any]) -> None:
        """Go back to what `state` returned, of a trainer made with the same arguments.

        Raise ValueError, before anything is changed, for arrays that do not fit this training.
        """
        if plain.keys() != self._mark[1].keys():
            raise ValueError("this state is not one of this program")
        wanted = self.learner.arrays()
        if plain["best_epoch"] is not None:
            wanted |= {"best_theta": self.theta, "best_stats": self.stats}
        for number in range(len(plain["snapshot_epochs"])):
            wanted |= dict(zip(_names_of(number), (self.theta, self.stats), strict=True))
        for name, mine in wanted.items():
            given = arrays.get(name)
            if given is None or (given.shape, given.dtype) != (mine.shape, mine.dtype):
                raise ValueError(f"{name} of this state does not fit this training")
        self.learner.put(arrays)
        self.epoch = plain["epoch"]
        self.learner.restore(plain)
        self.streams.restore(plain["streams"])
        self.stopping.restore(plain["stopping"])
        self.best = None
        if plain["best_epoch"] is not None:
            self.best = (arrays["best_theta"], arrays["best_stats"], plain["best_epoch"])
        self.snapshots = []
        for number, epoch in enumerate(plain["snapshot_epochs"]):
            theta, stats = (arrays[name] for name in _names_of(number))
            self.snapshots.append((theta, stats, epoch))
        self._mark = self._snapshot()

    def end_epoch(self, sweep: Sweep) -> EpochReport:
        """Judge the weights that an epoch ended with, and remember the state.

        `run` does this; others who change the weights of several trainers at once do it themselves.
        """
        epoch = self.epoch + 1
        if not np.isfinite(self.theta).all():
            norms = self.net.norms(self.theta)
            layer = next(name for name, norm in norms.items() if not math.isfinite(norm))
            raise Diverged(epoch, None, layer, sweep.learning_rate)
        theta, stats = self.learner.judged()
        verdict = self._verdict(theta, stats, sweep)
        if verdict.not_finite_in is not None:
            raise Diverged(epoch, None, verdict.not_finite_in, sweep.learning_rate)
        self.epoch = epoch
        came_to = self._came_to(sweep)
        judged = self.judge.monitored(came_to, verdict)
        if judged is not None:
            waited_enough = self.stopping.update(judged, is_end=bool(self.learner.finished))
            if waited_enough and not self.plan.snapshots:
                self.ended = "patience"
            if self.stopping.improved:
                self.best = (theta.copy(), stats.copy(), epoch)
        if epoch in self.plan.snapshot_epochs:
            self.snapshots.append((theta.copy(), stats.copy(), epoch))
        if self.learner.finished:
            self.ended = "converged"
        watched = sweep.train_loss if self.validation is None else verdict.loss
        undone = self.learner.observe(came_to, watched)
        if undone:
            self.learner.undo(*self._mark)
        self._mark = self._snapshot(None if self.learner.draws else self._mark[1]["streams"])
        return EpochReport(
            epoch=epoch,
            train_loss=sweep.train_loss,
            validation_loss=verdict.loss,
            train_metrics=sweep.train_metrics,
            metrics=verdict.metrics,
            penalty=self._penalty(),
            learning_rate=sweep.learning_rate,
            gradient_norm=sweep.gradient_norm,
            layers=tuple(
                LayerReport(*layer[:-1], verdict.idle.get(layer.name)) for layer in sweep.layers
            ),
            rows_seen=self.rows_seen,
            improved=judged is not None and self.stopping.improved,
            undone=undone,
            counts=sweep.counts,
        )

    def _came_to(self, sweep: Sweep) -> float:
        """Return what stands for the training loss where weights are judged by it."""
        if sweep.objective is not None:
            return sweep.objective
        return self._settled_loss() if self.learner.undoes else sweep.train_loss

    def _settled_loss(self) -> float:
        """Return loss and penalties of the weights as they are, over all training rows.

        The loss of the rows as they were met is that of the weights before each update: with a
        full batch an epoch too old to say whether this one did harm.
        """
        loss = self.judge.loss_on(self.train, self.theta, self.stats)
        return loss + self._penalty()

    def _penalty(self) -> float:
        return penalty_of(self.plan.rules.penalties, self.theta[: self.net.n_weights])

    def _verdict(self, theta: Array, stats: Array, sweep: Sweep) -> Verdict:
        """Return what validation says of these weights; nothing in epochs without it."""
        if self.validation is None:
            seen = {layer.name: layer.idle for layer in sweep.layers if layer.idle is not None}
            return Verdict(idle=seen or self.judge.idle_on(self.train, theta, stats))
        if (self.epoch + 1) % self.plan.validate_every and not self.learner.finished:
            return Verdict()
        return self.judge.validate(theta, stats)

    def _out_of_patience(self) -> bool:
        patience = None if self.plan.snapshots else self.stopping.patience
        return patience is not None and self.stopping.waited >= patience

    def _snapshot(
        self, streams: dict[str, Any] | None = None
    ) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return what `state` does; ``streams`` are theirs, where they have not moved since."""
        arrays = self.learner.copies()
        if self.best is not None:
            arrays["best_theta"], arrays["best_stats"], _ = self.best
        for number, (theta, stats, _) in enumerate(self.snapshots):
            arrays |= dict(zip(_names_of(number), (theta, stats), strict=True))
        plain = {
            "epoch": self.epoch,
            "streams": self.streams.state() if streams is None else streams,
            "stopping": self.stopping.state(),
            "best_epoch": None if self.best is None else self.best[2],
            "snapshot_epochs": [epoch for _, _, epoch in self.snapshots],
            **self.learner.plain(),
        }
        return arrays, plain


def _names_of(number: int) -> tuple[str, str]:
    """The names that a checkpoint gives to theta and stats of a snapshot."""
    return f"snapshot{number}_theta", f"snapshot{number}_stats"
