"""What settings of ``train`` exclude each other: the one place that knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nntool.errors import UsageError
from nntool.settings.choices import name_and_settings

if TYPE_CHECKING:
    from nntool.settings.train import TrainSettings


def refuse_contradictions(settings: TrainSettings) -> None:
    """Raise ``UsageError`` for the first contradiction, with what to type instead."""
    for is_there, message, hint in _contradictions(settings):
        if is_there:
            raise UsageError(message, hint)


def _contradictions(s: TrainSettings) -> list[tuple[bool, str, str]]:
    """Each contradiction: whether it is there, the facts, the next thing to type."""
    loss, of_loss = name_and_settings(s.loss)
    smoothing = of_loss.get("smoothing", s.label_smoothing)
    decay = name_and_settings(s.optimizer)[1].get("weight_decay", s.weight_decay)
    per_unit = {
        "--batch-norm": s.batch_norm,
        "--layer-norm": s.layer_norm,
        "--parametric-activation": s.parametric_activation,
        "--activation-noise": s.activation_noise > 0,
    }
    needs_hidden = next((name for name, is_on in per_unit.items() if is_on), "")
    augmenting = [name_and_settings(choice)[0] for choice in s.augment]
    choosing = "--balanced-batches" if s.balanced_batches else "--emphasize-errors"
    return [
        *_about_several(s),
        (
            s.batch_norm and s.layer_norm,
            "--batch-norm and --layer-norm exclude each other",
            "give one of the two",
        ),
        (
            s.balanced_batches and s.emphasize_errors,
            "--balanced-batches and --emphasize-errors both say how often a row comes up",
            "give one of the two (--class-weights balanced goes with --emphasize-errors)",
        ),
        (
            (s.balanced_batches or s.emphasize_errors) and s.batch_size == "full",
            f"--batch-size full holds every row once, and {choosing} says how often rows come up",
            f"{choosing} --batch-size auto",
        ),
        (
            augmenting.count("mixup") > 1,
            "--augment mixup can be given once: the loss of a row is blended with one other",
            "one of them, with a larger alpha: --augment mixup:alpha=0.5",
        ),
        (
            s.batch_norm and s.batch_size == 1,
            "--batch-norm needs the spread over a batch, and a batch of 1 row has none",
            "--layer-norm, or --batch-size 32",
        ),
        (
            not s.hidden and bool(needs_hidden),
            f"{needs_hidden} is for hidden units, and --hidden none has none of them",
            "--hidden 64",
        ),
        (
            s.label_smoothing > 0 and loss not in ("auto", "bce", "cce"),
            f"--label-smoothing is for the losses bce and cce, not for {loss}",
            "--loss auto",
        ),
        (
            s.label_smoothing > 0 and smoothing != s.label_smoothing,
            f"the loss has smoothing={smoothing} and --label-smoothing is {s.label_smoothing:g}",
            f"--loss {loss} --label-smoothing {s.label_smoothing:g}",
        ),
        (
            s.weight_decay is not None and decay != s.weight_decay,
            f"the optimizer has weight_decay={decay} and --weight-decay is {s.weight_decay}",
            "give one of the two",
        ),
        (
            s.warmup > s.epochs,
            f"--warmup {s.warmup:g} is longer than the training, --epochs {s.epochs}",
            f"--warmup {s.epochs / 10:g}",
        ),
        (
            s.validate_every > s.epochs and s.monitor != "train-loss",
            f"--validate-every {s.validate_every} is longer than the training, --epochs"
            f" {s.epochs}, so that no weights would ever be judged",
            f"--validate-every {s.epochs}, or --monitor train-loss",
        ),
    ]


def _about_several(s: TrainSettings) -> list[tuple[bool, str, str]]:
    """The contradictions of options for several networks."""
    has_one = s.ensemble == 1 and not s.snapshots
    return [
        (
            s.ensemble > 1 and s.snapshots > 0,
            "--ensemble trains several networks, and --snapshots takes several from one training",
            "give one of the two",
        ),
        (
            s.snapshots == 1,
            "--snapshots 1: the answer of one network has no mean",
            "--snapshots 5, or --schedule cosine",
        ),
        (
            s.bagging and s.ensemble == 1,
            "--bagging deals each network of an ensemble its own rows, and there is one network",
            "--ensemble 10 --bagging",
        ),
        (
            s.averaging != "arithmetic" and has_one,
            f"--averaging {s.averaging} is over several networks, and there is one",
            f"--ensemble 5 --averaging {s.averaging}",
        ),
        (
            s.snapshots > 0 and s.schedule != "constant",
            "--snapshots has a schedule of its own: the learning rate falls to 0 in each cycle",
            "leave --schedule out",
        ),
        (
            s.snapshots > 0 and s.average_weights != "none",
            "--snapshots keeps the weights at the end of each cycle, not a mean over cycles",
            "leave --average-weights out",
        ),
        (
            s.snapshots > s.epochs,
            f"--snapshots {s.snapshots}: {s.epochs} epochs are fewer than that many cycles",
            f"--epochs {10 * s.snapshots}",
        ),
    ]
