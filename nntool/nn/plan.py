"""How to train: all that a trainer is told, as values."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from nntool.nn.augmentation import Augmentation, LevelMask
from nntool.nn.averaging import Average
from nntool.nn.sampling import Sampler
from nntool.nn.schedules import Schedule
from nntool.nn.schedules.by_time import ConstantRate
from nntool.nn.updating import UpdateRules


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to train; ``batch_size`` None takes all rows at once, ``learning_rate`` None the rule's.

    ``warmup`` is counted in epochs, ``weight_noise`` the standard deviation of what is added to the
    weights while the gradient is taken. ``augmentations`` change each batch, in this order.
    ``sampler`` None: rows come once each, shuffled. ``monitor`` names what early stopping and the
    best weights go by: "validation-loss", "train-loss" or a metric; "auto" is the validation loss
    where there are validation rows.
    """

    rules: UpdateRules
    epochs: int = 100
    batch_size: int | None = 32
    learning_rate: float | None = None
    schedule: Schedule = field(default_factory=ConstantRate)
    warmup: float = 0.0
    average: Average | None = None
    weight_noise: float = 0.0
    augmentations: Sequence[Augmentation | LevelMask] = ()
    sampler: Sampler | None = None
    validate_every: int = 1
    monitor: str = "auto"

    @property
    def base_rate(self) -> float:
        """The learning rate that the schedule starts from."""
        given = self.learning_rate
        return self.rules.optimizer.learning_rate if given is None else given

    @property
    def needs_total(self) -> bool:
        """Whether what is done early depends on the number of epochs."""
        averaged = self.average is not None and self.average.needs_total
        return self.schedule.needs_total or averaged
