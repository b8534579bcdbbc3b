"""One epoch of several learners by mini-batches: what is drawn is each one's own."""

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np

from nntool.nn.arrays import Array
from nntool.nn.batches import ArrayRows, stretches
from nntool.nn.judging import METRIC_ROWS, Metrics
from nntool.nn.learners.base import Sweep
from nntool.nn.learners.mini_batches import MiniBatches
from nntool.nn.members.stepping import Measured, MembersStepper
from nntool.nn.reports import Diverged


class MemberDiverged(Diverged):
    """A number of one of several networks is not finite; ``member`` counts from 0."""

    def __init__(self, member: int, found: Diverged) -> None:
        super().__init__(found.epoch, found.batch, found.layer, found.learning_rate)
        self.member = member


class MembersLearner:
    """Learners at the same place in their training, that make their updates together.

    ``numbers`` are those of the members. Between epochs all that was learned is in the learners.
    """

    def __init__(self, learners: Sequence[MiniBatches], numbers: Sequence[int]) -> None:
        self.learners = learners
        self.numbers = numbers
        self._sources = [cast(ArrayRows, learner.given.rows) for learner in learners]
        self._stepper = MembersStepper([learner.stepper for learner in learners], self._sources[0])

    def run_epoch(self, epoch: int, should_stop: Callable[[], bool]) -> list[Sweep] | None:
        """Change the weights of all for one epoch; None if asked to stop on the way.

        Raise `MemberDiverged` at the first loss that is not finite, before any update by it.
        """
        first, stepper = self.learners[0], self._stepper
        orders = np.stack([rows.order(self._shuffle(k)) for k, rows in enumerate(self._sources)])
        n_rows, least = orders.shape[1], first.given.net.min_rows
        outputs = _Outputs([learner.given.metrics for learner in self.learners])
        totals = np.zeros(len(self.learners))
        measured, lr = Measured({}, {}, {}), first.plan.base_rate
        stepper.fetch()
        cuts = stretches(n_rows, first.batch_size, least)
        for number, (start, stop) in enumerate(cuts, start=1):
            at, lr = first.next_update()
            stepper.parts.state["epoch"][...] = at.done
            losses, z = stepper.take_gradient(orders[:, start:stop])
            if not np.isfinite(losses).all():
                self._diverge(losses, stop - start, Diverged(epoch, number, "", lr))
            if number == 1:
                measured = stepper.make_update_measured(lr)
            else:
                stepper.make_update(lr)
            for learner in self.learners:
                learner.count_update(stop - start)
            outputs.take(z, *stepper.targets(stop - start))
            totals += losses * (stop - start)
            if should_stop():
                return None
        stepper.give_back()
        return self._sweeps(totals / n_rows, outputs, lr, measured)

    def _sweeps(
        self, losses: Array, outputs: "_Outputs", lr: float, measured: Measured
    ) -> list[Sweep]:
        hidden = self.learners[0].given.net.hidden_names
        sweeps = []
        for k, loss in enumerate(losses.tolist()):
            gradient_norm, layers = measured.of(k, hidden)
            sweeps.append(Sweep(loss, outputs.metrics(k), lr, gradient_norm, layers))
        return sweeps

    def _shuffle(self, k: int) -> np.random.Generator:
        return self.learners[k].given.streams["shuffle"]

    def _diverge(self, losses: Array, n_rows: int, found: Diverged) -> None:
        """Name the first member that has gone astray, and the layer in which it shows first."""
        k = int(np.argmin(np.isfinite(losses)))
        self._stepper.give_back()
        found.layer = self.learners[k].not_finite_in(self._stepper.batch(k, n_rows))
        raise MemberDiverged(self.numbers[k], found)


class _Outputs:
    """Outputs and targets of the rows of an epoch, for the training metrics of each member."""

    def __init__(self, metrics: Sequence[Metrics | None]) -> None:
        self._metrics = metrics
        self._left = 0 if metrics[0] is None else METRIC_ROWS
        self._keep: Callable[[Array], Array] = getattr(metrics[0], "keep", np.copy)
        self._kept: list[tuple[Array, Array]] = []
        self._weights: list[Array] = []

    def take(self, z: Array, target: Array, weight: Array | None) -> None:
        """Keep what metrics need of outputs `(K, n, n_outputs)`, with targets and weights."""
        if self._left <= 0:
            return
        kept = self._keep(z.reshape(-1, z.shape[2]))
        self._kept.append((kept.reshape(*z.shape[:2], *kept.shape[1:]), target.copy()))
        if weight is not None:
            self._weights.append(weight.copy())
        self._left -= z.shape[1]

    def metrics(self, member: int) -> dict[str, float] | None:
        """Return the metrics of one member."""
        measure = self._metrics[member]
        if measure is None or not self._kept:
            return None
        kept, target = (
            np.concatenate([array[member] for array in arrays])
            for arrays in zip(*self._kept, strict=True)
        )
        weights = [array[member] for array in self._weights]
        weight = np.concatenate(weights) if weights else None
        found: dict[str, float] = getattr(measure, "of_kept", measure)(kept, target, weight)
        return found
