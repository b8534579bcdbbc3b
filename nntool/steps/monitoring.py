"""What is measured on validation rows in each epoch, and which of it early stopping goes by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from nntool.errors import DataError, UsageError

if TYPE_CHECKING:
    import numpy.typing as npt

    from nntool.nn.outputs import Output
    from nntool.tables.metrics import Scored

    Array = npt.NDArray[Any]

LOSSES = ("validation-loss", "train-loss")


def monitor_of(asked: str, task: str, *, has_validation: bool) -> str:
    """What --monitor comes to: a loss or a metric of the task.

    Raises ``UsageError`` for a name that is none of them, with those that are, and for one that
    needs validation rows where there are none.

    >>> monitor_of("auto", "binary", has_validation=False)
    'train-loss'
    """
    from nntool.tables.metrics import METRICS

    if asked == "auto":
        return "validation-loss" if has_validation else "train-loss"
    known = (*LOSSES, *METRICS[task])
    if asked not in known:
        raise UsageError(
            f"--monitor: {asked!r} is not measured in a {task} task",
            f"choose from auto, {', '.join(known)}",
        )
    if asked != "train-loss" and not has_validation:
        raise UsageError(
            f"--monitor {asked}: the split has no validation rows",
            "nntool split RUN --validation 0.15, or --monitor train-loss",
        )
    return asked


def direction_of(task: str, monitor: str) -> Literal["min", "max"]:
    """Whether less or more is better of what `monitor_of` gave.

    >>> direction_of("binary", "auc"), direction_of("regression", "mae")
    ('max', 'min')
    """
    from nntool.tables.metrics import METRICS

    return "max" if monitor not in LOSSES and METRICS[task][monitor].higher_is_better else "min"


def metrics_of(
    task: str,
    output: Output,
    words: Mapping[str, Any],
    monitor: str,
    truth: Array | None = None,
) -> EpochMetrics:
    """What to measure: accuracy, or MAE and R²; and the metric that is monitored.

    ``words`` is what model.json says of the network (classes, positive). ``truth`` `(n,)` are the
    values of the validation rows of a regression, in order and exactly as clean has them: scaled
    and back a 0 is none any more, and MAPE must see it.
    """
    classes = words["classes"] or []
    named = words["positive"] in classes
    positive = classes.index(words["positive"]) if named else len(classes) - 1
    metric = None if monitor in LOSSES else monitor
    return EpochMetrics(task, output, positive, metric, truth)


class EpochMetrics:
    """Measures the validation rows of one epoch; every row counts alike, as in ``evaluate``.

    A monitored metric that an epoch leaves undefined is NaN, which early stopping takes for no
    progress; `notes` says so at the end.
    """

    def __init__(
        self, task: str, output: Output, positive: int, metric: str | None, truth: Array | None
    ) -> None:
        self.task, self.output, self.positive = task, output, positive
        self.metric, self.truth = metric, truth
        self._takes_decisions = task != "regression" and not _needs_probabilities(task, metric)
        self._undefined: dict[str, int] = {}
        """Why the metric had no value, and in how many epochs."""

    def __call__(self, z: Array, target: Array, weight: Array | None) -> dict[str, float]:
        """Measure raw outputs ``z`` `(n, n_outputs)` against targets `(n,)` as the engine has them.

        ``weight`` is not looked at.
        """
        return self.of_kept(self.keep(z), target, weight)

    def keep(self, z: Array) -> Array:
        """What is needed of raw outputs: the class of each row where no probability is looked at.

        So 1.8 million validation rows of 100 classes take 7 MB in place of 720, or twice that.
        """
        import numpy as np

        return self.output.decide(z).astype(np.int32) if self._takes_decisions else z.copy()

    def of_kept(self, kept: Array, target: Array, weight: Array | None) -> dict[str, float]:
        """The same from what `keep` kept."""
        from nntool.tables.metrics import Undefined

        scored = self._scored(kept, target)
        found = _always(self.task, scored)
        if self.metric is not None and self.metric not in found:
            try:
                found[self.metric] = self._value(scored)
            except Undefined as reason:
                found[self.metric] = float("nan")
                self._undefined[str(reason)] = self._undefined.get(str(reason), 0) + 1
        return found

    def notes(self) -> list[str]:
        """What is to be said of epochs in which the metric had no value."""
        return [
            f"{self.metric} had no value in {n} {'epoch' if n == 1 else 'epochs'}, which counted as"
            f" no progress: {reason}"
            for reason, n in self._undefined.items()
        ]

    def require_defined(self, target: Array) -> None:
        """Refuse a metric that has no value for validation rows even where all is predicted right.

        ``target`` `(n,)` is theirs. Raises ``UsageError`` where it is the loss that gives no
        probabilities, else ``DataError``.
        """
        import numpy as np

        from nntool.tables.metrics import Undefined

        if self.metric is None:
            return
        shape = (len(target),) if self._takes_decisions else (len(target), self.output.n_outputs)
        kept = np.zeros(shape, np.int32 if self._takes_decisions else np.float32)
        right = _all_right(self._scored(kept, target))
        try:
            self._value(right)
        except Undefined as reason:
            needs_them = self.task != "regression" and not self._takes_decisions
            if needs_them and right.probabilities is None:
                raise UsageError(
                    f"--monitor {self.metric}: {reason}", "--monitor accuracy, or another --loss"
                ) from None
            raise DataError(
                f"--monitor {self.metric}: it has no value for the validation rows: {reason}",
                "--monitor validation-loss, or a split with other validation rows",
            ) from None

    def _scored(self, kept: Array, target: Array) -> Scored:
        import numpy as np

        from nntool.tables.metrics import Scored

        if self.task == "regression":
            to_own = self.output.head.target_map.to_own
            truth = to_own(target.astype(np.float64)) if self.truth is None else self.truth
            return Scored(truth, self.output.values(kept), tau=self.output.tau)
        n_classes = self.output.head.n_classes
        if self._takes_decisions:
            return Scored(target, kept, None, n_classes, self.positive)
        p = self.output.probabilities(kept)
        return Scored(target, self.output.decide(kept), p, n_classes, self.positive)

    def _value(self, scored: Scored) -> float:
        """The monitored metric; raises ``Undefined``."""
        from nntool.tables.metrics import METRICS

        return METRICS[self.task][str(self.metric)].compute(scored)


def _needs_probabilities(task: str, metric: str | None) -> bool:
    from nntool.tables.metrics import METRICS

    return metric is not None and not METRICS[task][metric].of_decisions


def _always(task: str, scored: Scored) -> dict[str, float]:
    """What each epoch is measured by, whatever is monitored."""
    import numpy as np

    if task != "regression":
        return {"accuracy": float(np.mean(scored.predicted == scored.target))}
    error = scored.predicted - scored.target
    found = {"mae": float(np.mean(np.abs(error)))}
    spread = float(np.sum(np.square(scored.target - scored.target.mean())))
    if spread:  # of a constant target no share is explained, and none is made up
        found["r2"] = 1 - float(np.sum(np.square(error))) / spread
    return found


def _all_right(scored: Scored) -> Scored:
    """The same rows, each predicted as it is."""
    from nntool.tables.metrics import Scored

    truth, classes = scored.target, scored.n_classes
    return Scored(truth, truth, scored.probabilities, classes, scored.positive, scored.tau)
