"""Training several networks at once: each as it would be alone, their updates made together."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

import numpy as np

from nntool.nn.arrays import Array
from nntool.nn.learners import Sweep
from nntool.nn.learners.mini_batches import MiniBatches
from nntool.nn.members.learning import MemberDiverged, MembersLearner
from nntool.nn.reports import Diverged, EpochReport
from nntool.nn.training import Ending, Trainer

Group = tuple[int, ...]
"""The members that train the same epoch."""
State = tuple[dict[str, Array], dict[str, Any]]


class OfMember(NamedTuple):
    """The report of an epoch of one member, counted from 0."""

    member: int
    report: EpochReport


class MembersTrainer:
    """Trainers that differ in seeds and rows alone, an epoch of all of them at a time.

    What each one draws, judges and remembers is its own, and its `state` is that of a training by
    itself; only the updates are made together, on arrays with members in front. A member that has
    ended takes no part any more. Results are those of training one by one, as far as BLAS adds up a
    product alike however it is called: with NumPy's OpenBLAS on x86-64 (AVX-512, AVX2, AVX) they
    were the same bytes in each of 364 settings.
    """

    def __init__(self, trainers: Sequence[Trainer]) -> None:
        """Take trainers that can be `trained_together`."""
        self.trainers = trainers
        self._learner: MembersLearner | None = None
        self._astray: dict[int, MemberDiverged] = {}

    def run(self, should_stop: Callable[[], bool] = lambda: False) -> Iterator[list[OfMember]]:
        """Train epoch by epoch, and yield the reports of those who took part.

        A member with a number that is not finite stays as it was before that epoch, and the others
        go on without it, as they would alone. When all have ended `MemberDiverged` is raised, for
        the first of them; the results are still the best so far.
        """
        self._astray = {}
        for trainer in self.trainers:
            trainer.set_out()
        while group := self._next_group():
            before = [self.trainers[k].state() for k in group]
            try:
                reports = self._run_epoch(group, should_stop)
            except MemberDiverged as found:
                self._go_back(group, before)
                self._astray[found.member] = found
                continue
            if reports is None:
                self._go_back(group, before)
                self._end_all("asked")
                return
            yield reports
        self._end_all("epochs")
        if self._astray:
            raise self._astray[min(self._astray)]

    def result(self) -> tuple[Array, Array, list[int]]:
        """Return theta `(K, size)`, stats `(K, n_stats)` and epochs of the best of each member."""
        theta, stats, epochs = zip(*(t.result() for t in self.trainers), strict=True)
        return np.stack(theta), np.stack(stats), list(epochs)

    def _next_group(self) -> Group:
        """Those who still train, or, after a stop in between, those of them who are behind."""
        todo = [
            k
            for k, trainer in enumerate(self.trainers)
            if trainer.ended is None
            and trainer.epoch < trainer.plan.epochs
            and k not in self._astray
        ]
        least = min((self.trainers[k].epoch for k in todo), default=0)
        return tuple(k for k in todo if self.trainers[k].epoch == least)

    def _run_epoch(self, group: Group, should_stop: Callable[[], bool]) -> list[OfMember] | None:
        sweeps = self._sweeps(group, should_stop)
        if sweeps is None:
            return None
        reports = []
        for k, sweep in zip(group, sweeps, strict=True):
            with _named(k):
                reports.append(OfMember(k, self.trainers[k].end_epoch(sweep)))
        return reports

    def _sweeps(self, group: Group, should_stop: Callable[[], bool]) -> Sequence[Sweep] | None:
        """Change the weights of a group for one epoch; one alone does it by itself."""
        epoch = self.trainers[group[0]].epoch + 1
        if len(group) == 1:
            with _named(group[0]):
                sweep = self.trainers[group[0]].learner.run_epoch(epoch, should_stop)
            return None if sweep is None else [sweep]
        if self._learner is None or tuple(self._learner.numbers) != group:
            learners = [cast(MiniBatches, self.trainers[k].learner) for k in group]
            self._learner = MembersLearner(learners, group)
        return self._learner.run_epoch(epoch, should_stop)

    def _go_back(self, group: Group, states: Sequence[State]) -> None:
        """Undo what an epoch left unfinished."""
        for k, state in zip(group, states, strict=True):
            self.trainers[k].restore(*state)
            self.trainers[k].ended = None

    def _end_all(self, ending: Ending) -> None:
        for k, trainer in enumerate(self.trainers):
            if k not in self._astray:
                trainer.ended = trainer.ended or ending


@contextmanager
def _named(member: int) -> Iterator[None]:
    """Say whose number is not finite."""
    try:
        yield
    except Diverged as found:
        raise MemberDiverged(member, found) from None
