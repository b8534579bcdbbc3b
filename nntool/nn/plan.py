"""How to train: all that a trainer is told, as values."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from nntool.nn.augmentation import Augmentation, LevelMask
from nntool.nn.averaging import Average
from nntool.nn.sampling import Sampler
from nntool.nn.schedules import Schedule
from nntool.nn.schedules.by_time import ConstantRate, cycle_ends
from nntool.nn.updating import UpdateRules


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to train; ``batch_size`` None takes all rows at once, ``learning_rate`` None the rule's.

    ``warmup`` is counted in epochs, ``weight_noise`` the standard deviation of what is added to the
    weights while the gradient is taken. ``augmentations`` change each batch, in this order.
    ``sampler`` None: rows come once each, shuffled. ``monitor`` names what early stopping and the
    best weights go by: "validation-loss", "train-loss" or a metric; "auto" is the validation loss
    where there are validation rows. ``snapshots`` M > 0: the weights at the ends of M cycles of the
    schedule are kept, and training ends after all epochs, whatever was judged.
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
    snapshots: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError for more snapshots than epochs."""
        if self.snapshots > self.epochs:
            raise ValueError(f"{self.epochs} epochs have no {self.snapshots} cycles")

    @property
    def base_rate(self) -> float:
        """The learning rate that the schedule starts from."""
        given = self.learning_rate
        return self.rules.optimizer.learning_rate if given is None else given

    @property
    def snapshot_epochs(self) -> tuple[int, ...]:
        """The epochs after which weights are kept."""
        return cycle_ends(self.epochs, self.snapshots)

    @property
    def needs_total(self) -> bool:
        """Whether what is done early depends on the number of epochs."""
        averaged = self.average is not None and self.average.needs_total
        return self.schedule.needs_total or averaged or self.snapshots > 0
