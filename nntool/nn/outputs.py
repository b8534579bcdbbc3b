"""The output of a network, resolved once: a loss, a link and what raw outputs become."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from nntool.nn.arrays import Array, DTypeLike
from nntool.nn.heads import OWN_UNIT, Coding, Head, LossTape, TargetMap, Task
from nntool.nn.links import LINKS
from nntool.nn.losses import LOSSES
from nntool.nn.point_losses import Loss, Quantile
from nntool.nn.registry import InvalidChoice, build, choice_of

DEFAULT_LOSSES: dict[Task, str] = {"binary": "bce", "multiclass": "cce", "regression": "mse"}


class InvalidTarget(ValueError):  # noqa: N818  (it names what is wrong)
    """A target for which the loss is not defined; ``row`` counts from 0."""

    def __init__(self, row: int, value: float, reason: str) -> None:
        super().__init__(f"the target of row {row} {reason}")
        self.row = row
        self.value = value
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Output:
    """A loss at the head of a network; made by `choose_output`."""

    loss: Loss
    head: Head

    @property
    def n_outputs(self) -> int:
        """How many raw outputs the network must have."""
        return self.head.n_outputs

    @property
    def tau(self) -> float:
        """The quantile that it answers with: that of the loss, else the median."""
        return self.loss.tau if isinstance(self.loss, Quantile) else 0.5

    def tape(self, n_rows: int, dtype: DTypeLike) -> LossTape:
        """Make the buffers for batches of ``n_rows``."""
        return LossTape(n_rows, self.n_outputs, dtype)

    def value(self, z: Array, y: Array, weight: Array | None, tape: LossTape) -> float:
        """Return Σ weight·loss / n_rows; ``tape.dz`` is then its gradient with respect to ``z``.

        ``z`` `(n, n_outputs)`, ``y`` `(n,)` class codes or values, ``weight`` `(n,)` or None.
        """
        n_rows = len(z)
        self.loss.rows(self.head, z, y, tape)
        if weight is None:
            tape.dz *= tape.share
            return float(np.add.reduce(tape.rows)) / n_rows
        np.divide(weight, n_rows, out=tape.column[:, 0], dtype=tape.column.dtype)
        tape.dz *= tape.column
        return float(np.dot(tape.rows, tape.column[:, 0]))

    def check(self, y: Array) -> None:
        """Raise `InvalidTarget` for the first target that the loss refuses."""
        refused, reason = self.loss.refuses(self.head, y)
        if np.any(refused):
            row = int(np.argmax(refused))
            raise InvalidTarget(row, y[row].item(), reason)

    def as_plain(self) -> dict[str, Any]:
        """Return the whole choice as JSON can hold it; `output_from_plain` reads it back."""
        return {
            "task": self.head.task,
            "n_classes": self.head.n_classes,
            "loss": choice_of(LOSSES, self.loss),
            "link": choice_of(LINKS, self.head.link)["name"],
            "coding": self.head.coding,
            "target_map": dataclasses.asdict(self.head.target_map),
        }

    def probabilities(self, z: Array) -> Array | None:
        """Return class probabilities `(n, n_classes)`; None for scores and regressions."""
        return self.head.probabilities(z)

    def decide(self, z: Array) -> Array:
        """Return the class codes `(n,)` that the raw outputs speak for."""
        return self.head.decide(z)

    def values(self, z: Array) -> Array:
        """Return the predicted values `(n,)` of a regression, in the target's own unit."""
        return self.head.values(z)


def losses_for(task: Task) -> list[str]:
    """Name the losses that make sense for a task.

    >>> losses_for("multiclass")
    ['cce', 'focal', 'half-mse', 'hinge', 'huber', 'mae', 'mse', 'perceptron']
    """
    return [name for name, loss in LOSSES.items() if task in loss.links]


def choose_output(
    task: Task,
    n_classes: int,
    loss: Loss,
    link: str = "auto",
    coding: Literal["auto", "one-hot", "bipolar"] = "auto",
    target_map: TargetMap = OWN_UNIT,
) -> Output:
    """Resolve what is ``auto`` and refuse what makes no sense, naming what does.

    >>> from nntool.nn.losses import CCE, MSE
    >>> choose_output("multiclass", 3, CCE()).n_outputs
    3
    >>> choose_output("binary", 2, MSE(), coding="bipolar").head.link
    TanhLink()
    """
    name = choice_of(LOSSES, loss)["name"]
    if task not in loss.links:
        raise InvalidChoice(
            f"loss {name!r} is not for a {task} task; choose from {', '.join(losses_for(task))}"
        )
    if task == "binary" and n_classes != 2:
        raise InvalidChoice(f"a binary task has 2 classes, not {n_classes}")
    if task == "multiclass" and n_classes < 2:
        raise InvalidChoice(f"a multiclass task has 2 classes or more, not {n_classes}")
    if not (loss.scales_target or target_map.is_identity):
        raise InvalidChoice(f"loss {name!r} needs the target in its own unit: scale it by none")
    link = _choose_link(name, loss, task, link, coding)
    single = task == "regression" or (task == "binary" and link != "softmax")
    head = Head(
        task=task,
        n_classes=0 if task == "regression" else n_classes,
        n_outputs=1 if single else n_classes,
        link=LINKS[link](),
        coding=_choose_coding(name, loss, task, link, coding),
        target_map=target_map,
    )
    return Output(loss=loss, head=head)


def output_from_plain(plain: Mapping[str, Any]) -> Output:
    """Make the output that `Output.as_plain` described, with all checks of `choose_output`.

    >>> from nntool.nn.losses import CCE
    >>> output = choose_output("multiclass", 3, CCE(smoothing=0.1))
    >>> output_from_plain(output.as_plain()) == output
    True
    """
    settings = dict(plain["loss"])
    loss = build(LOSSES, settings.pop("name"), settings)
    target_map = TargetMap(**plain["target_map"])
    return choose_output(
        plain["task"], plain["n_classes"], loss, plain["link"], plain["coding"], target_map
    )


def _choose_link(name: str, loss: Loss, task: Task, link: str, coding: str) -> str:
    valid = loss.links[task]
    if link == "auto":
        return "tanh" if coding == "bipolar" and "tanh" in valid else valid[0]
    if link not in LINKS:
        raise InvalidChoice(f"output link {link!r} is not known; choose from {', '.join(LINKS)}")
    if link not in valid:
        raise InvalidChoice(
            f"loss {name!r} of a {task} task does not go with output link {link!r};"
            f" choose from {', '.join(valid)}"
        )
    return link


def _choose_coding(name: str, loss: Loss, task: Task, link: str, coding: str) -> Coding:
    if coding not in ("auto", *get_args(Coding)):
        raise InvalidChoice(f"target coding {coding!r} is not known; choose from one-hot, bipolar")
    has_sign = link == "tanh" or (link == "identity" and loss.takes_coding)
    natural: Coding = "bipolar" if task != "regression" and has_sign else "one-hot"
    if coding not in ("auto", natural):
        if task == "regression" or not loss.takes_coding:
            raise InvalidChoice(f"target coding is not for loss {name!r} of a {task} task")
        raise InvalidChoice(f"output link {link!r} takes target coding {natural}, not {coding}")
    return natural
