"""What a perceptron's training says of its classes: whether a single layer can part them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nntool.settings.wording import together
from nntool.steps.job import Job

if TYPE_CHECKING:
    from nntool.nn.training import Trainer


def verdict(trainer: Trainer, classes: list[str] | None, job: Job) -> str:
    """The verdict on a perceptron that has ended of itself; empty for any other training.

    Where it ended without success, by its epochs or by patience, a linear program decides.
    """
    from nntool.nn.single_layer import Perceptron
    from nntool.nn.single_layer.separability import parting

    if not isinstance(trainer.plan.rules.optimizer, Perceptron) or trainer.ended == "asked":
        return ""
    if trainer.ended == "converged":
        return trainer.conclusion
    job.listener.say("nntool train: a linear program decides whether the classes are separable")
    found = parting(trainer.net, trainer.output, trainer.theta, trainer.train)
    if found.undecided:
        return f"whether the classes are separable is not decided: {found.undecided}"
    if not found.impossible:
        more = "--patience 0" if trainer.ended == "patience" else "more --epochs"
        return (
            "separable, more epochs needed: there are weights that have all"
            f" {trainer.train.n_rows:,} training rows right ({more})"
        )
    what = f"no weights have all {trainer.train.n_rows:,} training rows right"
    if classes is not None and trainer.output.n_outputs > 1:
        named = together([classes[unit] for unit in found.impossible])
        what = f"no hyperplane parts {named} from the other classes"
        if len(found.impossible) > 1:
            what = f"no hyperplane parts any of {named} from the other classes"
    return f"not separable: {what}, however many epochs (--optimizer adam --hidden 8)"
